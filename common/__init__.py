"""What several apps need and none of them owns."""

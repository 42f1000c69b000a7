"""What the outside world tells about calls."""

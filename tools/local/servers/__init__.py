"""The private servers, one per file."""

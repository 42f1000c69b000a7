"""The private servers, one a file."""

"""What `scripts/setup` does once the Python environment is in place: system packages, the LiveKit server, `.env`."""

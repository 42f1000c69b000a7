"""What `scripts/setup` does once the Python environment stands: system packages, the LiveKit server, `.env`."""

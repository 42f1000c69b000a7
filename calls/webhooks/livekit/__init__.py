"""LiveKit's webhooks."""

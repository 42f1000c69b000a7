"""What the whole HTTP API shares: its parser and its OpenAPI document."""

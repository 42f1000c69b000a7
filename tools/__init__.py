"""Programs that a developer or operator runs."""

"""Who speaks: when the caller's turn begins and ends, and what counts as an interruption."""

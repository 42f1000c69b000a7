"""The chaos soak: short calls, faults at random from a seed, and what must hold nevertheless."""

"""The calls of the chaos soak: who calls, what they do and hear."""

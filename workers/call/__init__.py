"""A call's lifetime in a worker: claimed, joined, held, handed over and ended."""

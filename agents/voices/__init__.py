"""Voices: the catalog, the lines that they say in advance, and the recorded apologies."""

"""Tests, one directory a subject. `tests/services.py` makes the world that they run in."""

"""`scripts/test`: every quality gate, in order."""

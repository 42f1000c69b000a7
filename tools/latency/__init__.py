"""Measures calls by their recordings: who spoke when, how long the replies took, and what went wrong between them."""

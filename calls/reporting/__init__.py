"""Calls in words and figures: narrative, aggregates, metrics."""

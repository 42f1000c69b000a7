"""Outbound calls: which may be placed, and when."""

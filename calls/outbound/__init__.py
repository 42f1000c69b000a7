"""Calls that the call center places: whom it may dial, and when."""

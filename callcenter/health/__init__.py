"""Health: whether this process answers, and whether the call center takes calls."""

"""Who may see what of a call, access records, and erasure."""

"""Who may see what of a call, who has looked, and deleting it."""

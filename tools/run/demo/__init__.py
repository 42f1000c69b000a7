"""`scripts/demo`: one whole phone call on this machine, shown as it happens."""

"""Set-up and the private services."""

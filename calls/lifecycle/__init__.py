"""The states of a call and every way from one to the next: claims, leases, limits, overflow, housekeeping."""

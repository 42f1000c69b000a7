"""Programs that run the whole call center on this machine: the demo, and workers by number."""

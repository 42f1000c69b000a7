"""What the simulated language models share: where an answer comes from, and how it is served."""

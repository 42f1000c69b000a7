"""What the simulated language models share: the scripted answers, and how an answer is served."""

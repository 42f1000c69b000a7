"""What is seen and kept during the chaos soak, for the checks after it."""

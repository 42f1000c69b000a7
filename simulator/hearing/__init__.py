"""What all simulated speech to text shares: turns found by energy, text from the recognizer, and the session."""

"""Speech for the simulator: text to audio, and audio to text."""

"""ElevenLabs: text to speech."""

"""ElevenLabs: text to speech over HTTP and websockets, and its voices."""

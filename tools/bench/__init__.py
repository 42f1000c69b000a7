"""The benchmark: this system beside livekit-agents and stock Pipecat, on one LiveKit server, heard by one ear."""

"""The benchmark: this system, livekit-agents and stock Pipecat on one LiveKit server, heard by one ear."""

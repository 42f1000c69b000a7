"""Speech recognition, language models and voices: Pipecat's services for a persona's providers."""

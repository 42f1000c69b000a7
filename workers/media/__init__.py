"""Audio between the room and the pipeline."""

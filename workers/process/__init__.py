"""What belongs to a worker process as a whole: its call loop, heartbeat, memory, metrics and draining."""

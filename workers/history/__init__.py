"""What a call leaves behind: turns, events and latencies, on their way to PostgreSQL."""

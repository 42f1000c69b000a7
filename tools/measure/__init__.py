"""What benchmark, load test, latency analysis and chaos share: figures, calls, and a world of their own."""

"""The outside world on one machine: provider servers and a synthetic caller, for work without accounts."""

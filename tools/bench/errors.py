"""What ends a benchmark."""


class BenchError(Exception):
    """The benchmark cannot go on; one line that says why and what to do."""

"""What stops an analysis."""


class AnalysisError(RuntimeError):
    """A recording, an account or a setting that cannot be used. One line, with the cure."""

"""The one error of the load tests."""


class LoadTestError(Exception):
    """The load cannot be placed. The message is one line that names the option or variable and the cure."""

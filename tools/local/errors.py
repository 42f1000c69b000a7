"""The one error that private services raise: a single line which names the cause and the cure."""


class ServiceError(Exception):
    """A private service cannot be configured, started or stopped. The message is one line, made to be printed."""

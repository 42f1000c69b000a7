"""The one error of these programs."""


class ScaleError(Exception):
    """Something is missing, or was asked for that cannot be. The message is one line with the cure."""

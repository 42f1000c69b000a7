"""The one error of the demo."""


class DemoError(Exception):
    """Something is missing or did not start. The first line names it and the cure; lines of a log may follow."""

"""The one error of the tools. Standard library only: the set-up runs before anything is installed."""


class ToolError(Exception):
    """Ends a program, or a step of it, with one line: what is wrong and the cure. Lines of a log may follow."""

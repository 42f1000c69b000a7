"""Where supervisors edit personas, publish them and roll back."""

from agents.admin import persona, spoken_line, tool_secret, version

__all__ = ["persona", "spoken_line", "tool_secret", "version"]

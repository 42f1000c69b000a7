"""Where supervisors edit personas, publish them and go back."""

from agents.admin import persona, version

__all__ = ["persona", "version"]

"""What tests of people on the line share with those of calls."""

from tests.calls.conftest import deliver, sent, without_lines

__all__ = ["deliver", "sent", "without_lines"]

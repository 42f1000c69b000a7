"""When a process that has exited is restarted: at once after a long run, otherwise after a growing pause."""

from dataclasses import dataclass

STEADY_S = 60.0  # what has run for so long did not fail at its start
PAUSES_S = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0)
LOOP = 5  # ends in a row, none after a steady run


@dataclass
class Restarts:
    """How often one process has exited without being stopped."""

    total: int = 0
    in_a_row: int = 0

    def ended(self, ran_s: float) -> float:
        """It has ended after so many seconds. Returns the pause before its next start, in seconds."""
        self.total += 1
        self.in_a_row = 1 if ran_s >= STEADY_S else self.in_a_row + 1
        return PAUSES_S[min(self.in_a_row, len(PAUSES_S)) - 1]

    def is_steady(self) -> None:
        """It has run for STEADY_S."""
        self.in_a_row = 0

    @property
    def is_crash_loop(self) -> bool:
        """Whether it keeps exiting soon after its start: someone has to look at it."""
        return self.in_a_row >= LOOP

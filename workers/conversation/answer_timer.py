"""How long a caller waits for a reply."""

import asyncio
from collections.abc import Callable

ANSWER_WITHIN_S = 10.0  # from the end of the caller's turn to the agent's first audio; a caller would hang up


class AnswerTimer:
    """Calls `too_late` when it was started and is not stopped within ANSWER_WITHIN_S seconds."""

    def __init__(self, too_late: Callable[[], None]) -> None:
        self._too_late = too_late
        self._handle: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """The caller waits from now on."""
        self.stop()
        self._handle = asyncio.get_running_loop().call_later(ANSWER_WITHIN_S, self._too_late)

    def start_again(self) -> None:
        """The caller waits from now on, if it was waiting: what it heard meanwhile was no answer yet."""
        if self._handle is not None:
            self.start()

    def stop(self) -> None:
        """The agent answers, or the caller is gone."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

"""How a run is stopped from outside, such as by a timeout of CI: it unwinds as on Ctrl-C, and cleans up."""

import signal
from typing import Any


def interrupt_on_sigterm() -> None:
    """Have the first SIGTERM raise KeyboardInterrupt.

    timeout(1) sends its signal to the process and then to its group: a second one would cut the cleaning up short.
    """

    def interrupt(*_: Any) -> None:
        signal.signal(signal.SIGTERM, lambda *_: None)
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)

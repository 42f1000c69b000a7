"""A pytest plugin (`-p tests.interrupting`): a run that is stopped cleans up, also in the processes of pytest-xdist.

A stop from outside (a timeout of CI) unwinds the fixtures as Ctrl-C does. xdist would let its processes go on with
their tests for 5 seconds, interrupt them, and kill them 5 seconds later, with their services running. So the process
that the others belong to interrupts them at once, and waits until their fixtures are unwound.
"""

import os
import signal
from contextlib import suppress
from typing import Any

import pytest

from tools.check.stopping import interrupt_on_sigterm

CLEAN_UP_S = 60.0

_nodes: list[Any] = []


def pytest_configure(config: pytest.Config) -> None:
    interrupt_on_sigterm()
    if hasattr(config, "workerinput"):
        # Ctrl-C in a terminal reaches every process. A second interruption would cut the cleaning up short. No SIG_IGN,
        # which the programs that tests start would inherit.
        signal.signal(signal.SIGINT, lambda *_: None)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodeready(node: Any) -> None:
    """One of xdist's processes has started."""
    _nodes.append(node)


def pytest_keyboard_interrupt() -> None:
    running = [node for node in _nodes if not node.channel.isclosed()]
    for node in running:
        with suppress(ProcessLookupError):
            os.kill(node.gateway._rinfo().pid, signal.SIGTERM)  # execnet's documentation uses it, and it is cached
    for node in running:
        with suppress(EOFError, node.channel.TimeoutError, node.channel.RemoteError):
            node.channel.waitclose(CLEAN_UP_S)

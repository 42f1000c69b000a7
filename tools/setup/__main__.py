"""`python -m tools.setup`, started by scripts/setup. Each step looks first and does only what is missing.

Standard library only: the Python packages are one of the steps.
"""

import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from tools.errors import ToolError
from tools.setup import environment, livekit_server, packages, python_packages
from tools.setup.steps import say

PYTHON_ONLY = "--python-only"
TESTS = "--tests"
PROGRESS_S = 20.0


def main() -> int:
    """Runs every step, also after one that failed, so that one run reports everything that is wrong.

    With --python-only, for containers, what runs natively is left away. With --tests, what only tests need comes too.
    """
    arguments = sys.argv[1:]
    steps: dict[str, Callable[[], None]] = {"Python packages": python_packages.install}
    if PYTHON_ONLY not in arguments:
        steps["system packages"] = lambda: packages.install(for_tests=TESTS in arguments)
        steps["livekit-server"] = livekit_server.build
    steps[".env"] = environment.write
    failures = run_side_by_side(steps)
    for failure in failures:
        print(f"setup: {failure}", file=sys.stderr)
    if not failures:
        print("Set-up is complete.", flush=True)
    return 1 if failures else 0


def run_side_by_side(steps: dict[str, Callable[[], None]]) -> list[ToolError]:
    """What failed. They wait for the network, the disk and the processor in turn: together they take half the time."""
    failures: list[ToolError] = []
    running = set(steps)

    def take(name: str) -> None:
        try:
            steps[name]()
        except ToolError as error:
            failures.append(error)
        running.discard(name)

    all_done = threading.Event()
    progress = threading.Thread(target=_tell_progress, args=(running, all_done), daemon=True)
    progress.start()
    with ThreadPoolExecutor(len(steps)) as threads:
        list(threads.map(take, steps))
    all_done.set()
    progress.join()
    return failures


def _tell_progress(running: set[str], all_done: threading.Event) -> None:
    began = time.monotonic()
    while not all_done.wait(PROGRESS_S):
        say(f"{time.monotonic() - began:.0f} s, still at work: {', '.join(sorted(running))}")


if __name__ == "__main__":
    raise SystemExit(main())

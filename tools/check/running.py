"""pytest: all tests in lanes at once, and what fails once more by itself."""

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from tools.check.lanes import files, in_lanes

PYTEST = [sys.executable, "-m", "pytest"]


@dataclass(frozen=True)
class Lane:
    """A run of pytest, which remembers for itself what has failed in it."""

    name: str
    paths: Sequence[str]

    def command(self, *options: str) -> list[str]:
        """`options` go to pytest."""
        return [*PYTEST, "-o", f"cache_dir=.pytest_cache/{self.name.replace(' ', '-')}", *options, *self.paths]


def selected_pass(arguments: Sequence[str]) -> bool:
    """Run pytest with these arguments."""
    return _passes([*PYTEST, *arguments])


def all_pass() -> bool:
    """Run every test; what fails in its lane runs a second time when nothing else runs, and what fails then counts."""
    shared = in_lanes(files())
    lanes = [Lane(f"lane {number}", paths) for number, paths in enumerate(shared, start=1)]
    print(f"tests, in {len(lanes)} lanes at once; what each has to say comes when it ends", flush=True)
    still_failing = [lane for lane in _failed(lanes) if not _pass_now(lane)]
    return not still_failing


def _failed(lanes: Sequence[Lane]) -> list[Lane]:
    """Run all of them at once and print what each says. Return those in which something failed."""
    began = time.monotonic()
    failed = []
    with ThreadPoolExecutor(len(lanes)) as threads, ExitStack() as running:
        outputs = {}
        for lane in lanes:
            process = running.enter_context(_running(lane))
            outputs[threads.submit(process.communicate)] = lane, process
        for ended in as_completed(outputs):
            lane, process = outputs[ended]
            mark = "✗" if process.returncode else "✓"
            print(f"{mark} {lane.name} ({time.monotonic() - began:.0f} s)\n{ended.result()[0]}", flush=True)
            if process.returncode:
                failed.append(lane)
    return failed


@contextmanager
def _running(lane: Lane) -> "Iterator[subprocess.Popen[str]]":
    """A lane, which is told to stop and clean up when this ends before it does."""
    process = subprocess.Popen(
        lane.command(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        process_group=0,  # Ctrl-C reaches it once, from here: a second one would cut its cleaning up short
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()


def _pass_now(lane: Lane) -> bool:
    print(f"! {lane.name}: what failed runs once more, by itself", flush=True)
    return _passes(lane.command("--last-failed", "--last-failed-no-failures", "none"))


def _passes(command: Sequence[str]) -> bool:
    return subprocess.run(command).returncode == 0

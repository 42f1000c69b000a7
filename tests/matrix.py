"""The long matrix, which takes minutes: `scripts/test` leaves it out, `--all` adds it. And the order of files."""

import pytest

from tools.local import ROOT

LONG = (
    "tests/chaos/test_chaos.py",
    "tests/check/test_suite.py",
    "tests/desk/browser/",
    "tests/docs/test_commands.py",
    "tests/faults/",
    "tests/latency/test_recorded_calls.py",
    "tests/loadtest/test_small_loads.py",
    "tests/metrics/test_whole.py",
    "tests/scale/test_native.py",
    "tests/security/input/test_fuzz_pages.py",
    "tests/security/permissions/test_every_url.py",
    "tests/simulator/caller/test_caller.py",
    "tests/simulator/speech/test_local_speech.py",
    "tests/telephone/",
    "tests/workers/process/test_memory.py",
    "tests/workers/providers/failover/test_stt.py",
    "tests/workers/whole_calls/",
)
"""Files, and folders with all files in them. A test marked `quick` is in the quick run all the same."""

CALLS = (
    "tests/desk/browser/",
    "tests/latency/test_recorded_calls.py",
    "tests/loadtest/test_small_loads.py",
    "tests/metrics/test_whole.py",
    "tests/simulator/caller/",
    "tests/telephone/",
    "tests/workers/providers/failover/",
    "tests/workers/whole_calls/",
)
"""Tests in real time come late: beside them the other process then has such tests, too, and not a core's full load."""

BREAKING = ("tests/chaos/", "tests/faults/")
"""What breaks something comes last."""


def mark_long(items: list[pytest.Item]) -> None:
    """Mark the tests of the long matrix."""
    for item in items:
        if _path(item).startswith(LONG) and item.get_closest_marker("quick") is None:
            item.add_marker("long")


def put_calls_last(items: list[pytest.Item]) -> None:
    """Keep the order otherwise."""
    items.sort(key=lambda item: (_path(item).startswith(BREAKING), _path(item).startswith(CALLS)))


def _path(item: pytest.Item) -> str:
    return item.path.relative_to(ROOT).as_posix()

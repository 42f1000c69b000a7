"""The test files in lanes: each is a pytest process with servers of its own, and all run at once.

Most tests wait: for speech, which takes the time that it takes, and for deadlines. Side by side they fill the cores. A
third lane ends no sooner on two cores, and has whole calls miss their deadlines.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from tools.check.jobs import Job
from tools.local import ROOT

LANES = 2
BREAKING = ("tests/faults", "tests/chaos")
"""What breaks something comes last in its lane; what takes long comes after what is quick, and is mostly calls."""

SECONDS = {
    "tests/agents/test_fallbacks.py": 12,
    "tests/agents/test_lines.py": 30,
    "tests/agents/test_persona_admin.py": 12,
    "tests/callcenter/test_counting.py": 10,
    "tests/calls/test_api.py": 10,
    "tests/calls/test_dead_letters.py": 12,
    "tests/calls/test_poison.py": 10,
    "tests/chaos/test_chaos.py": 210,
    "tests/deployment/test_images.py": 20,
    "tests/docs/test_commands.py": 300,
    "tests/faults/test_broker.py": 135,
    "tests/faults/test_caller_gone.py": 60,
    "tests/faults/test_cut_off.py": 300,
    "tests/faults/test_database.py": 145,
    "tests/faults/test_no_capacity.py": 120,
    "tests/faults/test_hang_up.py": 20,
    "tests/faults/test_livekit.py": 120,
    "tests/faults/test_memory.py": 40,
    "tests/faults/test_moments.py": 200,
    "tests/faults/test_number_limits.py": 20,
    "tests/faults/test_ordinary_callers.py": 260,
    "tests/faults/test_outbound.py": 35,
    "tests/faults/test_providers.py": 290,
    "tests/faults/test_short_calls.py": 110,
    "tests/faults/test_tool_requests.py": 100,
    "tests/faults/test_tools.py": 30,
    "tests/faults/test_twice.py": 30,
    "tests/faults/test_web_restarts.py": 45,
    "tests/faults/test_webhooks.py": 10,
    "tests/faults/test_workers.py": 240,
    "tests/latency/test_command_line.py": 12,
    "tests/latency/test_recorded_calls.py": 25,
    "tests/loadtest/test_small_loads.py": 65,
    "tests/local/test_processes.py": 15,
    "tests/local/test_services.py": 15,
    "tests/metrics/test_dashboards.py": 20,
    "tests/metrics/test_prometheus.py": 25,
    "tests/metrics/test_whole.py": 45,
    "tests/pages/test_accessibility.py": 40,
    "tests/pages/test_keyboard.py": 15,
    "tests/scale/test_native.py": 130,
    "tests/security/test_every_url.py": 120,
    "tests/security/test_links.py": 15,
    "tests/security/test_fuzz.py": 25,
    "tests/security/test_fuzz_pages.py": 40,
    "tests/security/test_odd_input.py": 20,
    "tests/security/test_login.py": 15,
    "tests/security/test_pages.py": 20,
    "tests/security/test_proxies.py": 20,
    "tests/security/test_request_limits.py": 10,
    "tests/simulator/test_caller.py": 55,
    "tests/simulator/test_local_speech.py": 10,
    "tests/telephone/test_telephone.py": 60,
    "tests/workers/test_cached_greeting.py": 30,
    "tests/workers/test_failover_stt.py": 45,
    "tests/workers/test_memory.py": 60,
    "tests/workers/test_short_answers.py": 60,
    "tests/workers/test_slots.py": 45,
    "tests/workers/test_stranger.py": 100,
    "tests/workers/test_whole_calls.py": 130,
}
"""How long the slow files take, about, in lanes on two cores. A wrong figure makes the lanes unequal, no more."""

OTHERWISE_S = 2


def lanes() -> list[Job]:
    """Runs of pytest for all tests, each of which remembers for itself what has failed in it."""
    shared = enumerate(in_lanes(files()), start=1)
    return [Job(f"lane {number}", [*_pytest(number), *paths], talks=True) for number, paths in shared]


def again(lane: Job) -> list[str]:
    """The command for those of a lane's tests that have just failed."""
    return [*lane.command, "--last-failed", "--last-failed-no-failures", "none"]


def _pytest(number: int) -> list[str]:
    # A file that cannot be imported fails its lane, and keeps no other test from running: a second run has only what
    # has failed in the first one.
    options = ("--durations=25", "--continue-on-collection-errors", "-o", f"cache_dir=.pytest_cache/lane-{number}")
    return [sys.executable, "-m", "pytest", *options]


def files(root: Path = ROOT) -> list[str]:
    """Every test file, in pytest's order, as paths from the root."""
    return sorted(str(file.relative_to(root)) for file in (root / "tests").rglob("test_*.py"))


def in_lanes(paths: Sequence[str], count: int = LANES) -> list[list[str]]:
    """Share the files out, so that all lanes take about as long, each file in one lane. No lane is empty.

    The longest goes first, always to the lane that has the least so far.
    """
    shared: list[list[str]] = [[] for _ in range(min(count, len(paths)))]
    for path in sorted(paths, key=seconds, reverse=True):
        min(shared, key=lambda lane: sum(map(seconds, lane))).append(path)
    return [sorted(lane, key=_turn) for lane in shared]


def _turn(path: str) -> tuple[bool, bool, str]:
    return path.startswith(BREAKING), path in SECONDS, path


def seconds(path: str) -> int:
    """About how long a file takes."""
    return SECONDS.get(path, OTHERWISE_S)

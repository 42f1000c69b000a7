"""Which tests `scripts/test` leaves out, and in which order the others run."""

import os
import subprocess
import sys

from tests.matrix import BREAKING, CALLS, LONG
from tools.local import ROOT


def collected(*arguments: str) -> list[str]:
    """The ids of the tests that these arguments select, in order."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *arguments]
    environment = {name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
    return [line for line in done.stdout.splitlines() if "::" in line]


def test_a_few_whole_calls_are_not_left_out_and_come_last_after_them_what_breaks_something() -> None:
    files = (
        "tests/faults/callers/test_outbound.py",
        "tests/faults/workers/test_workers.py",
        "tests/workers/whole_calls/test_conversations.py",
        "tests/workers/test_pipeline.py",
    )
    kept = [test.partition("::")[2] for test in collected("-m", "not long", *files)]

    assert kept[0] == "test_a_pipeline_reads_from_the_callers_ear_to_the_callers_ear"
    assert kept[-4:] == [
        "test_a_call_is_answered_held_recorded_and_ended_by_the_agents_goodbye",
        "test_barge_in_silences_the_agent_and_what_it_did_not_say_is_not_in_the_transcript",
        "test_an_outbound_call_rings_and_its_agent_greets_only_when_the_telephone_was_picked_up",
        "test_01_a_worker_is_killed_and_its_call_resumes_in_the_same_room_with_the_same_conversation",
    ]


def test_what_is_listed_is_there() -> None:
    assert [path for path in (*LONG, *CALLS, *BREAKING) if not (ROOT / path).exists()] == []

"""A caller who vanishes: its process is killed, or frozen as if the network were cut."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from calls.models import Call
from calls.states import EndReason, Status
from tests.factories import make_number, make_persona
from tests.faults.scenarios import QUIET_CHAT
from tests.product.fixtures import NUMBER
from tests.product.stack import Process, Stack, eventually, final_call

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("worker")]

GONE_WITHIN_S = 45.0  # 22 s until LiveKit notices, and 12 s in which its side might come back


@pytest.fixture
def caller(stack: Stack, quiet: None, tmp_path: Path) -> Iterator[Process]:
    """A caller in a process of its own, who has asked something and heard the answer. The agent is patient."""
    make_number(NUMBER, make_persona(greeting="Hello.", voice_id="rachel", silence_after_s=120))
    scenario = tmp_path / "scenario.yaml"
    scenario.write_text(stack.script(QUIET_CHAT))
    command = ("python", "-m", "simulator.caller", "--scenario", str(scenario), "--to", NUMBER)
    process = stack.start("caller", *command, "--speech", "scripted")
    try:
        eventually(lambda: "reply after" in process.log, "a reply")
        yield process
    finally:
        process.kill()
        stack.processes.remove(process)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "cut off"])
def test_20_a_caller_who_vanishes_without_bye_ends_the_call(stack: Stack, caller: Process, how: signal.Signals) -> None:
    with stack.beat():
        room = Call.objects.get(status=Status.IN_PROGRESS).room_name
        caller.send(how)
        call = final_call(room, timeout_s=GONE_WITHIN_S)

    assert (call.status, call.end_reason) == (Status.FAILED, EndReason.ROOM_GONE)

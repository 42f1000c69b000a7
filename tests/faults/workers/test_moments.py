"""A worker that is stopped or killed at each moment of a call: its caller is never the one who is cut off."""

import os
import signal
from collections.abc import Callable

import pytest

from calls.models import Call, Heartbeat, PhoneNumber
from calls.models.history import Speaker
from calls.states import EndReason, Status
from tests.factories import make_number, make_persona
from tests.product.calling import Caller
from tests.product.fixtures import NUMBER
from tests.product.stack import Process, Stack, eventually, final_call

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("beat")]

GREETING = "Hello and welcome to the bakery in the old town. What can I do for you?"
SCENARIO = """
name: moments
caller:
  steps:
    - wait_for_reply: {timeout_s: 60}
    - say: "Please tell me when you open in the morning and when you close in the evening."
    - wait_for_reply: {timeout_s: 60}
    - say: "Thank you, that is all."
    - wait_for_reply: {timeout_s: 60}
    - hang_up
agent:
  default: "Please go on."
  rules:
    - {when: [open], say: "We are open from nine to five."}
    - {when: [all], say: "It was a pleasure to talk to you. Have a nice day."}
"""


def rings(caller: Caller) -> None:
    caller.wait_for("joined")


def agent_joins(caller: Caller) -> None:
    joining = Call.objects.filter(room_name=caller.room, status=Status.CONNECTING)
    eventually(joining.exists, "the agent joins")


def agent_greets(caller: Caller) -> None:
    caller.wait_for("agent_speaking")


def caller_speaks(caller: Caller) -> None:
    caller.wait_for("caller_speaking")


def agent_takes_leave(caller: Caller) -> None:
    caller.wait_for("caller_silent", times=2)
    caller.wait_for_another("agent_speaking")


MOMENTS = [rings, agent_joins, agent_greets, caller_speaks, agent_takes_leave]


@pytest.fixture
def number(quiet: None) -> PhoneNumber:
    return make_number(NUMBER, make_persona("Anna", greeting=GREETING, voice_id="rachel"), ring_time_s=60)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=["stopped", "killed"])
@pytest.mark.parametrize("moment", MOMENTS, ids=lambda moment: moment.__name__)
def test_a_worker_ends_while(
    stack: Stack, number: PhoneNumber, moment: Callable[[Caller], None], how: signal.Signals
) -> None:
    with (
        stack.worker("first", slots=1, DRAIN_SECONDS="1") as first,
        Caller(stack, stack.script(SCENARIO), NUMBER) as caller,
    ):
        moment(caller)
        os.kill(first.pid, how)
        with stack.worker("second", slots=1) as second:
            report = caller.report
            call = final_call(report.room)
            eventually(lambda: is_free(second), "a free slot")

    assert report.ended_by == "caller"
    assert (call.status, call.end_reason) == (Status.COMPLETED, EndReason.CALLER_LEFT)
    assert Call.objects.count() == 1
    if how == signal.SIGTERM:
        said = [turn.text for turn in call.turns.filter(speaker=Speaker.AGENT)]
        assert len(said) == len(set(said)) == len(report.utterances) + 1


def is_free(worker: Process) -> bool:
    return Heartbeat.objects.filter(holder__endswith=f":{worker.pid}", busy=0).exists()

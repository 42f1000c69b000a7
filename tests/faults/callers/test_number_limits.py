"""A number has as many calls as it may have, although slots are free, and somebody else calls it."""

import pytest

from calls.models.phone_number import Overflow
from calls.states import Status
from tests.factories import make_persona
from tests.faults.callers.waiting import LISTENS, call_of, hang_up, patient_number
from tests.faults.outside import agents_that_joined
from tests.product.calling import Caller
from tests.product.fixtures import NUMBER
from tests.product.stack import Process, Stack, eventually, final_call

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("quiet", "worker")]


def test_08_a_number_at_its_limit_rings_until_one_of_its_calls_ends(stack: Stack, worker: Process) -> None:
    patient_number(max_calls=1)
    stack.script(LISTENS)
    with Caller(stack, LISTENS, NUMBER) as first:
        first.wait_for("agent_speaking")
        with Caller(stack, LISTENS, NUMBER) as second:
            call_of(second, Status.QUEUED)
            eventually(lambda: "no_call_waiting" in worker.log, "a slot that found nobody to take")
            hang_up(first)  # no sweep runs: the end of this call sends the other one
            second.wait_for("agent_speaking")
            hang_up(second)

    assert agents_that_joined(second.room) == ["agent-1"]


def test_08_a_number_at_its_limit_overflows_to_another_persona(stack: Stack) -> None:
    other = make_persona("Ben", greeting="Hello, this is Ben.", voice_id="adam")
    patient_number(max_calls=1, ring_time_s=5, overflow=Overflow.PERSONA, overflow_persona=other)
    stack.script(LISTENS)
    with stack.beat(), Caller(stack, LISTENS, NUMBER) as first:
        first.wait_for("agent_speaking")
        with Caller(stack, LISTENS, NUMBER) as second:
            second.wait_for("agent_silent")
            hang_up(second)
        hang_up(first)

    call = final_call(second.room)
    assert call.persona_version == other.live_version
    assert eventually(call.turns.first, "the greeting").text == "Hello, this is Ben."

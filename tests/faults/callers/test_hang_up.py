"""A supervisor hangs up on a real call: the caller is off the line, the row says why, and the slot is free."""

import pytest

from calls.lifecycle import services
from calls.models import PhoneNumber
from calls.states import EndReason, Status
from tests.faults.scenarios import LONG_CHAT, SHORT_CHAT
from tests.product.calling import Caller
from tests.product.fixtures import NUMBER
from tests.product.stack import Stack, eventually, final_call

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_supervisor_hangs_up_in_mid_call_and_the_slot_takes_the_next_one(stack: Stack, number: PhoneNumber) -> None:
    with stack.beat(), stack.worker(slots=1):
        with Caller(stack, stack.script(LONG_CHAT), NUMBER) as caller:
            caller.wait_for("reply")
            call = eventually(lambda: number.calls.filter(status=Status.IN_PROGRESS).first(), "a call in progress")

            assert services.hang_up(call.pk)

            assert caller.report.ended_by == "agent"
        after = stack.call(stack.script(SHORT_CHAT), NUMBER)

    call = final_call(call.room_name)
    assert (call.status, call.end_reason, call.attempt) == (Status.COMPLETED, EndReason.HUNG_UP, 1)
    assert call.turns.count() >= 2
    assert after.every_reply_heard

"""Two calls at once from one number, two callers in one room, and one caller who comes in again."""

import pytest

from calls.models import Call, PhoneNumber
from calls.states import EndReason, Status
from tests.faults.outside import agents_that_joined
from tests.faults.scenarios import ENDLESS_CHAT, SHORT_CHAT, comes_again
from tests.product.calling import Caller
from tests.product.fixtures import NUMBER
from tests.product.stack import Stack, final_call

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("worker")]


def test_two_calls_at_once_from_one_number_are_two_calls(stack: Stack, number: PhoneNumber) -> None:
    yaml = stack.script(SHORT_CHAT)
    with Caller(stack, yaml, NUMBER) as first, Caller(stack, yaml, NUMBER) as second:
        reports = [first.report, second.report]

    for report in reports:
        call = final_call(report.room)
        assert report.every_reply_heard
        assert (call.status, call.end_reason, call.attempt) == (Status.COMPLETED, EndReason.CALLER_LEFT, 1)
    assert Call.objects.count() == 2


def test_a_second_caller_in_a_calls_room_changes_nothing_and_is_hung_up_on_with_it(
    stack: Stack, number: PhoneNumber
) -> None:
    yaml = stack.script(ENDLESS_CHAT)
    with Caller(stack, yaml, NUMBER) as first:
        first.wait_for("reply")
        with Caller(stack, yaml, NUMBER, room=first.room, from_number="+12025550124") as second:
            second.wait_for("joined")
            first.wait_for_another("reply")
            first.hang_up()
            report = second.report
    call = final_call(first.room)

    assert report.ended_by == "agent"
    assert (call.status, call.end_reason) == (Status.COMPLETED, EndReason.CALLER_LEFT)
    assert call.caller_number != "+12025550124"
    assert agents_that_joined(first.room) == ["agent-1"]
    assert Call.objects.count() == 1


def test_a_caller_whose_side_connects_again_and_again_keeps_its_agent(stack: Stack, number: PhoneNumber) -> None:
    again = stack.script(comes_again(questions=3))
    with Caller(stack, stack.script(ENDLESS_CHAT), NUMBER) as first:
        first.wait_for("reply")
        with Caller(stack, again, NUMBER, room=first.room) as second:
            second.wait_for("reply", times=2)
            with Caller(stack, again, NUMBER, room=first.room) as third:
                report = third.report
    call = final_call(first.room)

    assert report.every_reply_heard
    assert agents_that_joined(first.room) == ["agent-1"]
    assert (call.status, call.end_reason) == (Status.COMPLETED, EndReason.CALLER_LEFT)
    assert (call.attempt, call.losses) == (1, 0)

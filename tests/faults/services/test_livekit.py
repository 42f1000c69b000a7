"""LiveKit restarted under a call, and one whose webhooks never come."""

import signal
from typing import Any

import pytest

from calls.models import PhoneNumber, WebhookEvent
from calls.states import EndReason, Status
from tests.faults.outside import away, in_place_of
from tests.faults.scenarios import ENDLESS_CHAT, LONG_CHAT, SHORT_CHAT
from tests.product.calling import Caller
from tests.product.fixtures import NUMBER
from tests.product.stack import Stack, final_call
from tests.services import INSTANCE
from tools.local import LiveKit

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("rooms_end")]

AFTER_RESTART_S = 30.0


class SilentLiveKit(LiveKit):
    """It sends no webhook."""

    def settings(self) -> dict[str, Any]:
        return super().settings() | {"webhook": {}}


def test_11_a_caller_whose_joined_never_comes_is_found_and_answered_and_the_call_ends(
    stack: Stack, number: PhoneNumber
) -> None:
    with (
        in_place_of(LiveKit(INSTANCE), SilentLiveKit(INSTANCE)),
        stack.beat(),
        stack.worker(),
        Caller(stack, stack.script(SHORT_CHAT), NUMBER) as caller,
    ):
        call = final_call(caller.report.room)

    assert caller.report.every_reply_heard
    assert (call.status, call.end_reason, call.attempt) == (Status.COMPLETED, EndReason.CALLER_LEFT, 1)
    assert not WebhookEvent.objects.exists()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=["stopped", "killed"])
def test_19_livekit_restarted_without_the_caller_the_call_ends_its_slot_is_free_and_the_next_call_works(
    stack: Stack, number: PhoneNumber, how: signal.Signals
) -> None:
    livekit = LiveKit(INSTANCE)
    with stack.beat(), stack.worker(slots=1):
        with Caller(stack, stack.script(LONG_CHAT), NUMBER) as caller:
            caller.wait_for("reply")
            livekit.daemon().stop(how, repeat_after_s=1.0)
            with away(livekit):
                caller.give_up()
            call = final_call(caller.room, timeout_s=AFTER_RESTART_S)
        report = stack.call(stack.script(SHORT_CHAT), NUMBER)

    assert (call.status, call.end_reason) == (Status.FAILED, EndReason.ROOM_GONE)
    assert report.every_reply_heard
    assert final_call(report.room).end_reason == EndReason.CALLER_LEFT


def test_19_a_caller_who_comes_back_after_livekit_was_killed_continues_with_the_next_agent(
    stack: Stack, number: PhoneNumber
) -> None:
    livekit = LiveKit(INSTANCE)
    with stack.beat(), stack.worker(slots=1), Caller(stack, stack.script(ENDLESS_CHAT), NUMBER) as caller:
        caller.wait_for("reply")
        livekit.daemon().stop(signal.SIGKILL)
        with away(livekit):
            pass
        caller.wait_for_another("reply")
        caller.hang_up()
        call = final_call(caller.room)

    assert (call.status, call.end_reason) == (Status.COMPLETED, EndReason.CALLER_LEFT)
    assert (call.attempt, call.losses) == (2, 1)

"""The web process is restarted while a caller joins, talks and hangs up: its webhooks come late, or are lost."""

from contextlib import ExitStack

import pytest

from calls.models import Call, Heartbeat, PhoneNumber
from calls.models.history import Speaker
from calls.states import EndReason, Status
from tests.faults.outside import web_away
from tests.faults.scenarios import GREETING, SHORT_CHAT
from tests.product.calling import Caller
from tests.product.fixtures import NUMBER
from tests.product.stack import Stack, eventually, final_call

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("rooms_end", "worker", "beat")]

FREE_WITHIN_S = 30.0


def test_23_a_caller_who_joins_meanwhile_is_answered_once(stack: Stack, number: PhoneNumber) -> None:
    yaml = stack.script(SHORT_CHAT)
    with ExitStack() as running:
        with web_away(stack):
            caller = running.enter_context(Caller(stack, yaml, NUMBER, ring_timeout_s=110.0))
            caller.wait_for("joined")
        report = caller.report
    call = final_call(report.room)

    assert report.every_reply_heard
    assert (call.status, call.end_reason, call.attempt) == (Status.COMPLETED, EndReason.CALLER_LEFT, 1)
    assert Call.objects.count() == 1
    said = [turn.text for turn in call.turns.filter(speaker=Speaker.AGENT)]
    assert said.count(GREETING) == 1


def test_23_a_caller_who_talks_and_hangs_up_meanwhile_notices_nothing(stack: Stack, number: PhoneNumber) -> None:
    with Caller(stack, stack.script(SHORT_CHAT), NUMBER) as caller:
        caller.wait_for("agent_speaking")
        with web_away(stack):
            report = caller.report
            call = final_call(report.room)

    assert report.every_reply_heard
    assert (call.status, call.end_reason, call.attempt) == (Status.COMPLETED, EndReason.CALLER_LEFT, 1)
    taken = Heartbeat.objects.filter(busy__gt=0)
    eventually(lambda: not taken.exists(), "every slot free", FREE_WITHIN_S)
    call.refresh_from_db()
    assert (call.status, call.end_reason) == (Status.COMPLETED, EndReason.CALLER_LEFT)
    assert call.events.filter(to_status=Status.COMPLETED).count() == 1

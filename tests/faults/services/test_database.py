"""Postgres away, stopped or frozen: calls continue without it, and their records are written afterwards."""

import asyncio
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from django.conf import settings
from django.db import connections

from calls.livekit import rooms
from calls.models import Call, PhoneNumber, WebhookEvent
from calls.states import EndReason, Status
from simulator.caller import CallReport
from tests.factories import caller as phone_caller
from tests.factories import new_room, webhook_request
from tests.faults.outside import away, claims, post
from tests.faults.scenarios import SHORT_CHAT
from tests.product.calling import Caller
from tests.product.fixtures import NUMBER
from tests.product.stack import Stack, eventually, final_call
from tests.services import INSTANCE
from tools.local import Postgres

pytestmark = pytest.mark.django_db(transaction=True)

# How long Postgres is away in these tests: 60 s takes minutes, and shows no more than 10 s unless something is wrong.
OUTAGE_S = float(os.environ.get("TEST_OUTAGE_S", "10"))
WORDS = (
    *("apples", "bread", "cheese", "dates", "eggs", "flour", "grapes", "honey", "icing", "jam", "kale", "lemons"),
    *("milk", "nuts", "olives", "pears", "quinces", "rice", "salad", "tea", "vinegar", "wine", "yeast", "zest"),
)
QUESTIONS = WORDS[: round(OUTAGE_S / 3) + 3]  # an exchange takes more than three seconds


def _let_go() -> None:
    """Close this process's own connections, of which the server knows nothing more when it is back."""
    connections.close_all()
    cast(Any, connections["default"]).close_pool()


@contextmanager
def _stopped() -> Iterator[None]:
    """Postgres ends its sessions and refuses connections for a while."""
    _let_go()
    with away(Postgres(INSTANCE)):
        yield
    _let_go()


@contextmanager
def _frozen() -> Iterator[None]:
    """Postgres answers nothing for a while: connections and statements hang, then resume."""
    postmaster = Postgres(INSTANCE).daemon().pid()
    assert postmaster is not None
    children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
    pids = [postmaster, *map(int, children)]
    try:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def _many_questions() -> str:
    steps = "".join(
        f'    - say: "Tell me about {word}."\n    - wait_for_reply: {{timeout_s: 20}}\n' for word in QUESTIONS
    )
    rules = "".join(f'    - {{when: [{word}], say: "We have {word} every day."}}\n' for word in QUESTIONS)
    return (
        "name: many questions\ncaller:\n  steps:\n    - wait_for_reply: {timeout_s: 60}\n"
        f'{steps}    - hang_up\nagent:\n  default: "Could you say that again?"\n  rules:\n{rules}'
    )


def _assert_everything_is_there_once(report: CallReport) -> None:
    call = final_call(report.room)
    assert report.every_reply_heard
    assert (call.status, call.end_reason, call.attempt, claims(call)) == (
        *(Status.COMPLETED, EndReason.CALLER_LEFT),
        *(1, 1),
    )
    said = [("agent", "Hello, this is Anna.")]
    for word in QUESTIONS:
        said += [("caller", f"Tell me about {word}."), ("agent", f"We have {word} every day.")]
    assert [(turn.speaker, turn.text) for turn in call.turns.all()] == said
    assert [turn.number for turn in call.turns.all()] == list(range(1, len(said) + 1))
    assert list(call.events.exclude(to_status="").values_list("to_status", flat=True)) == [
        *(Status.QUEUED, Status.CONNECTING, Status.IN_PROGRESS, Status.COMPLETED)
    ]


@pytest.mark.parametrize("outage", [_stopped, _frozen], ids=["stopped", "frozen"])
def test_17_postgres_away_for_60_s_in_mid_call_the_call_continues_and_every_turn_is_there_once(
    stack: Stack, number: PhoneNumber, outage: Callable[[], AbstractContextManager[None]]
) -> None:
    with stack.beat(), stack.worker(slots=1) as worker:
        with Caller(stack, stack.script(_many_questions()), NUMBER, max_seconds=300.0) as caller:
            caller.wait_for("reply", times=2)
            with outage():
                back_at = time.monotonic() + OUTAGE_S
                eventually(lambda: _spooled(), "entries on disk")
                while time.monotonic() < back_at:
                    caller.wait_for_another("reply")
            report = caller.report
        _assert_everything_is_there_once(report)
        eventually(lambda: not _spooled(), "an empty spool")
        assert "spooled" in worker.log


def test_17_with_a_disk_that_takes_no_spool_what_is_said_waits_in_memory(stack: Stack, number: PhoneNumber) -> None:
    with (
        stack.worker(slots=1, SPOOL_DIR="/dev/full/spool") as worker,
        Caller(stack, stack.script(_many_questions()), NUMBER, max_seconds=300.0) as caller,
    ):
        caller.wait_for("reply", times=2)
        with _stopped():
            eventually(lambda: "spool_not_available" in worker.log, "a disk that takes nothing")
            caller.wait_for_another("reply")
        _assert_everything_is_there_once(caller.report)


def test_17_what_a_worker_could_not_write_before_it_was_killed_the_next_one_writes(
    stack: Stack, number: PhoneNumber
) -> None:
    with stack.worker(slots=1) as worker, Caller(stack, stack.script(_many_questions()), NUMBER) as caller:
        caller.wait_for("reply", times=2)
        with _stopped():
            caller.wait_for_another("reply")
            eventually(lambda: _spooled(), "entries on disk")
            caller.wait_for_another("reply")
            entries = worker.log.count("spooled")
            eventually(lambda: worker.log.count("spooled") > entries, "the last reply on disk")
            worker.kill()
        with stack.worker("next", slots=1):
            call = Call.objects.get(room_name=caller.room)
            eventually(lambda: not _spooled(), "an empty spool")
            said = [turn.text for turn in call.turns.all()]
            asyncio.run(rooms.delete_room(caller.room))
    assert said[:5] == [
        "Hello, this is Anna.",
        *(text for word in QUESTIONS[:2] for text in (f"Tell me about {word}.", f"We have {word} every day.")),
    ]
    assert len(said) >= 7


def test_18_postgres_away_when_a_call_comes_503_to_the_webhook_no_half_row_and_the_call_comes_through(
    stack: Stack, number: PhoneNumber
) -> None:
    web = stack.named("web")
    refused = web.log.count("webhook_not_stored")
    with stack.worker(slots=1), ExitStack() as until_call_ends:
        yaml = stack.script(SHORT_CHAT)
        with _stopped():
            caller = until_call_ends.enter_context(Caller(stack, yaml, NUMBER))
            eventually(lambda: web.log.count("webhook_not_stored") > refused, "a webhook that is not stored")
            status, answer = post(webhook_request("participant_joined", new_room(), phone_caller(NUMBER)))
        report = caller.report

    assert status == 503
    assert "send the event again" in answer["error"]
    call = final_call(report.room)
    assert report.every_reply_heard
    assert (call.status, call.end_reason, claims(call)) == (Status.COMPLETED, EndReason.CALLER_LEFT, 1)
    assert Call.objects.count() == 1
    joined = WebhookEvent.objects.filter(kind="participant_joined", participant=call.caller_identity)
    assert [event.outcome for event in joined] == ["call queued"]


def _spooled() -> list[Path]:
    """The files in which workers keep what is not written."""
    return list(Path(settings.SPOOL_DIR).glob("*.sqlite3"))

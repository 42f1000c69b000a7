"""RabbitMQ restarted, away, and impatient: a message is a hint, the call's row is the truth."""

import asyncio
import re
from contextlib import ExitStack
from pathlib import Path

import pytest
from django.core.validators import MaxValueValidator

from agents.models import Persona
from calls.models import Call, PhoneNumber
from calls.states import EndReason, Status
from simulator.caller import CallReport
from tests import factories
from tests.factories import new_room, webhook_request
from tests.faults.outside import agents_that_joined, away, claims, in_place_of, post
from tests.faults.scenarios import ENDLESS_CHAT, SHORT_CHAT
from tests.product.calling import Caller
from tests.product.fixtures import NUMBER
from tests.product.stack import Stack, eventually, final_call
from tests.services import INSTANCE
from tools.local import RabbitMQ
from tools.local.servers.rabbitmq import SHARED_SETTINGS

pytestmark = pytest.mark.django_db(transaction=True)

OTHER_CALLER = "+12025550124"
COPY_FOUND_NOTHING = "no_call_waiting"  # a worker's log


def _assert_undisturbed(report: CallReport) -> None:
    """One agent held the call from greeting to end, and the caller heard all of it."""
    call = final_call(report.room)
    assert report.every_reply_heard
    assert (call.status, call.end_reason) == (Status.COMPLETED, EndReason.CALLER_LEFT)
    assert (claims(call), call.attempt) == (1, 1)
    assert agents_that_joined(report.room) == ["agent-1"]


def _assert_every_slot_works(stack: Stack) -> None:
    """A worker with two slots takes two calls at once."""

    async def two() -> tuple[CallReport, CallReport]:
        first = stack.place(SHORT_CHAT, NUMBER)
        return await asyncio.gather(first, stack.place(SHORT_CHAT, NUMBER, from_number=OTHER_CALLER))

    for report in asyncio.run(two()):
        _assert_undisturbed(report)


def test_05_rabbitmq_restarted_in_mid_call_audio_continues_and_no_second_agent_joins(
    stack: Stack, number: PhoneNumber
) -> None:
    with stack.worker(slots=2) as worker:
        with Caller(stack, stack.script(ENDLESS_CHAT), NUMBER, max_seconds=600.0) as caller:
            caller.wait_for("reply")
            with away(RabbitMQ(INSTANCE)):
                caller.wait_for_another("reply")
            eventually(lambda: COPY_FOUND_NOTHING in worker.log, "the copy of the call's message")
            caller.wait_for_another("reply")
            _assert_undisturbed(caller.hang_up())
        _assert_every_slot_works(stack)


def test_06_a_webhook_is_answered_with_200_while_rabbitmq_is_down(number: PhoneNumber, rooms_end: None) -> None:
    with away(RabbitMQ(INSTANCE)):
        answer = post(webhook_request("participant_joined", new_room(), factories.caller(NUMBER)))

    assert answer == (200, {"outcome": "call queued"})
    assert Call.objects.get().status == Status.QUEUED


def test_06_a_call_that_comes_while_rabbitmq_is_down_is_picked_up_when_it_is_back(
    stack: Stack, number: PhoneNumber
) -> None:
    with stack.beat(), stack.worker(), ExitStack() as until_queued:
        until_queued.enter_context(away(RabbitMQ(INSTANCE)))
        with Caller(stack, stack.script(SHORT_CHAT), NUMBER, ring_timeout_s=120.0) as caller:
            eventually(Call.objects.filter(room_name=caller.room, status=Status.QUEUED).exists, "the call's row")
            until_queued.close()
        _assert_undisturbed(caller.report)


class ImpatientRabbitMQ(RabbitMQ):
    """It waits five seconds for an acknowledgement, and looks twice a second instead of once a minute."""

    def prepare(self) -> None:
        super().prepare()
        self.write(self._impatience, "[{rabbit, [{consumer_timeout, 5000}, {channel_tick_interval, 500}]}].\n")

    def _environment(self) -> dict[str, str]:
        return super()._environment() | {"RABBITMQ_ADVANCED_CONFIG_FILE": str(self._impatience)}

    @property
    def _impatience(self) -> Path:
        return self.directory / "impatient.config"


def test_07_the_longest_call_ends_before_rabbitmq_gives_its_message_to_another() -> None:
    """RabbitMQ's `consumer_timeout`, as every deployment gets it, is above the longest call of any persona."""
    setting = re.search(r"^consumer_timeout = (\d+)$", SHARED_SETTINGS.read_text(), re.MULTILINE)
    validators = Persona._meta.get_field("max_duration_s").validators
    longest_s = next(each.limit_value for each in validators if isinstance(each, MaxValueValidator))
    assert setting
    assert int(setting[1]) / 1000 > 2 * longest_s


def test_07_a_call_that_rabbitmq_gives_to_another_continues_and_no_second_agent_joins(
    stack: Stack, number: PhoneNumber
) -> None:
    """With a `consumer_timeout` below the call's length: the copy of its message finds no call that waits."""
    with in_place_of(RabbitMQ(INSTANCE), ImpatientRabbitMQ(INSTANCE)), stack.worker(slots=2) as worker:
        with Caller(stack, stack.script(ENDLESS_CHAT), NUMBER, max_seconds=600.0) as caller:
            eventually(lambda: COPY_FOUND_NOTHING in worker.log, "the copy of the call's message")
            caller.wait_for_another("reply")
            _assert_undisturbed(caller.hang_up())
        _assert_every_slot_works(stack)

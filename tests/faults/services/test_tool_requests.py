"""What becomes of a tool's request when its worker, its caller or its service is gone, or slow."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from agents.services import publish
from calls.models import Call, ToolCall
from calls.models.history import Speaker
from calls.states import EndReason, Status
from tests.factories import make_number, make_persona, make_tool
from tests.faults.services.tool_services import BookingService, FallingService, served
from tests.product.calling import Caller
from tests.product.fixtures import NUMBER
from tests.product.stack import Process, Stack, eventually, final_call
from tests.workers.tools.certificates import make_certificate

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("quiet")]

BOOKED = "It is booked for you."
BOOK_IT = f"""
name: book it
caller:
  steps:
    - wait_for_reply: {{timeout_s: 60}}
    - say: "Please book my order."
    - stay_silent: {{seconds: 200}}
agent:
  default: "Could you say that again?"
  rules:
    - {{when: [order], call: {{name: find_order, arguments: {{order: "17"}}}}}}
  after_tool:
    - {{name: find_order, say: "{BOOKED}"}}
"""


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for the loopback address."""
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def booking(certificate: Path) -> Iterator[str]:
    """The https address of a service that books, and waits for `may_answer` before it says so."""
    BookingService.keys.clear()
    BookingService.may_answer.clear()
    with served(BookingService, certificate) as url:
        yield url


@contextmanager
def workers(stack: Stack, certificate: Path, *names: str) -> Iterator[list[Process]]:
    """Workers that trust the certificate."""
    with ExitStack() as running:
        yield [running.enter_context(stack.worker(name, SSL_CERT_FILE=str(certificate))) for name in names]


def make_booking_number(url: str) -> None:
    """A number whose persona books, and leaves silent callers alone."""
    persona = make_persona(published=False, greeting="Hello.", voice_id="rachel", silence_after_s=100)
    make_tool(persona, url=url, timeout_s=30.0)
    publish(persona)
    make_number(NUMBER, persona, ring_time_s=120)


def asked(times: int) -> None:
    """Wait until the service was asked so often."""
    eventually(lambda: len(BookingService.keys) >= times, f"{times} requests")


def hang_up_after(text: str, caller: Caller) -> Call:
    """Wait until the agent has said this; hang up, and return the call once it is over."""
    said = Call.objects.filter(room_name=caller.room, turns__text=text)
    eventually(said.exists, text)
    caller.hang_up()
    return final_call(caller.room)


def kill_holder(of: list[Process]) -> None:
    """Kill the worker that holds the only call."""
    holder = Call.objects.get(status=Status.IN_PROGRESS).lease_holder
    next(worker for worker in of if holder.endswith(f":{worker.pid}")).kill()


def test_a_worker_killed_during_a_request_has_the_next_one_ask_with_the_same_key_and_tell_the_caller(
    stack: Stack, certificate: Path, booking: str
) -> None:
    make_booking_number(booking)
    yaml = stack.script(BOOK_IT)
    with workers(stack, certificate, "first", "second") as both, stack.beat(), Caller(stack, yaml, NUMBER) as caller:
        asked(1)
        kill_holder(both)
        asked(2)
        BookingService.may_answer.set()
        call = hang_up_after(BOOKED, caller)

    assert (call.status, call.end_reason, call.attempt) == (Status.COMPLETED, EndReason.CALLER_LEFT, 2)
    assert len(BookingService.keys) == 2
    assert set(BookingService.keys) == {str(ToolCall.objects.get(call=call).key)}


def test_what_was_said_before_a_loss_is_answered_with_a_tool_that_is_asked_once(
    stack: Stack, certificate: Path, booking: str
) -> None:
    make_booking_number(booking)
    BookingService.may_answer.set()
    yaml = stack.script(BOOK_IT)
    with workers(stack, certificate, "first", "second") as both, stack.beat(), Caller(stack, yaml, NUMBER) as caller:
        with stack.fault("llm", "hang"):
            words = Call.objects.filter(room_name=caller.room, turns__speaker=Speaker.CALLER)
            eventually(words.exists, "the caller's words")
            kill_holder(both)
        call = hang_up_after(BOOKED, caller)

    assert (call.status, call.attempt) == (Status.COMPLETED, 2)
    assert len(BookingService.keys) == 1


def test_a_caller_who_hangs_up_during_a_request_ends_it_and_the_call(
    stack: Stack, certificate: Path, booking: str
) -> None:
    make_booking_number(booking)
    with workers(stack, certificate, "worker"), Caller(stack, stack.script(BOOK_IT), NUMBER) as caller:
        asked(1)
        caller.hang_up()
        call = final_call(caller.room)

    assert (call.status, call.end_reason) == (Status.COMPLETED, EndReason.CALLER_LEFT)
    assert len(BookingService.keys) == 1
    assert not ToolCall.objects.get(call=call).is_answered()
    assert not call.events.filter(kind="error").exists()


def test_a_service_that_is_slow_is_asked_once(stack: Stack, certificate: Path, booking: str) -> None:
    make_booking_number(booking)
    with workers(stack, certificate, "worker"), Caller(stack, stack.script(BOOK_IT), NUMBER) as caller:
        asked(1)
        eventually(Call.objects.filter(turns__speaker=Speaker.CALLER).exists, "the caller's words")
        BookingService.may_answer.set()
        call = hang_up_after(BOOKED, caller)

    assert call.status == Status.COMPLETED
    assert len(BookingService.keys) == 1
    assert ToolCall.objects.get(call=call).answer == {"result": {"status": "booked"}}


def test_a_service_that_restarts_during_a_request_is_reported_as_not_reached_and_the_call_continues(
    stack: Stack, certificate: Path
) -> None:
    with served(FallingService, certificate) as url, workers(stack, certificate, "worker"):
        make_booking_number(url)
        with Caller(stack, stack.script(BOOK_IT), NUMBER) as caller:
            call = hang_up_after(BOOKED, caller)

    assert (call.status, call.end_reason) == (Status.COMPLETED, EndReason.CALLER_LEFT)
    assert "could not be reached" in call.events.get(kind="tool_failed").detail["why"]
    assert not ToolCall.objects.get(call=call).is_answered()

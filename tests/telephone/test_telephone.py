"""Real telephone calls: SIP and G.711 from a telephone to LiveKit's SIP service, and from there as any call."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from calls.models import Call, PhoneNumber
from calls.models.history import Speaker
from calls.states import EndReason, Status
from tests.factories import make_number, make_persona
from tests.product.fixtures import NUMBER
from tests.product.stack import Stack, eventually, final_call
from tests.telephone.baresip import Telephone
from tests.telephone.conftest import CALLER
from tools.latency.voice_activity import find_speech

pytestmark = pytest.mark.django_db(transaction=True)

SPEECH = "(speech)"  # what the simulator's recognizer hears in speech without a mark
HOURS = "We are open from nine to five."
GOODBYE = "Goodbye, and thank you for calling."
OPENING_HOURS = f"""
name: opening hours
caller:
  steps: [hang_up]
agent:
  default: "Could you say that again?"
  rules:
    - {{when: [speech], say: "{HOURS}"}}
"""
HANGS_UP = f"""
name: hangs up
caller:
  steps: [hang_up]
agent:
  default: "{GOODBYE}"
  rules:
    - when: [speech]
      say: "{GOODBYE}"
      call: {{name: end_call, arguments: {{reason: "that was all"}}}}
"""


@pytest.fixture
def number(quiet: None) -> PhoneNumber:
    """A number whose agent does not ask into a silence."""
    persona = make_persona("Anna", greeting="Hello, this is Anna.", voice_id="rachel", silence_after_s=60)
    return make_number(NUMBER, persona)


@pytest.fixture
def beat(stack: Stack) -> Iterator[None]:
    """The sweep runs."""
    with stack.beat():
        yield


def the_call() -> Call:
    """Return the only call, once it is there."""
    return eventually(Call.objects.first, "the call")


def said(call: Call, speaker: Speaker) -> str:
    """All words of one side."""
    return " ".join(call.turns.filter(speaker=speaker).values_list("text", flat=True))


def wait_until_said(call: Call, words: str) -> None:
    """Return when these words of the agent stand in the transcript."""
    eventually(lambda: words in said(call, Speaker.AGENT), f"the agent says {words!r}")


def test_a_telephone_is_answered_and_heard_and_its_hanging_up_ends_the_call(
    stack: Stack, trunk: int, phone: Telephone, question: Path
) -> None:
    stack.script(OPENING_HOURS)
    with stack.worker(slots=2):
        phone.dial(NUMBER, trunk)
        call = the_call()
        wait_until_said(call, "Anna")
        phone.say(question)
        wait_until_said(call, HOURS)
        phone.hang_up()
        call = final_call(call.room_name)

    assert (call.status, call.end_reason) == (Status.COMPLETED, EndReason.CALLER_LEFT)
    assert (call.caller_number, call.called_number) == (CALLER, NUMBER)
    assert said(call, Speaker.CALLER) == SPEECH
    assert len(find_speech(phone.heard())) >= 2, "the greeting and the answer are heard in the telephone"


def test_the_agent_hangs_up_on_a_telephone(stack: Stack, trunk: int, phone: Telephone, question: Path) -> None:
    stack.script(HANGS_UP)
    with stack.worker(slots=2):
        phone.dial(NUMBER, trunk)
        wait_until_said(the_call(), "Anna")
        phone.say(question)
        phone.wait_for("CALL_CLOSED")
        call = final_call(the_call().room_name)

    assert (call.status, call.end_reason) == (Status.COMPLETED, EndReason.AGENT_GOODBYE)


def test_a_telephone_call_outlives_its_worker(
    stack: Stack, trunk: int, phone: Telephone, question: Path, beat: None
) -> None:
    stack.script(OPENING_HOURS)
    with stack.worker("first", slots=1) as first:
        phone.dial(NUMBER, trunk)
        call = the_call()
        wait_until_said(call, "Anna")
        with stack.worker("second", slots=1):
            first.kill()
            eventually(Call.objects.filter(attempt=2, status=Status.IN_PROGRESS).exists, "the call is resumed")
            phone.say(question)
            wait_until_said(call, HOURS)
            phone.hang_up()
            call = final_call(call.room_name)

    assert (call.status, call.end_reason) == (Status.COMPLETED, EndReason.CALLER_LEFT)
    assert (call.attempt, call.losses) == (2, 1)

"""Whole calls whose greeting was said before the phone rang."""

import pytest

from agents.models import PersonaVersion, SpokenLine
from agents.services import publish
from agents.voices.fixed_lines import missing_texts
from calls.models.history import Speaker
from calls.states import EndReason, Status
from tests.factories import make_number, make_persona
from tests.product.fixtures import NUMBER
from tests.product.stack import Stack, eventually, final_call

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("worker", "quiet")]

GREETING = "Hello, this is Anna. How can I help you?"
HANGS_UP = """
name: hangs up
caller:
  steps:
    - wait_for_reply: {timeout_s: 20}
    - hang_up
"""


def _publish(greeting: str) -> PersonaVersion:
    """A version behind NUMBER, once housekeeping has had its lines made.

    The number comes first: housekeeping looks what there is to say as soon as the version is published, and would not
    know of the message of a number that comes later. The admin asks again when a number is saved.
    """
    persona = make_persona(greeting=greeting, voice_id="rachel", published=False)
    make_number(NUMBER, persona)
    version = publish(persona)
    _wait_for_lines(version)
    return version


def _wait_for_lines(version: PersonaVersion) -> None:
    eventually(lambda: not missing_texts(version), "lines of the published version")


def _requests(stack: Stack) -> int:
    return int(stack.control("GET", "requests")["counts"].get("tts.http", 0))


def test_a_greeting_that_was_said_before_is_heard_and_recorded_though_the_provider_gives_no_audio(stack: Stack) -> None:
    _publish(GREETING)
    requests = _requests(stack)
    with stack.fault("tts", "no_audio"):
        report = stack.call(stack.script(HANGS_UP), NUMBER)
    call = final_call(report.room)

    assert report.every_reply_heard
    assert [(turn.speaker, turn.text, turn.interrupted) for turn in call.turns.all()] == [("agent", GREETING, False)]
    assert (call.status, call.end_reason) == (Status.COMPLETED, EndReason.CALLER_LEFT)
    assert not call.events.filter(kind="error").exists()
    assert _requests(stack) == requests


def test_a_call_without_its_lines_is_spoken_live_and_has_them_made_again(stack: Stack) -> None:
    version = _publish(GREETING)
    SpokenLine.objects.all().delete()
    report = stack.call(stack.script(HANGS_UP), NUMBER)
    call = final_call(report.room)

    assert report.every_reply_heard
    assert [turn.text for turn in call.turns.all()] == [GREETING]
    _wait_for_lines(version)


INTERRUPTS = """
name: interrupts the greeting
caller:
  steps:
    - interrupt: {after_ms: 1500, say: "Stop please, I have a question about parking."}
    - wait_for_reply: {timeout_s: 20}
    - hang_up
agent:
  default: "Could you say that again?"
  rules:
    - {when: [parking], say: "There is parking behind the house."}
"""
LONG_GREETING = (
    "Welcome to the bakery. We are open from nine to five on Monday, from ten to six on Tuesday, from eight to four on "
    "Wednesday, from nine to five on Thursday, from nine to three on Friday, and closed on Saturday and on Sunday."
)


def test_an_interrupted_greeting_falls_silent_and_only_its_heard_words_are_recorded(stack: Stack) -> None:
    _publish(LONG_GREETING)
    report = stack.call(stack.script(INTERRUPTS), NUMBER)
    call = final_call(report.room)

    assert report.utterances[0].silent_after_ms is not None
    greeting = call.turns.filter(speaker=Speaker.AGENT)[0]
    assert greeting.interrupted
    assert greeting.text.startswith("Welcome to the bakery.")
    assert LONG_GREETING.startswith(greeting.text)
    assert "Thursday" not in greeting.text
    assert call.turns.filter(text="There is parking behind the house.").exists()
    assert "Thursday" not in str(stack.control("GET", "requests")["llm"])

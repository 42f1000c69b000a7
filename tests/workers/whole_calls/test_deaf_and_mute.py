"""Whole calls whose recognizer is connected and understands nothing, or whose voice takes the words and is silent.

A worker remembers which targets have failed, so the voice has a name of its own. A deaf recognizer has not failed there
until another one understands what it did not.
"""

from collections.abc import Callable
from typing import Any

import pytest

from calls.models import Call
from calls.reporting.narrative import EVENT_TITLES
from calls.states import EndReason, Status
from simulator.caller import CallerEvent
from tests.factories import make_number, make_persona
from tests.product.fixtures import NUMBER
from tests.product.stack import Stack, eventually, final_call

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("worker", "quiet")]

GREETING = "Hello, this is Anna."
QUESTION = "I would like to know your opening hours on Friday and on Saturday please."
ANSWER = "We are open from nine to five, and on Saturday from ten to two. Do you want to come by?"
ONE_QUESTION = f"""
name: one question
caller:
  steps:
    - wait_for_reply: {{timeout_s: 30}}
    - say: "{QUESTION}"
    - wait_for_reply: {{timeout_s: 30, silence_ms: 2500}}
    - hang_up
agent:
  default: "Could you say that again?"
  rules:
    - {{when: [opening hours], say: "{ANSWER}"}}
"""


def _when_the_caller_speaks(stack: Stack, **fault: Any) -> Callable[[CallerEvent], None]:
    """Break the call's own connection, and no later one."""

    def break_it(event: CallerEvent) -> None:
        if event.kind == "caller_speaking":
            stack.control("PUT", "faults", {**fault, "count": 1})

    return break_it


def _assert_answered(call: Call) -> None:
    assert (call.status, call.end_reason) == (Status.COMPLETED, EndReason.CALLER_LEFT)
    assert [(turn.speaker, turn.text) for turn in call.turns.all()] == [
        ("agent", GREETING),
        ("caller", QUESTION),
        ("agent", ANSWER),
    ]
    assert not call.events.filter(kind__in=["failover", "error"]).exists()


def test_a_deaf_recognizer_is_connected_anew_and_answers_what_was_said_meanwhile(stack: Stack) -> None:
    persona = make_persona(
        "Anna", greeting=GREETING, voice_id="rachel", stt_model="flux-general-multi", silence_after_s=60
    )
    make_number(NUMBER, persona)
    with stack.fault("stt", "deaf", model="flux-general-multi", count=1):
        report = stack.call(stack.script(ONE_QUESTION), NUMBER)
    call = final_call(report.room)

    assert report.every_reply_heard
    _assert_answered(call)
    [event] = eventually(lambda: list(call.events.filter(kind="recognizer_deaf")), "deafness recorded")
    assert event.kind in EVENT_TITLES
    assert (event.detail["stage"], event.detail["provider"]) == ("stt", "deepgram")
    assert event.detail["target"].startswith("flux-general-multi at ")


def test_a_mute_voice_without_another_says_its_words_on_a_new_connection(stack: Stack) -> None:
    sole = [{"provider": "elevenlabs", "model": "eleven_anew"}]
    persona = make_persona(
        "Anna", greeting=GREETING, voice_id="rachel", tts_model="eleven_anew", tts_fallbacks=sole, silence_after_s=60
    )
    make_number(NUMBER, persona)
    fault = {"stage": "tts", "kind": "hang", "model": "eleven_anew"}
    try:
        report = stack.call(stack.script(ONE_QUESTION), NUMBER, _when_the_caller_speaks(stack, **fault))
    finally:
        stack.control("DELETE", "faults")
    call = final_call(report.room)

    assert report.every_reply_heard
    _assert_answered(call)
    [event] = eventually(lambda: list(call.events.filter(kind="voice_mute")), "muteness recorded")
    assert event.kind in EVENT_TITLES
    assert (event.detail["stage"], event.detail["provider"]) == ("tts", "elevenlabs")

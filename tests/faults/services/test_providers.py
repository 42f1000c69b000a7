"""Rows 13 to 16: a provider that fails in mid-call, and all of one kind at once.

The models have names of their own in each test, because a worker remembers which targets have failed.
"""

from collections.abc import Callable
from typing import Any

import pytest

from agents.choices import Language, TurnPolicy
from agents.phrases import ENGLISH, PHRASES
from calls.models import Call
from calls.states import EndReason, Status
from simulator.caller import CallerEvent
from tests.factories import make_number, make_persona
from tests.product.fixtures import NUMBER
from tests.product.stack import Stack, eventually, final_call

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("worker", "quiet")]

GREETING = "Hello, this is Anna."
# Without a comma: the voice pauses there for about as long as ends a turn by silence, and each part of a line that is
# cut in two is recognized as the whole line.
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
WAITS = """
name: waits
caller:
  steps:
    - wait_for_reply: {timeout_s: 30, silence_ms: 2500}
    - say: "Hello, is anybody there?"
    - wait_for_reply: {timeout_s: 30, silence_ms: 2500}
    - say: "Can you hear me at all?"
    - wait_for_reply: {timeout_s: 30, silence_ms: 2500}
    - stay_silent: {seconds: 30}
"""

# The fallback is of another vendor.
ASSEMBLYAI = {"stt_fallbacks": [{"provider": "assemblyai", "model": "universal-3-6-pro"}]}
ANTHROPIC = {"llm_fallbacks": [{"provider": "anthropic", "model": "claude-haiku-4-5"}]}
CARTESIA = {
    "tts_fallbacks": [
        {"provider": "cartesia", "model": "sonic-3", "voice_id": "f786b574-daa5-4673-aa0c-cbe3e8534c02"},
    ]
}

Measure = Callable[[str, object], None]


def _persona(**values: Any) -> None:
    make_number(NUMBER, make_persona("Anna", greeting=GREETING, voice_id="rachel", **values))


def _said(call: Call) -> list[tuple[str, str]]:
    return [(turn.speaker, turn.text) for turn in call.turns.all()]


def _failovers(call: Call) -> list[tuple[str, str]]:
    events = eventually(lambda: list(call.events.filter(kind="failover")), "failover recorded")
    return [(event.detail["stage"], event.detail["from"].split()[0]) for event in events]


@pytest.mark.parametrize(
    ("kind", "after_s", "model", "persona"),
    [
        ("close_after", 0.8, "flux-general-en", {}),
        ("hang", 0, "flux-general-multi", {}),
        ("close_after", 0.8, "nova-close", {"turn_policy": TurnPolicy.SMART_TURN}),
        ("hang", 0, "nova-hang", {"turn_policy": TurnPolicy.SILENCE}),
        ("close_after", 0.8, "flux-to-assemblyai", ASSEMBLYAI),
        ("hang", 0, "nova-to-assemblyai", {"turn_policy": TurnPolicy.SMART_TURN, **ASSEMBLYAI}),
        ("deaf", 0, "nova-deaf", {"turn_policy": TurnPolicy.SMART_TURN, "silence_after_s": 60}),
    ],
)
def test_13_a_recognizer_that_fails_while_the_caller_speaks_loses_no_word(
    stack: Stack, record_property: Measure, kind: str, after_s: float, model: str, persona: dict[str, Any]
) -> None:
    _persona(stt_model=model, **persona)
    fault = {"stage": "stt", "kind": kind, "after_s": after_s, "model": model}

    def break_it(event: CallerEvent) -> None:
        if event.kind == "caller_speaking":
            stack.control("PUT", "faults", fault)

    try:
        report = stack.call(stack.script(ONE_QUESTION), NUMBER, break_it)
    finally:
        stack.control("DELETE", "faults")
    call = final_call(report.room)

    assert report.every_reply_heard
    assert _said(call) == [("agent", GREETING), ("caller", QUESTION), ("agent", ANSWER)]
    assert _failovers(call) == [("stt", model)]
    record_property("reply_ms", report.utterances[0].reply_latency_ms)


@pytest.mark.parametrize(("kind", "persona"), [("429", {}), ("500", {}), ("hang", {}), ("500", ANTHROPIC)])
def test_14_a_language_model_that_fails_is_answered_for_by_another_one(
    stack: Stack, record_property: Measure, kind: str, persona: dict[str, Any]
) -> None:
    model = f"gpt-{kind}-{len(persona)}"
    _persona(llm_model=model, **persona)
    with stack.fault("llm", kind, model=model):
        report = stack.call(stack.script(ONE_QUESTION), NUMBER)
    call = final_call(report.room)

    assert report.every_reply_heard
    assert _said(call) == [("agent", GREETING), ("caller", QUESTION), ("agent", f"{ENGLISH.hold_on} {ANSWER}")]
    assert set(_failovers(call)) == {("llm", model)}
    record_property("filler_ms", report.utterances[0].reply_latency_ms)
    record_property("spoke", report.agent_spoke)
    record_property("caller_ended_s", report.utterances[0].ended_s)


@pytest.mark.parametrize(
    ("kind", "persona"), [("no_audio", {}), ("garbage", {}), ("hang", {}), ("refuse", {}), ("hang", CARTESIA)]
)
def test_15_a_voice_that_fails_is_stood_in_for_within_the_utterance(
    stack: Stack, record_property: Measure, kind: str, persona: dict[str, Any]
) -> None:
    model = f"eleven_{kind}_{len(persona)}"
    _persona(tts_model=model, **persona)
    with stack.fault("tts", kind, model=model):
        report = stack.call(stack.script(ONE_QUESTION), NUMBER)
    call = final_call(report.room)

    assert report.every_reply_heard
    assert _said(call) == [("agent", GREETING), ("caller", QUESTION), ("agent", ANSWER)]
    assert ("tts", model) in _failovers(call)
    record_property("reply_ms", report.utterances[0].reply_latency_ms)


@pytest.mark.parametrize(
    ("stage", "kind", "language"),
    [
        ("tts", "refuse", Language.ENGLISH_US),
        ("tts", "refuse", Language.GERMAN),
        ("tts", "hang", Language.ENGLISH_US),
        ("stt", "refuse", Language.ENGLISH_US),
    ],
)
def test_16_when_no_provider_is_left_the_caller_hears_an_apology_and_a_goodbye_in_the_personas_language(
    stack: Stack, stage: str, kind: str, language: Language
) -> None:
    _persona(language=language, stt_model="flux-general-multi", **ASSEMBLYAI, **CARTESIA)
    with stack.fault(stage, kind):
        report = stack.call(stack.script(WAITS), NUMBER)
    call = final_call(report.room)

    assert report.answered
    assert report.ended_by == "agent"
    assert (call.status, call.end_reason) == (Status.FAILED, EndReason.PROVIDER_FAILURE)
    assert _said(call)[-1] == ("agent", PHRASES[language].goodbye)


def test_16_when_no_language_model_is_left_the_caller_is_asked_again_once(stack: Stack) -> None:
    _persona()
    with stack.fault("llm", "500"):
        report = stack.call(stack.script(WAITS), NUMBER)
    call = final_call(report.room)

    assert report.ended_by == "agent"
    assert (call.status, call.end_reason) == (Status.FAILED, EndReason.PROVIDER_FAILURE)
    said = " ".join(text for speaker, text in _said(call) if speaker == "agent")
    assert said.count(ENGLISH.say_again) == 1
    assert said.endswith(ENGLISH.goodbye)


def test_16_a_caller_who_cannot_be_transferred_is_bidden_goodbye(stack: Stack) -> None:
    _persona(transfer_number="+12025550177")
    with stack.fault("tts", "refuse"):
        report = stack.call(stack.script(WAITS), NUMBER)
    call = final_call(report.room)

    assert report.ended_by == "agent"
    assert [text for _, text in _said(call)][-2:] == [ENGLISH.connecting, ENGLISH.goodbye]
    assert call.events.filter(kind="transfer_failed").exists()

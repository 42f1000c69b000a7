"""Short words that a caller says while the agent speaks or just after: an interruption, or an answer. Whole calls."""

import asyncio

import pytest

from agents.choices import TurnPolicy
from calls.models.history import Speaker
from calls.states import EndReason, Status
from simulator.speech.pcm import SAMPLE_RATE
from simulator.speech.synthesis import EspeakSynthesizer
from tests.factories import make_number, make_persona
from tests.product.fixtures import NUMBER
from tests.product.stack import Stack, final_call

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("worker")]

STOP = """
name: stop
caller:
  steps:
    - wait_for_reply: {timeout_s: 20}
    - say: "Please tell me your opening hours."
    - interrupt: {after_ms: 1500, say: "Stop."}
    - wait_for_reply: {timeout_s: 20}
    - wait_for_reply: {timeout_s: 20}
    - say: "What about parking?"
    - wait_for_reply: {timeout_s: 20}
    - hang_up
agent:
  default: "Could you say that again?"
  rules:
    - {when: [parking], say: "There is parking behind the house."}
    - {when: [stop], say: "All right."}
    - when: [opening hours]
      say: "We are open from nine to five on Monday, from ten to six on Tuesday, from eight to four on Wednesday,
        from nine to five on Thursday, from nine to three on Friday, and closed on Saturday and on Sunday."
"""


def test_a_caller_who_says_stop_is_answered_and_then_asked_whether_it_is_there(stack: Stack, quiet: None) -> None:
    persona = make_persona(greeting="Hello.", voice_id="rachel", silence_after_s=2, silence_prompt="Are you there?")
    make_number(NUMBER, persona)
    report = stack.call(stack.script(STOP), NUMBER)
    call = final_call(report.room)

    assert (call.status, call.end_reason) == (Status.COMPLETED, EndReason.CALLER_LEFT)
    assert [turn.text for turn in call.turns.all() if not turn.interrupted] == [
        "Hello.",
        "Please tell me your opening hours.",
        "Stop.",
        "All right.",
        "Are you there?",
        "What about parking?",
        "There is parking behind the house.",
    ]


QUESTION = "Shall I book the table for Tuesday at nine?"
ANSWER = """
name: answer
caller:
  steps:
    - wait_for_reply: {timeout_s: 20}
    - say: "I would like a table."
    - interrupt: {after_ms: %d, say: "%s"}
    - wait_for_reply: {timeout_s: 20}
    - hang_up
agent:
  default: "Could you say that again?"
  rules:
    - {when: [yeah, "right", okay], say: "It is booked."}
    - {when: [table], say: "%s"}
"""
PATIENT_S = 60
BEFORE_END_MS = 600  # at the caller's ear: the agent has handed all over a quarter of a second before it is heard


@pytest.mark.parametrize("policy", list(TurnPolicy))
def test_a_yeah_before_the_question_is_over_is_answered(stack: Stack, quiet: None, policy: TurnPolicy) -> None:
    model = "flux-general-en" if policy == TurnPolicy.EAGER else "nova-3-general"
    persona = make_persona(
        greeting="Hello.", voice_id="rachel", turn_policy=policy, stt_model=model, silence_after_s=PATIENT_S
    )
    make_number(NUMBER, persona)
    pcm = asyncio.run(EspeakSynthesizer().synthesize(QUESTION, "rachel"))
    question_ms = len(pcm) / 2 / SAMPLE_RATE * 1000
    report = stack.call(stack.script(ANSWER % (question_ms - BEFORE_END_MS, "Yeah.", QUESTION)), NUMBER)
    call = final_call(report.room)

    assert report.every_reply_heard
    assert [turn.text for turn in call.turns.filter(speaker=Speaker.CALLER)] == ["I would like a table.", "Yeah."]
    assert call.turns.filter(text="It is booked.").exists()

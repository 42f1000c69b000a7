"""Short words that a caller says while the agent speaks or just after: an interruption, or an answer. Whole calls."""

import pytest

from calls.states import EndReason, Status
from tests.factories import make_number, make_persona
from tests.product import NUMBER
from tests.stack import Stack, final_call

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

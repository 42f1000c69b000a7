"""Which sentences of a prompt are read out to a caller, and which are only for the agent."""

import pytest

from simulator.llm.offline.facts import LONGEST, facts, role

PROMPT = """\
You are Anna, the receptionist of the dental practice Bright Smile. Answer in one or two short sentences.

# Knowledge
What you know:
- The opening hours are nine to five. They are the same all year.
* **Dr. Keller** is the dentist
1. You can pay by card.

What you do:
- To book an appointment, ask for the treatment.
- When the caller says goodbye, say goodbye and end the call with end_call.
- Never give medical advice.
"""


def test_facts_are_read_out_and_instructions_are_not() -> None:
    assert facts(PROMPT) == (
        "The opening hours are nine to five. They are the same all year.",
        "Dr. Keller is the dentist.",
        "You can pay by card.",
    )


@pytest.mark.parametrize(
    "sentence",
    [
        "Be polite.",
        "please be brief",
        "You give no medical advice.",
        "You cannot see the calendar.",
        "You can't see the calendar.",
        "If asked about prices, tell them that they vary.",
        "The caller may be in pain.",
        "The tool find_order looks up orders.",
        "Your tone is warm.",
        "Opening hours:",
        "---",
    ],
)
def test_instructions_headings_and_lines_without_words_are_never_read_out(sentence: str) -> None:
    assert facts(sentence) == ()


@pytest.mark.parametrize(
    "sentence", ["Only cash is accepted.", "In July, the practice is closed.", "A user fee is due."]
)
def test_facts_that_resemble_instructions_are_read_out(sentence: str) -> None:
    assert facts(sentence) == (sentence,)


def test_a_sentence_without_an_end_is_cut_where_nobody_would_listen_any_more() -> None:
    (fact,) = facts("word " * 10_000)
    assert len(fact) <= LONGEST + 1
    assert fact.endswith("word.")


@pytest.mark.parametrize(
    ("prompt", "who"),
    [
        (PROMPT, "Anna, the receptionist of the dental practice Bright Smile"),
        ("You are Bob, be polite.", "Bob"),
        ("You are polite.", ""),
        ("", ""),
    ],
)
def test_the_prompt_says_who_the_agent_is(prompt: str, who: str) -> None:
    assert role(prompt) == who

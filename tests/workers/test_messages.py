"""A conversation so far, as the next agent's language model gets it."""

from calls.models import Turn
from calls.models.history import Speaker
from workers import messages

HELLO, HOURS, AND, OPEN = (
    Turn(speaker=speaker, text=text)
    for speaker, text in (
        (Speaker.AGENT, "Hello."),
        (Speaker.CALLER, "What are your hours?"),
        (Speaker.CALLER, "And on Sunday?"),
        (Speaker.AGENT, "We are open."),
    )
)


def test_turns_become_chat_messages_in_their_order() -> None:
    assert messages.of([HELLO, HOURS]) == [
        {"role": "assistant", "content": "Hello."},
        {"role": "user", "content": "What are your hours?"},
    ]


def test_what_the_caller_said_after_the_agents_last_turn_is_unanswered() -> None:
    assert messages.split([HELLO, HOURS, AND]) == ([HELLO], [HOURS, AND])
    assert messages.split([HELLO, HOURS, OPEN]) == ([HELLO, HOURS, OPEN], [])
    assert messages.split([HOURS]) == ([], [HOURS])
    assert messages.split([]) == ([], [])

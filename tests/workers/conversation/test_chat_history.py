"""A conversation so far, as the next agent's language model gets it."""

from calls.models import Turn
from calls.models.history import Speaker
from workers.conversation import chat_history

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
    assert chat_history.of([HELLO, HOURS]) == [
        {"role": "assistant", "content": "Hello."},
        {"role": "user", "content": "What are your hours?"},
    ]


def test_what_the_caller_said_after_the_agents_last_turn_is_unanswered() -> None:
    assert chat_history.split([HELLO, HOURS, AND]) == ([HELLO], [HOURS, AND])
    assert chat_history.split([HELLO, HOURS, OPEN]) == ([HELLO, HOURS, OPEN], [])
    assert chat_history.split([HOURS]) == ([], [HOURS])
    assert chat_history.split([]) == ([], [])

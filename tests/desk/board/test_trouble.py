"""What the desk warns of."""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from calls.models import Call
from calls.models.history import Speaker
from calls.states import Status
from desk.board.mood import is_angry, is_confused
from desk.board.trouble import Said, mood, trouble

NOW = timezone.now()


def call(status: Status = Status.IN_PROGRESS, answered_at: datetime | None = NOW - timedelta(minutes=5)) -> Call:
    return Call(status=status, answered_at=answered_at)


def said(speaker: Speaker, ago_s: float = 0, text: str = "Yes.", reply_ms: int | None = None) -> Said:
    return Said(speaker, text, NOW - timedelta(seconds=ago_s), reply_ms)


SILENT = ["The agent is silent"]


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        ([said(Speaker.CALLER, 25)], SILENT),
        ([said(Speaker.CALLER, 5)], []),
        ([said(Speaker.AGENT, 60), said(Speaker.CALLER, 70)], []),
        ([], SILENT),
    ],
)
def test_an_agent_that_owes_an_answer_for_long_is_silent(last: list[Said], expected: list[str]) -> None:
    assert trouble(call(), last, [], NOW) == expected


def test_a_greeting_that_does_not_come_is_silence_after_a_while() -> None:
    assert trouble(call(answered_at=NOW - timedelta(seconds=5)), [], [], NOW) == []


@pytest.mark.parametrize("status", [Status.QUEUED, Status.CONNECTING])
def test_nobody_is_silent_who_is_not_there(status: Status) -> None:
    assert trouble(call(status), [said(Speaker.CALLER, 60)], [], NOW) == []


def test_only_the_latest_reply_is_slow() -> None:
    slow, quick = said(Speaker.AGENT, reply_ms=1600), said(Speaker.AGENT, reply_ms=600)

    assert trouble(call(), [slow, quick], [], NOW) == ["Slow replies"]
    assert trouble(call(), [quick, slow], [], NOW) == []


def test_events_are_told_in_words() -> None:
    assert trouble(call(), [said(Speaker.AGENT)], ["recognizer_deaf"], NOW) == ["Does not understand the caller"]


@pytest.mark.parametrize(
    "text",
    ["This is ridiculous!", "I want to speak to my LAWYER.", "Das ist eine Frechheit", "Sono stufo, basta", "¡Mierda!"],
)
def test_anger_is_heard_in_words(text: str) -> None:
    assert is_angry(text)


@pytest.mark.parametrize("text", ["I don’t understand.", "What, do you mean?", "Ich verstehe nicht.", "Wie bitte?"])
def test_confusion_is_heard_in_words(text: str) -> None:
    assert is_confused(text)


@pytest.mark.parametrize("text", ["", "Thank you, that is all.", "I work for a merdeka paper.", "Shitake mushrooms."])
def test_a_part_of_a_word_is_no_sign(text: str) -> None:
    assert not is_angry(text)
    assert not is_confused(text)


def test_only_the_callers_words_tell_a_mood() -> None:
    assert mood([said(Speaker.AGENT, text="I don't understand.")]) == []

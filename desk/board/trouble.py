"""What may be wrong with a live call, by simple rules: what somebody who watches should look at first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from calls.models import Call
from calls.models.history import Speaker
from calls.states import Floor, Status
from desk.board.mood import is_angry, is_confused

SILENT_AFTER = timedelta(seconds=20)
"""An utterance of the agent is written when it has ended, and few are longer than 15 s."""
SLOW_REPLY_MS = 1500
RECENT = timedelta(minutes=1)
EVENTS = {
    "recognizer_deaf": "Does not understand the caller",
    "voice_mute": "The voice gave no sound",
    "failover": "A provider failed",
    "agent_lost": "The worker was lost",
}
"""Events that are told for as long as they are RECENT."""


@dataclass(frozen=True, slots=True)
class Said:
    """The end of an utterance in a live call."""

    speaker: str
    text: str
    ended_at: datetime
    reply_ms: int | None


def trouble(call: Call, last: Sequence[Said], events: Sequence[str], now: datetime) -> list[str]:
    """What to warn of, the worst first, in a few words each. `last` has the latest utterances, the newest first."""
    found = []
    is_talking = call.status == Status.IN_PROGRESS and call.floor == Floor.AGENT
    if is_talking and call.answered_at is not None and _is_silent(call.answered_at, last, now):
        found.append("The agent is silent")
    found += [title for kind, title in EVENTS.items() if kind in events]
    replies = [utterance.reply_ms for utterance in last if utterance.reply_ms is not None]
    if replies and replies[0] > SLOW_REPLY_MS:
        found.append("Slow replies")
    return found


def mood(last: Sequence[Said]) -> list[str]:
    """What the caller's latest words show, for those who may read them."""
    said = [utterance.text for utterance in last if utterance.speaker == Speaker.CALLER]
    found = ["Angry caller"] if any(map(is_angry, said)) else []
    return found + (["Confused caller"] if any(map(is_confused, said)) else [])


def _is_silent(answered_at: datetime, last: Sequence[Said], now: datetime) -> bool:
    """Whether the agent owes a word: to a caller who has spoken, or who has heard nothing yet."""
    if not last:
        return now - answered_at > SILENT_AFTER
    return last[0].speaker == Speaker.CALLER and now - last[0].ended_at > SILENT_AFTER

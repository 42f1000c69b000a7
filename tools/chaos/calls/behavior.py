"""How callers behave. Most do not do what a demo's caller does: a third have gone before the greeting is over."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tools.chaos.calls.conversation import GOODBYE, RESERVE, Talk

GREETING_WITHIN_S = 60
REPLY_WITHIN_S = 30
SILENCE_MS = 500  # after which the agent has said what it had to say
STAYS_S = 60  # who says nothing is hung up on before


class Behavior(StrEnum):
    """What a caller does in its call."""

    ASKS = "asks and is answered"
    LEAVES_RINGING = "hangs up while it rings"
    LEAVES_JOINING = "hangs up while the agent joins"
    LEAVES_IN_GREETING = "hangs up during the greeting"
    LEAVES_IN_MID_WORD = "hangs up in mid-word"
    LEAVES_DURING_TOOL = "hangs up during a tool"
    LEAVES_DURING_GOODBYE = "hangs up during the goodbye"
    CALLS_TWICE = "calls twice at once"
    SAYS_NOTHING = "says nothing"
    MAKES_NOISE = "is only noise"
    PRESSES_KEYS = "presses keys"

    @property
    def stays(self) -> bool:
        """Whether the caller hears its conversation to the end, and every reply in it."""
        return self in (Behavior.ASKS, Behavior.CALLS_TWICE, Behavior.PRESSES_KEYS)


WEIGHTS: Mapping[Behavior, float] = {
    Behavior.ASKS: 37,
    Behavior.LEAVES_RINGING: 7,
    Behavior.LEAVES_JOINING: 7,
    Behavior.LEAVES_IN_GREETING: 19,
    Behavior.LEAVES_IN_MID_WORD: 5,
    Behavior.LEAVES_DURING_TOOL: 5,
    Behavior.LEAVES_DURING_GOODBYE: 5,
    Behavior.CALLS_TWICE: 4,
    Behavior.SAYS_NOTHING: 3,
    Behavior.MAKES_NOISE: 3,
    Behavior.PRESSES_KEYS: 5,
}


@dataclass(frozen=True)
class Leaving:
    """The caller hangs up `after_s` seconds after this event (simulator.caller.report) has come `times` times."""

    event: str
    times: int
    after_s: float


_LEAVES: Mapping[Behavior, tuple[str, int, float, float]] = {
    Behavior.LEAVES_RINGING: ("joined", 1, 0.05, 0.4),
    Behavior.LEAVES_JOINING: ("joined", 1, 0.4, 1.5),
    Behavior.LEAVES_IN_GREETING: ("agent_speaking", 1, 0.1, 0.8),
    Behavior.LEAVES_IN_MID_WORD: ("caller_speaking", 1, 0.2, 0.7),
    Behavior.LEAVES_DURING_TOOL: ("caller_silent", 1, 0.8, 2.5),
    Behavior.LEAVES_DURING_GOODBYE: ("agent_speaking", 2, 0.1, 0.6),
}


def leaving(behavior: Behavior, rng: random.Random) -> Leaving | None:
    """When such a caller hangs up; None for one that follows its script to the end."""
    if behavior not in _LEAVES:
        return None
    event, times, soonest_s, latest_s = _LEAVES[behavior]
    return Leaving(event, times, round(rng.uniform(soonest_s, latest_s), 2))


def steps(behavior: Behavior, talk: Talk, noise: str) -> list[Any]:
    """What such a caller does, as steps of a scenario. `noise` is a WAV file without words."""
    greeted = {"wait_for_reply": {"timeout_s": GREETING_WITHIN_S, "silence_ms": SILENCE_MS}}
    answered = {"wait_for_reply": {"timeout_s": REPLY_WITHIN_S, "silence_ms": SILENCE_MS}}
    match behavior:
        case Behavior.LEAVES_DURING_TOOL:
            return [greeted, {"say": RESERVE}, answered, "hang_up"]
        case Behavior.LEAVES_DURING_GOODBYE:
            return [greeted, {"say": GOODBYE}, answered, {"stay_silent": {"seconds": STAYS_S}}]
        case Behavior.SAYS_NOTHING:
            return [{"stay_silent": {"seconds": STAYS_S}}]
        case Behavior.MAKES_NOISE:
            return [greeted, {"play": {"clip": noise}}, {"stay_silent": {"seconds": STAYS_S}}]
        case Behavior.PRESSES_KEYS:
            return [
                {"dtmf": "12#"},
                greeted,
                {"dtmf": "0"},
                {"say": talk.question},
                {"dtmf": "*9"},
                answered,
                "hang_up",
            ]
        case _:
            return [greeted, {"say": talk.question}, answered, "hang_up"]

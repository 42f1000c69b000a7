"""What callers ask and what they are answered: each call has a question and an answer of its own."""

import itertools
import json
from dataclasses import dataclass
from functools import cache

from simulator.speech.marks import code_of

GREETING = "The shop, hello."
PROMPT = "You are the sales clerk of a small shop. Answer in one short sentence."
VOICE_ID = "EXAVITQu4vr4xnSDxMaL"
NUMBER = "+12025550100"
NOT_UNDERSTOOD = "Could you say that again?"

RESERVE = "Please reserve it for me."
RESERVED = "I could not reserve it now."
GOODBYE = "Thank you very much, goodbye."
FAREWELL = "Thank you for calling the shop, goodbye."
TOOL = "reserve"
TOOL_TIMEOUT_S = 3.0  # its service never answers

# The agent's own lines that fit more than one occasion in a call (agents/phrases.py, which needs Django's settings).
MAY_RECUR = (
    "I am sorry, we were cut off for a moment.",
    "One moment, please.",
    "I am sorry, I did not get that. Could you say it again?",
    "I am sorry, we have a technical problem. Please call again later. Goodbye.",
    "Are you still there?",
    NOT_UNDERSTOOD,
)

_KINDS = (
    "amber azure bronze cherry copper coral crimson denim ebony emerald golden granite hazel indigo ivory jade lemon "
    "lilac linen maple marble mustard olive orange paper pearl pewter plastic purple ruby sandy scarlet silver "
    "sapphire tartan turquoise velvet violet walnut yellow"
)
_THINGS = (
    "anchor apron basket bottle bucket button candle carpet chair clock compass cradle cushion drawer feather flute "
    "garden hammer hammock jacket kettle ladder lantern locket mirror needle pencil piano pillow pocket rocket ribbon "
    "saddle shovel sofa spoon table teapot trumpet umbrella wagon wallet window whistle"
)


@dataclass(frozen=True)
class Talk:
    """What one caller asks, and the only right answer."""

    question: str
    answer: str
    keyword: str


@cache
def talks() -> list[Talk]:
    """All that there is to ask: about 1,700, no two with the same mark (simulator.speech.marks)."""
    others = {code_of(line) for line in (RESERVE, GOODBYE)}
    by_code: dict[int, Talk] = {}
    for thing, kind in itertools.product(_THINGS.split(), _KINDS.split()):
        item = f"{kind} {thing}"
        question = f"Do you have the {item}?"
        by_code.setdefault(code_of(question), Talk(question, f"The {item} is here.", item))
    return [talk for code, talk in by_code.items() if code not in others]


def talk_of(number: int) -> Talk:
    """What the call with this number is about; after all talks, the first one comes again."""
    return talks()[number % len(talks())]


def agents_script(count: int) -> str:
    """The scenario, as YAML, from which the simulated model answers the first `count` talks, or all."""
    known = talks()[:count]
    return json.dumps(
        {
            "name": "chaos",
            "caller": {"steps": [{"say": line} for line in (RESERVE, GOODBYE, *(talk.question for talk in known))]},
            "agent": {
                "default": NOT_UNDERSTOOD,
                "rules": [
                    {"when": ["reserve"], "call": {"name": TOOL}},
                    {"when": ["goodbye"], "say": FAREWELL, "call": {"name": "end_call"}},
                    *({"when": [talk.keyword], "say": talk.answer} for talk in known),
                ],
                "after_tool": [{"name": TOOL, "say": RESERVED}],
            },
        }
    )

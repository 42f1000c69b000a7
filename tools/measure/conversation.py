"""The one conversation of the benchmark: what every caller says, and what every contender's language model answers."""

from typing import Any

import yaml

GREETING = "Hello, this is the benchmark. How can I help you?"
PROMPT = "You are the receptionist of a dental practice. Answer in one or two short sentences."
VOICE_ID = "EXAVITQu4vr4xnSDxMaL"
ROUND_S = 24.0
"""About how long one round of the conversation below takes with scripted speech, in seconds."""
GREETING_S = 5.0

_QUESTIONS: list[dict[str, Any]] = [
    {"say": "Could you tell me your opening hours, please?"},
    {"wait_for_reply": {"timeout_s": 10, "silence_ms": 800}},
    {"say": "I would like to book an appointment for a cleaning."},
    {"wait_for_reply": {"timeout_s": 10, "silence_ms": 800}},
    {"say": "Which services do you offer?"},
    {"interrupt": {"after_ms": 1500, "say": "Sorry, one question. How much is a check-up?"}},
    {"wait_for_reply": {"timeout_s": 10, "silence_ms": 800}},
]
_AGENT: dict[str, Any] = {
    "default": "I am sorry, I did not get that. Could you say it again?",
    "rules": [
        {"when": ["how much", "check-up"], "say": "A check-up is sixty dollars, and that includes the X-ray."},
        {
            "when": ["services"],
            "say": "We offer a good deal. We do check-ups, cleanings, fillings, crowns and bridges. We also straighten "
            "teeth for children and for adults, and we whiten them. On Wednesdays a surgeon is in the house.",
        },
        {"when": ["opening hours"], "say": "We are open from nine to five, Monday to Friday."},
        {"when": ["appointment", "cleaning"], "say": "I would be glad to book that for you. Which day would suit you?"},
    ],
}


def script(seconds: float) -> str:
    """The scenario, as YAML, of a call of about `seconds`: the greeting, whole rounds of the same turns, a hang-up.

    A round has two plain questions, a third one, and an interruption of its long answer.
    """
    rounds = max(1, round((seconds - GREETING_S) / ROUND_S))
    greeting = {"wait_for_reply": {"timeout_s": 30, "silence_ms": 800}}
    return _yaml("bench", [greeting, *_QUESTIONS * rounds, "hang_up"])


def warm_up_script() -> str:
    """A short call of the same kind that is not measured: no contender answers its first measured call cold."""
    return _yaml("bench-warm-up", [{"wait_for_reply": {"timeout_s": 60}}, *_QUESTIONS[:2], "hang_up"])


def _yaml(name: str, steps: list[Any]) -> str:
    document = {"name": name, "caller": {"from": "+12025550123", "steps": steps}, "agent": _AGENT}
    return yaml.safe_dump(document, sort_keys=False)

"""A provider and a model as a persona names them: read from a line of text, checked against the provider's manifest."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError

from agents.choices import Language, TurnPolicy
from agents.providers import registry
from agents.providers.offers import STAGE_NAMES, Offer

FALLBACKS_MAX = 4  # a caller waits for each that fails
NAME_MAX = 64  # of a model or a voice, as in the persona's own fields
EXAMPLES = {"stt": "deepgram nova-3-general", "llm": "anthropic claude-haiku-4-5", "tts": "cartesia sonic-3 <voice id>"}


@dataclass(frozen=True, slots=True)
class Choice:
    """A provider's model for a stage. `voice_id` is for speech only."""

    stage: str
    provider: str
    model: str
    voice_id: str = ""

    def __str__(self) -> str:
        """As it is typed in the admin."""
        return " ".join(part for part in (self.provider, self.model, self.voice_id) if part)

    def as_json(self) -> dict[str, str]:
        """As it stands in a persona's list."""
        values = {"provider": self.provider, "model": self.model}
        return values | {"voice_id": self.voice_id} if self.voice_id else values


def from_json(stage: str, entries: Iterable[dict[str, Any]]) -> list[Choice]:
    """The choices of a persona's list."""
    return [Choice(stage, entry["provider"], entry["model"], entry.get("voice_id", "")) for entry in entries]


def as_lines(stage: str, entries: Iterable[dict[str, Any]]) -> str:
    """A persona's list as it is typed: one line each."""
    return "\n".join(str(choice) for choice in from_json(stage, entries))


def from_lines(stage: str, text: str) -> list[Choice]:
    """The choices that were typed, one per line. Raises ValidationError with a message for each line that is none."""
    lines = [line.split() for line in text.splitlines() if line.strip()]
    most = 3 if stage == "tts" else 2
    problems = []
    for number, parts in enumerate(lines, start=1):
        if len(parts) < 2:
            problems.append(f"Line {number}: write a provider and a model, such as “{EXAMPLES[stage]}”.")
        elif len(parts) > most:
            problems.append(
                f"Line {number}: “{parts[most]}” is one word too many: write a line such as “{EXAMPLES[stage]}”."
            )
    if problems:
        raise ValidationError(problems)
    return [Choice(stage, parts[0].lower(), *parts[1:]) for parts in lines]


def problems_of_fallbacks(
    stage: str, entries: Any, own: Choice, turn_policy: TurnPolicy, language: Language
) -> list[str]:
    """What is wrong with a persona's list of fallbacks: which line, and the cure."""
    if not isinstance(entries, list) or not all(_is_entry(entry) for entry in entries):
        return ['This is not a list of {"provider": …, "model": …}.']
    if len(entries) > FALLBACKS_MAX:
        return [f"These are {len(entries)} fallbacks: name at most {FALLBACKS_MAX}, because callers wait for each."]
    found = []
    for number, choice in enumerate(from_json(stage, entries), start=1):
        problem = problem_of(choice, turn_policy, language, as_fallback=True)
        if not problem and stage == "tts" and not choice.voice_id and choice.provider != own.provider:
            label = registry.get(choice.provider).label
            problem = f"Name a voice of {label} after the model: “{choice} <voice id>”."
        if problem:
            found.append(f"Line {number}: {problem}")
    return found


def problem_of(choice: Choice, turn_policy: TurnPolicy, language: Language, *, as_fallback: bool = False) -> str:
    """Why a choice cannot work, with the cure; empty when it can."""
    offering = registry.offering(choice.stage)
    provider = next((provider for provider in offering if provider.name == choice.provider), None)
    if provider is None:
        names = _either([provider.name for provider in offering])
        return f"No provider of {STAGE_NAMES[choice.stage]} is called “{choice.provider}”: choose {names}."
    if max(len(choice.model), len(choice.voice_id)) > NAME_MAX:
        return f"“{choice}” is too long: names of models and voices have at most {NAME_MAX} characters."
    if choice.voice_id and choice.stage != "tts":
        return f"Only text to speech has a voice: leave “{choice.voice_id}” out."
    offer = provider.offer(choice.stage)
    model = offer.model(choice.model)
    if model is None:
        return f"{provider.label} has no model {choice.model}: {_other(offer, turn_policy, language, as_fallback)}."
    if not model.fits_turn_policy(turn_policy, as_fallback=as_fallback):
        policy = turn_policy.label.partition(":")[0].lower()
        other = _other(offer, turn_policy, language, as_fallback)
        return f"The {policy} turn policy needs a different model from {choice.model}: {other}, or another turn policy."
    if not model.fits_language(language):
        return f"{choice.model} does not support {language.label}: {_other(offer, turn_policy, language, as_fallback)}."
    return ""


def _other(offer: Offer, turn_policy: str, language: str, as_fallback: bool) -> str:
    fitting = offer.fitting(turn_policy, language, as_fallback=as_fallback)
    return f"choose {_either(fitting)}" if fitting else "choose another provider"


def _either(names: Sequence[str]) -> str:
    return " or ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _is_entry(entry: Any) -> bool:
    return (
        isinstance(entry, dict)
        and {"provider", "model"} <= entry.keys() <= {"provider", "model", "voice_id"}
        and all(isinstance(value, str) and value for value in entry.values())
        and not any(character.isspace() for value in entry.values() for character in value)
    )

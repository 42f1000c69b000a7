"""Each step of docs/ADD_A_LANGUAGE.md is done for each language, and each check notices a step that is not."""

import re
from collections.abc import Callable
from dataclasses import asdict
from types import FunctionType
from typing import Any

import pytest
from django.db.migrations.loader import MigrationLoader
from pipecat.transcriptions.language import Language as ProviderLanguage

from agents.choices import Language
from agents.phrases import PHRASES
from agents.voices.apologies import SOUNDS
from calls.webhooks.twilio.recovery import LOCALES
from tests.workers.turns import test_barge_in, test_farewells
from tools.local import ROOT
from workers.turns.caller_words import CALLER_WORDS

CHECKLIST = (ROOT / "docs/ADD_A_LANGUAGE.md").read_text()
UNKNOWN = "xx-YY"


def is_known_to_providers(language: str) -> bool:
    return language in set(ProviderLanguage) and language in set(Language)


def is_migrated(language: str) -> bool:
    state = MigrationLoader(None).project_state()
    models = (state.models["agents", name] for name in ("persona", "personaversion", "spokenline"))
    return all(language in dict(model.fields["language"].choices) for model in models)


def has_phrases(language: str) -> bool:
    return language in PHRASES


def has_recordings(language: str) -> bool:
    return all((SOUNDS / _short(language) / name).is_file() for name in ("goodbye.wav", "connecting.wav"))


def has_recordings_whose_origin_is_known(language: str) -> bool:
    return re.search(rf"^\| `{_short(language)}` \|", (SOUNDS / "README.md").read_text(), re.MULTILINE) is not None


def has_caller_words(language: str) -> bool:
    words = CALLER_WORDS.get(_short(language))
    return words is not None and all(asdict(words).values())


def has_a_locale_of_twilio(language: str) -> bool:
    locale = {str(key): value for key, value in LOCALES.items()}.get(language, "")
    return re.fullmatch(r"[a-z]{2}-[A-Z]{2}", locale) is not None


def has_a_farewell_that_is_tested(language: str) -> bool:
    return _short(language) in _tested(test_farewells.test_words_that_need_no_answer)


def has_a_backchannel_that_is_tested(language: str) -> bool:
    return _short(language) in _tested(test_barge_in.test_backchannels_are_known_in_the_personas_language)


STEPS: dict[str, Callable[[str], bool]] = {
    "agents/choices.py": is_known_to_providers,
    "agents/migrations/": is_migrated,
    "agents/phrases.py": has_phrases,
    "agents/voices/sounds/": has_recordings,
    "agents/voices/sounds/README.md": has_recordings_whose_origin_is_known,
    "workers/turns/caller_words.py": has_caller_words,
    "calls/webhooks/twilio/recovery.py": has_a_locale_of_twilio,
    "tests/workers/turns/test_farewells.py": has_a_farewell_that_is_tested,
    "tests/workers/turns/test_barge_in.py": has_a_backchannel_that_is_tested,
}


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("step", STEPS)
def test_each_language_has_every_step(language: Language, step: str) -> None:
    assert STEPS[step](language), f"{language}: see docs/ADD_A_LANGUAGE.md, {step}"


@pytest.mark.parametrize("step", STEPS)
def test_a_missing_step_is_noticed(step: str) -> None:
    assert not STEPS[step](UNKNOWN)


def test_the_checklist_names_these_steps_in_this_order() -> None:
    assert re.findall(r"^\| \d+ \| `(.+?)` \|", CHECKLIST, re.MULTILINE) == list(STEPS)


def _short(language: str) -> str:
    return language.split("-")[0]


def _tested(test: Any) -> set[str]:
    """The languages in the parameters of a test, without their countries, for which it expects True."""
    assert isinstance(test, FunctionType)
    (mark,) = (mark for mark in test.pytestmark if mark.name == "parametrize")  # type: ignore[attr-defined]
    return {_short(language) for words, language, expected in mark.args[1] if expected and words}

"""What hears, thinks and speaks for a persona: its providers in their order, each as its folder makes it."""

import asyncio
from collections.abc import Callable
from importlib import import_module
from typing import Any

import structlog
from django.db import DatabaseError
from django.utils.module_loading import import_string
from pipecat.transcriptions.language import Language

from agents.choices import Language as PersonaLanguage
from agents.choices import TurnPolicy
from agents.models import Persona, PersonaVersion
from agents.phrases import phrases_of
from agents.providers import registry
from common.database import borrowed_connection
from workers.providers import targets
from workers.providers.answering import Answering
from workers.providers.failover.llm import FailoverLLM
from workers.providers.failover.stt import FailoverSTT
from workers.providers.failover.tts import FailoverTTS
from workers.providers.recognizer import Recognizer
from workers.providers.speech.cached_lines import CallLines
from workers.providers.synthesizer import SpeechListener, Synthesizer
from workers.providers.targets import NoProviderError, Target

log = structlog.get_logger(__name__)

END_CALL = "end_call"
"""The function with which a language model hangs up."""
PHONE_RULES = (
    "You are speaking on the telephone. Answer in {language}, in one to three short spoken sentences, without lists, "
    f"markup or emoji. When the caller wants to end the conversation, say goodbye and call {END_CALL}. When a tool "
    "fails, tell the caller that it did not work and offer what you can do instead."
)
_loaded: set[str] = set()  # dotted paths of the functions whose modules are imported


def make_stt(version: PersonaVersion) -> FailoverSTT:
    """Speech to text: 16 kHz mono 16-bit PCM in, transcripts and, with the fast turn policy, ends of turn out."""
    policy = TurnPolicy(version.turn_policy)

    def make(target: Target) -> Recognizer:
        recognizer: Recognizer = _function(target)(target, version.language, policy)
        return recognizer

    # With the fast turn policy nothing behind the service listens: the provider finds the turns.
    return FailoverSTT(targets.stt(version), make, audio_passthrough=policy != TurnPolicy.EAGER)


def make_llm(version: PersonaVersion) -> FailoverLLM:
    """The language model, streaming."""
    prompt = system_prompt(version)

    def make(target: Target) -> Answering:
        model: Answering = _function(target)(target, prompt)
        return model

    return FailoverLLM(targets.llm(version), make, phrases_of(version).hold_on, ends_call=END_CALL)


def make_tts(version: PersonaVersion, lines: CallLines, llm: FailoverLLM) -> FailoverTTS:
    """Text to speech: 16 kHz mono 16-bit PCM with the time of each word. What is in `lines` is not asked for again.

    It speaks what `llm` says; the replies of one that speculates it holds until their turn is confirmed.
    """
    language = Language(version.language)

    def make(target: Target, listener: SpeechListener) -> Synthesizer:
        voice: Synthesizer = _function(target)(target, language, listener)
        return voice

    return FailoverTTS(targets.tts(version), make, lines, language, llm.is_speculating)


def system_prompt(version: PersonaVersion) -> str:
    """The supervisor's prompt, and what holds for every call."""
    return f"{version.prompt}\n\n{PHONE_RULES.format(language=PersonaLanguage(version.language).label)}"


async def load(version: PersonaVersion) -> None:
    """Import what the version's providers need. Takes up to a second, in a thread, when no call has used one before.

    Raises NoProviderError.
    """
    missing = {_path(target) for target in _all_targets(version)} - _loaded
    if missing:
        await asyncio.to_thread(_load, missing)


def load_usual() -> None:
    """Import what the live personas' providers need, so that the first call does not wait for it."""
    versions = [PersonaVersion()]  # one that names no other providers than the usual
    try:
        with borrowed_connection():
            versions += PersonaVersion.objects.filter(pk__in=Persona.objects.values("live_version"))
    except DatabaseError as error:
        log.warning("live_personas_not_known", error=type(error).__name__)
    for version in versions:
        try:
            _load({_path(target) for target in _all_targets(version)})
        except NoProviderError as error:
            log.error("version_not_usable", error=str(error))


def _load(paths: set[str]) -> None:
    for path in paths:
        module = import_module(path.rpartition(".")[0])
        for used_late in getattr(module, "USED_LATE", ()):
            import_module(used_late)
        _loaded.add(path)


def _all_targets(version: PersonaVersion) -> list[Target]:
    return [*targets.stt(version), *targets.llm(version), *targets.tts(version)]


def _path(target: Target) -> str:
    return registry.get(target.provider).offer(target.stage).service


def _function(target: Target) -> Callable[..., Any]:
    """What makes Pipecat's service for a target: the function that the provider's manifest names."""
    function: Callable[..., Any] = import_string(_path(target))
    return function

"""Which of Deepgram's recognizers a model is, and how it finds the ends of turns."""

from typing import Any

from pipecat.transcriptions.language import Language

from agents.choices import TurnPolicy
from workers.providers.deepgram.flux import Flux
from workers.providers.deepgram.nova import Nova, NovaWithTurns
from workers.providers.recognizer import Recognizer
from workers.providers.targets import Target

USED_LATE = ("deepgram.listen.v1.client", "websockets.legacy.client")  # imported by Deepgram's library when it connects


def recognizer(target: Target, language: str, turn_policy: TurnPolicy) -> Recognizer:
    """Flux predicts the ends of turns. A nova model is asked for words at a pause, or stands in for Flux."""
    if target.model.startswith("flux"):
        return _flux(target, language)
    service: type[Nova] = Nova
    # Our VAD asks Deepgram to finalize; its own endpointing would finalize earlier and not say so.
    turns: dict[str, Any] = {"endpointing": False}
    if turn_policy == TurnPolicy.EAGER:  # in Flux's place
        service = NovaWithTurns
        turns = {"endpointing": NovaWithTurns.ENDPOINTING_MS, "utterance_end_ms": NovaWithTurns.UTTERANCE_END_MS}
    return service(
        api_key=target.api_key,
        base_url=target.base_url,
        settings=service.Settings(model=target.model, language=Language(language), **turns),
        audio_passthrough=False,
    )


def _flux(target: Target, language: str) -> Flux:
    return Flux(
        api_key=target.api_key,
        url=target.base_url.rstrip("/").replace("http", "ws", 1) + "/v2/listen",
        enable_eager_end_of_turn=True,
        settings=Flux.Settings(
            model=target.model,
            language_hints=[Language(language)] if target.model.endswith("multi") else None,
        ),
        audio_passthrough=False,
    )

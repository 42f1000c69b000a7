"""ElevenLabs' voices over one websocket with many utterances."""

import json
from collections.abc import AsyncIterator
from typing import Any

from pipecat.services.elevenlabs.tts import ElevenLabsTTSService
from pipecat.transcriptions.language import Language

from workers.providers.synthesizer import SpeechFailed, SpeechListener, Synthesizer
from workers.providers.targets import Target


class ElevenLabs(Synthesizer, ElevenLabsTTSService):
    """Pipecat's service, for which an error that ElevenLabs tells is a failure."""

    def _get_websocket(self) -> Any:
        return _Checked(super()._get_websocket())  # type: ignore[no-untyped-call]  # Pipecat's

    async def _receive_task_handler(self, report_error: Any) -> None:
        await super()._receive_task_handler(report_error)
        self._clear_connection_state()  # type: ignore[no-untyped-call]


def voice(target: Target, language: Language, listener: SpeechListener) -> ElevenLabs:
    """16 kHz mono 16-bit PCM, with the time of each word."""
    return ElevenLabs(
        listener=listener,
        api_key=target.api_key,
        url=target.base_url.rstrip("/").replace("http", "ws", 1),
        settings=ElevenLabs.Settings(model=target.model, voice=target.voice_id, language=language),
    )


class _Checked:
    """A websocket whose messages are looked at before Pipecat reads them, which takes an error for silence."""

    def __init__(self, websocket: Any) -> None:
        self._websocket = websocket

    def __getattr__(self, name: str) -> Any:
        return getattr(self._websocket, name)

    async def __aiter__(self) -> AsyncIterator[str | bytes]:
        async for message in self._websocket:
            content = json.loads(message)
            if not isinstance(content, dict) or content.get("error"):
                raise SpeechFailed(str(content.get("error")) if isinstance(content, dict) else "an unknown answer")
            yield message

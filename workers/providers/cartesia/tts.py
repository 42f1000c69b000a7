"""Cartesia's voices over one websocket with many utterances."""

from pipecat.services.cartesia.tts import CartesiaTTSService
from pipecat.transcriptions.language import Language

from workers.providers.synthesizer import SpeechListener, Synthesizer
from workers.providers.targets import Target


class Cartesia(Synthesizer, CartesiaTTSService):
    """Pipecat's service, which ends with its connection instead of opening another one by itself."""

    async def _receive_messages(self) -> None:
        await self._process_messages()  # type: ignore[no-untyped-call]  # Pipecat's


def voice(target: Target, language: Language, listener: SpeechListener) -> Cartesia:
    """16 kHz mono 16-bit PCM, with the time of each word."""
    return Cartesia(
        listener=listener,
        api_key=target.api_key,
        url=target.base_url.rstrip("/").replace("http", "ws", 1) + "/tts/websocket",
        settings=Cartesia.Settings(model=target.model, voice=target.voice_id, language=language),
    )

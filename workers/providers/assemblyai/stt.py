"""AssemblyAI's streaming models, as one of several recognizers that may take over from each other."""

import json
from typing import Any

import structlog
from pipecat.frames.frames import ProposedUserStoppedSpeakingFrame
from pipecat.services.assemblyai.models import TurnMessage
from pipecat.services.assemblyai.stt import AssemblyAISTTService, is_u3_pro_model
from pipecat.transcriptions.language import Language

from agents.choices import TurnPolicy
from workers.providers.recognizer import TranscriptCompleteFrame, WebsocketRecognizer
from workers.providers.targets import Target

log = structlog.get_logger(__name__)

HANDLED = ("Begin", "SpeechStarted", "Turn", "Termination")
"""What Pipecat knows; for any other message, such as a warning, it would raise an error."""


class AssemblyAI(WebsocketRecognizer, AssemblyAISTTService):
    """Pipecat's service, which also says when it has been asked for words and has none."""

    async def ask_for_sign(self) -> None:
        """A pong is one. AssemblyAI answers no message when nothing was said, so noise would look like a failure."""
        websocket = self._get_websocket()  # type: ignore[no-untyped-call]  # Pipecat's
        await (await websocket.ping())
        self.note_answer()

    def heard_until_s(self, result: Any) -> float | None:
        return result.words[-1].end / 1000 if isinstance(result, TurnMessage) and result.words else None

    async def _receive_messages(self) -> None:
        async for message in self._get_websocket():  # type: ignore[no-untyped-call]
            self.note_answer()
            if not isinstance(message, str) or not message.startswith("{"):
                raise ValueError("an answer that is not JSON")
            content = json.loads(message)
            kind = content.get("type")
            if kind == "Error":
                raise RuntimeError(str(content.get("error")))
            if kind in HANDLED:
                await self._handle_message(content)
            else:
                log.warning("assemblyai_message_ignored", kind=str(kind)[:40])

    async def _handle_transcription(self, message: TurnMessage) -> None:
        is_asked = self._finalize_requested  # at the caller's last pause, after which it has not spoken again
        await super()._handle_transcription(message)
        if not message.end_of_turn or message.transcript:
            return
        if is_asked:
            self.confirm_finalize()  # type: ignore[no-untyped-call]  # Pipecat's
            await self.push_frame(TranscriptCompleteFrame())
        elif self._user_speaking:  # a turn was announced, and has no words in the end
            self._user_speaking = False
            await self.broadcast_frame(ProposedUserStoppedSpeakingFrame)


def recognizer(target: Target, language: str, turn_policy: TurnPolicy) -> AssemblyAI:
    """Behind the fast turn policy AssemblyAI finds the turns; behind the others it is asked for words at a pause."""
    settings = AssemblyAI.Settings(model=target.model)
    if is_u3_pro_model(target.model):
        settings.language_codes = [Language(language)]
    return AssemblyAI(
        api_key=target.api_key,
        api_endpoint_base_url=target.base_url.rstrip("/").replace("http", "ws", 1) + "/v3/ws",
        vad_force_turn_endpoint=turn_policy != TurnPolicy.EAGER,
        should_interrupt=False,  # who interrupts whom is decided by workers/turns
        settings=settings,
        audio_passthrough=False,
    )

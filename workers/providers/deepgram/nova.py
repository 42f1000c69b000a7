"""Deepgram's nova models, as one of several recognizers that may take over from each other."""

import asyncio
from typing import Any

from deepgram.core.events import EventType
from deepgram.listen.v1.types import ListenV1Finalize, ListenV1Results, ListenV1UtteranceEnd
from pipecat.frames.frames import (
    ProposedUserStartedSpeakingFrame,
    ProposedUserStoppedSpeakingFrame,
)
from pipecat.services.deepgram.stt import DeepgramSTTService

from workers.providers.recognizer import CONNECT_WITHIN_S, Recognizer, TranscriptCompleteFrame


class Nova(Recognizer, DeepgramSTTService):
    """Speech to text; the worker's own voice activity detection finds the turns."""

    async def ask_for_sign(self) -> None:
        """Have the service answer something: what it has of the words that it was sent."""
        if self._connection:
            await self._connection.send_finalize(ListenV1Finalize(type="Finalize"))

    def heard_until_s(self, result: Any) -> float | None:
        start, duration = getattr(result, "start", None), getattr(result, "duration", None)
        return start + duration if start is not None and duration is not None else None

    async def _connect(self) -> None:
        try:
            async with asyncio.timeout(CONNECT_WITHIN_S):
                await super()._connect()  # type: ignore[no-untyped-call]  # Pipecat's
            if self._connection:
                self._connection.on(EventType.CLOSE, self._on_close)
        except TimeoutError:
            await self.push_error("cannot connect in time")

    async def _on_close(self, _: Any) -> None:
        """A connection that Deepgram closes is a failure. Pipecat would connect again, and lose the words meanwhile."""
        if self._connection:  # none when it is closed from here
            await self.push_error("the connection was closed")

    async def _on_message(self, message: Any) -> None:
        self.note_answer()
        is_asked = self._finalize_requested  # at the caller's last pause, after which it has not spoken again
        await super()._on_message(message)  # type: ignore[no-untyped-call]  # Pipecat's
        if (
            is_asked
            and _is_result(message)
            and message.from_finalize
            and not message.channel.alternatives[0].transcript
        ):
            await self.push_frame(TranscriptCompleteFrame())


class NovaWithTurns(Nova):
    """Stands in for Flux: Deepgram's endpointing ends the turns, after a pause, without a prediction."""

    ENDPOINTING_MS = 300  # Deepgram's own advice for conversations: developers.deepgram.com/docs/endpointing
    UTTERANCE_END_MS = 1000  # the shortest that Deepgram allows; for a noisy line, on which no pause is found

    _in_turn = False

    async def _on_message(self, message: Any) -> None:
        is_result = _is_result(message)
        if is_result and _words(message) and not self._in_turn:
            self._in_turn = True
            await self.broadcast_frame(ProposedUserStartedSpeakingFrame)
        await super()._on_message(message)
        is_end = isinstance(message, ListenV1UtteranceEnd) or (is_result and bool(message.speech_final))
        if self._in_turn and is_end:
            self._in_turn = False
            await self.broadcast_frame(ProposedUserStoppedSpeakingFrame)


def _is_result(message: Any) -> bool:
    return isinstance(message, ListenV1Results) and bool(message.channel.alternatives)


def _words(result: ListenV1Results) -> str:
    return result.channel.alternatives[0].transcript

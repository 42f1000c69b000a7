"""Deepgram's nova models, as one of several recognisers that may take over from each other."""

import asyncio
import time
from typing import Any

from deepgram.listen.v1.types import ListenV1Finalize, ListenV1Results, ListenV1UtteranceEnd
from pipecat.frames.frames import ProposedUserStartedSpeakingFrame, ProposedUserStoppedSpeakingFrame
from pipecat.services.deepgram.stt import DeepgramSTTService

CONNECT_WITHIN_S = 1.5


class Nova(DeepgramSTTService):
    """Speech to text; the worker's own voice activity detection finds the turns."""

    DOUBT_AFTER_S = 2.0  # of speech without an answer; nova answers about every second, and a needless doubt cuts words

    answered_at = 0.0
    """When the service last sent anything, by time.monotonic."""

    async def ask_for_sign(self) -> None:
        """Have the service answer something: what it has of the words that it was sent."""
        if self._connection:
            await self._connection.send_finalize(ListenV1Finalize(type="Finalize"))

    async def _connect(self) -> None:
        try:
            async with asyncio.timeout(CONNECT_WITHIN_S):
                await super()._connect()  # type: ignore[no-untyped-call]  # Pipecat's
        except TimeoutError:
            await self.push_error("cannot connect in time")

    async def _on_message(self, message: Any) -> None:
        self.answered_at = time.monotonic()
        await super()._on_message(message)  # type: ignore[no-untyped-call]  # Pipecat's


class NovaWithTurns(Nova):
    """Stands in for Flux: Deepgram's endpointing ends the turns, after a pause, without a prediction."""

    ENDPOINTING_MS = 300  # Deepgram's own advice for conversations: developers.deepgram.com/docs/endpointing
    UTTERANCE_END_MS = 1000  # the shortest that Deepgram allows; for a noisy line, on which no pause is found

    _in_turn = False

    async def _on_message(self, message: Any) -> None:
        is_result = isinstance(message, ListenV1Results) and bool(message.channel.alternatives)
        if is_result and message.channel.alternatives[0].transcript and not self._in_turn:
            self._in_turn = True
            await self.broadcast_frame(ProposedUserStartedSpeakingFrame)
        await super()._on_message(message)
        is_end = isinstance(message, ListenV1UtteranceEnd) or (is_result and bool(message.speech_final))
        if self._in_turn and is_end:
            self._in_turn = False
            await self.broadcast_frame(ProposedUserStoppedSpeakingFrame)

"""Universal-3 Pro: SpeechStarted, few but whole partial transcripts, and a turn that ends with its sentence.

Protocol: assemblyai.com/docs/streaming/universal-3-pro/u3-pro-message-sequence and turn-detection-and-partials.
"""

import math
from dataclasses import replace

from simulator.assemblyai import messages
from simulator.assemblyai.session import AssemblyAISession
from simulator.hearing.endpointing import SpeechEvent
from simulator.hearing.session import Frame
from simulator.profiles import INTERIM_FLOOR_MS

_LEAST_DELAY_S = 0.256
"""The server adds it to interruption_delay: pipecat.services.assemblyai.stt.AssemblyAISTTSettings."""
_RETRY_S = 0.75
_CONTINUOUS_S = 3.0
_CONFIDENCE_SPEAKING = 0.01
_CONFIDENCE_PAUSE = 0.2


class ProSession(AssemblyAISession):
    """A turn is announced once there are words in it, and then something is always told of it."""

    _announced = False
    _partial_due_s = math.inf

    def lag_s(self) -> float:
        """A partial transcript may come after a quarter of a second: its words wait for nothing else."""
        return INTERIM_FLOOR_MS / 1000

    async def on_frame(self, frame: Frame) -> None:
        """Announce the turn with its first words; report it after a while, and again during a long one."""
        if frame.text:
            await self._announce(frame.turn_start_s)
        if not frame.speaking or frame.at_s < self._partial_due_s:
            return
        if frame.text:
            await self._partial(frame.text, frame.turn_start_s, frame.at_s)
            self._partial_due_s = frame.at_s + _CONTINUOUS_S if self.options.continuous_partials else math.inf
        else:
            self._partial_due_s += _RETRY_S

    async def on_event(self, event: SpeechEvent) -> None:
        """Report a pause that does not end the turn, and its end."""
        if event.kind == "started":
            delay_s = _LEAST_DELAY_S + self.options.interruption_delay / 1000
            self._announced, self._partial_due_s = False, event.turn_start_s + delay_s
            if not self.world.recognizer.word_by_word:
                await self._announce(event.turn_start_s)
        elif event.kind == "paused":
            text = await self.transcripts.of(event)
            if text and not self.is_complete(text):
                await self._announce(event.turn_start_s)
                await self._partial(text, event.turn_start_s, event.last_voice_s)
        elif event.kind == "ended":
            await self.end(event)

    async def on_pause(self, event: SpeechEvent) -> SpeechEvent | None:
        """End a turn whose last sentence is over."""
        return self.end_turn(event) if self.is_complete(await self.transcripts.of(event)) else None

    async def on_end(self, event: SpeechEvent, text: str) -> None:
        """Report the end of the turn; of one that was announced in any case."""
        if not text and not self._announced:
            return
        await self._announce(event.turn_start_s)
        confidence = 1.0 if self.is_complete(text) else _CONFIDENCE_PAUSE
        turn = self.turn(text, event.turn_start_s, event.last_voice_s, confidence)
        turn = replace(turn, ends=True, formatted=True, final_words=len(text.split()), utterance=text)
        language = "en" if self.options.language_detection else ""
        await self.socket.send(replace(turn, language_code=language).message())
        self.turn_order += 1
        self._announced = False

    async def _announce(self, at_s: float) -> None:
        if not self._announced:
            self._announced = True
            await self.socket.send(messages.speech_started(at_s))

    async def _partial(self, text: str, start_s: float, end_s: float) -> None:
        turn = self.turn(text, start_s, end_s, _CONFIDENCE_SPEAKING)
        await self.socket.send(replace(turn, formatted=True).message())

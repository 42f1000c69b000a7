"""Universal-Streaming: word after word, none of which is taken back, and a turn that ends when the model is confident.

Protocol: assemblyai.com/docs/streaming/universal-streaming/message-sequence and docs/streaming/turn-detection.
"""

from dataclasses import replace

from simulator.assemblyai.session import AssemblyAISession
from simulator.hearing.endpointing import SpeechEvent
from simulator.hearing.session import Frame

_CONFIDENCE_SPEAKING = 0.000036
_CONFIDENCE_PAUSE = 0.2
_CONFIDENCE_END = 0.9


class UniversalSession(AssemblyAISession):
    """The words come unformatted; with format_turns the finished turn comes again, with punctuation and capitals."""

    _told = ""

    def lag_s(self) -> float:
        """Draw the time from a word's end to the Turn in which it stands."""
        return self.world.profile.assemblyai_interim.sample_s(self.world.rng)

    async def on_frame(self, frame: Frame) -> None:
        """Report new words; the last one is not final until the next one comes."""
        if frame.text and frame.text != self._told:
            self._told = frame.text
            turn = self.turn(frame.text, frame.turn_start_s, frame.at_s, _CONFIDENCE_SPEAKING)
            await self.socket.send(replace(turn, final_words=len(frame.text.split()) - 1).message())

    async def on_event(self, event: SpeechEvent) -> None:
        """Report the words before a pause as an utterance, and the end of the turn."""
        if event.kind == "started":
            self._told = ""
        elif event.kind == "paused":
            text = await self.transcripts.of(event)
            if text and not self._is_confident(text):
                turn = self.turn(text, event.turn_start_s, event.last_voice_s, _CONFIDENCE_PAUSE)
                await self.socket.send(replace(turn, final_words=len(text.split()), utterance=text).message())
        elif event.kind == "ended":
            await self.end(event)

    async def on_pause(self, event: SpeechEvent) -> SpeechEvent | None:
        """End a turn whose words say that it is over."""
        return self.end_turn(event) if self._is_confident(await self.transcripts.of(event)) else None

    async def on_end(self, event: SpeechEvent, text: str) -> None:
        """Report the end of the turn, and once more if its text shall be formatted."""
        if not text:
            return
        turn = self.turn(text, event.turn_start_s, event.last_voice_s, self._confidence(text))
        turn = replace(turn, ends=True, final_words=len(text.split()), utterance=text)
        await self.socket.send(turn.message())
        if self.options.format_turns:
            await self.socket.send(replace(turn, formatted=True, language_code=self._language()).message())
        self.turn_order += 1

    async def on_terminate(self) -> None:
        """End the turn that has not begun: recorded from the real service."""
        at_s = self.finder.position_s
        await self.socket.send(replace(self.turn("", at_s, at_s, _CONFIDENCE_PAUSE), ends=True).message())

    def _is_confident(self, text: str) -> bool:
        return bool(text) and self._confidence(text) >= self.options.end_of_turn_confidence_threshold

    def _confidence(self, text: str) -> float:
        return _CONFIDENCE_END if self.is_complete(text) else _CONFIDENCE_PAUSE

    def _language(self) -> str:
        return "en" if self.options.language_detection else ""

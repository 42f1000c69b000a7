"""The texts of a caller's turns: each is asked for once, and none of its words is given twice."""

import asyncio

from simulator.hearing.endpointing import SpeechEvent
from simulator.speech.recognition import Recognizer

_REST_S = 1.0


class Transcripts:
    """What the recognizer makes of one caller's turns."""

    def __init__(self, recognizer: Recognizer) -> None:
        self._recognizer = recognizer
        self._texts: dict[tuple[float, float], asyncio.Task[str]] = {}
        self._said: tuple[str, float] | None = None  # the last turn, and where it ended

    def begin(self, event: SpeechEvent) -> asyncio.Task[str]:
        """Have the turn up to this event transcribed, unless it is already."""
        key = _key(event)
        if key not in self._texts:
            self._texts[key] = asyncio.create_task(self._recognizer.transcribe(event.pcm))
        return self._texts[key]

    async def of(self, event: SpeechEvent) -> str:
        """The text of the turn up to this event; empty if the caller has gone on speaking meanwhile."""
        task = self.begin(event)
        try:
            text = await asyncio.shield(task)
        except asyncio.CancelledError:
            current = asyncio.current_task()
            if not task.cancelled() or (current and current.cancelling()):
                raise
            text = ""
        if event.kind == "ended":
            self._texts.pop(_key(event), None)
        return self.without_rest(text, event.turn_start_s)

    def turn_over(self, event: SpeechEvent, text: str) -> None:
        """Remember what was said in the turn that ended with this event."""
        if text:
            self._said = text, event.last_voice_s

    def without_rest(self, text: str, turn_start_s: float) -> str:
        """Nothing for the rest of a line that a hole in the sound has cut off: its words were given before the hole.

        A signature tells the whole line from any part of it, and networks and busy machines make holes.
        """
        if self._said is None or not self._recognizer.word_by_word:
            return text
        said, until_s = self._said
        return "" if text in said and turn_start_s - until_s < _REST_S else text

    def forget(self, turn_start_s: float) -> None:
        """Forget what a pause of this turn began; the text of a former turn may still be awaited."""
        for key in [key for key in self._texts if key[0] == turn_start_s]:
            self._texts.pop(key).cancel()

    def under_way(self) -> list[asyncio.Task[str]]:
        """What is being transcribed."""
        return list(self._texts.values())


def _key(event: SpeechEvent) -> tuple[float, float]:
    return event.turn_start_s, event.last_voice_s

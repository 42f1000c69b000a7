"""The texts of a caller's turns: each is asked for once, and none of its words is given twice."""

import asyncio
from dataclasses import dataclass, replace

import numpy as np

from simulator.hearing.endpointing import SpeechEvent
from simulator.speech.pcm import SAMPLE_RATE, Samples
from simulator.speech.recognition import UNMARKED, Partial, Recognizer

_REST_S = 1.0
_UNFINISHED_REST_S = 5.0


@dataclass(frozen=True)
class _Cut:
    """A turn that the client ended before the caller had finished: its audio, and how many of its words were given."""

    pcm: Samples
    last_voice_s: float
    at_s: float
    given: int
    finished: bool


class Transcripts:
    """What the recognizer makes of one caller's turns."""

    def __init__(self, recognizer: Recognizer) -> None:
        self._recognizer = recognizer
        self._texts: dict[tuple[float, float], asyncio.Task[str]] = {}
        self._cut: _Cut | None = None
        self._said: tuple[str, float] | None = None  # the last turn, and where it ended

    def begin(self, event: SpeechEvent) -> asyncio.Task[str]:
        """Have the turn up to this event transcribed, unless it is already."""
        key = _key(event)
        if key not in self._texts:
            self._texts[key] = asyncio.create_task(self._transcribe(event))
        return self._texts[key]

    async def so_far(
        self, pcm: Samples, turn_start_s: float, pcm_start_s: float, known: str = "", *, patient: bool = False
    ) -> Partial:
        """What was said until now in a turn that goes on, without what was given of it before a cut."""
        cut = self._cut_before(turn_start_s)
        if cut is None:
            partial = await self._recognizer.partial(pcm, known, patient=patient)
        else:
            whole = await self._recognizer.partial(_joined(cut, pcm, pcm_start_s), "", patient=patient)
            partial = replace(whole, text=" ".join(whole.text.split()[cut.given :]))
        said = f"{partial.text} {partial.current}".strip()
        return partial if self.without_rest(said, turn_start_s) else Partial()

    def breaks_off(self, pause: SpeechEvent) -> bool:
        """Whether a pause is a hole in a line rather than its end."""
        cut = self._cut_before(pause.turn_start_s)
        return self._recognizer.breaks_off(_joined(cut, pause.pcm, pause.pcm_start_s) if cut else pause.pcm)

    async def cut(self, event: SpeechEvent, pcm: Samples) -> None:
        """Have a turn that the client ends hold the words so far; the next one has the rest of the line."""
        if not self._recognizer.word_by_word:
            return
        cut = self._cut_before(event.turn_start_s)
        given = cut.given if cut else 0
        partial = await self.so_far(pcm, event.turn_start_s, event.pcm_start_s, patient=True)
        if partial.text == UNMARKED and self._recognizer.breaks_off(pcm):
            partial = Partial(finished=False)  # the next turn has the line from its beginning
        self._texts[_key(event)] = asyncio.create_task(_known(partial.text))
        whole = _joined(cut, pcm, event.pcm_start_s) if cut else pcm
        given += len(partial.text.split())
        self._cut = _Cut(whole, event.last_voice_s, event.at_s, given, partial.finished)

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

    async def turn_over(self, event: SpeechEvent) -> None:
        """Settle what was said in the turn that ended with this event, before more is heard."""
        heard = await self.begin(event)
        text = self.without_rest(heard, event.turn_start_s)
        self._texts[_key(event)] = asyncio.create_task(_known(text))
        if text:
            self._said = text, event.last_voice_s
        elif heard and self._said:
            self._said = self._said[0], event.last_voice_s  # the rest of the line may have a hole, too

    def without_rest(self, text: str, turn_start_s: float) -> str:
        """Nothing for the rest of a line that a hole in the sound has cut off: its words were given before the hole.

        A signature tells the whole line from any part of it, and networks and busy machines make holes.
        """
        if self._said is None or not self._recognizer.word_by_word:
            return text
        said, until_s = self._said
        return "" if text in said and 0 <= turn_start_s - until_s < _REST_S else text

    async def _transcribe(self, event: SpeechEvent) -> str:
        cut = self._cut_before(event.turn_start_s)
        if cut is None:
            return await self._recognizer.transcribe(event.pcm)
        text = await self._recognizer.transcribe(_joined(cut, event.pcm, event.pcm_start_s))
        return " ".join(text.split()[cut.given :])

    def _cut_before(self, turn_start_s: float) -> _Cut | None:
        """The cut after which a turn goes on with the same line, or with another one soon after it."""
        if self._cut is None:
            return None
        limit_s = _REST_S if self._cut.finished else _UNFINISHED_REST_S
        return self._cut if turn_start_s - self._cut.last_voice_s < limit_s else None

    def forget(self, turn_start_s: float) -> None:
        """Forget what a pause of this turn began; the text of a former turn may still be awaited."""
        for key in [key for key in self._texts if key[0] == turn_start_s]:
            self._texts.pop(key).cancel()

    def under_way(self) -> list[asyncio.Task[str]]:
        """What is being transcribed."""
        return list(self._texts.values())


def _joined(cut: _Cut, pcm: Samples, pcm_start_s: float) -> Samples:
    gap = np.zeros(max(0, round((pcm_start_s - cut.at_s) * SAMPLE_RATE)), dtype=np.int16)
    return np.concatenate((cut.pcm, gap, pcm))


async def _known(text: str) -> str:
    return text


def _key(event: SpeechEvent) -> tuple[float, float]:
    return event.turn_start_s, event.last_voice_s

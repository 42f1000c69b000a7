"""Plays the caller's audio in real time: silence, and speech where there is some, without a gap.

LiveKit's AudioSource has a queue, which a thread of its own empties by 10 ms every 10 ms. The mouth sends a frame
whenever no more than LEAD_S is left in it, so that thread is the clock: it does not drift, and an event loop that is
busy for less than LEAD_S leaves no hole. One that is busy for longer may leave one in silence, which nobody hears, but
not in speech: after its first frames, the rest of an utterance is sent at once.

A frame leaves LEAD_S after it was sent, or earlier if it was sent late. How late is seen from the next two frames: each
was sent at the earliest when all but LEAD_S of the one before it had left. So speech is dated by when it left, not by
when it was sent, also on a machine that stops for a moment.
"""

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from simulator.speech.pcm import SAMPLE_RATE, Samples

FRAME = SAMPLE_RATE * 60 // 1000
"""Samples a frame: 60 ms. The queue makes packets of 20 ms of it. Each frame sent costs every call of the process an
event, so that small frames make many calls late; a long one only delays the beginning of speech, which is dated all the
same."""

LEAD_S = 0.06
QUEUE_MS = round(LEAD_S * 1000)
"""The queue_size_ms of the AudioSource: capture_frame returns when no more than this is left in its queue."""

_DATING_FRAMES = 3
"""So many frames, the first of them included, date the moment when the first one left."""

_SILENCE: Samples = np.zeros(FRAME, dtype=np.int16)


class Outlet(Protocol):
    """Where frames go, in order: 16-bit mono PCM at 16 kHz. Silence has 960 samples (60 ms); speech has any length."""

    async def __call__(self, frame: Samples) -> None:
        """Queue a frame, and return when no more than LEAD_S is left in the queue."""
        ...


@dataclass(frozen=True)
class Spoken:
    """When the first sample of an utterance left, and when its last had left (s, monotonic clock)."""

    started_at: float
    ended_at: float


@dataclass
class _Playing:
    """An utterance on its way: what of it is still to be sent, and how many frames came, from its first to silence."""

    speech: Samples
    spoken: asyncio.Future[Spoken]
    on_started: Callable[[float], None] | None
    started_at: float = 0.0
    frames_sent: int = 0
    silent_frames: int = 0

    def next_frame(self) -> Samples:
        """The first ones date the beginning. They are short: together they are no word that a hole could cut off."""
        self.frames_sent += 1
        size = FRAME // _DATING_FRAMES if self.frames_sent <= _DATING_FRAMES else len(self.speech)
        frame, self.speech = self.speech[:size], self.speech[size:]
        return frame


class Mouth:
    """A steady stream of frames. Create it, let run() run, and say() things."""

    def __init__(self, outlet: Outlet, on_frame: Callable[[Samples, float], None] | None = None) -> None:
        """Send frames to `outlet`; `on_frame` is told each frame and when its first sample leaves, or later."""
        self._outlet = outlet
        self._on_frame = on_frame
        self._waiting: _Playing | None = None
        self._playing: _Playing | None = None
        self._sent_at = 0.0
        self._sent_s = 0.0
        self._leave_at: deque[tuple[float, float]] = deque(maxlen=_DATING_FRAMES)
        self._lateness_ms: list[float] = []
        self._gaps = 0

    async def run(self) -> None:
        """Send frames until cancelled."""
        while True:
            frame = self._next_frame()
            now = time.monotonic()
            late_s = now - self._sent_at - self._sent_s if self._sent_at else 0.0
            ran_dry = not self._sent_at or late_s > LEAD_S
            self._lateness_ms.append(max(0.0, late_s) * 1000)
            self._gaps += late_s > LEAD_S
            self._sent_at, self._sent_s = now, len(frame) / SAMPLE_RATE
            self._leave_at.append((now if ran_dry else now + LEAD_S, self._sent_s))
            self._date()
            if self._on_frame:
                self._on_frame(frame, now + LEAD_S)
            await self._outlet(frame)

    def _next_frame(self) -> Samples:
        if self._playing is None:
            self._playing, self._waiting = self._waiting, None
        playing = self._playing
        if playing is None:
            return _SILENCE
        if len(playing.speech):
            return playing.next_frame()
        playing.silent_frames += 1
        playing.frames_sent += 1
        return _SILENCE

    def _date(self) -> None:
        """Date the beginning of the utterance in play with its third frame, and its end with the third of silence."""
        playing = self._playing
        if playing is None:
            return
        if playing.frames_sent == _DATING_FRAMES:
            playing.started_at = self._left_at()
            if playing.on_started:
                playing.on_started(playing.started_at)
        if playing.silent_frames == _DATING_FRAMES:
            self._playing = None
            if not playing.spoken.done():
                playing.spoken.set_result(Spoken(playing.started_at, self._left_at()))

    def _left_at(self) -> float:
        """When the third last frame left: no later than any of the three says."""
        earliest, before_s = float("inf"), 0.0
        for leaves_at, seconds in self._leave_at:
            earliest = min(earliest, leaves_at - before_s)
            before_s += seconds
        return earliest

    async def say(self, speech: Samples, on_started: Callable[[float], None] | None = None) -> Spoken:
        """Play `speech` (16-bit mono PCM at 16 kHz, not empty) and return when its last sample has left.

        `on_started` is called, soon after the first sample has left, with the time when it did (s).
        """
        self._waiting = _Playing(speech, asyncio.get_running_loop().create_future(), on_started)
        spoken = await self._waiting.spoken
        await asyncio.sleep(spoken.ended_at - time.monotonic())
        return spoken

    @property
    def lateness_p99_ms(self) -> float:
        """How late frames were sent, 99th percentile (ms). Up to LEAD_S it does no harm."""
        late = sorted(self._lateness_ms)
        return late[math.ceil(len(late) * 0.99) - 1] if late else 0.0

    @property
    def gaps(self) -> int:
        """How many times the queue ran dry, which the other side hears as a hole in the sound."""
        return self._gaps

"""Plays the caller's audio in real time: silence, and speech where there is some, without a gap.

LiveKit's AudioSource has a queue, which a thread of its own empties by 10 ms every 10 ms. The mouth sends a frame
whenever no more than LEAD_S is left in it, so that thread is the clock: it does not drift, and a busy event loop leaves
no hole.

A frame therefore leaves LEAD_S after it was sent, or earlier if it was sent late. How late is seen from the next two
frames: each was sent at the earliest FRAME_S after the one before it. So speech is dated by when it left, not by when
it was sent, also on a machine that stops for a moment.
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

FRAME_S = FRAME / SAMPLE_RATE
LEAD_S = 0.06
QUEUE_MS = round(LEAD_S * 1000)
"""The queue_size_ms of the AudioSource: capture_frame returns when no more than this is left in its queue."""

_DATING_FRAMES = 3

_SILENCE: Samples = np.zeros(FRAME, dtype=np.int16)


class Outlet(Protocol):
    """Where frames go, in order: 960 samples (60 ms) of 16-bit mono PCM at 16 kHz."""

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
    """An utterance of `samples` samples on its way. `frames_sent` counts the silence after it too."""

    samples: int
    spoken: asyncio.Future[Spoken]
    on_started: Callable[[float], None] | None
    started_at: float = 0.0
    frames_sent: int = 0

    @property
    def frames(self) -> int:
        return math.ceil(self.samples / FRAME)


class Mouth:
    """A steady stream of frames. Create it, let run() run, and say() things."""

    def __init__(self, outlet: Outlet, on_frame: Callable[[Samples, float], None] | None = None) -> None:
        """Send frames to `outlet`; `on_frame` is told each frame and when its first sample leaves, or later."""
        self._outlet = outlet
        self._on_frame = on_frame
        self._speech: Samples = _SILENCE[:0]
        self._waiting: _Playing | None = None
        self._playing: _Playing | None = None
        self._sent_at = 0.0
        self._leave_at: deque[float] = deque(maxlen=_DATING_FRAMES)
        self._lateness_ms: list[float] = []
        self._gaps = 0

    async def run(self) -> None:
        """Send frames until cancelled."""
        while True:
            now = time.monotonic()
            late_s = now - self._sent_at - FRAME_S if self._sent_at else 0.0
            ran_dry = not self._sent_at or late_s > LEAD_S
            self._lateness_ms.append(max(0.0, late_s) * 1000)
            self._gaps += late_s > LEAD_S
            self._sent_at = now
            self._leave_at.append(now if ran_dry else now + LEAD_S)
            self._date()
            frame = self._next_frame()
            if self._on_frame:
                self._on_frame(frame, now + LEAD_S)
            await self._outlet(frame)

    def _date(self) -> None:
        """Count the frames of the utterance in play, and date its first and last when the two after them were sent."""
        playing = self._playing
        if playing is None:
            return
        playing.frames_sent += 1
        leaves_at = min(at - number * FRAME_S for number, at in enumerate(self._leave_at))
        if playing.frames_sent == _DATING_FRAMES:
            playing.started_at = leaves_at
            if playing.on_started:
                playing.on_started(leaves_at)
        if playing.frames_sent == playing.frames + _DATING_FRAMES - 1:
            ended_at = leaves_at + (playing.samples - (playing.frames - 1) * FRAME) / SAMPLE_RATE
            self._playing = None
            if not playing.spoken.done():
                playing.spoken.set_result(Spoken(playing.started_at, ended_at))

    async def say(self, speech: Samples, on_started: Callable[[float], None] | None = None) -> Spoken:
        """Play `speech` (16-bit mono PCM at 16 kHz, not empty) and return when its last sample has left.

        `on_started` is called, soon after the first sample has left, with the time when it did (s).
        """
        playing = _Playing(len(speech), asyncio.get_running_loop().create_future(), on_started)
        self._speech, self._waiting = speech, playing
        spoken = await playing.spoken
        await asyncio.sleep(spoken.ended_at - time.monotonic())
        return spoken

    def _next_frame(self) -> Samples:
        if self._waiting is not None:
            self._playing, self._waiting = self._waiting, None
            self._playing.frames_sent = 1
        speech, self._speech = self._speech[:FRAME], self._speech[FRAME:]
        return speech if len(speech) == FRAME else np.pad(speech, (0, FRAME - len(speech)))

    @property
    def lateness_p99_ms(self) -> float:
        """How late frames were sent, 99th percentile (ms). Up to LEAD_S it does no harm."""
        late = sorted(self._lateness_ms)
        return late[math.ceil(len(late) * 0.99) - 1] if late else 0.0

    @property
    def gaps(self) -> int:
        """How many times the queue ran dry, which the other side hears as a hole in the sound."""
        return self._gaps

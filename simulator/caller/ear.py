"""Hears when the agent speaks, by energy, and keeps when it began and when it was last heard.

All times are seconds on one monotonic clock, and are arrival times: a sound is heard when the frame that holds it
arrives at the caller, as it would be in a telephone.
"""

from collections.abc import Callable
from dataclasses import dataclass

from simulator.speech.pcm import SAMPLE_RATE, Samples, rms

SPEECH_RMS = 200.0
"""Level of a 20 ms frame that counts as speech, in 16-bit steps: -44 dB of full scale. Speech is near 3,000; Opus'
comfort noise is below 10."""

SILENCE_S = 0.3
"""The agent has fallen silent when it has not been heard for this long; shorter gaps are pauses within its speech."""


PAUSE_S = 0.1
"""A gap in the agent's sound that is worth noting: the closure of a plosive in running speech lasts up to that."""


@dataclass(frozen=True)
class Pause:
    """A gap in the agent's sound. `began_at` is the arrival of the last audio before it.

    `quiet_s` counts its quiet frames, not the time between arrivals: frames that come late are no gap in the sound.
    """

    began_at: float
    quiet_s: float


@dataclass
class Stretch:
    """The agent's speech from one silence to the next. `last_at` is the arrival of the last audio heard so far."""

    started_at: float
    last_at: float
    ended: bool = False


class Ear:
    """Finds stretches of speech in the frames that arrive.

    Speech begins with the first of two loud frames in a row: one alone is a click. It is dated by the first.
    """

    def __init__(
        self,
        on_speaking: Callable[[Stretch], None] | None = None,
        on_silent: Callable[[Stretch], None] | None = None,
    ) -> None:
        """Call `on_speaking` when a stretch begins, and `on_silent` SILENCE_S after its last audio."""
        self.stretches: list[Stretch] = []
        self.pauses: list[Pause] = []
        self._on_speaking = on_speaking
        self._on_silent = on_silent
        self._loud_at: float | None = None
        self._quiet_s = 0.0

    @property
    def now_speaking(self) -> Stretch | None:
        """The stretch that is being spoken, if there is one."""
        return self.stretches[-1] if self.stretches and not self.stretches[-1].ended else None

    def hear(self, frame: Samples, arrived_at: float) -> None:
        """Take a frame (16-bit mono PCM at 16 kHz, about 20 ms) that has arrived."""
        self.listen(arrived_at)
        if rms(frame) < SPEECH_RMS:
            self._loud_at = None
            self._quiet_s += len(frame) / SAMPLE_RATE
        elif (stretch := self.now_speaking) is not None:
            self._note_pause(stretch)
            stretch.last_at = arrived_at
        elif self._loud_at is None:
            self._loud_at = arrived_at
        else:
            self._note_pause(self.stretches[-1] if self.stretches else None)
            stretch = Stretch(self._loud_at, arrived_at)
            self._loud_at = None
            self.stretches.append(stretch)
            if self._on_speaking:
                self._on_speaking(stretch)

    def _note_pause(self, before: Stretch | None) -> None:
        if before is not None and self._quiet_s >= PAUSE_S:
            self.pauses.append(Pause(before.last_at, self._quiet_s))
        self._quiet_s = 0.0

    def listen(self, now: float) -> None:
        """Notice silence also when no frame arrives: a track can end in the middle of a word."""
        stretch = self.now_speaking
        if stretch is not None and now - stretch.last_at >= SILENCE_S:
            stretch.ended = True
            if self._on_silent:
                self._on_silent(stretch)

    def reply_to(self, said_from: float, said_until: float) -> Stretch | None:
        """Return the answer to what the caller said between these two times.

        It is the first stretch that begins after the caller did and is still heard SILENCE_S after the caller ended:
        what the agent was saying before is no answer, nor is a word that it swallows when it notices that the caller
        goes on. An agent that begins too early, and does not stop, gives a stretch that begins before `said_until`.
        """
        for stretch in self.stretches:
            if stretch.started_at >= said_until:
                return stretch
            if stretch.started_at > said_from and stretch.last_at >= said_until + SILENCE_S:
                return stretch
        return None

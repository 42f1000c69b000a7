"""Finds a recognizer that is connected and answers, and understands nothing of what the caller says.

One that does not answer is found within three seconds by its owner, which asks it for a sign. One that is deaf gives
every sign. What tells is speech without words: the energy of the audio arouses the suspicion, and only then does the
voice activity model judge what was heard. So an ordinary call, in which words come half a second after the voice, costs
no judgment, and noise, music and tones cost one now and then, in a thread: 100 us for each 32 ms of it.

What is heard while the agent speaks does not count, because it may be the agent's echo.
"""

import asyncio
from collections import deque
from typing import Any

from pipecat.frames.frames import (
    EagerTranscriptionFrame,
    Frame,
    InterimTranscriptionFrame,
    ProposedUserStartedSpeakingFrame,
    ProposedUserStoppedSpeakingFrame,
    TranscriptionFrame,
)

from workers.media.output import AgentVoice
from workers.media.speech_meter import BLOCK, SAMPLE_RATE, SpeechMeter
from workers.providers.failover.heard_audio import LONGEST_S, PRE_ROLL_S
from workers.providers.failover.stt import FailoverSTT
from workers.turns.detectors import WINDOW, SileroState

PATIENCE_S = 6.0  # from the beginning of speech without words, to a replacement
LOUD_S = 1.0  # so much must be as loud as speech: a cough, and a "hm" that a recognizer leaves out, are shorter
SPEECH_S = 0.7  # and so much be a voice, as Silero judges: in clear speech, it is nearly all that is loud
SPEECH_ABOVE = 0.5  # of Silero's confidence, its authors' threshold
TIMES_MAX = 4
"""How often in a row a recognizer is replaced. After it, the caller most likely speaks no words: a television, a choir.

After 6, 12, 24 and 48 s: at the second time the beginning is still kept for the one that takes over, then pauses grow.
"""


class DeafWatch:
    """Has the recognizer connected anew when it finds no words in speech, and then replaced by another one."""

    def __init__(self, stt: FailoverSTT, voice: AgentVoice) -> None:
        self._stt = stt
        self._voice = voice
        self._meter = SpeechMeter()
        self._heard: deque[tuple[bytes, int]] = deque()  # audio, and how many blocks of it are as loud as speech
        self._samples = self._loud_blocks = 0  # of what is kept
        self._waited_s = 0.0
        self._times = 0
        self._last_words = ""
        self._judging: asyncio.Task[None] | None = None

    async def hear(self, pcm: bytes) -> None:
        """Listen to the caller's audio, 16 kHz mono 16-bit PCM. Never waits."""
        if not self._voice.is_speaking:
            self._keep(pcm)
        loud_s = self._loud_blocks * BLOCK / SAMPLE_RATE
        if loud_s < LOUD_S:
            self._waited_s = loud_s  # as if it came in one go: what lay between may be minutes
            return
        self._waited_s += _seconds(pcm)
        if self._waited_s >= self._patience_s and self._judging is None:
            audio = b"".join(kept for kept, _ in self._heard)
            self._judging = asyncio.create_task(self._judge(audio))

    def note(self, _stt: Any, frame: Frame) -> None:
        """Note what the recognizer pushes: words, or a turn, show that it hears."""
        match frame:
            case InterimTranscriptionFrame():
                # Flux repeats what it has of an open turn four times a second, whether or not it hears more.
                if frame.text == self._last_words:
                    return
                self._last_words = frame.text
                self._understood()
            case (
                EagerTranscriptionFrame()
                | TranscriptionFrame()
                | ProposedUserStartedSpeakingFrame()
                | ProposedUserStoppedSpeakingFrame()
            ):
                self._last_words = ""
                self._understood()

    @property
    def _patience_s(self) -> float:
        return PATIENCE_S * 2.0 ** max(0, self._times - 1)

    def _keep(self, pcm: bytes) -> None:
        """Keep as much as a recognizer that takes over would hear."""
        loud_blocks = sum(self._meter.speech_blocks(pcm))
        self._heard.append((pcm, loud_blocks))
        self._samples += len(pcm) // 2
        self._loud_blocks += loud_blocks
        while self._samples > (LONGEST_S if self._loud_blocks else PRE_ROLL_S) * SAMPLE_RATE:
            oldest, loud_blocks = self._heard.popleft()
            self._samples -= len(oldest) // 2
            self._loud_blocks -= loud_blocks

    def _understood(self) -> None:
        self._start_over()
        self._times = 0
        if self._judging is not None:
            self._judging.cancel()
            self._judging = None

    def _start_over(self) -> None:
        self._heard.clear()
        self._samples = self._loud_blocks = 0
        self._waited_s = 0.0

    async def _judge(self, audio: bytes) -> None:
        """Have the recognizer replaced if there is speech in this audio."""
        speech_s = await asyncio.to_thread(_speech_s, audio)
        self._judging = None
        self._waited_s = 0.0
        if speech_s < SPEECH_S or self._times == TIMES_MAX:
            self._start_over()
        elif self._stt.replace_deaf(by_another=self._times > 0):
            self._times += 1  # what was heard counts on: the next one hears it, too
        else:
            self._start_over()


def _speech_s(pcm: bytes) -> float:
    """How many seconds of the audio are somebody's voice, as Silero judges."""
    silero, size = SileroState(), WINDOW * 2
    windows = (pcm[start : start + size] for start in range(0, len(pcm) - size + 1, size))
    return sum(silero.confidence(window) > SPEECH_ABOVE for window in windows) * WINDOW / SAMPLE_RATE


def _seconds(pcm: bytes) -> float:
    return len(pcm) / 2 / SAMPLE_RATE

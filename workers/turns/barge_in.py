"""Whether a sound that the caller makes while the agent speaks is an interruption.

Waiting until that is certain would let the agent talk over its caller, and stopping at every sound would let a cough or
an "mhm" end its sentence. So the agent pauses as soon as someone speaks, which takes a tenth of a second, and either
goes on where it stopped or is interrupted for good, as soon as words or the length of the speech tell which it was.

A "yeah" in the middle of what the agent says is a backchannel; the same word at the end of it is an answer. So it is
kept, and becomes the caller's turn if the agent's speech ends soon after it.
"""

from pipecat.frames.frames import (
    BotStoppedSpeakingFrame,
    EagerTranscriptionFrame,
    Frame,
    InterimTranscriptionFrame,
    ProposedUserStartedSpeakingFrame,
    ProposedUserStoppedSpeakingFrame,
    TranscriptionFrame,
    VADUserStartedSpeakingFrame,
)
from pipecat.turns.types import ProcessFrameResult
from pipecat.turns.user_start import BaseUserTurnStartStrategy

from workers.media.output import AgentVoice
from workers.media.speech_meter import SAMPLE_RATE
from workers.turns.backchannels import is_backchannel
from workers.turns.detectors import WINDOW, SileroState
from workers.turns.farewells import is_farewell

WINDOW_MS = WINDOW * 1000 // SAMPLE_RATE
SPEECH_ABOVE = 0.5  # of Silero's confidence, its authors' threshold: to be wrong costs half a second of silence
ONSET_MS = 2 * WINDOW_MS  # of speech, and the agent pauses; clicks are shorter
ONSET_MAX_MS = 12 * WINDOW_MS
REAL_MS = 1500  # of speech, and it is an interruption before its words are there; the agent is silent meanwhile
OVER_AFTER_MS = 450  # of silence without words that interrupt, and the agent goes on
ANSWER_BEFORE_END_S = 0.5
"""Words that are understood so long before the end of the agent's speech, or later, are an answer. The agent's pause
does not count. What LiveKit still holds at the end, 0.2 s, comes on top: voices end with as much silence."""


class BargeIn(BaseUserTurnStartStrategy):
    """Starts the caller's turns: at once while the agent is silent, on an interruption while it speaks."""

    def __init__(self, voice: AgentVoice, language: str) -> None:
        super().__init__()
        self._voice = voice
        self._language = language
        self._silero = SileroState()
        self._pending = b""
        self._speech_ms = 0
        self._silence_ms = 0
        self._paused = False
        self._onset_ms = ONSET_MS
        self.taking_leave = False
        """The agent says its last words: a caller who says goodbye, too, does not interrupt it."""
        self.any_word_interrupts = False
        """The agent is about to hang up on a silent caller: a "yeah" shows that someone is there after all."""
        self._kept: list[tuple[Frame, float]] = []
        """Backchannels with their ends of turn, and how much had been heard of the agent by then, in seconds."""

    @property
    def resolves_proposed_turn_start_frames(self) -> bool:
        return True

    async def process_frame(self, frame: Frame) -> ProcessFrameResult:
        match frame:
            case VADUserStartedSpeakingFrame() | ProposedUserStartedSpeakingFrame() if not self._voice.is_speaking:
                return await self._start_turn()
            case InterimTranscriptionFrame() | EagerTranscriptionFrame() | TranscriptionFrame():
                return await self._judge_words(frame)
            case ProposedUserStoppedSpeakingFrame() if self._kept:
                self._keep(frame)
            case BotStoppedSpeakingFrame():
                await self._agent_stopped()
        return ProcessFrameResult.CONTINUE

    async def hear(self, pcm: bytes) -> None:
        """Listen to the caller's audio, 16 kHz mono 16-bit PCM; does nothing while the agent is silent."""
        if not self._voice.is_speaking:
            if self._speech_ms or self._silence_ms:
                await self._voice.resume()  # it ended as it was paused: its next words must not wait
                self._forget()
            return
        self._pending += pcm
        while len(self._pending) >= WINDOW * 2:
            window, self._pending = self._pending[: WINDOW * 2], self._pending[WINDOW * 2 :]
            await self._judge_sound(self._is_speech(window))

    async def handle_user_turn_started(self) -> None:
        self._forget()
        self._kept.clear()

    # --- Judging ------------------------------------------------------------------------------------------------------

    async def _judge_sound(self, is_speech: bool) -> None:
        if is_speech:
            self._speech_ms += WINDOW_MS
            self._silence_ms = 0
        else:
            self._silence_ms += WINDOW_MS
            if not self._paused:
                self._speech_ms = 0
        if not self._paused:
            if self._speech_ms >= self._onset_ms:
                self._paused = True
                self._voice.pause()
        elif self._speech_ms >= REAL_MS:
            await self._start_turn()
        elif self._silence_ms >= OVER_AFTER_MS:
            await self._go_on()

    async def _judge_words(
        self, frame: InterimTranscriptionFrame | EagerTranscriptionFrame | TranscriptionFrame
    ) -> ProcessFrameResult:
        if not self._voice.is_speaking or self._interrupts(frame.text):
            return await self._start_turn()
        if isinstance(frame, TranscriptionFrame) and not self.taking_leave:
            self._keep(frame)
        # Or the words would stand before the caller's next ones.
        await self.trigger_reset_aggregation()  # type: ignore[no-untyped-call]  # Pipecat's
        return ProcessFrameResult.CONTINUE

    def _interrupts(self, text: str) -> bool:
        if self.any_word_interrupts:
            return any(character.isalnum() for character in text)
        if self.taking_leave and is_farewell(text, self._language):
            return False
        return not is_backchannel(text, self._language)

    def _keep(self, frame: Frame) -> None:
        self._kept.append((frame, self._voice.heard_s))

    async def _agent_stopped(self) -> None:
        """Have the words at the end of the agent's speech judged again: now they begin the caller's turn."""
        kept, self._kept = self._kept, []
        for frame, heard_s in kept:
            if self._voice.heard_s - heard_s <= ANSWER_BEFORE_END_S:
                await self.push_frame(frame)

    async def _start_turn(self) -> ProcessFrameResult:
        await self.trigger_user_turn_started()
        return ProcessFrameResult.STOP

    async def _go_on(self) -> None:
        self._paused = False
        self._speech_ms = 0
        # A noisy line must not make the agent stutter: each sound that was none asks more of the next one.
        self._onset_ms = min(self._onset_ms * 2, ONSET_MAX_MS)
        await self._voice.resume()

    def _forget(self) -> None:
        self._silero.reset_states()
        self._pending = b""
        self._speech_ms = self._silence_ms = 0
        self._paused = False
        self._onset_ms = ONSET_MS

    def _is_speech(self, window: bytes) -> bool:
        return self._silero.confidence(window) > SPEECH_ABOVE

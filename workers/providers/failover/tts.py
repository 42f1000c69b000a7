"""The agent's speech in the pipeline: what is said in which order, from memory or by whichever voice works."""

from collections.abc import AsyncGenerator, Callable

from pipecat.frames.frames import (
    EagerEndOfTurnCancelFrame,
    Frame,
    InterruptionFrame,
    LLMFullResponseStartFrame,
    TTSAudioRawFrame,
    TTSSpeakFrame,
    TTSStoppedFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessorSetup
from pipecat.services.settings import TTSSettings
from pipecat.services.tts_service import TTSService
from pipecat.transcriptions.language import Language

from agents.voices.fixed_lines import SAMPLE_RATE
from workers.providers.failover.speaker import Speaker
from workers.providers.speech.cached_lines import CallLines, Line
from workers.providers.speech.clauses import FirstClauseAggregator
from workers.providers.speech.held_reply import HeldReply
from workers.providers.speech.word_times import WordTimes
from workers.providers.synthesizer import SpeechListener, Synthesizer
from workers.providers.targets import Target

QUIET_S = 8.0  # after which Pipecat takes an utterance for finished: long enough to fail over twice
# A word counts as heard a moment after it began. Words and the start of the agent's turn take two queues of Pipecat's
# to the transcript: a line of one word, all of which is there at once, would otherwise overtake the start of its turn.
HEARD_AFTER_S = 0.05


class FailoverTTS(TTSService):
    """Speaks what the language model writes, and lines that are to be said word for word.

    A TTSSpeakFrame whose text is one of the call's lines is played from memory. It goes through the queue of audio
    contexts like all other speech: what came before it is heard before it, an interruption drops it, and its words are
    recorded at the time when they are heard. A sentence of the language model is never taken from memory, because it
    shares its audio context with the rest of the reply.

    A reply to a predicted end of turn, which `is_speculating` tells, is held until its turn is confirmed.

    Event `on_mute` (service, target): a voice has words and gives no sound. It is connected anew, or replaced.

    Event `on_failover` (service, failed target, next target, why). When no target is left, `is_down` is True until one
    works again, what was owed is given up, and an error is pushed.
    """

    def __init__(
        self,
        targets: list[Target],
        make: Callable[[Target, SpeechListener], Synthesizer],
        lines: CallLines,
        language: Language,
        is_speculating: Callable[[], bool],
    ) -> None:
        super().__init__(
            push_text_frames=False,
            push_start_frame=True,
            pause_frame_processing=True,
            stop_frame_timeout_s=QUIET_S,
            settings=TTSSettings(model=None, voice=None, language=language),
        )
        self._register_event_handler("on_failover")
        self._register_event_handler("on_mute")
        self._text_aggregator = FirstClauseAggregator(language=self._text_aggregator.language)
        self._speaker = Speaker(targets, make, self)
        self._lines = lines
        self._line: Line | None = None  # of the frame that is being handled
        self._line_contexts: set[str] = set()  # audio contexts that no voice has ever heard of
        self._given_up: set[str] = set()  # audio contexts of the present reply that nobody could speak
        self._held = HeldReply(f"{self}::HeldReply", is_speculating)
        self._word_times = WordTimes()
        self._words_from_ns = 0

    @property
    def target(self) -> Target:
        """Who speaks now."""
        return self._speaker.target

    @property
    def is_down(self) -> bool:
        """Whether no voice could speak when it was last asked."""
        return self._speaker.is_down

    async def setup(self, setup: FrameProcessorSetup) -> None:  # type: ignore[override]  # as Pipecat's own
        await super().setup(setup)
        await self._speaker.start(setup)

    async def cleanup(self) -> None:
        await super().cleanup()  # type: ignore[no-untyped-call]  # Pipecat's
        await self._speaker.stop()

    # --- Frames -------------------------------------------------------------------------------------------------------

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        match frame:
            case InterruptionFrame():
                self._word_times.forget()
                self._held.interrupt()
            case LLMFullResponseStartFrame():
                self._held.begin(frame)
                self._given_up.clear()
            case EagerEndOfTurnCancelFrame() if self._held.may_be_withdrawn:
                await self._withdraw(direction)
        if self._held.is_withdrawn(frame):
            return
        self._line = self._line_of(frame)
        try:
            await super().process_frame(frame, direction)
        finally:
            self._line = None

    async def push_frame(self, frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM) -> None:
        """Push what is not held, with the time at which it is heard."""
        self._word_times.arrived(frame, self._words_from_ns)
        for passed, way in self._held.process(frame, direction):
            self._word_times.leaves(passed, self.get_clock().get_time())
            await super().push_frame(passed, way)

    async def start_word_timestamps(self) -> None:
        """Note from when the words that follow are counted, as Pipecat does."""
        self._words_from_ns = max(self._word_timestamp_tracker.last_pts, self.get_clock().get_time())
        await super().start_word_timestamps()  # type: ignore[no-untyped-call]  # Pipecat's

    async def _withdraw(self, direction: FrameDirection) -> None:
        """As after an interruption, but nothing was heard: text that waits and speech that is made are given up."""
        self._held.withdraw()
        await self._start_interruption()  # type: ignore[no-untyped-call]  # Pipecat's
        await self._handle_interruption(InterruptionFrame(), direction)

    # --- Speech -------------------------------------------------------------------------------------------------------

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame | None, None]:
        """Play the line, or have a voice say the text. What is heard comes through the audio context."""
        if self._line is not None:
            await self._play(self._line, context_id)
        elif context_id in self._given_up:
            await self._drop({context_id})
        else:
            await self._speaker.say(context_id, text)
        yield None

    def _line_of(self, frame: Frame) -> Line | None:
        if not isinstance(frame, TTSSpeakFrame):
            return None
        return self._lines.in_any_voice(frame.text) if self.is_down else self._lines.get(frame.text)

    async def _play(self, line: Line, context_id: str) -> None:
        self._line_contexts.add(context_id)
        for chunk in line.chunks():
            audio = TTSAudioRawFrame(chunk, SAMPLE_RATE, 1, context_id=context_id)
            await self.append_to_audio_context(context_id, audio)
        words = [(word, start_s + HEARD_AFTER_S) for word, start_s in line.words]
        await self.add_word_timestamps(words, context_id)

    async def flush_audio(self, context_id: str | None = None) -> None:
        """All text of the audio context has been asked for."""
        if context_id is None:
            return
        if context_id in self._line_contexts:
            self._line_contexts.discard(context_id)
            await self.speech_ended(context_id)
        else:
            await self._speaker.finish(context_id)

    async def on_audio_context_interrupted(self, context_id: str) -> None:
        self._line_contexts.discard(context_id)
        await self._speaker.forget(context_id)

    async def on_audio_context_completed(self, context_id: str) -> None:
        await self._speaker.forget(context_id)

    async def _record_context_audio_outcome(self, context_id: str, received_audio: bool) -> None:
        """Do nothing: the speaker has its own deadline for silence."""

    # --- What the speaker tells ---------------------------------------------------------------------------------------

    async def speech_came(self, context_id: str, frame: TTSAudioRawFrame) -> None:
        await self.append_to_audio_context(context_id, frame)

    async def words_came(self, context_id: str, words: list[tuple[str, float]], *, carry_spaces: bool) -> None:
        await self.add_word_timestamps(words, context_id, includes_inter_frame_spaces=carry_spaces)

    def position_s(self, context_id: str, sent_s: float) -> float:
        """Later than what was sent by the silence that has been heard since, if another voice goes on."""
        if not sent_s or not self._word_timestamp_tracker.started or self.get_active_audio_context_id() != context_id:
            return sent_s
        due_ns = self._word_timestamp_tracker.pts(sent_s)
        return sent_s + max(0, self.get_clock().get_time() - due_ns) / 1e9

    async def speech_ended(self, context_id: str) -> None:
        if self.audio_context_available(context_id):
            await self.append_to_audio_context(context_id, TTSStoppedFrame(context_id=context_id))
            await self.remove_audio_context(context_id)

    async def given_up(self, context_ids: set[str], why: str) -> None:
        self._given_up |= context_ids
        await self._drop(context_ids)
        await self.push_error(f"no voice is left: {why}")

    async def _drop(self, context_ids: set[str]) -> None:
        """What is not spoken is not in the transcript."""
        self._aggregated_frame_sequencer.clear(keep_contexts=set(self.get_audio_contexts()) - context_ids)
        for context_id in context_ids:
            await self.speech_ended(context_id)

    async def fell_mute(self, target: Target) -> None:
        await self._call_event_handler("on_mute", target)

    async def failed_over(self, failed: Target, taken: Target, why: str) -> None:
        await self._call_event_handler("on_failover", failed, taken, why)

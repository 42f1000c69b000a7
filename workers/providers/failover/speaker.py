"""Voices that stand in for one another within the same utterance, whoever their vendors are.

The words whose speech has come are heard; the rest is asked of the next voice. So nothing is said twice but for a word
that was cut in the middle, and the times of the words go on.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

import structlog
from pipecat.frames.frames import TTSAudioRawFrame
from pipecat.processors.frame_processor import FrameProcessorSetup

from workers import metrics
from workers.providers import circuits
from workers.providers.failover.outage import another_round
from workers.providers.failover.utterances import Utterance, Utterances
from workers.providers.synthesizer import SpeechFailed, SpeechListener, Synthesizer
from workers.providers.targets import Target

log = structlog.get_logger(__name__)

AUDIO_WITHIN_S = 1.5  # from the text, or from the last audio while more is owed; vendors take 0.1 to 0.3
NO_AUDIO, NO_AUDIO_IN_TIME = "no audio", "no audio in time"


class Speech(Protocol):
    """Where the speech goes. An utterance is known by its context id."""

    async def speech_came(self, context_id: str, frame: TTSAudioRawFrame) -> None:
        """16 kHz mono 16-bit PCM, to be heard after what came before it."""

    async def words_came(self, context_id: str, words: list[tuple[str, float]], *, carry_spaces: bool) -> None:
        """Words with their start in seconds since the utterance began."""

    def position_s(self, context_id: str, sent_s: float) -> float:
        """Where in an utterance speech is heard that comes now, after `sent_s` seconds of it."""

    async def speech_ended(self, context_id: str) -> None:
        """All of the utterance has come."""

    async def given_up(self, context_ids: set[str], why: str) -> None:
        """Nobody can speak: what these utterances still owe never comes."""

    async def fell_mute(self, target: Target) -> None:
        """This voice was given words, and no sound comes."""

    async def failed_over(self, failed: Target, taken: Target, why: str) -> None:
        """Another voice speaks from now on."""


class Speaker:
    """Has texts spoken by the first of its targets that gives audio in time. A sole one gets a second connection.

    `is_down`: no target could speak when it was last asked. `target` is who speaks, or was asked last.
    """

    def __init__(
        self, targets: list[Target], make: Callable[[Target, SpeechListener], Synthesizer], speech: Speech
    ) -> None:
        self.is_down = False
        self._targets = circuits.providers.order(targets)
        self._make = make
        self._speech = speech
        self.target = self._targets[0]
        self._voice: Synthesizer | None = None
        self._utterances = Utterances()
        self._failed: dict[Target, str] = {}  # since something was last heard, with the reason
        self._mute: set[Target] = set()  # those of them that were asked, and did not speak
        self._was_restarted = False  # since then, too
        self._failing_since: float | None = None
        self._settled = asyncio.Event()  # clear while another voice takes over
        self._settled.set()
        self._deadline: asyncio.TimerHandle | None = None
        self._setup: FrameProcessorSetup | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, setup: FrameProcessorSetup) -> None:
        """Connect, so that the first words do not wait for it. Who cannot be reached now is tried again for these."""
        self._setup = setup
        await self._connect()
        if self._voice is None:
            self._failed.clear()

    async def stop(self) -> None:
        """Close the connection."""
        self._setup = None
        if self._deadline is not None:
            self._deadline.cancel()
        for task in list(self._tasks):
            task.cancel()
        voice, self._voice = self._voice, None
        if voice is not None:
            await voice.cleanup()  # type: ignore[no-untyped-call]  # Pipecat's

    # --- Speaking -----------------------------------------------------------------------------------------------------

    async def say(self, context_id: str, text: str) -> None:
        """Ask for the speech of a text at the end of an utterance. Waits while another voice takes over."""
        if not self._settled.is_set():
            await self._settled.wait()
            if self.is_down:
                return  # it was given up with what came before it
        if not self._utterances.are_owed():
            self._failing_since = None  # what failed before was something else's, perhaps long ago
        utterance = self._utterances[context_id]
        if self._voice is None:
            await self._connect_patiently()
        if self._voice is None:
            await self._give_up()
        else:
            await self._ask(self._voice, context_id, utterance, text)

    async def finish(self, context_id: str) -> None:
        """No more text of this utterance comes."""
        utterance = self._utterances.get(context_id)
        if utterance is None:
            return
        utterance.is_complete = True
        self._expect_audio()
        if self._settled.is_set() and self._voice is not None:
            await self._voice.finish(context_id)

    async def forget(self, context_id: str) -> None:
        """Nobody waits for this utterance anymore."""
        self._utterances.forget(context_id)
        if self._voice is not None:
            await self._voice.forget(context_id)

    async def _ask(self, voice: Synthesizer, context_id: str, utterance: Utterance, text: str) -> None:
        utterance.text += f"{text} "
        self._expect_audio()
        metrics.characters(self.target.provider, len(text))
        await voice.say(context_id, text)

    # --- What a voice tells -------------------------------------------------------------------------------------------

    async def begun(self, source: Synthesizer, context_id: str) -> None:
        utterance = self._utterances.get(context_id)
        if utterance is not None:
            utterance.start_again()
            utterance.is_timed = source.is_timed

    async def audio(self, source: Synthesizer, context_id: str, frame: TTSAudioRawFrame) -> None:
        utterance = self._utterance_of(source, context_id)
        if utterance is None:
            return
        if utterance.from_s is None:
            utterance.from_s = self._speech.position_s(context_id, utterance.sent_s)
        utterance.came(frame.num_frames / frame.sample_rate)
        self.is_down = False
        self._note_progress(utterance)
        self._expect_audio()
        await self._speech.speech_came(context_id, frame)

    async def words(
        self, source: Synthesizer, context_id: str, words: list[tuple[str, float]], *, carry_spaces: bool
    ) -> None:
        utterance = self._utterance_of(source, context_id)
        if utterance is None:
            return
        if utterance.from_s is None:  # they came before their speech
            utterance.from_s = self._speech.position_s(context_id, utterance.sent_s)
        utterance.voiced(words)
        timed = [(word, utterance.from_s + start_s) for word, start_s in words]
        await self._speech.words_came(context_id, timed, carry_spaces=carry_spaces)

    async def ended(self, source: Synthesizer, context_id: str) -> None:
        utterance = self._utterance_of(source, context_id)
        if utterance is None:
            return
        if utterance.rest() and not utterance.audio_s:
            self._fail_over_soon(NO_AUDIO, is_mute=True)
            return
        self._utterances.forget(context_id)
        self._expect_audio()
        await self._speech.speech_ended(context_id)

    async def failed(self, source: Synthesizer, why: str) -> None:
        if source is self._voice and self._utterances.are_owed():
            self._fail_over_soon(why, is_mute=self._breaks_off())

    def _breaks_off(self) -> bool:
        """Whether it has begun to speak, and has not come to the end of a word."""
        return any(utterance.audio_s and not utterance.has_progressed() for _, utterance in self._utterances.all())

    def _utterance_of(self, source: Synthesizer, context_id: str) -> Utterance | None:
        return self._utterances.get(context_id) if source is self._voice else None

    # --- Failing over -------------------------------------------------------------------------------------------------

    async def _connect(self) -> None:
        """Connect to the first target that answers; to none, if none does."""
        for target in self._targets:
            if target in self._failed or self._setup is None:
                continue
            self.target = target
            voice = self._make(target, self)
            try:
                await voice.connect(self._setup)
            except SpeechFailed as error:
                self._note_failure(str(error))
                await voice.drop()
                continue
            except asyncio.CancelledError:  # the caller interrupts what was to be said
                await voice.drop()
                raise
            self._voice = voice
            if self._failed:
                failed, why = next(reversed(self._failed.items()))
                await self._speech.failed_over(failed, target, why)
            return

    async def _connect_patiently(self) -> None:
        """When nobody can be reached, all are tried again for a while: a short outage of the network ends no call."""
        await self._connect()
        while self._voice is None and self._setup is not None:
            if self._mute.issuperset(self._targets):
                if not self._may_restart():
                    return
            elif not await another_round(self._failing_since):
                return
            self._failed = {target: why for target, why in self._failed.items() if target in self._mute}
            await self._connect()

    def _may_restart(self) -> bool:
        """Whether a mute voice is asked again, on a new connection: once, and only if no other can say its words."""
        if self._was_restarted or len(self._targets) > 1:
            return False
        self._was_restarted = True
        self._mute.clear()
        return True

    def _note_progress(self, utterance: Utterance) -> None:
        """After a failure a whole word must come: voices that break off within one would take turns for ever."""
        if not (self._failed or self._was_restarted) or utterance.has_progressed():
            self._forget_failures()
            circuits.providers.worked(self.target)

    def _note_failure(self, why: str) -> None:
        log.warning("tts_failed", target=str(self.target), why=why)
        circuits.providers.failed(self.target)
        self._failed.pop(self.target, None)
        self._failed[self.target] = why  # as the last
        if self._failing_since is None:
            self._failing_since = time.monotonic()

    def _forget_failures(self) -> None:
        self._failed.clear()
        self._mute.clear()
        self._was_restarted = False
        self._failing_since = None

    def _expect_audio(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        loop = asyncio.get_running_loop()
        self._deadline = loop.call_later(AUDIO_WITHIN_S, self._check) if self._utterances.all() else None

    def _check(self) -> None:
        if self._utterances.are_owed():
            self._fail_over_soon(NO_AUDIO_IN_TIME, is_mute=True)
            return
        for context_id, utterance in self._utterances.all():
            if utterance.is_complete:  # all that is missing is the word that it is over
                self._spawn(self._end(context_id))

    def _fail_over_soon(self, why: str, *, is_mute: bool) -> None:
        """`is_mute`: it took the text and does not speak. Whose connection was lost may be asked again."""
        if self._settled.is_set() and self._setup is not None:
            self._settled.clear()
            if is_mute:
                self._mute.add(self.target)
            self._spawn(self._fail_over(why))

    async def _fail_over(self, why: str) -> None:
        try:
            if why in (NO_AUDIO, NO_AUDIO_IN_TIME):
                await self._speech.fell_mute(self.target)
            self._note_failure(why)
            former, self._voice = self._voice, None
            if former is not None:
                await former.drop()
            await self._connect_patiently()
            if self._voice is None:
                await self._give_up()
            else:
                await self._say_the_rest(self._voice)
        finally:
            self._settled.set()

    async def _say_the_rest(self, voice: Synthesizer) -> None:
        for context_id, utterance in self._utterances.all():
            if rest := utterance.start_again():
                utterance.text = ""  # it is noted again with the request
                await self._ask(voice, context_id, utterance, rest)
                if utterance.is_complete:
                    await voice.finish(context_id)
            elif utterance.is_complete:
                await self._end(context_id)

    async def _give_up(self) -> None:
        """Nobody can speak. All are tried again with the next text."""
        why = next(reversed(self._failed.values()), "")
        self._forget_failures()
        self.is_down = True
        owed = {context_id for context_id, _ in self._utterances.all()}
        for context_id in owed:
            self._utterances.forget(context_id)
        await self._speech.given_up(owed, why)

    async def _end(self, context_id: str) -> None:
        self._utterances.forget(context_id)
        await self._speech.speech_ended(context_id)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

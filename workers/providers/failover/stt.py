"""Recognizers that take over from one another on failure, in the middle of a word if need be.

The place in the pipeline is this processor's; the work is done by one service at a time, which is linked to its
neighbors as if it stood there itself, so that no frame takes a hop more. The next service is made when it is needed,
and hears first what its predecessor left without a final transcript. So does the recognizer of an agent that goes on
with the call of another.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import structlog
from pipecat.frames.frames import (
    EagerTranscriptionFrame,
    ErrorFrame,
    Frame,
    InputAudioRawFrame,
    InterimTranscriptionFrame,
    ProposedUserStartedSpeakingFrame,
    ProposedUserStoppedSpeakingFrame,
    StartFrame,
    TranscriptionFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor, FrameProcessorSetup

from workers import metrics
from workers.media.speech_meter import SpeechMeter
from workers.providers import circuits
from workers.providers.failover import outage
from workers.providers.failover.heard_audio import HeardAudio, frames_of
from workers.providers.recognizer import Recognizer, TranscriptCompleteFrame
from workers.providers.targets import Target

log = structlog.get_logger(__name__)

UNDERSTOOD = (
    EagerTranscriptionFrame,
    InterimTranscriptionFrame,
    ProposedUserStartedSpeakingFrame,
    ProposedUserStoppedSpeakingFrame,
    TranscriptCompleteFrame,
    TranscriptionFrame,
)
NO_ANSWER = "no answer in time"
NO_WORDS = "it answers, and finds no words in the caller's speech"
SIGN_WITHIN_S = 1.0  # from the question whether the service is there


class FailoverSTT(FrameProcessor):
    """Hears through the first of its targets that works. 16 kHz mono 16-bit PCM in.

    Event `on_failover` (service, failed target, next target, why). When no target is left the processor is unusable and
    pushes an error. Event `on_deaf` (service, target): one that answers is replaced all the same, see `replace_deaf`.
    """

    def __init__(self, targets: list[Target], make: Callable[[Target], Recognizer], *, audio_passthrough: bool) -> None:
        super().__init__()
        self._register_event_handler("on_failover")
        self._register_event_handler("on_deaf")
        self._targets = circuits.providers.order(targets)
        self._make = make
        self._audio_passthrough = audio_passthrough
        self._outage = outage.Outage(self._targets)
        self._heard = HeardAudio()
        self._meter = SpeechMeter()
        self._unanswered_since: float | None = None  # speech that the service has not reacted to
        self._asked_at: float | None = None
        self._start: StartFrame | None = None
        self._is_started = False
        self._pause: VADUserStoppedSpeakingFrame | None = None  # the caller's last, if it has not spoken since
        self._repeated: VADUserStoppedSpeakingFrame | None = None
        self._is_in_turn = False  # the service has announced a turn, and not its end
        self._switching = False
        self._is_connecting = False  # audio is kept until the next service can take it
        self._is_keeping = False  # audio is kept, because another agent listens
        self._why = ""  # why the service that is about to take over has failed, too
        self._suspect: Target | None = None  # one that was deaf; proved by another that understands the same
        self._listens_since: float | None = None
        self._failover: asyncio.Task[None] | None = None
        self.target = self._targets[0]
        self._service = make(self.target)

    # --- A processor whose work another one does ----------------------------------------------------------------------

    @property
    def service(self) -> Recognizer:
        """Who does the work now."""
        return self._service

    async def setup(self, setup: FrameProcessorSetup) -> None:  # type: ignore[override]  # as Pipecat's own
        await super().setup(setup)
        self._link(self._service)
        self._listens_since = time.monotonic()
        await self._service.setup(setup)

    async def cleanup(self) -> None:
        self._stop_listening()
        self._switching = True  # nobody takes over any more
        if self._failover is not None and not self._failover.done():
            await self.cancel_task(self._failover)
        await super().cleanup()  # type: ignore[no-untyped-call]  # Pipecat's
        await self._service.cleanup()  # type: ignore[no-untyped-call]

    def _link(self, service: Recognizer) -> None:
        for neighbor, side in ((self._prev, "_prev"), (self._next, "_next")):
            setattr(service, side, _Door(self, service, neighbor))

    async def queue_frame(
        self, frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM, callback: Any = None
    ) -> None:
        """Hand a frame to the service that works now."""
        match frame:
            case InputAudioRawFrame():
                await self._queue_audio(frame, direction)
                return
            case StartFrame():
                self._start = frame
                if self._is_connecting:
                    return  # the next service gets it when it is set up
            case VADUserStartedSpeakingFrame():
                self._pause = None
            case VADUserStoppedSpeakingFrame():
                self._pause = frame
        await self._service.queue_frame(frame, direction, callback)

    async def _queue_audio(self, frame: InputAudioRawFrame, direction: FrameDirection) -> None:
        is_speech = True in self._meter.speech_blocks(frame.audio)
        self._heard.add(frame, is_speech)
        if self._is_keeping:
            return
        if not self._is_connecting:
            await self._service.queue_frame(frame, direction)
            await self._doubt(is_speech)
        if self._audio_passthrough and self._next:
            await self._next.queue_frame(frame, direction)

    async def passes(self, service: Recognizer, frame: Frame) -> bool:
        """Whether a frame that a service pushes goes on to the neighbor."""
        if service is not self._service or frame is self._repeated:
            return False
        match frame:
            case _ if self._is_keeping and isinstance(frame, UNDERSTOOD):
                return False  # too late to be answered here
            case StartFrame():
                is_first, self._is_started = not self._is_started, True
                return is_first
            case ErrorFrame() if frame.processor is service:
                self._fail_over_soon(frame.error)
                return False
            case ProposedUserStartedSpeakingFrame():
                self._is_in_turn = True
            case ProposedUserStoppedSpeakingFrame():
                self._is_in_turn = False
            case TranscriptionFrame():
                self._heard.transcribed(service.heard_until_s(frame.result))
                self._outage.is_over()
                circuits.providers.worked(self.target)
                self._judge_suspect()
        await self._call_event_handler("on_before_push_frame", frame)
        return True

    # --- Two agents, one after the other -----------------------------------------------------------------------------

    def keep(self) -> None:
        """Keep from now on what the caller says: another agent answers it, or this one after `resume`."""
        self._is_keeping = True

    def kept(self) -> bytes:
        """What the caller has said and nobody has understood yet, with half a second before it: 16 kHz mono 16-bit."""
        return b"".join(frame.audio for frame in self._heard.hand_over())

    async def resume(self, heard_before: bytes | None) -> None:
        """Understand what was kept, and all that follows. What another agent has `heard_before` takes its place."""
        frames = self._heard.hand_over() if heard_before is None else frames_of(heard_before)
        self._heard = HeardAudio()
        self._is_keeping = False
        for frame in frames:
            await self._queue_audio(frame, FrameDirection.DOWNSTREAM)

    # --- Failing over -------------------------------------------------------------------------------------------------

    async def _doubt(self, is_speech: bool) -> None:
        """Ask a service that does not react to speech for a sign, and replace it when none comes."""
        now, answered_at = time.monotonic(), self._service.answered_at
        if self._asked_at is not None:
            if answered_at >= self._asked_at:
                self._asked_at = self._unanswered_since = None
            elif now - self._asked_at > SIGN_WITHIN_S:
                self._fail_over_soon(NO_ANSWER)
            return
        if self._unanswered_since is not None and answered_at >= self._unanswered_since:
            self._unanswered_since = None
        if is_speech and self._unanswered_since is None:
            self._unanswered_since = now
        if self._unanswered_since is not None and now - self._unanswered_since > self._service.DOUBT_AFTER_S:
            self._asked_at = now
            self.create_task(self._ask(self._service), f"{self}::ask")

    async def _ask(self, service: Recognizer) -> None:
        try:
            await service.ask_for_sign()
        except Exception as error:
            log.debug("sign_not_asked", error=type(error).__name__)  # no sign will come

    def _fail_over_soon(self, why: str) -> None:
        if self._switching:
            self._why = why
        elif self.is_usable:
            self._switching = True
            self._failover = self.create_task(self._fail_over(why), f"{self}::failover")

    async def _fail_over(self, why: str) -> None:
        if why != NO_ANSWER and self._listened_s() > outage.TRIES_FOR_S:
            self._outage.is_over()  # it has worked in between, although the caller may have said nothing
        self._why = why
        while self._why:
            failed, why = self.target, self._why
            log.warning("stt_failed", target=str(failed), why=why)
            circuits.providers.failed(failed)
            target = await self._outage.next_after(failed)
            if target is None:
                await self._give_up(why)
                return
            self._why = ""
            await self._take_over(target)
        await self._call_event_handler("on_failover", failed, self.target, why)
        self._switching = False
        if self._why:  # of the one that has just taken over
            self._fail_over_soon(self._why)

    async def _take_over(self, target: Target) -> None:
        former, service = self._service, self._make(target)
        self._is_connecting = True
        self._stop_listening()
        self._listens_since = time.monotonic()
        self.target, self._service = target, service
        self._link(service)
        self.create_task(self._retire(former), f"{self}::retire")
        try:
            await service.setup(self.processor_setup)
        except Exception as error:
            self._why = self._why or type(error).__name__
        self._asked_at = self._unanswered_since = None
        if self._is_in_turn and self._next:
            # Nobody else will end the turn if the next service finds no words in it. If it does, it announces it again.
            self._is_in_turn = False
            await self._next.queue_frame(ProposedUserStoppedSpeakingFrame(), FrameDirection.DOWNSTREAM)
        if self._start:
            await service.queue_frame(self._start)
        if not self._is_keeping:
            for frame in self._heard.hand_over():
                await service.queue_frame(frame)
        self._is_connecting = False
        if self._pause:  # so that what was said before it becomes final at once
            self._repeated = self._pause
            await service.queue_frame(self._pause, FrameDirection.UPSTREAM)

    def replace_deaf(self, *, by_another: bool) -> bool:
        """Replace a service that finds no words in speech, by a new connection or by the next target, if there is one.

        False: it cannot be blamed now. No target is given up for this, because the caller may have said no words.
        """
        if self._switching or self._is_keeping or not self._is_started or not self.is_usable:
            return False
        self._switching = True
        self._failover = self.create_task(self._replace_deaf(by_another=by_another), f"{self}::replace_deaf")
        return True

    async def _replace_deaf(self, *, by_another: bool) -> None:
        deaf, place = self.target, self._targets.index(self.target)
        log.warning("stt_deaf", target=str(deaf))
        await self._call_event_handler("on_deaf", deaf)
        self._outage.is_over()
        self._why = ""
        taken = self._targets[(place + 1) % len(self._targets)] if by_another else deaf
        await self._take_over(taken)
        if taken is not deaf:
            self._suspect = self._suspect or deaf
            await self._call_event_handler("on_failover", deaf, taken, NO_WORDS)
        self._switching = False
        if self._why:
            self._fail_over_soon(self._why)

    def _judge_suspect(self) -> None:
        """Words were found: if by another than the one that was deaf, the calls of this process begin elsewhere."""
        suspect, self._suspect = self._suspect, None
        if suspect not in (None, self.target):
            circuits.providers.failed(suspect)

    def _stop_listening(self) -> None:
        """Count what the present service has listened to: vendors bill by it."""
        if self._listens_since is not None:
            metrics.transcribed(self.target.provider, self._listened_s())
            self._listens_since = None

    def _listened_s(self) -> float:
        return 0.0 if self._listens_since is None else time.monotonic() - self._listens_since

    async def _retire(self, service: Recognizer) -> None:
        try:
            await service.cleanup()  # type: ignore[no-untyped-call]
        except Exception as error:
            log.debug("recognizer_not_closed", error=type(error).__name__)

    async def _give_up(self, why: str) -> None:
        self._is_usable = False
        if self._prev:
            error = ErrorFrame(f"no recognizer is left: {why}", processor=self)
            await self._prev.queue_frame(error, FrameDirection.UPSTREAM)


class _Door:
    """What a service takes for its neighbor."""

    def __init__(self, owner: FailoverSTT, service: Recognizer, neighbor: FrameProcessor | None) -> None:
        self._owner = owner
        self._service = service
        self._neighbor = neighbor

    async def queue_frame(self, frame: Frame, direction: FrameDirection) -> None:
        if self._neighbor and await self._owner.passes(self._service, frame):
            await self._neighbor.queue_frame(frame, direction)

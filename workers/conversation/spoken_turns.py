"""When the turns of a call began and ended, as its caller heard them, and their record."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.utils import timezone

from calls.models import Turn
from calls.models.history import Speaker
from workers.history.recorder import CallRecorder
from workers.media.latency import LatencyMeter
from workers.media.transport import CallTransport


class SpokenTurns:
    """Records each turn when it is over. `caller_spoke`, `agent_spoke`: in this attempt, since it has begun.

    `caller_turns` counts those of the caller in the whole call, once `resume` has counted earlier attempts.
    """

    def __init__(self, transport: CallTransport, recorder: CallRecorder, latency: LatencyMeter) -> None:
        self._transport = transport
        self._recorder = recorder
        self._latency = latency
        self._caller_began_at: datetime | None = None
        self._agent_began_at: datetime | None = None
        self._path_ms = 0
        self.caller_turns = 0

    def resume(self, past: Iterable[Turn]) -> None:
        """Count what was said before too."""
        self.caller_turns += sum(turn.speaker == Speaker.CALLER for turn in past)

    @property
    def caller_spoke(self) -> bool:
        return self._caller_began_at is not None

    @property
    def agent_spoke(self) -> bool:
        return self._agent_began_at is not None

    def caller_began(self) -> None:
        self._caller_began_at = timezone.now()

    def caller_ended(self, text: str) -> None:
        now = timezone.now()
        self.caller_turns += 1
        stopped_at = self._caller_stopped(now)
        # Words that interrupt, or answer before the agent has finished, were said before they began the turn.
        self._recorder.turn(Speaker.CALLER, text, min(self._caller_began_at or now, stopped_at), stopped_at)

    def agent_began(self) -> None:
        self._agent_began_at = timezone.now()

    def agent_ended(self, text: str, *, interrupted: bool) -> None:
        """The agent's turn is over; `text` is what the caller heard of it, and may be nothing."""
        now = timezone.now()
        if text:
            self._recorder.turn(
                Speaker.AGENT,
                text,
                self._agent_started(now),
                now,
                interrupted=interrupted,
                latency=self._latency.take(self._path_ms),
            )
        self._transport.output().turn_over()

    async def measure_path(self) -> None:
        """Measure how long sound takes to the caller and back now, for the latency of the next reply."""
        self._path_ms = await self._transport.path_ms()

    def _caller_stopped(self, now: datetime) -> datetime:
        ear = self._transport.input()
        return now - _since(ear.get_clock().get_time(), ear.last_speech_ns)

    def _agent_started(self, now: datetime) -> datetime:
        voice = self._transport.output()
        if voice.turn_speech_ns is None:
            return self._agent_began_at or now
        return now - _since(voice.get_clock().get_time(), voice.turn_speech_ns)


def _since(now_ns: int, then_ns: int | None) -> timedelta:
    return timedelta(microseconds=max(0, now_ns - then_ns) / 1000) if then_ns is not None else timedelta()

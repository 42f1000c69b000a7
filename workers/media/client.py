"""The connection of an agent to its LiveKit room: it hears only the caller."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, cast

from django.conf import settings
from livekit import rtc
from pipecat.processors.frame_processor import FrameProcessorSetup
from pipecat.transports.livekit.transport import LiveKitTransportClient
from pipecat.utils.asyncio.task_manager import BaseTaskManager

from calls.livekit.joining import CancellableRoom
from workers.media import departures
from workers.media.speech_meter import SAMPLE_RATE


class CallerOnlyClient(LiveKitTransportClient):
    """Hears only the caller, at 16 kHz, and knows when the caller's side has taken the agent's track."""

    caller_identity = ""
    caller_track: rtc.Track | None = None
    caller_left_because: int | None = None
    disconnected_because: int | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.agent_heard = asyncio.Event()
        self.joined = asyncio.Event()
        self._own_room: CancellableRoom | None = None
        self.listen: Callable[[rtc.AudioStream, str], Coroutine[Any, Any, None]]
        """Takes the caller's audio; set once, before the agent joins."""

    @property
    def room(self) -> CancellableRoom:
        """The room, which Pipecat asks for here; its own cannot be left while the agent joins."""
        if self._own_room is None:
            raise RuntimeError(f"{self}: no room yet (pipeline not started?)")
        return self._own_room

    async def setup(self, setup: FrameProcessorSetup) -> None:
        if self._task_manager is None:
            self._own_room = CancellableRoom(setup.task_manager.get_event_loop())
            await super().setup(setup)
            self.room.on("local_track_subscribed", lambda _track: self.agent_heard.set())
            self.room.on("disconnected", self._note_reason)

    def _note_reason(self, reason: int) -> None:
        self.disconnected_because = reason

    async def connect(self) -> None:  # type: ignore[override]  # tenacity makes an object of it
        try:
            await super().connect()
        except asyncio.CancelledError:  # the call ended while the agent joined
            departures.leave_later(self.room)
            raise
        self.joined.set()

    async def _async_on_participant_disconnected(self, participant: rtc.RemoteParticipant) -> None:
        if participant.identity == self.caller_identity:
            self.caller_left_because = participant.disconnect_reason
        await super()._async_on_participant_disconnected(participant)

    async def _async_on_track_subscribed(
        self, track: rtc.Track, publication: rtc.RemoteTrackPublication, participant: rtc.RemoteParticipant
    ) -> None:
        if track.kind != rtc.TrackKind.KIND_AUDIO or participant.identity != self.caller_identity:
            return
        await self._close_audio_stream(participant.identity)
        self.caller_track = track
        stream = rtc.AudioStream(
            track,
            sample_rate=SAMPLE_RATE,
            num_channels=1,
            frame_size_ms=settings.AUDIO_BUFFER_SIZE * 1000 // SAMPLE_RATE,
        )
        listening = self.listen(stream, participant.identity)
        task = cast(BaseTaskManager, self._task_manager).create_task(listening, f"{self}::listen")
        self._audio_streams[participant.identity] = (stream, task)
        await self._callbacks.on_audio_track_subscribed(participant.identity)

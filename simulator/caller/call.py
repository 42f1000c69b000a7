"""Places one call: a LiveKit participant of kind SIP, as livekit-sip makes it for a telephone."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from typing import Any, cast

import numpy as np
from livekit import rtc
from livekit.rtc.participant import PublishTrackError

from simulator.caller.conversation import Conversation, expects_reply
from simulator.caller.ear import Ear
from simulator.caller.lines import prepare_lines
from simulator.caller.mouth import QUEUE_MS, Mouth
from simulator.caller.recording import Recording
from simulator.caller.report import AgentPause, CallerEvent, CallReport, EndedBy, EventKind
from simulator.caller.settings import CallError, CallerSettings, NotReached
from simulator.caller.telephone import pick_up, token
from simulator.speech.pcm import SAMPLE_RATE, Samples
from simulator.speech.synthesis import Synthesizer

_CONNECT_TIMEOUT_S = 5.0
_LEAVE_TIMEOUT_S = 5.0
_DTMF_CODES = {key: code for code, key in enumerate("0123456789*#ABCD")}
"""RFC 4733, table 3."""

_HUNG_UP = {
    rtc.DisconnectReason.ROOM_DELETED,
    rtc.DisconnectReason.ROOM_CLOSED,
    rtc.DisconnectReason.PARTICIPANT_REMOVED,
}

OnEvent = Callable[[CallerEvent], None]


async def place_call(
    settings: CallerSettings, on_event: OnEvent | None = None, synthesizer: Synthesizer | None = None
) -> CallReport:
    """Place a call, follow the scenario to its end and report what was heard.

    Events go to `on_event` as they happen. All speech is made before the call begins. Calls that run side by side
    should share a `synthesizer` (make_synthesizer), so that each line is made once and one engine runs; without one,
    the call makes its own. Raises CallError when LiveKit cannot be joined or the speech cannot be made.
    """
    lines = await prepare_lines(settings, synthesizer)
    return await _Call(settings, lines, on_event).place()


class _Call:
    """One call from joining to leaving."""

    def __init__(self, settings: CallerSettings, lines: Mapping[str, Samples], on_event: OnEvent | None) -> None:
        self._settings = settings
        self._on_event = on_event
        self._room = rtc.Room()
        self._source = rtc.AudioSource(SAMPLE_RATE, 1, queue_size_ms=QUEUE_MS)
        self._origin = time.monotonic()
        self._recording: Recording | None = None
        self._ear = Ear(
            on_speaking=lambda stretch: self._tell("agent_speaking", stretch.started_at),
            on_silent=lambda stretch: self._tell("agent_silent", stretch.last_at),
        )
        self._mouth = Mouth(self._send, self._record_own)
        self._conversation = Conversation(settings.scenario, lines, self._mouth, self._ear, self._press, self._tell)
        self._answered = asyncio.Event()
        self._gone: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._listening: asyncio.Task[None] | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._report = CallReport(
            room=settings.new_room_name(),
            scenario=settings.scenario.name,
            from_number=settings.caller_number,
            to_number=settings.to_number,
            greeting_expected=expects_reply(settings.scenario.caller.steps),
        )

    async def place(self) -> CallReport:
        """Join, converse, leave, report."""
        speaking: asyncio.Task[None] | None = None
        try:
            await self._join()
            speaking = asyncio.create_task(self._mouth.run())
            await self._converse(speaking)
        finally:
            await self._leave(speaking)
        self._finish()
        if self._recording is not None and self._settings.wav_path is not None:
            # in a thread: other calls of this process go on
            await asyncio.to_thread(self._recording.write, self._settings.wav_path)
            self._report.wav = str(self._settings.wav_path)
        return self._report

    async def _join(self) -> None:
        self._room.on("track_subscribed", self._on_track)
        self._room.on("disconnected", self._on_disconnected)
        url, room, rings_s = self._settings.livekit_url, self._report.room, self._settings.picks_up_after_s
        takes_audio = rings_s is None and not self._settings.deaf
        options = rtc.RoomOptions(connect_timeout=_CONNECT_TIMEOUT_S, auto_subscribe=takes_audio)
        # Never cancelled: LiveKit's native client would panic 15 s later, and the SDK end this process
        # (https://github.com/livekit/python-sdks/issues/784). `_leave` waits for it.
        self._connecting = asyncio.create_task(self._room.connect(url, token(self._settings, room), options))
        try:
            await asyncio.shield(self._connecting)
        except rtc.ConnectError as error:
            raise _why_not_joined(str(error), url) from error
        self._origin = time.monotonic()
        if self._settings.wav_path is not None:
            self._recording = Recording(self._origin)
        self._tell("joined", self._origin, text=room)
        if rings_s is not None:
            await pick_up(self._room, rings_s, self._gone)
        if self._settings.mute:
            return
        track = rtc.LocalAudioTrack.create_audio_track("telephone", self._source)
        # a telephone line sends silence too, and no redundant copies
        await self._publish(
            track, rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE, dtx=False, red=False)
        )

    async def _publish(self, track: rtc.LocalAudioTrack, options: rtc.TrackPublishOptions) -> None:
        """Publish the voice, unless the room goes away meanwhile: LiveKit would then never answer."""
        publishing = asyncio.ensure_future(self._room.local_participant.publish_track(track, options))
        awaited: set[asyncio.Future[Any]] = {publishing, self._gone}
        await asyncio.wait(awaited, timeout=_CONNECT_TIMEOUT_S, return_when=asyncio.FIRST_COMPLETED)
        if self._gone.done():
            await _stop(publishing)
        elif not publishing.done():
            await _stop(publishing)
            raise CallError(f"LiveKit did not take the caller's audio within {_CONNECT_TIMEOUT_S:g} s")
        else:
            await self._check_published(publishing.exception())

    async def _check_published(self, error: BaseException | None) -> None:
        """A room that is being closed refuses the track a moment before it tells that it is closed."""
        if not isinstance(error, PublishTrackError):
            if error is not None:
                raise error
            return
        await asyncio.wait({self._gone}, timeout=_CONNECT_TIMEOUT_S)
        if not self._gone.done():
            raise CallError(f"LiveKit did not take the caller's audio: {error.message}")

    async def _converse(self, speaking: asyncio.Task[None]) -> None:
        """Follow the scenario until someone hangs up, or time is up."""
        steps = asyncio.create_task(self._ring_and_talk())
        try:
            awaited: set[asyncio.Future[Any]] = {steps, speaking, self._gone}
            await asyncio.wait(awaited, return_when=asyncio.FIRST_COMPLETED)
            if self._gone.done():
                reason = self._gone.result()
                self._end("agent" if reason in _HUNG_UP else "network", rtc.DisconnectReason.Name(cast(Any, reason)))
            elif speaking.done():
                speaking.result()
            else:
                self._end(*steps.result())
        finally:
            await _stop(steps)

    async def _ring_and_talk(self) -> tuple[EndedBy, str]:
        try:
            await asyncio.wait_for(self._answered.wait(), self._settings.ring_timeout_s)
        except TimeoutError:
            return "timeout", f"nobody answered within {self._settings.ring_timeout_s:g} s"
        try:
            await asyncio.wait_for(self._conversation.run(), self._settings.max_seconds)
        except TimeoutError:
            return "timeout", f"the call took longer than {self._settings.max_seconds:g} s"
        return "caller", "the scenario is over"

    def _end(self, by: EndedBy, detail: str) -> None:
        now = time.monotonic()
        self._report.ended_by = by
        self._report.end_detail = detail
        self._report.duration_s = now - self._origin
        self._tell("ended", now, by=by)

    async def _leave(self, speaking: asyncio.Task[None] | None) -> None:
        for task in (speaking, self._listening):
            if task is not None:
                await _stop(task)
        if self._connecting is not None:
            await asyncio.wait({self._connecting})
        # the server notices a caller that vanishes, so a slow goodbye must not hold the report
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._room.disconnect(), _LEAVE_TIMEOUT_S)
        await self._source.aclose()

    def _finish(self) -> None:
        report, scenario = self._report, self._settings.scenario
        self._ear.listen(time.monotonic())
        report.answered = self._answered.is_set()
        if self._ear.stretches:
            report.pickup_ms = (self._ear.stretches[0].started_at - self._origin) * 1000
        report.utterances = self._conversation.utterances(self._origin)
        report.agent_spoke = [
            (stretch.started_at - self._origin, stretch.last_at - self._origin) for stretch in self._ear.stretches
        ]
        report.agent_pauses = [
            AgentPause(pause.began_at - self._origin, pause.quiet_s * 1000) for pause in self._ear.pauses
        ]
        report.waits_in_vain = self._conversation.waits_in_vain
        last = self._conversation.said_last
        may_end = last is not None and any(
            rule.matches(last) and rule.call is not None and rule.call.name == "end_call"
            for rule in scenario.agent.rules
        )
        report.ended_as_planned = report.ended_by == "caller" or (
            report.ended_by == "agent" and (self._conversation.said_everything or may_end)
        )
        report.frame_lateness_p99_ms = self._mouth.lateness_p99_ms
        report.audio_gaps = self._mouth.gaps

    def _on_track(
        self, track: rtc.Track, _publication: rtc.RemoteTrackPublication, participant: rtc.RemoteParticipant
    ) -> None:
        is_agent = participant.kind == rtc.ParticipantKind.PARTICIPANT_KIND_AGENT
        if track.kind != rtc.TrackKind.KIND_AUDIO or not is_agent:
            return
        # when another worker takes over a call, its track replaces the first
        if self._listening is not None:
            self._listening.cancel()
        self._listening = asyncio.create_task(self._listen(track))
        if not self._answered.is_set():
            self._answered.set()
            self._tell("answered", time.monotonic())

    def _on_disconnected(self, reason: int) -> None:
        if not self._gone.done():
            self._gone.set_result(reason)

    async def _listen(self, track: rtc.Track) -> None:
        stream = rtc.AudioStream.from_track(track=track, sample_rate=SAMPLE_RATE, num_channels=1, frame_size_ms=20)
        try:
            async for event in stream:
                arrived_at = time.monotonic()
                frame = np.frombuffer(event.frame.data, dtype=np.int16)
                self._ear.hear(frame, arrived_at)
                if self._recording is not None:
                    self._recording.right.add(frame, arrived_at - len(frame) / SAMPLE_RATE)
        finally:
            await stream.aclose()

    async def _send(self, frame: Samples) -> None:
        await self._source.capture_frame(rtc.AudioFrame(frame.tobytes(), SAMPLE_RATE, 1, len(frame)))

    def _record_own(self, frame: Samples, leaves_at: float) -> None:
        if self._recording is not None:
            self._recording.left.add(frame, leaves_at)

    async def _press(self, key: str) -> None:
        await self._room.local_participant.publish_dtmf(code=_DTMF_CODES[key], digit=key)

    def _tell(
        self,
        kind: EventKind,
        at: float,
        *,
        text: str | None = None,
        latency_ms: float | None = None,
        silent_after_ms: float | None = None,
        by: EndedBy | None = None,
    ) -> None:
        if self._on_event is not None:
            self._on_event(CallerEvent(kind, at - self._origin, text, latency_ms, silent_after_ms, by))


def _why_not_joined(reason: str, url: str) -> CallError:
    # LiveKit quotes the token when it refuses it: such an answer must not be printed
    if "401" in reason or "token" in reason.lower():
        return CallError(f"LiveKit at {url} refuses the key: check LIVEKIT_API_KEY and LIVEKIT_API_SECRET")
    why = " ".join(reason.split())
    return NotReached(f"cannot reach LiveKit at {url}: is it running, and is LIVEKIT_URL right? ({why})")


async def _stop(task: asyncio.Task[Any]) -> None:
    """Cancel a task and wait until it has ended; what it raises is no longer of interest."""
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled():
        task.exception()

"""A stand-in for the agent, which answers after a known delay: what the caller measures can be compared with it."""

import asyncio
import time
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from livekit import api, rtc

from simulator.caller.ear import Ear, Stretch
from simulator.caller.mouth import QUEUE_MS, Mouth, Spoken
from simulator.speech.pcm import SAMPLE_RATE, Samples


def tone(seconds: float, hertz: float = 440.0) -> Samples:
    """Return a tone of 16-bit mono PCM at 16 kHz, 10 dB under full scale."""
    times = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return (10_000 * np.sin(2 * np.pi * hertz * times)).astype(np.int16)


@dataclass
class EchoAgent:
    """Joins a room as an agent, greets with a tone, and answers each stretch of speech with one.

    `reply_after_s` counts from the last sound heard, and must be more than the 0.3 s that it takes to notice silence.
    It stays mute after `replies` of them.
    `hang_up_after` deletes the room after that many replies. It never yields to an interruption: it speaks to its end,
    which is known. `heard` and `said` are on the same monotonic clock as the caller's.
    """

    url: str
    api_key: str
    api_secret: str
    room_name: str
    greeting_s: float = 0.5
    reply_after_s: float = 0.6
    reply_s: float = 0.8
    replies: int = 100
    hang_up_after: int | None = None
    room: rtc.Room = field(default_factory=rtc.Room)
    heard: list[Stretch] = field(default_factory=list)
    said: list[Spoken] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    caller: rtc.RemoteParticipant | None = None
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def join(self) -> None:
        """Join and publish; the greeting is said when the caller's track is there."""
        token = (
            api.AccessToken(self.api_key, self.api_secret)
            .with_identity("agent-1")
            .with_kind("agent")
            .with_grants(api.VideoGrants(room_join=True, room=self.room_name, room_admin=True))
        )
        self.source = rtc.AudioSource(SAMPLE_RATE, 1, queue_size_ms=QUEUE_MS)
        self.mouth = Mouth(self._send)
        self.ear = Ear(on_silent=lambda stretch: self._spawn(self._answer(stretch)))
        self.room.on("track_subscribed", lambda track, _, caller: self._spawn(self._converse(track, caller)))
        self.room.on("sip_dtmf_received", lambda event: self.keys.append(event.digit))
        await self.room.connect(self.url, token.to_jwt())
        track = rtc.LocalAudioTrack.create_audio_track("agent", self.source)
        await self.room.local_participant.publish_track(track, rtc.TrackPublishOptions(dtx=False))
        self._spawn(self.mouth.run())

    async def leave(self) -> None:
        """Stop everything and disconnect."""
        for task in list(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.room.disconnect()
        await self.source.aclose()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _converse(self, track: rtc.Track, caller: rtc.RemoteParticipant) -> None:
        self.caller = caller
        if self.greeting_s:
            self._spawn(self._say(self.greeting_s))
        stream = rtc.AudioStream.from_track(track=track, sample_rate=SAMPLE_RATE, num_channels=1, frame_size_ms=20)
        async for event in stream:
            self.ear.hear(np.frombuffer(event.frame.data, dtype=np.int16), time.monotonic())

    async def _answer(self, stretch: Stretch) -> None:
        self.heard.append(stretch)
        if len(self.heard) > self.replies:
            return
        await asyncio.sleep(stretch.last_at + self.reply_after_s - time.monotonic())
        await self._say(self.reply_s)
        if self.hang_up_after is not None and len(self.heard) >= self.hang_up_after:
            url = self.url.replace("ws", "http", 1)
            async with api.LiveKitAPI(url, self.api_key, self.api_secret) as server:
                await server.room.delete_room(api.DeleteRoomRequest(room=self.room_name))

    async def _say(self, seconds: float) -> None:
        self.said.append(await self.mouth.say(tone(seconds)))

    async def _send(self, frame: Samples) -> None:
        await self.source.capture_frame(rtc.AudioFrame(frame.tobytes(), SAMPLE_RATE, 1, len(frame)))

"""Audio from the caller into the pipeline, without the queues that a call with one caller does not need.

Pipecat's LiveKit input takes a frame through two queues and two tasks, a resampler and a timer before its first
processor sees it. Here the task that reads LiveKit's stream pushes the frame itself.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from livekit import rtc
from pipecat.frames.frames import UserAudioRawFrame
from pipecat.transports.livekit.transport import LiveKitInputTransport, LiveKitParams

from workers.speech_meter import BLOCK_NS, SAMPLE_RATE, SpeechMeter

if TYPE_CHECKING:
    from workers.transport import CallerOnlyClient, CallTransport


class CallerAudio(UserAudioRawFrame):
    """What the caller's side sent: 16 kHz mono 16-bit PCM."""

    def __str__(self) -> str:
        # Pipecat formats a frame for its trace log at every hop, also when nobody reads that log.
        return "CallerAudio"


class CallerEar(LiveKitInputTransport):
    """Audio from the caller; knows when the caller last spoke."""

    def __init__(self, transport: CallTransport, client: CallerOnlyClient, params: LiveKitParams) -> None:
        super().__init__(transport, client, params)
        self._meter = SpeechMeter()
        self.last_speech_ns: int | None = None
        """End of the caller's last speech, by the pipeline's clock, in nanoseconds; None before the first."""
        self.listeners: list[Callable[[bytes], Awaitable[None]]] = []
        """Who hears the caller's audio before the pipeline does."""

    async def listen(self, stream: rtc.AudioStream, identity: str) -> None:
        """Push what comes out of the caller's track, until it ends."""
        async for event in stream:
            pcm = event.frame.data.tobytes()
            self._note_speech(pcm)
            for listener in self.listeners:
                await listener(pcm)
            await self.push_frame(CallerAudio(user_id=identity, audio=pcm, sample_rate=SAMPLE_RATE, num_channels=1))

    def _note_speech(self, pcm: bytes) -> None:
        for number, is_speech in enumerate(reversed(self._meter.speech_blocks(pcm))):
            if is_speech:
                self.last_speech_ns = self.get_clock().get_time() - number * BLOCK_NS
                break

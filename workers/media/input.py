"""Audio from the caller into the pipeline, without the queues that a call with one caller does not need.

Pipecat's LiveKit input takes a frame through two queues and two tasks, a resampler and a timer before its first
processor sees it. Here the task that reads LiveKit's stream pushes the frame itself.
"""

from collections.abc import Awaitable, Callable

from django.conf import settings
from livekit import rtc
from pipecat.frames.frames import UserAudioRawFrame
from pipecat.transports.livekit.transport import (
    LiveKitInputTransport,
    LiveKitParams,
    LiveKitTransport,
    LiveKitTransportClient,
)

from workers.media.speech_meter import BLOCK_NS, SAMPLE_RATE, SpeechMeter

MEASURED_TOGETHER = 8  # frames: nobody asks between turns, and the meter's code is cold again after each single frame


class CallerAudio(UserAudioRawFrame):
    """What the caller's side sent: 16 kHz mono 16-bit PCM."""

    def __str__(self) -> str:
        # Pipecat formats a frame for its trace log at every hop, also when nobody reads that log.
        return "CallerAudio"


class CallerEar(LiveKitInputTransport):
    """Audio from the caller; knows when the caller last spoke."""

    def __init__(self, transport: LiveKitTransport, client: LiveKitTransportClient, params: LiveKitParams) -> None:
        super().__init__(transport, client, params)
        self._meter = SpeechMeter()
        self._unmeasured: list[tuple[int, bytes]] = []
        self._last_speech_ns: int | None = None
        self.listeners: list[Callable[[bytes], Awaitable[None]]] = []
        """Who hears the caller's audio before the pipeline does."""

    @property
    def last_speech_ns(self) -> int | None:
        """End of the caller's last speech, by the pipeline's clock, in nanoseconds; None before the first."""
        self._measure()
        return self._last_speech_ns

    async def listen(self, stream: rtc.AudioStream, identity: str) -> None:
        """Push what comes out of the caller's track, until it ends."""
        clock = self.get_clock()
        async for event in stream:
            pcm = event.frame.data.tobytes()
            self._unmeasured.append((clock.get_time(), pcm))
            if len(self._unmeasured) == MEASURED_TOGETHER:
                self._measure()
            for listener in self.listeners:
                await listener(pcm)
            await self.push_frame(CallerAudio(user_id=identity, audio=pcm, sample_rate=SAMPLE_RATE, num_channels=1))

    async def hear_silence(self) -> None:
        """Push a frame of silence, while there is no track yet that could bring one."""
        silence = bytes(settings.AUDIO_BUFFER_SIZE * 2)
        await self.push_frame(CallerAudio(user_id="", audio=silence, sample_rate=SAMPLE_RATE, num_channels=1))

    def _measure(self) -> None:
        measured, self._unmeasured = self._unmeasured, []
        for heard_ns, pcm in measured:
            for number, is_speech in enumerate(reversed(self._meter.speech_blocks(pcm))):
                if is_speech:
                    self._last_speech_ns = heard_ns - number * BLOCK_NS
                    break

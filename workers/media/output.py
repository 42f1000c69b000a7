"""Audio from the pipeline to the caller.

What has been handed to LiveKit cannot be taken back in part, only dropped whole. So a fifth of a second is handed over
ahead of the wire, and the rest waits here, where a pause or an interruption finds it.
"""

import asyncio

from pipecat.frames.frames import (
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    Frame,
    InterruptionFrame,
    OutputAudioRawFrame,
    TTSTextFrame,
)
from pipecat.processors.frame_processor import FrameDirection
from pipecat.transports.livekit.transport import (
    LiveKitOutputTransport,
    LiveKitParams,
    LiveKitTransport,
    LiveKitTransportClient,
)

from workers.media.speech_meter import BLOCK_NS, SAMPLE_RATE, SpeechMeter

AHEAD_S = 0.2  # speech that LiveKit holds ahead of the wire: what a busy event loop may be late by
PAUSE_MAX_S = 3.0  # nobody who pauses the agent may forget it for longer: the caller would hear silence
BYTES_A_SECOND = SAMPLE_RATE * 2


class AgentVoice(LiveKitOutputTransport):
    """Audio to the caller. It can be paused and resumed, and is timed by ear."""

    def __init__(self, transport: LiveKitTransport, client: LiveKitTransportClient, params: LiveKitParams) -> None:
        super().__init__(transport, client, params)
        self._meter = SpeechMeter()
        self._interruptions = 0
        self._playing = asyncio.Event()  # clear while the agent is paused
        self._playing.set()
        self._paused_at_ns = 0
        self._words_late_ns = 0  # by so much the words of this speech come later than their time stamps say
        self._handed_over = bytearray()  # the last that LiveKit got, and may hold still
        self._handed_over_bytes = 0  # in all, without what was taken back
        self._taken_back = b""
        self.is_speaking = False
        """Whether the agent has begun to say something and has not finished it; also while it is paused."""
        self.first_speech_ns: int | None = None
        """Start of the agent's first audible speech since `listen_for_reply`, by the pipeline's clock."""
        self.turn_speech_ns: int | None = None
        """Start of the first utterance since `turn_over`, likewise."""
        self._utterance_begins = False

    def listen_for_reply(self) -> None:
        """Forget the last reply: the next audible speech is the start of a new one."""
        self.first_speech_ns = None

    def turn_over(self) -> None:
        """Forget when the agent's turn began. The rest of its last word may still come, and begins no new one."""
        self.turn_speech_ns = None

    @property
    def heard_s(self) -> float:
        """Seconds of the agent's audio that have left for the caller so far. Stands still while the agent is paused."""
        return self._handed_over_bytes / BYTES_A_SECOND - self._ahead_s()

    # --- Pausing ------------------------------------------------------------------------------------------------------

    def pause(self) -> None:
        """Fall silent at once. What was not heard waits for `resume`, or is dropped by an interruption."""
        source = self._client._audio_source
        if source is None or not self._playing.is_set():
            return
        unheard = int(source.queued_duration * SAMPLE_RATE) * 2
        self._taken_back = bytes(self._handed_over[-unheard:]) if unheard else b""
        self._handed_over_bytes -= len(self._taken_back)
        source.clear_queue()
        self._playing.clear()
        self._paused_at_ns = self.get_clock().get_time()

    async def resume(self) -> None:
        """Resume where `pause` stopped. Does nothing if the agent is not paused."""
        if self._playing.is_set():
            return
        self._words_late_ns += self.get_clock().get_time() - self._paused_at_ns
        taken_back, self._taken_back = self._taken_back, b""
        self._playing.set()
        if taken_back:
            await self._hand_over(taken_back)

    def _drop(self) -> None:
        self._interruptions += 1
        self._words_late_ns = 0
        self._taken_back = b""
        self._handed_over.clear()
        self._playing.set()

    # --- Frames -------------------------------------------------------------------------------------------------------

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        if isinstance(frame, InterruptionFrame):
            self._drop()
        await super().process_frame(frame, direction)

    async def push_frame(self, frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM) -> None:
        """Push a frame; a word when it is heard, so that an interruption leaves no word that was not."""
        if isinstance(frame, BotStartedSpeakingFrame):
            self.is_speaking = self._utterance_begins = True
        elif isinstance(frame, BotStoppedSpeakingFrame):
            self.is_speaking = False
            self._words_late_ns = 0
        elif isinstance(frame, TTSTextFrame) and frame.pts:
            await self._until_heard(frame.pts)
        await super().push_frame(frame, direction)

    async def _until_heard(self, word_ns: int) -> None:
        await self._unpaused()
        while self._words_late_ns and (early_ns := word_ns + self._words_late_ns - self.get_clock().get_time()) > 0:
            await asyncio.sleep(early_ns / 1e9)
            await self._unpaused()

    async def write_audio_frame(self, frame: OutputAudioRawFrame) -> bool:
        """Hand the frame to LiveKit when its turn has come. False: nobody behind the transport reads audio."""
        interruptions = self._interruptions
        await self._unpaused()
        while (ahead_s := self._ahead_s()) > AHEAD_S:
            # Here and not in LiveKit, whose queue would still take the frame after an interruption has emptied it.
            await asyncio.sleep(ahead_s - AHEAD_S)
            await self._unpaused()
        if interruptions == self._interruptions:
            if self.first_speech_ns is None or self._utterance_begins:
                self._note_first_speech(frame.audio)
            await self._hand_over(frame.audio)
        return False

    async def wait_for_playout(self) -> None:
        """Return when what was written has left for the caller."""
        if self._client._audio_source is not None:
            await self._client._audio_source.wait_for_playout()

    async def _unpaused(self) -> None:
        if self._playing.is_set():
            return
        try:
            async with asyncio.timeout(PAUSE_MAX_S):
                await self._playing.wait()
        except TimeoutError:
            await self.resume()

    async def _hand_over(self, pcm: bytes) -> None:
        self._handed_over += pcm
        self._handed_over_bytes += len(pcm)
        del self._handed_over[:-BYTES_A_SECOND]
        await self._client.publish_audio(self._convert_pipecat_audio_to_livekit(pcm))

    def _ahead_s(self) -> float:
        source = self._client._audio_source
        return source.queued_duration if source is not None else 0.0

    def _note_first_speech(self, pcm: bytes) -> None:
        blocks = self._meter.speech_blocks(pcm)
        if True not in blocks:
            return
        waiting_ns = int(self._ahead_s() * 1_000_000_000)
        starts_ns = self.get_clock().get_time() + waiting_ns + blocks.index(True) * BLOCK_NS
        if self.first_speech_ns is None:
            self.first_speech_ns = starts_ns
        if self._utterance_begins:
            self._utterance_begins = False
            self.turn_speech_ns = self.turn_speech_ns or starts_ns

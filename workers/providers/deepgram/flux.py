"""Deepgram Flux on a connection that suits audio, as one of several recognizers that may take over from each other."""

import time
from typing import Any, cast

from pipecat.frames.frames import Frame
from pipecat.processors.frame_processor import FrameCallback, FrameDirection
from pipecat.services.deepgram.flux.stt import DeepgramFluxSTTService
from pipecat.services.websocket_service import _BoundedConnection
from websockets.protocol import State

from workers.media.input import CallerAudio
from workers.providers.recognizer import WebsocketRecognizer

DANGLING_AFTER_S = 2.0
"""Flux counts time by the audio it gets, so a turn whose audio ends must be ended with silence. Pipecat sends it after
half a second: a machine that stops for as long would cut the caller's sentence in two, and both halves be answered."""


class AudioConnection(_BoundedConnection):
    """A websocket that can send without waiting."""

    def send_now(self, message: bytes) -> bool:
        """Send a binary message if the connection takes it at once. False: nothing was sent, `send` would wait or fail.

        Pipecat's `send` makes a timer, two context managers and five coroutines for what waits only if the peer has
        stopped reading.
        """
        if self.state is not State.OPEN or self.paused or self.send_in_progress or self.transport.is_closing():
            return False
        self.protocol.send_binary(message)
        self.send_data()
        return True


class Flux(WebsocketRecognizer, DeepgramFluxSTTService):
    """Speech to text that finds the turns, too. When its connection ends, who owns the service replaces it."""

    DOUBT_AFTER_S = 1.5  # of speech without an answer; Flux answers every quarter of a second of speech

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(watchdog_min_timeout=DANGLING_AFTER_S, **kwargs)
        self._queued = 0  # frames of audio that wait in the queue

    async def _websocket_connect(self, uri: str, **kwargs: Any) -> Any:
        """Without permessage-deflate: speech does not get smaller, and to try took 4 % of the pipeline's time."""
        return await super()._websocket_connect(
            uri, **kwargs | {"compression": None, "create_connection": AudioConnection}
        )

    async def queue_frame(
        self,
        frame: Frame,
        direction: FrameDirection = FrameDirection.DOWNSTREAM,
        callback: FrameCallback | None = None,
    ) -> None:
        """Send the caller's audio at once; queue it only if it would have to wait, and everything else.

        Pipecat's way is a queue, a task, three generators and nine coroutines per frame: 400 us of processor time from
        the ear to the socket, instead of 93.
        """
        if isinstance(frame, CallerAudio):
            if not self._queued and self._send_now(frame):
                return
            self._queued += 1
        await super().queue_frame(frame, direction, callback)

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, CallerAudio):
            self._queued = max(self._queued - 1, 0)

    def _send_now(self, frame: CallerAudio) -> bool:
        """What `process_audio_frame` and `run_stt` do. False before the start and whenever they do something else."""
        connection = self._websocket
        if (
            not self.sample_rate
            or not isinstance(connection, AudioConnection)
            or self._cancelling
            or self._reconnecting
            or self._muted
            or not self.is_usable
            or not connection.send_now(frame.audio)
        ):
            return False
        self._last_audio_time = self._last_stt_time = time.monotonic()
        self._last_audio_chunk_duration = frame.num_frames / frame.sample_rate
        self._user_id = frame.user_id
        self._record_stt_audio_usage(frame.audio)
        return True

    # --- One of several -----------------------------------------------------------------------------------------------

    async def ask_for_sign(self) -> None:
        """Have the service answer something, whether or not anyone speaks."""
        await self._send_configure({"keyterm"})

    async def _process_message(self, message: str | bytes) -> None:
        self.note_answer()
        if not isinstance(message, str) or not message.startswith("{"):
            raise ValueError("an answer that is not JSON")
        await super()._process_message(message)

    def heard_until_s(self, result: Any) -> float | None:
        return cast(float | None, result.get("audio_window_end")) if isinstance(result, dict) else None

    async def _end_turn_cut_short(self) -> None:
        """Do nothing: whatever takes over hears the turn from its start."""

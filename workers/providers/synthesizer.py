"""A vendor's text to speech, which hands what it makes to a listener instead of to a neighbor in a pipeline.

Pipecat's services do the vendor's protocol. Whose turn it is, in which order utterances are heard, and who takes over
from a vendor that fails, is decided once for all of them, in workers/providers/failover.
"""

from contextlib import suppress
from typing import Any, Protocol

from pipecat.frames.frames import ErrorFrame, Frame, TTSAudioRawFrame
from pipecat.processors.frame_processor import FrameDirection, FrameProcessorSetup
from pipecat.services.tts_service import WebsocketTTSService
from websockets.exceptions import ConnectionClosed

CONNECT_WITHIN_S = 1.5


class SpeechFailed(Exception):
    """A vendor cannot be reached, or what it sent is not speech. Its text is for logs and events."""


class SpeechListener(Protocol):
    """Who hears what a synthesizer makes. An utterance is known by its context id."""

    async def begun(self, source: "Synthesizer", context_id: str) -> None:
        """The vendor opens an utterance, or opens it anew on another connection: its words count from 0 again."""

    async def audio(self, source: "Synthesizer", context_id: str, frame: TTSAudioRawFrame) -> None:
        """16 kHz mono 16-bit PCM."""

    async def words(
        self, source: "Synthesizer", context_id: str, words: list[tuple[str, float]], *, carry_spaces: bool
    ) -> None:
        """Words with their start in seconds since `begun`; `carry_spaces` says that they hold their own spaces."""

    async def ended(self, source: "Synthesizer", context_id: str) -> None:
        """There is no more audio of this utterance."""

    async def failed(self, source: "Synthesizer", why: str) -> None:
        """The vendor cannot go on: the connection ended, or it sent an error."""


class Synthesizer(WebsocketTTSService):
    """Mixed in before one of Pipecat's services, whose audio contexts are then the utterances of the listener."""

    is_timed = True
    """Whether words come with the speech. False: when it fails in mid-utterance, the rest is not said."""

    def __init__(self, *, listener: SpeechListener, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._listener = listener
        self._receive_task: Any = None
        self._open: set[str] = set()  # utterances that the vendor knows of
        self._is_connecting = False
        self._why = ""  # it could not connect

    # --- For who owns it ----------------------------------------------------------------------------------------------

    async def connect(self, setup: FrameProcessorSetup) -> None:
        """Open the connection. Raises SpeechFailed when the vendor does not take it in time."""
        self._is_connecting = True
        try:
            await self.setup(setup)
        finally:
            self._is_connecting = False
        if self._websocket is None:
            raise SpeechFailed(self._why or "cannot connect")

    async def say(self, context_id: str, text: str) -> None:
        """Ask for the speech of a text, which belongs to this utterance. A failure goes to the listener."""
        if self._push_start_frame and context_id not in self._open:
            await self.create_audio_context(context_id)
        async for frame in self.run_tts(text, context_id):
            if isinstance(frame, ErrorFrame):
                await self.push_error_frame(frame)

    async def finish(self, context_id: str) -> None:
        """Tell the vendor that no more text of this utterance comes."""
        if context_id in self._open:
            self._turn_context_id = context_id
            await self._while_connected(self.on_turn_context_completed())  # type: ignore[no-untyped-call]  # Pipecat's

    async def forget(self, context_id: str) -> None:
        """Nobody hears this utterance anymore: the vendor need not continue it."""
        if context_id in self._open:
            self._open.discard(context_id)
            await self._while_connected(self.on_audio_context_interrupted(context_id))

    async def drop(self) -> None:
        """End the connection at once: to close it properly would wait for an answer."""
        reading, self._receive_task = self._receive_task, None
        websocket, self._websocket = self._websocket, None
        if reading:
            await self.cancel_task(reading)
        if websocket:
            websocket.transport.abort()
        await self.cleanup()  # type: ignore[no-untyped-call]  # Pipecat's

    # --- For Pipecat's service ----------------------------------------------------------------------------------------

    def audio_context_available(self, context_id: str) -> bool:
        """Whether the vendor knows of this utterance."""
        return context_id in self._open

    def get_audio_contexts(self) -> list[str]:
        """The utterances that the vendor knows of."""
        return list(self._open)

    async def create_audio_context(self, context_id: str) -> None:
        self._open.add(context_id)
        await self._listener.begun(self, context_id)

    async def append_to_audio_context(self, context_id: str | None, frame: Any) -> None:
        if context_id is not None and isinstance(frame, TTSAudioRawFrame):
            await self._listener.audio(self, context_id, frame)

    async def add_word_timestamps(
        self,
        word_times: list[tuple[str, float]],
        context_id: str | None = None,
        includes_inter_frame_spaces: bool | None = None,
        pre_merge_tokens: bool = False,
    ) -> None:
        if context_id is not None:
            await self._listener.words(self, context_id, word_times, carry_spaces=bool(includes_inter_frame_spaces))

    async def remove_audio_context(self, context_id: str | None) -> None:
        if context_id in self._open:
            self._open.discard(context_id)
            await self.on_audio_context_completed(context_id)
            await self._listener.ended(self, context_id)

    async def push_frame(self, frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM) -> None:
        """Do nothing: what is heard goes to the listener."""

    async def push_error_frame(self, error: ErrorFrame, force_treat_as_permanent: bool = False) -> None:
        why = str(error.exception) if isinstance(error.exception, SpeechFailed) else error.error
        if self._is_connecting:
            self._why = why
        else:
            await self._listener.failed(self, why)

    async def start_tts_usage_metrics(self, text: str) -> None:
        """Do nothing: the listener counts what it asks for."""

    async def _close_connection_contexts(self) -> None:
        self._open.clear()

    async def _websocket_connect(self, uri: str, **kwargs: Any) -> Any:
        try:
            return await super()._websocket_connect(uri, **kwargs | {"open_timeout": CONNECT_WITHIN_S})
        except Exception as error:
            raise SpeechFailed(f"cannot connect ({type(error).__name__})") from error

    async def _receive_task_handler(self, report_error: Any) -> None:
        """Read until the connection ends. What is asked for afterwards opens a new one."""
        why = "the connection was closed"
        try:
            await self._receive_messages()  # type: ignore[no-untyped-call]  # Pipecat's
        except ConnectionClosed:
            pass
        except Exception as error:
            why = _in_words(error)
        if not self._disconnecting:
            self._receive_task, self._websocket = None, None
            self._open.clear()
            await self._listener.failed(self, why)

    async def _while_connected(self, work: Any) -> None:
        with suppress(ConnectionClosed):  # the reader notices, too, and sees to it
            await work


def _in_words(error: Exception) -> str:
    if isinstance(error, SpeechFailed):
        return str(error)
    return "an answer that is not JSON" if isinstance(error, ValueError) else type(error).__name__

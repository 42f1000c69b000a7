"""A context of Cartesia's websocket: one utterance, whose text may come in pieces, and the task that speaks it.

Protocol: docs.cartesia.ai/use-the-api/tts-websocket/contexts and /context-flushing-and-flush-i-ds.
"""

import asyncio
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from simulator.cartesia.events import chunk_event, done_event, flush_done_event, words_event
from simulator.cartesia.requests import Generation, is_speakable, server_error
from simulator.cartesia.voices import speaker_of
from simulator.speech.synthesis import SynthesisError
from simulator.tts.serving import heard
from simulator.tts.speaking import speak
from simulator.wire import Socket

log = logging.getLogger(__name__)

_SENTENCES = re.compile(r".*[.!?][\"')]*\s", re.DOTALL)
"""All that ends with a sentence; what follows may go on."""


@dataclass(frozen=True)
class _Piece:
    """Text to be spoken; `flush`: say so when it has been."""

    text: str
    flush: bool


class Context:
    """One utterance. Its voice and format are those of its first message."""

    def __init__(
        self, socket: Socket, context_id: str, first: Generation, buffer_s: float, forget: Callable[[str], None]
    ) -> None:
        """`buffer_s` is how long an unfinished sentence waits for the rest of it; with 0 every text is spoken alone.

        `forget` is called when the utterance is over.
        """
        self.ended = False
        self._socket = socket
        self._id = context_id
        self._first = first
        self._buffer_s = buffer_s
        self._forget = forget
        self._pieces: asyncio.Queue[_Piece | None] = asyncio.Queue()
        self._buffer = ""
        self._timer: asyncio.TimerHandle | None = None
        self._flush_id = 0
        self._spoken_s = 0.0
        self.task = asyncio.create_task(self._run())

    def add(self, text: str) -> None:
        """Take more text."""
        self._buffer += text
        if not self._buffer_s:
            if text:
                self.flush()
            return
        if complete := _SENTENCES.match(self._buffer):
            self._put(complete.group(), flush=False)
            self._buffer = self._buffer[complete.end() :]
        self._stop_timer()
        self._timer = asyncio.get_running_loop().call_later(self._buffer_s, self._put_buffer, False)

    def flush(self) -> None:
        """Speak what has come, and say so."""
        self._put_buffer(flush=True)

    def end(self) -> None:
        """Speak what is left, and finish."""
        self.ended = True
        self._put_buffer(flush=False)
        self._pieces.put_nowait(None)

    def cancel(self) -> None:
        """Finish at once, without a word."""
        self._stop_timer()
        self.task.cancel()
        self._forget(self._id)

    def _put_buffer(self, flush: bool) -> None:
        self._stop_timer()
        text, self._buffer = self._buffer, ""
        self._put(text, flush)

    def _put(self, text: str, flush: bool) -> None:
        self._pieces.put_nowait(_Piece(text, flush))

    def _stop_timer(self) -> None:
        if self._timer:
            self._timer.cancel()

    async def _run(self) -> None:
        try:
            while piece := await self._pieces.get():
                if is_speakable(piece.text):
                    await self._speak(piece.text)
                if piece.flush:
                    self._flush_id += 1
                    await self._send(flush_done_event(self._flush_id))
            await self._send(done_event())
        except SynthesisError as error:
            log.error("speech could not be made: %s", error)
            await self._send({"type": "error", "done": True, "status_code": 500, **server_error(str(error))})
        self._forget(self._id)

    async def _speak(self, text: str) -> None:
        world, first = self._socket.world, self._first
        speaker, audio_format = speaker_of(first.voice_id), first.output_format.audio
        chunks = speak(world, speaker, text, audio_format, world.profile.cartesia_first_audio)
        offset_s = self._spoken_s
        async for chunk in heard(self._socket.connection, chunks):
            self._spoken_s += chunk.seconds
            await self._send(chunk_event(chunk))
            if first.with_words and chunk.words:
                await self._send(words_event(chunk.words, offset_s))

    async def _send(self, event: dict[str, Any]) -> None:
        await self._socket.send({**event, "context_id": self._id})

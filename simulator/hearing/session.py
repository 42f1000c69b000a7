"""One websocket that hears a caller: audio in, turns found by energy, text from the recognizer, in order."""

import asyncio
import json
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from aiohttp import WSMsgType

from simulator.hearing.endpointing import SpeechEvent, TurnFinder
from simulator.hearing.transcripts import Transcripts
from simulator.profiles import FRAME_S
from simulator.speech.audio import AudioDecoder
from simulator.speech.pcm import SAMPLE_RATE, Samples
from simulator.wire import CLOSING, Socket

_FRAME = round(FRAME_S * SAMPLE_RATE)
_TICK_S = 0.1


@dataclass(frozen=True)
class Frame:
    """80 ms more of the stream were heard, up to `at_s`.

    `speaking`: a turn is under way, which began at `turn_start_s`, and of which `text` is known so far, and
    `current` is being spoken.
    """

    at_s: float
    speaking: bool
    turn_start_s: float
    last_voice_s: float
    text: str
    current: str


class HearingSession(ABC):
    """What is heard is handled piece after piece, so that answers keep their order."""

    def __init__(self, socket: Socket, decoder: AudioDecoder, limits: Callable[[], tuple[float, float]]) -> None:
        self.socket = socket
        self.world = socket.world
        self.session_id = str(uuid.uuid4())
        self.finder = TurnFinder(limits)
        self.transcripts = Transcripts(self.world.recognizer)
        self._decoder = decoder
        self._filled = 0  # samples of the frame under way
        self._queue: asyncio.Queue[SpeechEvent | Frame | Mapping[str, Any]] = asyncio.Queue()
        self._text = self._current = ""  # of the turn under way, so far
        self._lag_s = self._guessed_s = 0.0
        self._guess_task: asyncio.Task[None] | None = None
        self._message_at = asyncio.get_running_loop().time()

    @abstractmethod
    async def on_event(self, event: SpeechEvent) -> None:
        """Answer a change of the caller's speech."""

    @abstractmethod
    async def on_frame(self, frame: Frame) -> None:
        """80 ms more were heard."""

    @abstractmethod
    async def on_message(self, message: Mapping[str, Any]) -> bool:
        """Answer a JSON message, after what was heard before it; False ends the session."""

    @abstractmethod
    async def on_unreadable(self, text: str) -> None:
        """Answer a text message that is not a JSON object; the session ends then."""

    async def on_pause(self, event: SpeechEvent) -> SpeechEvent | None:
        """Decide, before more is heard, whether a pause ends the turn; return the event that it makes."""
        return None

    def on_audio(self, data: bytes) -> None:
        """Look at a message of audio as it came."""
        return

    async def on_control(self, message: Mapping[str, Any]) -> SpeechEvent | None:
        """Look at a JSON message as soon as it comes; the event that it makes is answered before it."""
        return None

    async def on_time(self, idle_s: float) -> None:
        """A tenth of a second has passed; `idle_s` since the client's last message."""
        return

    def lag_s(self) -> float:
        """Draw the time, in seconds, from a word's end to the text in which it stands."""
        return self.world.stt_interim_s()

    async def run(self) -> None:
        """Serve until the client or a message ends the session."""
        tasks = [asyncio.create_task(work) for work in (self._receive(), self._tick(), self._work())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            helpers = [*self.transcripts.under_way(), *([self._guess_task] if self._guess_task else [])]
            for helper in (*tasks, *helpers):
                helper.cancel()
            await asyncio.gather(*tasks, *helpers, return_exceptions=True)

    def end_turn(self, pause: SpeechEvent) -> SpeechEvent | None:
        """End the turn at a pause in which a line is over, unless it has ended or the caller speaks again meanwhile."""
        has_ended = self.finder.turn_start_s != pause.turn_start_s
        if has_ended or self.goes_on(pause) or self.transcripts.breaks_off(pause):
            return None
        return self.finder.finish()

    async def cut_turn(self) -> SpeechEvent | None:
        """End the turn under way because the client says so, with what was said so far."""
        pcm = self.finder.heard_until(0)
        event = self.finder.finish()
        if event:
            await self.transcripts.cut(event, pcm)
        return event

    def is_complete(self, text: str) -> bool:
        """Whether a caller who pauses after this text has said everything."""
        return text.endswith((".", "?", "!")) and not self.world.recognizer.unfinished(text)

    def goes_on(self, event: SpeechEvent) -> bool:
        """True when speech was heard after this event."""
        return self.finder.last_voice_s > event.last_voice_s

    async def _receive(self) -> None:
        loop = asyncio.get_running_loop()
        while (message := await self.socket.receive()).type not in CLOSING:
            self._message_at = loop.time()
            if message.type == WSMsgType.BINARY:
                self.on_audio(message.data)
                pcm = self._decoder.feed(message.data)
                await self._hear(np.zeros_like(pcm) if self.socket.connection.deaf else pcm)
            elif message.type == WSMsgType.TEXT and not await self._read(message.data):
                return

    async def _hear(self, pcm: Samples) -> None:
        while len(pcm):
            piece, pcm = pcm[: _FRAME - self._filled], pcm[_FRAME - self._filled :]
            self._filled = (self._filled + len(piece)) % _FRAME
            await self._note(self.finder.feed(piece))
            if not self._filled:
                await self._end_frame()

    async def _end_frame(self) -> None:
        finder, recognizer = self.finder, self.world.recognizer
        if finder.speaking:
            if recognizer.word_by_word:
                await self._guess()
            elif finder.position_s >= self._guessed_s + recognizer.partial_every_s and not self._guess_task:
                self._guessed_s = finder.position_s
                self._guess_task = asyncio.create_task(self._guess())
                self._guess_task.add_done_callback(lambda _: setattr(self, "_guess_task", None))
        words = (self._text, self._current) if finder.speaking else ("", "")
        frame = Frame(finder.position_s, finder.speaking, finder.turn_start_s, finder.last_voice_s, *words)
        self._queue.put_nowait(frame)

    async def _guess(self) -> None:
        turn_start_s, pcm = self.finder.turn_start_s, self.finder.heard_until(self._lag_s)
        partial = await self.transcripts.so_far(pcm, turn_start_s, self.finder.audio_start_s, self._text)
        if self.finder.speaking and self.finder.turn_start_s == turn_start_s:
            self._text, self._current = partial.text, partial.current

    async def _read(self, text: str) -> bool:
        try:
            document = json.loads(text)
        except ValueError:
            document = None
        if not isinstance(document, dict):
            await self.on_unreadable(text)
            return False
        event = await self.on_control(document)
        if event:
            await self._note([event])
        self._queue.put_nowait(document)
        return True

    async def _note(self, events: list[SpeechEvent]) -> None:
        for event in events:
            if event.kind == "started":
                self._text = self._current = ""
                self._guessed_s = event.at_s
                self._lag_s = self.lag_s()
            elif event.kind == "resumed":
                self.transcripts.forget(event.turn_start_s)
            elif event.kind == "paused":
                # a pause is often the end: begin now, so that the text is there when the turn ends
                self.transcripts.begin(event)
            self._queue.put_nowait(event)
            if self.world.recognizer.word_by_word:
                await self._settle(event)

    async def _settle(self, event: SpeechEvent) -> None:
        if event.kind == "ended":
            await self.transcripts.turn_over(event)
        elif event.kind == "paused" and (end := await self.on_pause(event)):
            await self._note([end])

    async def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_TICK_S)
            await self.on_time(loop.time() - self._message_at)

    async def _work(self) -> None:
        while True:
            item = await self._queue.get()
            if isinstance(item, SpeechEvent):
                await self.on_event(item)
                # a recognizer that takes its time must not keep the caller waiting
                is_undecided = item.kind == "paused" and not self.world.recognizer.word_by_word
                if is_undecided and (end := await self.on_pause(item)):
                    await self.on_event(end)
            elif isinstance(item, Frame):
                await self.on_frame(item)
            elif not await self.on_message(item):
                return

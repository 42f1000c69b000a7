"""What both of Deepgram's streaming protocols share: audio in, turns found by energy, text from the recogniser."""

import asyncio
import json
import logging
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import WSMsgType, web

from simulator.deepgram.endpointing import SpeechEvent, TurnFinder
from simulator.faults import Fault, Target
from simulator.speech.audio import AudioDecoder, UnsupportedFormat
from simulator.wire import REFUSED_KEY, Socket, admit, json_error, model_of
from simulator.world import WORLD

log = logging.getLogger(__name__)

_TICK_S = 0.1
_REST_S = 1.0
_UPDATE_S = 0.25
"""Flux reports every quarter of a second of speech: developers.deepgram.com/docs/flux/state."""


def deepgram_error(code: str, message: str) -> dict[str, str]:
    """The body of Deepgram's HTTP errors."""
    return {"err_code": code, "err_msg": message, "request_id": str(uuid.uuid4())}


def target_of(request: web.Request) -> Target:
    """What a handshake asks for."""
    return Target("stt", "deepgram", model_of(request))


def admit_listener(request: web.Request, kind: str) -> Fault | None:
    """Check the API key and the faults of a Deepgram handshake; count it."""
    request.app[WORLD].count("stt", kind)
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() not in ("token", "bearer") or not key.strip() or key.strip() == REFUSED_KEY:
        raise json_error(401, deepgram_error("INVALID_AUTH", "Invalid credentials."))
    return admit(
        request,
        target_of(request),
        deepgram_error("TOO_MANY_REQUESTS", "Too many requests. Please try again later."),
        deepgram_error("INTERNAL_SERVER_ERROR", "The request could not be processed."),
    )


class Query:
    """A handshake's query parameters; a wrong one is HTTP 400, as Deepgram's is."""

    def __init__(self, request: web.Request) -> None:
        self._query = request.query

    def text(self, name: str, default: str = "") -> str:
        """A parameter as it is."""
        return self._query.get(name, default)

    def flag(self, name: str, default: bool = False) -> bool:
        """true or false."""
        return self.text(name, str(default)).lower() == "true"

    def number(self, name: str, default: float | None, low: float, high: float) -> float | None:
        """A number between two limits."""
        text = self.text(name)
        if not text:
            return default
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not low <= value <= high:
            raise self.wrong(f"{name} is {text!r}: it must be a number from {low:g} to {high:g}")
        return value

    def decoder(self) -> AudioDecoder:
        """The decoder for encoding, sample_rate and channels."""
        rate = self.number("sample_rate", 16000, 1, 1e6) or 16000
        channels = self.number("channels", 1, 1, 64) or 1
        try:
            return AudioDecoder(self.text("encoding", "linear16"), int(rate), int(channels))
        except UnsupportedFormat as error:
            raise self.wrong(str(error)) from error

    @staticmethod
    def wrong(message: str) -> web.HTTPException:
        """The error for a wrong parameter, to be raised."""
        return json_error(400, deepgram_error("INVALID_QUERY_PARAMETER", message))


_UPDATE: dict[str, Any] = {}
"""Stands in the queue of events for a quarter of a second more of speech."""
_WORDS: dict[str, Any] = {}
"""Stands there for new words in `partial_text`."""


class ListenSession(ABC):
    """One websocket that hears a caller. Events are handled one after the other, so that answers keep their order."""

    def __init__(self, socket: Socket, decoder: AudioDecoder, limits: Callable[[], tuple[float, float]]) -> None:
        self.socket = socket
        self.world = socket.world
        self.request_id = str(uuid.uuid4())
        self.finder = TurnFinder(limits)
        self.partial_text = ""
        self._decoder = decoder
        self._events: asyncio.Queue[SpeechEvent | Mapping[str, Any]] = asyncio.Queue()
        self._texts: dict[tuple[float, float], asyncio.Task[str]] = {}
        self._partial: asyncio.Task[None] | None = None
        self._said: tuple[str, float] | None = None  # the last turn, and where it ended
        self._updated_s = self._partial_s = self._interim_s = 0.0
        self._message_at = asyncio.get_running_loop().time()

    @abstractmethod
    async def on_event(self, event: SpeechEvent) -> None:
        """Answer a change of the caller's speech."""

    @abstractmethod
    async def on_update(self) -> None:
        """A quarter of a second more was said; `partial_text` is what is known of it."""

    @abstractmethod
    async def on_words(self) -> None:
        """There are more words in `partial_text` than before."""

    @abstractmethod
    async def on_message(self, message: Mapping[str, Any]) -> bool:
        """Answer a JSON message, after what was heard before it; False ends the session."""

    @abstractmethod
    async def on_unreadable(self) -> None:
        """Answer a text message that is not a JSON object; the session ends then."""

    def on_control(self, message: Mapping[str, Any]) -> SpeechEvent | None:
        """Look at a JSON message as soon as it comes; the event that it makes is answered before it."""
        return None

    async def on_time(self, idle_s: float) -> None:
        """A tenth of a second has passed; `idle_s` since the client's last message."""
        return

    async def run(self) -> None:
        """Serve until the client or a message ends the session."""
        tasks = [asyncio.create_task(work) for work in (self._receive(), self._tick(), self._work())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            helpers = [*self._texts.values(), *([self._partial] if self._partial else [])]
            for helper in (*tasks, *helpers):
                helper.cancel()
            await asyncio.gather(*tasks, *helpers, return_exceptions=True)

    async def transcript(self, event: SpeechEvent) -> str:
        """The text of the turn up to this event; empty if the caller has gone on speaking meanwhile."""
        task = self._transcribe(event)
        try:
            text = await asyncio.shield(task)
        except asyncio.CancelledError:
            current = asyncio.current_task()
            if not task.cancelled() or (current and current.cancelling()):
                raise
            text = ""
        if event.kind == "ended":
            self._texts.pop(_key(event), None)
        return self._without_rest(text, event.turn_start_s)

    def turn_over(self, event: SpeechEvent, text: str) -> None:
        """Remember what was said in the turn that ended with this event."""
        if text:
            self._said = text, event.last_voice_s

    def _without_rest(self, text: str, turn_start_s: float) -> str:
        """Nothing for the rest of a line that a hole in the sound has cut off: its words were given before the hole.

        A signature tells the whole line from any part of it, and networks and busy machines make holes.
        """
        if self._said is None or not self.world.recognizer.word_by_word:
            return text
        said, until_s = self._said
        return "" if text in said and turn_start_s - until_s < _REST_S else text

    def goes_on(self, event: SpeechEvent) -> bool:
        """True when speech was heard after this event."""
        return self.finder.last_voice_s > event.last_voice_s

    def _transcribe(self, event: SpeechEvent) -> asyncio.Task[str]:
        key = _key(event)
        if key not in self._texts:
            self._texts[key] = asyncio.create_task(self.world.recognizer.transcribe(event.pcm))
        return self._texts[key]

    async def _receive(self) -> None:
        loop = asyncio.get_running_loop()
        async for message in self.socket.ws:
            self._message_at = loop.time()
            if message.type == WSMsgType.BINARY:
                self._heard(self.finder.feed(self._decoder.feed(message.data)))
            elif message.type == WSMsgType.TEXT and not await self._read(message.data):
                return

    async def _read(self, text: str) -> bool:
        try:
            document = json.loads(text)
        except ValueError:
            document = None
        if not isinstance(document, dict):
            await self.on_unreadable()
            return False
        event = self.on_control(document)
        if event:
            self._heard([event])
        self._events.put_nowait(document)
        return True

    async def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_TICK_S)
            await self.on_time(loop.time() - self._message_at)

    def _heard(self, events: list[SpeechEvent]) -> None:
        for event in events:
            if event.kind == "started":
                self.partial_text = ""
                self._partial_s = event.at_s
                self._interim_s = self.world.stt_interim_s()
            elif event.kind == "resumed":
                self._drop_texts(event.turn_start_s)
            elif event.kind == "paused":
                # a pause is often the end: begin now, so that the text is there when the turn ends
                self._transcribe(event)
            self._events.put_nowait(event)
        if self.finder.speaking and self.finder.position_s - self._updated_s >= _UPDATE_S:
            self._updated_s = self.finder.position_s
            self._events.put_nowait(_UPDATE)
        due_s = self._partial_s + self.world.recognizer.partial_every_s
        if self.finder.speaking and self.finder.position_s >= due_s and (not self._partial or self._partial.done()):
            self._partial_s = self.finder.position_s
            self._partial = asyncio.create_task(self._guess())

    def _drop_texts(self, turn_start_s: float) -> None:
        """Forget what a pause of this turn began; the text of a former turn may still be awaited."""
        for key in [key for key in self._texts if key[0] == turn_start_s]:
            self._texts.pop(key).cancel()

    async def _guess(self) -> None:
        turn_start_s, known = self.finder.turn_start_s, self.partial_text
        text = await self.world.recognizer.partial(self.finder.heard_until(self._interim_s), known)
        text = self._without_rest(text, turn_start_s)
        if text != known and self.finder.speaking and self.finder.turn_start_s == turn_start_s:
            self.partial_text = text
            self._events.put_nowait(_WORDS)

    async def _work(self) -> None:
        while True:
            item = await self._events.get()
            if isinstance(item, SpeechEvent):
                await self.on_event(item)
            elif item is _UPDATE or item is _WORDS:
                if self.finder.speaking:
                    await (self.on_update() if item is _UPDATE else self.on_words())
            elif not await self.on_message(item):
                return


def _key(event: SpeechEvent) -> tuple[float, float]:
    return event.turn_start_s, event.last_voice_s


def spread_words(text: str, start_s: float, end_s: float) -> list[tuple[str, float, float]]:
    """Spread the words of `text` over a stretch of time, by their length: (word, start, end) in seconds."""
    words = text.split()
    total = sum(len(word) + 1 for word in words) or 1
    position, spread = start_s, []
    for word in words:
        end = position + (len(word) + 1) / total * (end_s - start_s)
        spread.append((word, round(position, 3), round(end, 3)))
        position = end
    return spread

"""Deepgram Flux: the websocket /v2/listen, which says when a turn starts and ends.

Protocol: developers.deepgram.com/docs/flux (state machine, configuration, eager end of turn) and the message types of
deepgram-sdk 7.16 (deepgram.listen.v2.types).
"""

from collections.abc import Mapping
from typing import Any

from aiohttp import WSCloseCode, web

from simulator.deepgram.handshake import admit_listener, make_decoder, read_query
from simulator.hearing.endpointing import SpeechEvent
from simulator.hearing.query import Query
from simulator.hearing.session import Frame, HearingSession
from simulator.hearing.words import spread_words
from simulator.speech.audio import AudioDecoder
from simulator.wire import Socket

MODELS = ("flux-general-en", "flux-general-multi")
DEFAULT_EOT_THRESHOLD = 0.7
DEFAULT_EOT_TIMEOUT_MS = 5000
_NEVER_S = 1e9
_CONFIDENCE_SPEAKING = 0.1
_UPDATE_S = 0.25
"""Flux reports every quarter of a second of speech: developers.deepgram.com/docs/flux/state."""

_RANGES = {"eot_threshold": (0.5, 1.0), "eager_eot_threshold": (0.3, 0.9), "eot_timeout_ms": (500, 60000)}


async def listen(request: web.Request) -> web.WebSocketResponse:
    """Serve one caller."""
    fault = admit_listener(request, "flux")
    query = read_query(request)
    if query.text("model") not in MODELS:
        raise query.wrong(f"model is {query.text('model')!r}: use one of {', '.join(MODELS)}")
    decoder = make_decoder(query)
    thresholds = Thresholds.from_query(query)
    socket = await Socket.accept(request, "stt", fault)
    try:
        await FluxSession(socket, decoder, thresholds, query.text("model")).run()
    finally:
        socket.forget()
    return socket.ws


class Thresholds:
    """When a turn ends. Confidences are from 0 to 1; `eager` None gives no EagerEndOfTurn."""

    def __init__(self) -> None:
        self.end = DEFAULT_EOT_THRESHOLD
        self.eager: float | None = None
        self.timeout_ms = float(DEFAULT_EOT_TIMEOUT_MS)

    @classmethod
    def from_query(cls, query: Query) -> "Thresholds":
        """Read them from a handshake; HTTP 400 for one that is out of range."""
        self = cls()
        self.end = query.number("eot_threshold", self.end, *_RANGES["eot_threshold"]) or self.end
        self.eager = query.number("eager_eot_threshold", None, *_RANGES["eager_eot_threshold"])
        self.timeout_ms = query.number("eot_timeout_ms", self.timeout_ms, *_RANGES["eot_timeout_ms"]) or self.timeout_ms
        if self.eager is not None and self.eager > self.end:
            raise query.wrong("eager_eot_threshold must not be greater than eot_threshold")
        return self

    def change(self, values: Mapping[str, Any]) -> str:
        """Apply a Configure message; return what is wrong with it, or nothing."""
        for name, value in values.items():
            if name not in _RANGES:
                return f"unknown threshold {name}"
            low, high = _RANGES[name]
            if value is not None and (not isinstance(value, int | float) or not low <= value <= high):
                return f"{name} must be from {low:g} to {high:g}"
        self.end = values.get("eot_threshold") or self.end
        if "eager_eot_threshold" in values:
            self.eager = values["eager_eot_threshold"]
        self.timeout_ms = values.get("eot_timeout_ms") or self.timeout_ms
        return ""

    def describe(self) -> dict[str, float | None]:
        """As JSON."""
        values = {"eot_threshold": self.end, "eager_eot_threshold": self.eager, "eot_timeout_ms": int(self.timeout_ms)}
        return {name: value for name, value in values.items() if value is not None}


class FluxSession(HearingSession):
    """The turns of one caller."""

    def __init__(self, socket: Socket, decoder: AudioDecoder, thresholds: Thresholds, model: str) -> None:
        super().__init__(socket, decoder, self._limits)
        self._thresholds = thresholds
        self._model = model
        self._keyterms: list[str] = []
        self._sequence = 0
        self._turn = 0
        self._turn_open = False
        self._eager_text = ""
        self._turn_start_s = self._updated_s = 0.0
        self._ended_by = "model"

    def _limits(self) -> tuple[float, float]:
        eager_s, end_s = self.world.end_of_turn_s()
        timeout_s = self._thresholds.timeout_ms / 1000
        if self._thresholds.end >= 1:
            end_s = _NEVER_S
        return min(eager_s, timeout_s), min(end_s, timeout_s)

    async def run(self) -> None:
        """Greet, and serve until the client or a message ends the session."""
        await self._send({"type": "Connected"})
        await super().run()

    async def on_event(self, event: SpeechEvent) -> None:
        """Report a change of the turn's state."""
        if event.kind == "started":
            self._turn_open, self._eager_text, self._turn_start_s = False, "", event.turn_start_s
            if not self.world.recognizer.word_by_word:
                await self._open(event.at_s, "")
        elif event.kind == "paused" and self._thresholds.eager is not None and not self.goes_on(event):
            text = await self.transcripts.of(event)
            if text and not self.goes_on(event):
                await self._open(event.at_s, text)
                self._eager_text = text
                await self._report("EagerEndOfTurn", event.last_voice_s, text, self._thresholds.eager)
        elif event.kind == "resumed" and self._eager_text:
            text, self._eager_text = self._eager_text, ""
            await self._report("TurnResumed", event.at_s, text, _CONFIDENCE_SPEAKING)
        elif event.kind == "ended":
            await self._end(event)

    async def on_pause(self, event: SpeechEvent) -> None:
        """Wait longer for a caller who has not said everything yet."""
        if self.world.recognizer.unfinished(await self.transcripts.of(event)):
            self.finder.hold(min(self.world.unfinished_s(), self._thresholds.timeout_ms / 1000))

    async def on_frame(self, frame: Frame) -> None:
        """Report what was said so far. After a prediction nothing changes until it is taken back or comes true."""
        if not frame.speaking or self._eager_text:
            return
        if frame.text and not self._turn_open:
            # a sound without words begins no turn
            await self._open(frame.at_s, frame.text)
        elif self._turn_open and frame.at_s - self._updated_s >= _UPDATE_S:
            self._updated_s = frame.at_s
            await self._report("Update", frame.at_s, frame.text, _CONFIDENCE_SPEAKING)

    async def on_control(self, message: Mapping[str, Any]) -> SpeechEvent | None:
        """End the turn under way when the client says so."""
        kind = message.get("type")
        if kind not in ("ForceEndTurn", "CloseStream"):
            return None
        event = await self.cut_turn()
        self._ended_by = "manual" if event else self._ended_by
        return event

    async def on_message(self, message: Mapping[str, Any]) -> bool:
        """Answer a control message."""
        match message.get("type"):
            case "CloseStream":
                await self.socket.close()
                return False
            case "Configure":
                await self._configure(message)
            case "ForceEndTurn" | "KeepAlive":
                pass
            case kind:
                await self._fail(f"unknown message type {kind!r}")
                return False
        return True

    async def on_unreadable(self, text: str) -> None:
        """Report a text message that is not a JSON object."""
        await self._fail("the message is not a JSON object")

    async def _open(self, at_s: float, text: str) -> None:
        """Report the start of the turn, unless it was."""
        if not self._turn_open:
            self._turn_open = True
            await self._report("StartOfTurn", at_s, text, _CONFIDENCE_SPEAKING)

    async def _end(self, event: SpeechEvent) -> None:
        text = self._eager_text or await self.transcripts.of(event)
        if not text and not self._turn_open:
            self._ended_by = "model"
            return
        await self._open(event.at_s, text)
        timed_out = event.at_s - event.last_voice_s >= self._thresholds.timeout_ms / 1000 - 0.005
        trigger = "timeout" if timed_out and self._ended_by == "model" else self._ended_by
        await self._report("EndOfTurn", event.last_voice_s, text, max(self._thresholds.end, 0.85), trigger=trigger)
        self._turn += 1
        self._turn_open, self._eager_text, self._ended_by = False, "", "model"

    async def _configure(self, message: Mapping[str, Any]) -> None:
        thresholds = message.get("thresholds") or {}
        problem = self._thresholds.change(thresholds) if isinstance(thresholds, Mapping) else "thresholds is no object"
        if problem:
            failure = {"code": "INVALID_CONFIGURATION", "error_code": "INVALID_CONFIGURATION", "description": problem}
            await self._send({"type": "ConfigureFailure", "request_id": self.session_id, **failure})
            return
        self._keyterms = message.get("keyterms") or self._keyterms
        success = {"thresholds": self._thresholds.describe(), "keyterms": self._keyterms}
        optional = {name: message[name] for name in ("language_hints", "numerals") if name in message}
        await self._send({"type": "ConfigureSuccess", "request_id": self.session_id, **success, **optional})

    async def _fail(self, description: str) -> None:
        await self._send({"type": "Error", "code": "UNPARSABLE_CLIENT_MESSAGE", "description": description})
        await self.socket.close(WSCloseCode.POLICY_VIOLATION, "UNPARSABLE_CLIENT_MESSAGE")

    async def _report(self, event: str, end_s: float, text: str, confidence: float, **extra: str) -> None:
        words = spread_words(text, self._turn_start_s, max(end_s, self._turn_start_s))
        info: dict[str, Any] = {
            "type": "TurnInfo",
            "event": event,
            "turn_index": self._turn,
            "audio_window_start": round(self._turn_start_s, 3),
            "audio_window_end": round(end_s, 3),
            "transcript": text,
            "words": [{"word": word, "confidence": 0.98, "start": start, "end": end} for word, start, end in words],
            "end_of_turn_confidence": round(confidence, 2),
        }
        if self._model == "flux-general-multi":
            info["languages"] = ["en"]
        await self._send({**info, **extra})

    async def _send(self, message: Mapping[str, Any]) -> None:
        await self.socket.send({**message, "request_id": self.session_id, "sequence_id": self._sequence})
        self._sequence += 1

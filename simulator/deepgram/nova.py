"""Deepgram Nova: the websocket /v1/listen, which transcribes, and leaves turns to its client.

Protocol: developers.deepgram.com/docs (endpointing, interim results, utterance end, finalize, close stream) and the
message types of deepgram-sdk 7.16 (deepgram.listen.v1.types).
"""

import asyncio
import datetime
import hashlib
from collections.abc import Mapping
from typing import Any

from aiohttp import WSCloseCode, web

from simulator.deepgram.handshake import admit_listener, make_decoder, read_query, target_of
from simulator.hearing.endpointing import SpeechEvent
from simulator.hearing.query import Query
from simulator.hearing.session import Frame, HearingSession
from simulator.hearing.words import spread_words
from simulator.speech.audio import AudioDecoder
from simulator.wire import Socket

DEFAULT_MODEL = "nova-3-general"
_NO_ENDPOINTING_S = 1.0
"""Without endpointing, results still become final when no more context can come; about a second of silence."""
_INTERIM_EVERY_S = 1.0
"""Of audio, in silence too, where the words are empty: as in the log in github.com/pipecat-ai/pipecat/pull/1261."""
_IDLE_LIMIT_S = 10.0
"""Deepgram closes a connection without audio or KeepAlive after 10 s: developers.deepgram.com/docs/audio-keep-alive."""


async def listen(request: web.Request) -> web.WebSocketResponse:
    """Serve one caller."""
    fault = admit_listener(request, "nova")
    query = read_query(request)
    options, decoder = Options(query), make_decoder(query)
    socket = await Socket.accept(request, target_of(request), fault)
    try:
        await NovaSession(socket, decoder, options).run()
    finally:
        socket.forget()
    return socket.ws


class Options:
    """The query parameters that change what is sent; HTTP 400 for a wrong one."""

    def __init__(self, query: Query) -> None:
        self.model = query.text("model", DEFAULT_MODEL)
        self.language = query.text("language", "en")
        self.channels = int(query.number("channels", 1, 1, 8) or 1)
        self.interim_results = query.flag("interim_results")
        self.vad_events = query.flag("vad_events")
        off = query.text("endpointing").lower() == "false"
        on = query.text("endpointing").lower() == "true"
        self.endpointing_ms = None if off else 10.0 if on else query.number("endpointing", 10, 0, 60000)
        self.utterance_end_ms = query.number("utterance_end_ms", None, 1000, 5000)
        if self.utterance_end_ms and not self.interim_results:
            raise query.wrong("utterance_end_ms needs interim_results=true")


class NovaSession(HearingSession):
    """The transcript of one caller."""

    def __init__(self, socket: Socket, decoder: AudioDecoder, options: Options) -> None:
        super().__init__(socket, decoder, self._limits)
        self._options = options
        self._final_s = 0.0
        self._told = ""
        self._start_s = self._interim_s = 0.0
        self._utterance_end_due = False
        self._finalized: SpeechEvent | None = None
        self._answered = False
        self._created = datetime.datetime.now(datetime.UTC)

    def _limits(self) -> tuple[float, float]:
        self._final_s = self.world.stt_final_s()
        if self._options.endpointing_ms is None:
            return self._final_s / 2, _NO_ENDPOINTING_S
        return self._final_s / 2, max(self._options.endpointing_ms / 1000, self._final_s)

    async def on_event(self, event: SpeechEvent) -> None:
        """Report the start of speech, and its text when a pause makes it final."""
        if event.kind == "started":
            self._start_s, self._told = event.turn_start_s, ""
            if self._options.vad_events:
                channel = [0, self._options.channels]
                message = {"type": "SpeechStarted", "channel": channel, "timestamp": round(event.turn_start_s, 3)}
                await self.socket.send(message)
        elif event.kind == "ended":
            await self._end(event)

    async def on_frame(self, frame: Frame) -> None:
        """Report new words, and every second what there is, if the client asked for it."""
        is_new = frame.text and frame.text != self._told
        if self._options.interim_results and (is_new or frame.at_s >= self._interim_s + _INTERIM_EVERY_S):
            self._told, self._interim_s = frame.text, frame.at_s
            await self._results(frame.text, frame.at_s, is_final=False)

    async def on_time(self, idle_s: float) -> None:
        """Report the end of an utterance; close a connection on which nothing comes."""
        limit_ms = self._options.utterance_end_ms
        if self._utterance_end_due and limit_ms and self.finder.silence_s * 1000 >= limit_ms:
            self._utterance_end_due = False
            channel = [0, self._options.channels]
            end_s = round(self.finder.last_voice_s, 3)
            await self.socket.send({"type": "UtteranceEnd", "channel": channel, "last_word_end": end_s})
        if idle_s >= _IDLE_LIMIT_S:
            await self.socket.close(WSCloseCode.INTERNAL_ERROR, "NET-0001")

    async def on_control(self, message: Mapping[str, Any]) -> SpeechEvent | None:
        """Make what was heard final when the client says so."""
        if message.get("type") not in ("Finalize", "CloseStream"):
            return None
        event = await self.cut_turn()
        if message["type"] == "Finalize":
            self._finalized = event
        return event

    async def on_message(self, message: Mapping[str, Any]) -> bool:
        """Answer a control message."""
        match message.get("type"):
            case "Finalize":
                if not self._answered:
                    end_s = self.finder.position_s
                    # No sooner than words would have come: the service has to listen to know that there are none.
                    await asyncio.sleep(max(0.0, self.world.stt_final_s() - self.finder.silence_s))
                    await self._results("", end_s, is_final=True, from_finalize=True)
                self._answered = False
            case "CloseStream":
                await self._metadata()
                await self.socket.close()
                return False
            case "KeepAlive" | "Configure":
                pass
            case kind:
                await self.socket.close(WSCloseCode.POLICY_VIOLATION, f"DATA-0000: unknown message type {kind!r}")
                return False
        return True

    async def on_unreadable(self, text: str) -> None:
        """Close: Deepgram takes no text but JSON."""
        await self.socket.close(WSCloseCode.POLICY_VIOLATION, "DATA-0000: the message is not a JSON object")

    async def _end(self, event: SpeechEvent) -> None:
        text = await self.transcripts.of(event)
        if event is self._finalized:
            # no sooner than the service could have it
            await asyncio.sleep(max(0.0, self._final_s - (event.at_s - event.last_voice_s)))
            self._answered = True
            await self._results(text, event.last_voice_s, is_final=True, speech_final=True, from_finalize=True)
        elif text:
            speech_final = self._options.endpointing_ms is not None
            await self._results(text, event.last_voice_s, is_final=True, speech_final=speech_final)
        self._start_s = event.last_voice_s
        self._utterance_end_due = self._options.utterance_end_ms is not None

    async def _results(
        self, text: str, end_s: float, *, is_final: bool, speech_final: bool = False, from_finalize: bool = False
    ) -> None:
        start_s = min(self._start_s, end_s)
        words = [
            {
                "word": word.lower().strip(".,!?;:"),
                "start": start,
                "end": end,
                "confidence": 0.98,
                "punctuated_word": word,
            }
            for word, start, end in spread_words(text, start_s, end_s)
        ]
        alternative: dict[str, Any] = {"transcript": text, "confidence": 0.98 if text else 0.0, "words": words}
        if self._options.language == "multi":
            alternative["languages"] = ["en"]
        model = {"name": self._options.model, "version": "simulator", "arch": "simulator"}
        message = {
            "type": "Results",
            "channel_index": [0, self._options.channels],
            "start": round(start_s, 3),
            "duration": round(end_s - start_s, 3),
            "is_final": is_final,
            "speech_final": speech_final,
            "from_finalize": from_finalize,
            "channel": {"alternatives": [alternative]},
            "metadata": {"request_id": self.session_id, "model_info": model, "model_uuid": self.session_id},
        }
        await self.socket.send(message)

    async def _metadata(self) -> None:
        message = {
            "type": "Metadata",
            "transaction_key": "deprecated",
            "request_id": self.session_id,
            "sha256": hashlib.sha256(self.session_id.encode()).hexdigest(),
            "created": self._created.isoformat().replace("+00:00", "Z"),
            "duration": round(self.finder.position_s, 3),
            "channels": self._options.channels,
        }
        await self.socket.send(message)

"""One caller's session with Flux: the state of its turn, and when something is said about it."""

from collections.abc import Mapping
from typing import Any

from aiohttp import WSCloseCode

from simulator.deepgram.drafts import draft
from simulator.deepgram.thresholds import Thresholds
from simulator.hearing.endpointing import SpeechEvent
from simulator.hearing.session import Frame, HearingSession
from simulator.profiles import FRAME_S
from simulator.speech.audio import AudioDecoder
from simulator.wire import Socket

_NEVER_S = 1e9
_UPDATE_S = 3 * FRAME_S
_FIRST_WORDS_S = 0.26
"""A turn starts with an Update's time 0.3 to 0.5 s after the voice."""
_HOLE_S = 0.6
"""Within a line a turn lasts so long at least, with any delays: else a busy machine makes two turns of it."""
_CONFIDENCE_SPEAKING = 0.03
_CONFIDENCE_NEAR_END = 0.6
_CONFIDENCE_END = 0.72
_CONFIDENCE_AFTER_TURN = 0.98
_EPSILON_S = 0.001


class FluxSession(HearingSession):
    """The turns of one caller. What happens is reported with the frame in which it happens."""

    def __init__(self, socket: Socket, decoder: AudioDecoder, thresholds: Thresholds, model: str) -> None:
        super().__init__(socket, decoder, self._limits)
        self._thresholds = thresholds
        self._model = model
        self._keyterms: list[str] = []
        self._sequence = 0
        self._turn = 0
        self._turn_open = False
        self._eager_text = ""
        self._window_start_s = self._reported_s = 0.0
        self._clear_end_s = 0.0
        self._is_clear = False
        self._pending: list[SpeechEvent] = []
        self._forced: SpeechEvent | None = None

    def lag_s(self) -> float:
        """None: the word that is being spoken is told, too."""
        return 0.0

    def _limits(self) -> tuple[float, float]:
        eager_s, end_s, self._clear_end_s = self.world.end_of_turn_s()
        timeout_s = self._thresholds.timeout_ms / 1000
        if self._thresholds.end >= 1:
            end_s = self._clear_end_s = _NEVER_S
        self._is_clear = False
        return min(eager_s, timeout_s), min(end_s, timeout_s)

    async def run(self) -> None:
        """Greet, and serve until the client or a message ends the session."""
        await self._send({"type": "Connected"})
        await super().run()

    async def on_pause(self, event: SpeechEvent) -> None:
        """Wait longer for a caller who has not said everything yet, and no longer after a clear end."""
        text = await self.transcripts.of(event)
        if self.world.recognizer.unfinished(text):
            self.finder.hold(min(self.world.unfinished_s(), self._thresholds.timeout_ms / 1000))
        elif self.transcripts.breaks_off(event):
            self.finder.hold(_HOLE_S)
        elif self.is_complete(text) and not self.goes_on(event):
            self._is_clear = True
            self.finder.end_by(self._clear_end_s)

    async def on_event(self, event: SpeechEvent) -> None:
        """Keep a change of the caller's speech for the end of its frame; a client that forces an end waits for none."""
        self._pending.append(event)
        if event is self._forced:
            await self._report_pending(event.at_s)

    async def on_frame(self, frame: Frame) -> None:
        """Report what happened, or what was said so far.

        After a prediction nothing changes until it is taken back or comes true.
        """
        await self._report_pending(frame.at_s)
        if self._eager_text:
            return
        confidence = self._confidence(frame)
        pace_s = FRAME_S if frame.speaking and confidence >= _CONFIDENCE_NEAR_END else _UPDATE_S
        if frame.at_s - self._reported_s < pace_s - _EPSILON_S:
            return
        is_draft = self.world.recognizer.word_by_word
        text = draft(frame.text.split(), frame.current) if is_draft else frame.text
        if text and not self._turn_open:
            # a sound without words begins no turn
            if frame.at_s - frame.turn_start_s >= _FIRST_WORDS_S:
                await self._open(frame.at_s, text)
                return
            text = ""
        await self._report("Update", frame.at_s, text, confidence)

    async def on_control(self, message: Mapping[str, Any]) -> SpeechEvent | None:
        """End the turn under way when the client says so."""
        if message.get("type") not in ("ForceEndTurn", "CloseStream"):
            return None
        self._forced = await self.cut_turn()
        return self._forced

    async def on_message(self, message: Mapping[str, Any]) -> bool:
        """Answer a control message."""
        match message.get("type"):
            case "CloseStream":
                await self._report_pending(self.finder.position_s)
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

    def _confidence(self, frame: Frame) -> float:
        if not frame.speaking:
            return float(_CONFIDENCE_AFTER_TURN * 0.5 ** ((frame.at_s - self._window_start_s) / _UPDATE_S))
        silence_s = frame.at_s - frame.last_voice_s
        return min(0.1 + 4 * silence_s, 0.69) if self._is_clear and silence_s >= FRAME_S else _CONFIDENCE_SPEAKING

    async def _report_pending(self, at_s: float) -> None:
        events, self._pending = self._pending, []
        for event in events:
            if event.kind == "started":
                self._turn_open, self._eager_text = False, ""
                if not self.world.recognizer.word_by_word:
                    await self._open(at_s, "")
            elif event.kind == "paused" and event is events[-1]:
                await self._predict(event, at_s)
            elif event.kind == "resumed" and self._eager_text:
                text, self._eager_text = self._eager_text, ""
                await self._report("TurnResumed", at_s, text, _CONFIDENCE_SPEAKING)
            elif event.kind == "ended":
                await self._end(event, at_s)

    async def _predict(self, event: SpeechEvent, at_s: float) -> None:
        if self._thresholds.eager is None or not (text := await self.transcripts.of(event)):
            return
        if not self.world.recognizer.word_by_word and self.goes_on(event):
            return
        await self._open(at_s, text)
        self._eager_text = text
        await self._report("EagerEndOfTurn", at_s, text, self._thresholds.eager)

    async def _open(self, at_s: float, text: str) -> None:
        """Report the start of the turn, unless it was."""
        if not self._turn_open:
            self._turn_open = True
            await self._report("StartOfTurn", at_s, text, _CONFIDENCE_SPEAKING)

    async def _end(self, event: SpeechEvent, at_s: float) -> None:
        text = self._eager_text or await self.transcripts.of(event)
        self._eager_text = ""
        if not text and not self._turn_open:
            return
        await self._open(at_s, text)
        timed_out = event.at_s - event.last_voice_s >= self._thresholds.timeout_ms / 1000 - 0.005
        trigger = "manual" if event is self._forced else "timeout" if timed_out else "model"
        await self._report("EndOfTurn", at_s, text, max(self._thresholds.end, _CONFIDENCE_END), trigger=trigger)
        self._turn += 1
        self._turn_open, self._window_start_s = False, at_s

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

    async def _report(self, event: str, at_s: float, text: str, confidence: float, **extra: str) -> None:
        self._reported_s = at_s
        info: dict[str, Any] = {
            "type": "TurnInfo",
            "event": event,
            "turn_index": self._turn,
            "audio_window_start": round(self._window_start_s, 3),
            "audio_window_end": round(at_s, 3),
            "transcript": text,
            "words": [{"word": word, "confidence": 0.98} for word in text.split()],
            "end_of_turn_confidence": round(confidence, 4),
        }
        if self._model == "flux-general-multi":
            info["languages"] = ["en"]
        await self._send({**info, **extra})

    async def _send(self, message: Mapping[str, Any]) -> None:
        await self.socket.send({**message, "request_id": self.session_id, "sequence_id": self._sequence})
        self._sequence += 1

"""One caller's session: what all of AssemblyAI's streaming models share."""

import asyncio
import json
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

from simulator.assemblyai import messages
from simulator.assemblyai.messages import INVALID_MESSAGE, WRONG_PACE, SessionError
from simulator.assemblyai.options import ENCODINGS, Options
from simulator.hearing.endpointing import SpeechEvent
from simulator.hearing.session import HearingSession
from simulator.speech.audio import AudioDecoder
from simulator.wire import Socket

_SHORTEST_MS = 50
_LONGEST_MS = 1000


class AssemblyAISession(HearingSession):
    """Turns, which a model ends by itself, and ForceEndpoint at once."""

    def __init__(self, socket: Socket, decoder: AudioDecoder, options: Options) -> None:
        super().__init__(socket, decoder, self._limits)
        self.options = options
        self.turn_order = 0
        self._final_s = 0.0
        self._forced: SpeechEvent | None = None
        self._too_short_ms = 0.0
        self._began_at = asyncio.get_running_loop().time()

    @abstractmethod
    async def on_end(self, event: SpeechEvent, text: str) -> None:
        """Report the end of a turn."""

    async def run(self) -> None:
        """Greet, and serve until the client or a message ends the session. Raises SessionError."""
        await self.socket.send(messages.begin(self.session_id, self.options))
        await super().run()

    def turn(self, text: str, start_s: float, end_s: float, confidence: float) -> messages.Turn:
        """The turn under way, as far as it goes."""
        return messages.Turn(self.turn_order, text, start_s, end_s, confidence)

    async def end(self, event: SpeechEvent) -> None:
        """Report the end of the turn, no sooner than the service could have its words."""
        text = await self.transcripts.of(event)
        if event is self._forced:
            await asyncio.sleep(max(0.0, self._final_s - (event.at_s - event.last_voice_s)))
        await self.on_end(event, text)

    def on_audio(self, data: bytes) -> None:
        """Refuse pieces that are too short or too long; the last one of a stream may be short."""
        milliseconds = len(data) / ENCODINGS[self.options.encoding][1] / self.options.sample_rate * 1000
        wrong_ms = self._too_short_ms or (milliseconds if milliseconds > _LONGEST_MS else 0.0)
        if wrong_ms:
            limits = f"Expected between {_SHORTEST_MS} and {_LONGEST_MS} ms"
            raise SessionError(WRONG_PACE, f"Input duration violation: {wrong_ms:.1f} ms. {limits}")
        self._too_short_ms = milliseconds if milliseconds < _SHORTEST_MS else 0.0

    async def on_control(self, message: Mapping[str, Any]) -> SpeechEvent | None:
        """End the turn under way when the client says so."""
        if message.get("type") not in ("ForceEndpoint", "Terminate"):
            return None
        self._forced = await self.cut_turn()
        return self._forced

    async def on_message(self, message: Mapping[str, Any]) -> bool:
        """Answer a control message."""
        match message.get("type"):
            case "Terminate":
                await self.on_terminate()
                session_s = asyncio.get_running_loop().time() - self._began_at
                await self.socket.send(messages.termination(self.finder.position_s, session_s))
                await self.socket.close(reason="Session Ended")
                return False
            case "UpdateConfiguration":
                if problem := self.options.change(message):
                    raise SessionError(INVALID_MESSAGE, f"Invalid Message: {problem}")
            case "ForceEndpoint" | "KeepAlive":
                pass
            case kind:
                raise SessionError(INVALID_MESSAGE, f"Invalid Message Type: {kind}")
        return True

    async def on_terminate(self) -> None:
        """Report what comes before the Termination."""
        return

    async def on_unreadable(self, text: str) -> None:
        """Refuse a text message that is not a JSON object."""
        try:
            json.loads(text)
        except ValueError:
            raise SessionError(INVALID_MESSAGE, f"Invalid JSON: {text}") from None
        raise SessionError(INVALID_MESSAGE, f"Invalid Message: {text}")

    def _limits(self) -> tuple[float, float]:
        self._final_s = self.world.final_s(self.world.profile.assemblyai_final)
        pause_s = max(self.options.min_turn_silence / 1000, self._final_s)
        return pause_s, max(self.options.max_turn_silence / 1000, pause_s)

"""ElevenLabs' websocket /v1/text-to-speech/{voice_id}/multi-stream-input: many utterances on one connection.

Protocol: elevenlabs.io/docs/api-reference/text-to-speech/v-1-text-to-speech-voice-id-multi-stream-input. A context is
one utterance that may grow; each is spoken in order, contexts beside each other.
"""

import asyncio
import base64
import json
import logging
from collections.abc import Mapping
from typing import Any

from aiohttp import WSCloseCode, WSMsgType, web

from simulator.elevenlabs.formats import parse_output_format
from simulator.elevenlabs.http_api import admit_speaker, target_of
from simulator.elevenlabs.voices import elevenlabs_error, speaker_of
from simulator.speech.audio import AudioFormat, UnsupportedFormat
from simulator.speech.synthesis import SynthesisError
from simulator.tts.serving import heard
from simulator.tts.speaking import Chunk, speak
from simulator.wire import Socket, json_error
from simulator.world import WORLD

log = logging.getLogger(__name__)

MOST_CONTEXTS = 5
"""More at a time close the connection with 1008 (max_active_conversations)."""
DEFAULT_INACTIVITY_S = 20
LONGEST_INACTIVITY_S = 180
CHUNK_LENGTH_SCHEDULE = (120, 160, 250, 290)
"""Characters that wait for the next before they are spoken, when auto_mode is off: ElevenLabs' default."""


class ProtocolError(Exception):
    """A message that closes the connection with 1008; holds ElevenLabs' name of the error."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


async def multi_stream_input(request: web.Request) -> web.WebSocketResponse:
    """Serve one connection."""
    request.app[WORLD].count("tts", "multi_stream_input")
    fault = admit_speaker(request)
    inactivity = request.query.get("inactivity_timeout", str(DEFAULT_INACTIVITY_S))
    try:
        audio_format = parse_output_format(request.query.get("output_format", "mp3_44100_128"))
    except UnsupportedFormat as error:
        raise json_error(400, elevenlabs_error("invalid_output_format", str(error))) from error
    if not inactivity.isdigit() or not 1 <= int(inactivity) <= LONGEST_INACTIVITY_S:
        message = f"inactivity_timeout is {inactivity!r}: it must be 1 to {LONGEST_INACTIVITY_S} seconds"
        raise json_error(400, elevenlabs_error("invalid_inactivity_timeout", message))
    socket = await Socket.accept(request, target_of(request), fault)
    auto_mode = request.query.get("auto_mode", "false").lower() == "true"
    speaker = speaker_of(request.match_info["voice_id"])
    session = SpeakSession(socket, speaker, audio_format, auto_mode, int(inactivity))
    try:
        await session.run()
    finally:
        await session.stop()
        socket.forget()
    return socket.ws


class SpeakSession:
    """The contexts of one connection."""

    def __init__(
        self, socket: Socket, speaker: str, audio_format: AudioFormat, auto_mode: bool, inactivity_s: float
    ) -> None:
        self.socket = socket
        self.speaker = speaker
        self.audio_format = audio_format
        self.auto_mode = auto_mode
        self._inactivity_s = inactivity_s
        self._contexts: dict[str, Context] = {}

    async def run(self) -> None:
        """Serve until the client closes, breaks a rule, or is silent for too long."""
        while True:
            try:
                message = await self.socket.receive(self._inactivity_s)
            except TimeoutError:
                problem = f"Have not received a new text input within the timeout of {self._inactivity_s:g} seconds."
                await self._fail(ProtocolError("input_timeout_exceeded", problem))
                return
            if message.type != WSMsgType.TEXT:
                return
            try:
                if not await self._handle(_parse(message.data)):
                    return
            except ProtocolError as error:
                await self._fail(error)
                return

    async def stop(self) -> None:
        """Fall silent at once."""
        for context in self._contexts.values():
            context.stop()
        await asyncio.gather(*(context.task for context in self._contexts.values()), return_exceptions=True)

    async def _handle(self, message: Mapping[str, Any]) -> bool:
        if message.get("close_socket"):
            for context in self._contexts.values():
                context.end()
            await asyncio.gather(*(context.task for context in self._contexts.values()))
            await self.socket.close()
            return False
        text = message.get("text")
        context_id = message.get("context_id")
        if context_id is None and not (text or "").strip():
            return True
        target = self._context(str(context_id or "default"), message)
        if target is None:
            return True
        if isinstance(text, str):
            target.add(text, first=message.get("flush") is True or bool(message.get("try_trigger_generation")))
        elif message.get("flush"):
            target.flush()
        if message.get("close_context"):
            target.end()
        return True

    def _context(self, context_id: str, message: Mapping[str, Any]) -> "Context | None":
        context = self._contexts.get(context_id)
        if context is not None:
            if message.get("voice_settings") is not None and context.started:
                problem = "voice_settings can only be provided in the first message of a context."
                raise ProtocolError("invalid_message", problem)
            return context
        if message.get("close_context") or message.get("flush") and not message.get("text"):
            # closed twice, or never opened: nothing to do
            return None
        if len(self._contexts) >= MOST_CONTEXTS:
            problem = f"Maximum simultaneous contexts per WebSocket connection exceeded ({MOST_CONTEXTS})."
            raise ProtocolError("max_active_conversations", problem)
        opened = Context(self, context_id)
        self._contexts[context_id] = opened
        return opened

    def forget(self, context_id: str) -> None:
        """Free the place of a context that is over."""
        self._contexts.pop(context_id, None)

    async def _fail(self, error: ProtocolError) -> None:
        await self.socket.send({"message": str(error), "error": error.name, "code": int(WSCloseCode.POLICY_VIOLATION)})
        await self.socket.close(WSCloseCode.POLICY_VIOLATION, error.name)


def _parse(data: str) -> Mapping[str, Any]:
    try:
        message = json.loads(data)
    except ValueError:
        message = None
    if not isinstance(message, dict):
        raise ProtocolError("invalid_message", "The message is not a JSON object.")
    return message


class Context:
    """One utterance that may grow, and the task that speaks it."""

    def __init__(self, session: SpeakSession, context_id: str) -> None:
        self._session = session
        self._id = context_id
        self._texts: asyncio.Queue[str | None] = asyncio.Queue()
        self._buffer = ""
        self._spoken = 0
        self.started = False
        self.task = asyncio.create_task(self._run())

    def add(self, text: str, first: bool) -> None:
        """Take more text; speak it now (`first`, or in auto mode), or when enough has come."""
        self.started = True
        self._buffer += text
        schedule = CHUNK_LENGTH_SCHEDULE[min(self._spoken, len(CHUNK_LENGTH_SCHEDULE) - 1)]
        if first or self._session.auto_mode:
            self.flush()
        elif len(self._buffer) >= schedule and (end := self._buffer.rfind(" ")) > 0:
            # the last word may go on
            self._buffer, rest = self._buffer[:end], self._buffer[end:]
            self.flush()
            self._buffer = rest

    def flush(self) -> None:
        """Speak what has come."""
        if self._buffer.strip():
            self._texts.put_nowait(self._buffer.strip())
            self._spoken += 1
            self._buffer = ""

    def end(self) -> None:
        """Speak what is left, and finish."""
        self.flush()
        self._texts.put_nowait(None)

    def stop(self) -> None:
        """Finish at once."""
        self.task.cancel()

    async def _run(self) -> None:
        try:
            while (text := await self._texts.get()) is not None:
                await self._speak(text)
            await self._session.socket.send({"isFinal": True, "contextId": self._id})
        except SynthesisError as error:
            log.error("speech could not be made: %s", error)
            await self._session.socket.send({"message": str(error), "error": "internal_error", "code": 1011})
        finally:
            self._session.forget(self._id)

    async def _speak(self, text: str) -> None:
        session, socket = self._session, self._session.socket
        first_audio = socket.world.profile.elevenlabs_first_audio
        chunks = speak(socket.world, session.speaker, text, session.audio_format, first_audio)
        async for chunk in heard(socket.connection, chunks):
            await socket.send(self._message(chunk))

    def _message(self, chunk: Chunk) -> dict[str, Any]:
        alignment = {
            "chars": chunk.chars,
            "charStartTimesMs": chunk.starts_ms,
            "charDurationsMs": chunk.durations_ms,
        }
        return {
            "audio": base64.b64encode(chunk.audio).decode(),
            "isFinal": False,
            "alignment": alignment,
            "normalizedAlignment": alignment,
            "contextId": self._id,
        }

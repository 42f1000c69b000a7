"""A voice that another one stands in for when it fails, within the same utterance.

The words whose speech has come are heard; the rest is asked of the next target. So nothing is said twice but for a
word that was cut in the middle, and the times of the words go on.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import suppress
from typing import Any

import structlog
from pipecat.frames.frames import Frame, TTSStoppedFrame
from pipecat.transcriptions.language import Language
from websockets.exceptions import ConnectionClosed
from websockets.protocol import State

from workers.providers import circuits
from workers.providers.failover.utterances import Utterance, Utterances
from workers.providers.speech.clauses import ElevenLabsByClause
from workers.providers.targets import Target

log = structlog.get_logger(__name__)

CONNECT_WITHIN_S = 1.5
AUDIO_WITHIN_S = 1.5  # from the text, or from the last audio while more is owed; ElevenLabs takes 0.1 to 0.3
QUIET_S = 8.0  # after which Pipecat takes an utterance for finished: long enough to fail over twice
MESSAGE_BYTES_MAX = 16 * 1024 * 1024  # as Pipecat's own


class SpeechFailed(Exception):
    """What the provider sent is no speech."""


class FailoverElevenLabs(ElevenLabsByClause):
    """Speaks through the first of its targets that gives audio in time.

    Event `on_failover` (service, failed target, next target, why). When no target is left, `is_down` is True until one
    works again, what was owed is given up, and an error is pushed.
    """

    def __init__(self, *, targets: list[Target], language: Language, **kwargs: Any) -> None:
        self._targets = circuits.providers.order(targets)
        self._target = self._targets[0]
        super().__init__(
            api_key=self._target.api_key,
            url=_websocket(self._target.base_url),
            settings=self.Settings(model=self._target.model, voice=self._target.voice_id, language=language),
            stop_frame_timeout_s=QUIET_S,
            **kwargs,
        )
        self._register_event_handler("on_failover")
        self.is_down = False
        """Whether no target could speak when it was last asked."""
        self._utterances = Utterances()
        self._failed: dict[Target, str] = {}  # since something was last heard, with the reason
        self._settled = asyncio.Event()  # clear while another target takes over
        self._settled.set()
        self._deadline: asyncio.TimerHandle | None = None

    # --- Connecting ---------------------------------------------------------------------------------------------------

    async def _connect_websocket(self) -> None:
        """Connect to the first target that answers; to none, if none does."""
        if self._websocket and self._websocket.state is State.OPEN:
            return
        self._websocket = None
        for target in self._targets:
            if target in self._failed:
                continue
            self._target = target
            self._api_key, self._url = target.api_key, _websocket(target.base_url)
            self._settings.model = target.model  # type: ignore[attr-defined]  # Pipecat's alias
            self._settings.voice = target.voice_id  # type: ignore[attr-defined]
            try:
                async with asyncio.timeout(CONNECT_WITHIN_S):
                    self._websocket = await self._websocket_connect(
                        self._build_websocket_url(),
                        max_size=MESSAGE_BYTES_MAX,
                        additional_headers={"xi-api-key": target.api_key},
                    )
            except Exception as error:
                self._note_failure(f"cannot connect ({type(error).__name__})")
                continue
            await self._announce()
            await self._call_event_handler("on_connected")
            return

    def _note_failure(self, why: str) -> None:
        log.warning("tts_failed", target=str(self._target), why=why)
        circuits.providers.failed(self._target)
        self._failed[self._target] = why

    async def _announce(self) -> None:
        if self._failed:
            failed, why = next(reversed(self._failed.items()))
            await self._call_event_handler("on_failover", failed, self._target, why)

    async def _receive_task_handler(self, report_error: Any) -> None:
        """Read until the connection ends. One that is not needed now is opened again when it is."""
        why = "the connection was closed"
        try:
            await self._receive_messages()  # type: ignore[no-untyped-call]  # Pipecat's
        except ConnectionClosed:
            pass
        except Exception as error:
            why = str(error) if isinstance(error, SpeechFailed) else type(error).__name__
        if self._disconnecting:
            return
        if self._utterances.are_owed():
            self._fail_over_soon(why)
        else:
            self._receive_task, self._websocket = None, None
            self._clear_connection_state()  # type: ignore[no-untyped-call]

    def _get_websocket(self) -> Any:
        return _Noted(super()._get_websocket(), self._note)  # type: ignore[no-untyped-call]

    def _note(self, message: str | bytes) -> bool:
        """Look at a message before Pipecat does; False keeps it back. Raises SpeechFailed."""
        try:
            content = json.loads(message)
        except ValueError as error:
            raise SpeechFailed("an answer that is not JSON") from error
        if not isinstance(content, dict) or content.get("error"):
            raise SpeechFailed(str(content.get("error")) if isinstance(content, dict) else "an unknown answer")
        context_id = str(content.get("contextId"))
        utterance = self._utterances.get(context_id)
        if utterance is None:
            return True
        if content.get("isFinal") is True:
            if utterance.rest() and not utterance.has_audio:
                raise SpeechFailed("no audio")
            self._utterances.forget(context_id)
        elif content.get("audio"):
            self._note_audio(utterance, content.get("alignment") or content.get("normalizedAlignment"))
        self._expect_audio()
        return True

    def _note_audio(self, utterance: Utterance, alignment: dict[str, Any] | None) -> None:
        if not utterance.has_audio and self._cumulative_time and self._word_timestamp_tracker.started:
            # Another target goes on: its words are later by the silence that was heard meanwhile.
            due_ns = self._word_timestamp_tracker.pts(self._cumulative_time)
            self._cumulative_time += max(0, self.get_clock().get_time() - due_ns) / 1e9
        utterance.voiced(alignment["chars"] if alignment else None)
        self.is_down = False
        self._failed.clear()
        circuits.providers.worked(self._target)

    # --- Speaking -----------------------------------------------------------------------------------------------------

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame | None, None]:
        await self._settled.wait()
        if not self._websocket or self._websocket.state is State.CLOSED:
            await self._connect()  # type: ignore[no-untyped-call]
        if self._websocket is None:
            await self._give_up()
            return
        async for frame in super().run_tts(text, context_id):
            yield frame

    async def _send_context_init(self, context_id: str) -> None:
        with suppress(ConnectionClosed):  # the reader notices, too, and sees to it
            await super()._send_context_init(context_id)

    async def _send_text(self, text: str, context_id: str) -> None:
        self._utterances[context_id].text += f"{text} "
        self._expect_audio()
        with suppress(ConnectionClosed):
            if context_id not in self._context_init_sent:  # on a connection that was opened in mid-utterance
                await self._send_context_init(context_id)
            await super()._send_text(text, context_id)

    async def flush_audio(self, context_id: str | None = None) -> None:
        with suppress(ConnectionClosed):
            await super().flush_audio(context_id)

    async def _close_context(self, context_id: str) -> None:
        if utterance := self._utterances.get(context_id):
            utterance.is_complete = True
            self._expect_audio()
        if self._settled.is_set() and self._websocket and self._websocket.state is State.OPEN:
            await super()._close_context(context_id)

    async def on_audio_context_interrupted(self, context_id: str) -> None:
        self._utterances.forget(context_id)
        await super().on_audio_context_interrupted(context_id)

    async def on_audio_context_completed(self, context_id: str) -> None:
        self._utterances.forget(context_id)
        await super().on_audio_context_completed(context_id)

    async def _record_context_audio_outcome(self, context_id: str, received_audio: bool) -> None:
        """Nothing: silence has a deadline here."""

    # --- Failing over -------------------------------------------------------------------------------------------------

    def _expect_audio(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        loop = asyncio.get_running_loop()
        self._deadline = loop.call_later(AUDIO_WITHIN_S, self._check) if self._utterances.all() else None

    def _check(self) -> None:
        if self._disconnecting:
            return
        if self._utterances.are_owed():
            self._fail_over_soon("no audio in time")
            return
        for context_id, utterance in self._utterances.all():
            if utterance.is_complete:  # all that is missing is the word that it is over
                self.create_task(self._finish(context_id), f"{self}::finish")

    def _fail_over_soon(self, why: str) -> None:
        if self._settled.is_set():
            self._settled.clear()
            self.create_task(self._fail_over(why), f"{self}::failover")

    async def _fail_over(self, why: str) -> None:
        try:
            self._note_failure(why)
            await self._drop_connection()
            await self._connect()  # type: ignore[no-untyped-call]
            if self._websocket is None:
                await self._give_up()
            else:
                await self._say_the_rest()
        finally:
            self._settled.set()

    async def _drop_connection(self) -> None:
        reading, self._receive_task = self._receive_task, None
        websocket, self._websocket = self._websocket, None
        if reading:
            await self.cancel_task(reading)
        if websocket:
            websocket.transport.abort()  # to close it would wait for an answer
        self._clear_connection_state()  # type: ignore[no-untyped-call]
        self._partial_word = ""  # it is said again, in whole

    async def _say_the_rest(self) -> None:
        for context_id, utterance in self._utterances.all():
            if rest := utterance.rest():
                utterance.start_again()
                utterance.text = ""  # it is noted again with the request
                await self._send_text(rest, context_id)
                if utterance.is_complete:
                    await super()._close_context(context_id)
            elif utterance.is_complete:
                await self._finish(context_id)

    async def _give_up(self) -> None:
        """Nobody can speak: what was owed is dropped, and is not in the transcript."""
        why = next(reversed(self._failed.values()), "")
        self._failed.clear()
        self.is_down = True
        silent = [context_id for context_id, _ in self._utterances.all()]
        self._aggregated_frame_sequencer.clear(keep_contexts=set(self.get_audio_contexts()) - set(silent))
        for context_id in silent:
            await self._finish(context_id)
        await self.push_error(f"no voice is left: {why}")

    async def _finish(self, context_id: str) -> None:
        self._utterances.forget(context_id)
        if self.audio_context_available(context_id):
            await self.append_to_audio_context(context_id, TTSStoppedFrame(context_id=context_id))
            await self.remove_audio_context(context_id)


class _Noted:
    """A websocket whose messages somebody looks at first."""

    def __init__(self, websocket: Any, note: Callable[[str | bytes], bool]) -> None:
        self._websocket = websocket
        self._note = note

    def __getattr__(self, name: str) -> Any:
        return getattr(self._websocket, name)

    async def __aiter__(self) -> AsyncIterator[str | bytes]:
        async for message in self._websocket:
            if self._note(message):
                yield message


def _websocket(url: str) -> str:
    return url.rstrip("/").replace("http", "ws", 1)

"""A vendor's speech to text, as one of several that may take over from each other.

Pipecat's services do the vendor's protocol. When one of them fails, its owner (workers/providers/failover) replaces it
and has the next one hear again what was not understood, so none of them reconnects by itself.
"""

import time
from dataclasses import dataclass
from typing import Any

from pipecat.frames.frames import ControlFrame
from pipecat.services.stt_service import STTService
from pipecat.services.websocket_service import WebsocketService

CONNECT_WITHIN_S = 1.5


@dataclass
class TranscriptCompleteFrame(ControlFrame):
    """All that the caller said before its last pause has been transcribed, and there is nothing more in it.

    A recognizer that is asked for its words at a pause pushes it when it has none. No vendor promises to say so.
    """


class Recognizer(STTService):
    """Mixed in before one of Pipecat's services. 16 kHz mono 16-bit PCM in, transcripts out.

    One that stands behind the fast turn policy also finds the turns, and proposes their starts and ends.
    """

    DOUBT_AFTER_S = 2.0
    """How long it may say nothing while the caller speaks. A needless doubt can cut words."""

    answered_at = 0.0
    """When the vendor last sent anything, by time.monotonic."""

    async def ask_for_sign(self) -> None:
        """Have the vendor answer something, whether or not anyone speaks."""
        raise NotImplementedError

    def heard_until_s(self, result: Any) -> float | None:
        """The second of the recognizer's audio at which a final result ends; None if the vendor does not say."""
        raise NotImplementedError

    def note_answer(self) -> None:
        """The vendor has sent something."""
        self.answered_at = time.monotonic()


class WebsocketRecognizer(Recognizer, WebsocketService):
    """Mixed in before one of Pipecat's websocket services."""

    async def _websocket_connect(self, uri: str, **kwargs: Any) -> Any:
        return await super()._websocket_connect(uri, **kwargs | {"open_timeout": CONNECT_WITHIN_S})

    async def _receive_task_handler(self, report_error: Any) -> None:
        """Read until the connection ends, and do not connect again."""
        if self._websocket is None:
            return  # which was reported when it could not be opened
        why = "the connection was closed"
        try:
            await self._receive_messages()  # type: ignore[no-untyped-call]  # Pipecat's
        except Exception as error:
            why = str(error) or type(error).__name__
        if not self._disconnecting:
            await self.push_error(why)

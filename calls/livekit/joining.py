"""A LiveKit room in which `connect` may be canceled.

LiveKit's native client answers `connect`, and then waits for the Python side to say that it takes events. A cancelled
`connect` never says so: 15 s later the native side panics, and the SDK sends SIGTERM to its own process, which ends all
its calls. So the native `connect` always comes to its end here, and the room is left afterwards.

https://github.com/livekit/python-sdks/issues/784. Of the SDK's other requests none waits for an answer: who cancels one
loses its result, no more.
"""

import asyncio
from typing import Any

from livekit import rtc


class CancellableRoom(rtc.Room):
    """Use it as `rtc.Room`. Whoever cancels `connect` must await `disconnect`, or the participant stays in the room."""

    _connecting: asyncio.Task[None] | None = None
    _is_ignored = False

    async def connect(self, url: str, token: str, options: rtc.RoomOptions | None = None) -> None:
        """Join the room. A cancelled one returns at once, and joins all the same. Raises livekit.rtc.ConnectError."""
        self._connecting = asyncio.create_task(super().connect(url, token, options or rtc.RoomOptions()))
        await asyncio.shield(self._connecting)

    async def disconnect(
        self, *, reason: rtc.DisconnectReason.ValueType = rtc.DisconnectReason.CLIENT_INITIATED
    ) -> None:
        """Leave the room, if need be after a `connect` that was cancelled has come to its end."""
        if self._connecting is not None:
            await asyncio.wait([self._connecting])
        await super().disconnect(reason=reason)

    def ignore_events(self) -> None:
        """Stop reporting what happens in the room."""
        self._is_ignored = True

    def emit(self, event: Any, *args: Any) -> None:
        if not self._is_ignored:
            super().emit(event, *args)

"""Rooms that an agent leaves after its call has ended here: only the end of the process waits for that."""

import asyncio

import structlog

from calls.livekit.joining import CancellableRoom

log = structlog.get_logger(__name__)

LEFT_WITHIN_S = 20.0  # LiveKit lets an agent in, or gives up, within about 15 s

_leaving: dict[CancellableRoom, asyncio.Task[None]] = {}


def leave_later(room: CancellableRoom) -> None:
    """Leave a room that the agent may still be joining, in the background. Logs with the call's id, if one is bound."""
    if room in _leaving:  # both ends of the pipeline join it
        return
    room.ignore_events()
    _leaving[room] = asyncio.create_task(_leave(room))
    _leaving[room].add_done_callback(lambda _: _leaving.pop(room))


async def _leave(room: CancellableRoom) -> None:
    try:
        await room.disconnect()
        log.info("left_after_cancelled_join")
    except Exception:
        log.exception("not_left_after_cancelled_join")


async def all_left() -> bool:
    """Wait until no agent of this process is on its way out of a room. False when it takes longer than it may."""
    if not _leaving:
        return True
    _, late = await asyncio.wait(_leaving.values(), timeout=LEFT_WITHIN_S)
    if late:
        log.warning("rooms_not_left", count=len(late))
    return not late

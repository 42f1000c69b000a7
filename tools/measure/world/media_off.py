"""A worker's task without media, for measuring alone: `celery worker -I tools.measure.world.media_off`.

Everything is the product's own but what happens in the room: the message, the claim, the recorder, the final state and
the hang-up. In place of joining the room and conversing, a call is held for BENCH_HOLD_S seconds.
"""

import asyncio
import os
from contextlib import AsyncExitStack

from calls.states import EndReason, Status
from workers import tasks
from workers.call import lifetime
from workers.call.held_call import HeldCall
from workers.conversation.progress import Ending

DETAIL = "benchmark: media switched off"

__all__ = ["DETAIL", "tasks"]


async def _hold_without_media(held: HeldCall, afterwards: AsyncExitStack) -> Ending:
    held.recorder.answered()
    await asyncio.sleep(float(os.environ["BENCH_HOLD_S"]))
    return Ending(Status.COMPLETED, EndReason.CALLER_LEFT, DETAIL)


lifetime._connect_and_converse = _hold_without_media

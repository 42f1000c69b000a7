"""A call without media, for `python -m tools.bench control` and load tests: what CALL_RUNNER names there.

Everything is the product's own but what happens in the room: the message, the claim, the recorder, the final state and
the hang-up. In place of joining the room and conversing, a call is held for BENCH_HOLD_S seconds.
"""

import asyncio
import os
from contextlib import AsyncExitStack

from calls.states import EndReason, Status
from workers.call.held_call import HeldCall
from workers.conversation.progress import Ending

DETAIL = "benchmark: media switched off"


async def hold(held: HeldCall, afterwards: AsyncExitStack) -> Ending:
    """Answer, wait, and end as if the caller had hung up."""
    held.recorder.answered()
    await asyncio.sleep(float(os.environ["BENCH_HOLD_S"]))
    return Ending(Status.COMPLETED, EndReason.CALLER_LEFT, DETAIL)

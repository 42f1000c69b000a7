"""`python -m tools.chaos.calls.callers`: a process of synthetic callers.

Reads one call per line as JSON from standard input, places it at once beside the others, and writes lines of JSON: when
the caller has joined, and when its call is over, or it has hung up mid-call. Ends when its input is closed and every
call is over.
"""

import asyncio
import json
import logging
import os
import sys
import time
from collections.abc import Callable
from typing import Any

from simulator.caller import CallerEvent, CallerSettings, CallReport, place_call
from simulator.caller.settings import CallError, NotReached
from simulator.scenario import parse_scenario
from simulator.speech.synthesis import Synthesizer, make_synthesizer

RING_S = 60.0
MAX_S = 120.0
REDIALS = 20
REDIALS_AFTER_S = 1.0


def main() -> int:
    logging.getLogger("livekit").setLevel(logging.CRITICAL)
    asyncio.run(_place_all())
    return 0


async def _place_all() -> None:
    synthesizer = make_synthesizer("scripted")
    try:
        async with asyncio.TaskGroup() as calls:
            while line := await asyncio.to_thread(sys.stdin.readline):
                calls.create_task(_place(json.loads(line), synthesizer))
    finally:
        synthesizer.close()


async def _place(call: dict[str, Any], synthesizer: Synthesizer) -> None:
    number = call["number"]

    hangs_up, seen = call["leaving"], 0
    placing: asyncio.Task[CallReport] | None = None

    def note(event: CallerEvent) -> None:
        nonlocal seen
        if event.kind == "joined":
            _tell(number=number, joined_at=time.time() - event.at_s)
        if hangs_up is not None and event.kind == hangs_up["event"]:
            seen += 1
            if seen == hangs_up["times"] and placing is not None:
                asyncio.get_running_loop().call_later(hangs_up["after_s"], placing.cancel)

    try:
        settings = CallerSettings(
            livekit_url=call["livekit_url"],
            api_key=os.environ["LIVEKIT_API_KEY"],
            api_secret=os.environ["LIVEKIT_API_SECRET"],
            to_number=call["to"],
            from_number=call["from"],
            room=call["room"],
            scenario=parse_scenario(call["yaml"]),
            ring_timeout_s=RING_S,
            max_seconds=MAX_S,
        )
        placing = asyncio.create_task(dial(settings, note, synthesizer))
        report = await placing
        _tell(number=number, report=report.as_dict())
    except asyncio.CancelledError:
        _tell(number=number, left_at=time.time())
    except CallError as error:
        _tell(number=number, error=str(error))


async def dial(settings: CallerSettings, note: Callable[[CallerEvent], None], synthesizer: Synthesizer) -> CallReport:
    """Place a call, and dial again while LiveKit is not there, as when it restarts: until then there is no call.

    Raises CallError when it stays away, or for another reason.
    """
    for _ in range(REDIALS):
        try:
            return await place_call(settings, note, synthesizer)
        except NotReached:
            await asyncio.sleep(REDIALS_AFTER_S)
    return await place_call(settings, note, synthesizer)


def _tell(**line: Any) -> None:
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    raise SystemExit(main())

"""`python -m tools.measure.calls.callers`: one process of synthetic callers, at most three calls at once.

Reads a plan as JSON from standard input and writes a line of JSON for every caller who has joined, and one for every
call that is over. It is the measuring instrument, so it asks for more of the processor than what it measures where it
may (root).
"""

import asyncio
import contextlib
import json
import logging
import os
import secrets
import sys
import time
from pathlib import Path
from typing import Any

from simulator.caller import CallerEvent, CallerSettings, place_call
from simulator.caller.settings import CallError
from simulator.scenario import parse_scenario
from simulator.speech.synthesis import Synthesizer, make_synthesizer

CALLS_A_PROCESS = 3
NICE = -10


def main() -> int:
    """Place the plan's calls; exit code 0 also when some fail, because each says so itself."""
    with contextlib.suppress(PermissionError):
        os.nice(NICE)
    logging.getLogger("livekit").setLevel(logging.CRITICAL)
    asyncio.run(_place_all(json.load(sys.stdin)))
    return 0


async def _place_all(plan: dict[str, Any]) -> None:
    synthesizer = make_synthesizer(plan["speech"])
    for text in parse_scenario(plan["yaml"]).caller.lines():
        await synthesizer.synthesize(text, "caller")
    lanes = [_lane(plan, lane, synthesizer) for lane in plan["lanes"]]
    try:
        await asyncio.gather(*lanes)
    finally:
        synthesizer.close()


async def _lane(plan: dict[str, Any], lane: dict[str, Any], synthesizer: Synthesizer) -> None:
    """One call after another: `starts_at` (s, monotonic clock of the machine), the last begins before `until`."""
    await asyncio.sleep(max(0.0, lane["starts_at"] - time.monotonic()))
    while True:
        await _place(plan, lane["from"], synthesizer)
        if time.monotonic() >= lane["until"]:
            return
        await asyncio.sleep(1.0)


async def _place(plan: dict[str, Any], from_number: str, synthesizer: Synthesizer) -> None:
    joined_at: list[float] = []
    room = f"{plan['room_prefix']}{secrets.token_hex(6)}"

    def note(event: CallerEvent) -> None:
        if event.kind == "joined":
            joined_at.append(time.monotonic() - event.at_s)
            _tell(joined=room)

    settings = CallerSettings(
        livekit_url=plan["livekit_url"],
        api_key=os.environ["LIVEKIT_API_KEY"],
        api_secret=os.environ["LIVEKIT_API_SECRET"],
        to_number=plan["to"],
        from_number=from_number,
        room=room,
        speech=plan["speech"],
        scenario=parse_scenario(plan["yaml"]),
        wav_path=Path(plan["wav"]) if plan["wav"] else None,
        ring_timeout_s=60.0,
        max_seconds=plan["max_seconds"],
    )
    line: dict[str, Any] = {"from": from_number, "room": room}
    try:
        report = await place_call(settings, note, synthesizer)
        line |= {"joined_at": joined_at[0], "report": report.as_dict()}
    except CallError as error:
        line["error"] = str(error)
    _tell(**line)


def _tell(**line: Any) -> None:
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    raise SystemExit(main())

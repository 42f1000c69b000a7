"""The demo's call: placed by the synthetic caller, narrated as it happens, and judged at the end."""

import asyncio
import os
import queue
from collections.abc import Callable
from dataclasses import replace
from statistics import median
from typing import TYPE_CHECKING

import django

from simulator.caller import CallerEvent, CallError, CallerSettings, CallReport, place_call
from simulator.scenario import load_scenario
from tools.errors import ToolError
from tools.local import ROOT, Instance
from tools.run.demo import console
from tools.run.demo.narrator import Narrator

if TYPE_CHECKING:
    from calls.models import Call

NUMBER = "+12025550100"  # which seed_demo gives to the demo's persona
SCENARIO = ROOT / "simulator/scenarios/appointment.yaml"
RECORDING = ROOT / ".local/demo-call.wav"


def demonstrate(require_alive: Callable[[], None]) -> bool:
    """Places the call and prints it. True if it completed in Postgres and the caller heard every reply.

    `require_alive` is asked twice a second meanwhile; it raises ToolError when the call cannot go on.
    """
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "callcenter.settings")
    django.setup()
    settings = _settings()
    console.step(f"A caller on {settings.caller_number} dials {NUMBER}")
    events: queue.Queue[CallerEvent] = queue.Queue()
    narrator = Narrator(str(settings.room), events)
    narrator.start()
    try:
        report = asyncio.run(_place(settings, events, require_alive))
    except CallError as error:
        raise ToolError(str(error)) from error
    finally:
        narrator.finish()
    return _judge(narrator, report)


def _settings() -> CallerSettings:
    instance = Instance.from_environment()
    settings = CallerSettings(
        livekit_url=os.environ["LIVEKIT_URL"] or instance.livekit_url,
        api_key=os.environ["LIVEKIT_API_KEY"],
        api_secret=os.environ["LIVEKIT_API_SECRET"],
        to_number=NUMBER,
        scenario=load_scenario(SCENARIO),
        speech="scripted" if os.environ["SIMULATOR_SPEECH"] == "scripted" else "local",
        wav_path=RECORDING,
    )
    return replace(settings, room=settings.new_room_name())


async def _place(
    settings: CallerSettings, events: "queue.Queue[CallerEvent]", require_alive: Callable[[], None]
) -> CallReport:
    """The call, given up when a process of the stack ends meanwhile."""
    call = asyncio.create_task(place_call(settings, events.put))
    try:
        while not call.done():
            await asyncio.wait({call}, timeout=0.5)
            require_alive()
        return await call
    finally:
        call.cancel()


def _judge(narrator: Narrator, report: CallReport) -> bool:
    call = narrator.final_call()
    if call is None:
        console.verdict(
            False, "The database has no such call: the webhook did not arrive (see livekit.log and web.log)"
        )
        return False
    heard = report.every_reply_heard
    print()
    console.verdict(call.status == "completed", f"The call is {call.get_status_display().lower()}: {_reason(call)}")
    console.verdict(heard, f"The caller heard {'every reply' if heard else 'not every reply'}: {_latencies(report)}")
    if os.environ["SIMULATOR_SPEECH"] == "local":
        print("  Whisper, on this machine's CPU, is slower than a real provider. Without it, at real providers'")
        print("  published delays: SIMULATOR_SPEECH=scripted scripts/demo --once")
    print(f"  Hear it yourself: {RECORDING.relative_to(ROOT)} (caller left, agent right)")
    print(f"  Read it: {console.web_address()}/admin/calls/call/{call.pk}/change/")
    _invite(call)
    return call.status == "completed" and heard


def _invite(call: "Call") -> None:
    """To talk to the agent, and to hear what a changed prompt changes."""
    if call.phone_number_id:
        print(f"  Talk to the agent: {console.web_address()}/desk/talk/?number={call.phone_number_id}")
        print("  Ask what its prompt knows: How much is a check-up? When are you open? Can I park my car?")
    if call.persona_version:
        persona = f"{console.web_address()}/admin/agents/persona/{call.persona_version.persona_id}/change/"
        print(f"  Then change the price in its prompt, save, and choose Talk to hear it: {persona}")


def _reason(call: "Call") -> str:
    return f"{call.get_end_reason_display().lower()}{f' ({call.end_detail})' if call.end_detail else ''}"


def _latencies(report: CallReport) -> str:
    """From the caller's last speech to the agent's first audio, by the caller's ear."""
    found = [u.reply_latency_ms for u in report.utterances if u.reply_latency_ms is not None]
    if not found:
        return "no reply was measured"
    return f"{len(found)} replies, median {median(found):.0f} ms, slowest {max(found):.0f} ms"

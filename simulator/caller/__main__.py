"""The command line of the synthetic caller: python -m simulator.caller --help."""

import argparse
import asyncio
import json
import logging
import os
import sys
from pathlib import Path
from typing import NoReturn

import environ

from simulator.caller.call import place_call
from simulator.caller.report import CallerEvent, CallReport
from simulator.caller.settings import CallError, CallerSettings
from simulator.scenario import SCENARIO_DIR, ScenarioError, load_scenario

ENV_FILE = Path(__file__).parents[2] / ".env"

DESCRIPTION = "Place a call into LiveKit as a telephone would, follow a scenario, and report what the caller heard."

EPILOG = """\
examples:
  python -m simulator.caller --scenario simulator/scenarios/appointment.yaml --to +12025550100
  python -m simulator.caller --scenario interruption --to +12025550100 --speech scripted --wav call.wav
  python -m simulator.caller --scenario appointment --to +12025550100 --json - > report.json

what happens:
  The caller joins a room named call-<random> as a participant of kind SIP with livekit-sip's attributes. The phone
  rings until an agent's audio track is there; then the scenario's steps begin. When they are over, the caller hangs up.

what is measured, and how (all by the caller's ear, on its own clock):
  pickup      from joining the room to the agent's first audio
  reply       from the moment the last sample of the caller's speech leaves (silence after it does not count) to the
              arrival of the first frame of the agent's audio that is louder than -44 dB of full scale; the network,
              LiveKit and its jitter buffer are included, as they are for a person. Accurate to about 20 ms, one frame.
  silent      after an interruption: from the first sample of the caller's speech to the agent's last audio before
              300 ms of silence
  own frames  how late the caller itself was with its audio (99th percentile), and how often that left a hole in
              the sound. Up to 60 ms are absorbed. If there are holes, the machine is too busy to measure on.

environment (also read from .env):
  LIVEKIT_URL, LIVEKIT_API_KEY, LIVEKIT_API_SECRET   an empty LIVEKIT_URL means ws://127.0.0.1:$LIVEKIT_PORT
  SIMULATOR_SPEECH                                   the default of --speech

exit codes:
  0  the call ended as the scenario says, and every reply was heard
  1  the call was placed, but was not answered, broke off, took too long, or a reply is missing
  2  the call could not be placed: a wrong argument, LiveKit cannot be reached, no speech engine
"""

KINDS = {
    "joined": "joined room {text}; it rings",
    "answered": "answered",
    "agent_speaking": "agent speaks",
    "agent_silent": "agent is silent",
    "caller_speaking": "caller: {text}",
    "caller_silent": "caller is silent",
    "reply": "reply after {latency_ms:.0f} ms",
    "interrupted": "agent fell silent {silent_after_ms:.0f} ms after it was interrupted",
    "dtmf": "caller presses {text}",
    "ended": "ended by {by}",
}


def describe(event: CallerEvent) -> str:
    """Return an event as one line of text."""
    return f"{event.at_s:8.2f} s  {KINDS[event.kind].format_map(vars(event))}"


def summarize(report: CallReport) -> str:
    """Return a report as text of a few lines."""
    replies = _listed([u.reply_latency_ms for u in report.utterances])
    silences = _listed([u.silent_after_ms for u in report.utterances])
    expected = [u for u in report.utterances if u.reply_expected]
    heard = sum(u.reply_heard for u in expected)
    pickup = "nothing was heard" if report.pickup_ms is None else f"{report.pickup_ms:.0f} ms"
    lines = [
        "",
        f"call        {report.room}: {report.from_number} to {report.to_number}, scenario {report.scenario}",
        f"ended       by {report.ended_by} after {report.duration_s:.1f} s ({report.end_detail})",
        f"pickup      {pickup}",
        f"replies     {heard} of {len(expected)} heard" + (f", after {replies} ms" if replies else ""),
    ]
    if silences:
        lines.append(f"silent      {silences} ms after the caller spoke over the agent")
    lines.append(f"own frames  {report.frame_lateness_p99_ms:.1f} ms late (p99), {report.audio_gaps} holes")
    if report.wav:
        lines.append(f"recording   {report.wav} (left: caller, right: agent)")
    passed = report.completed and report.every_reply_heard
    lines.append("result      " + ("passed" if passed else f"failed: {_failure(report)}"))
    return "\n".join(lines)


def _listed(values_ms: list[float | None]) -> str:
    return ", ".join(f"{ms:.0f}" for ms in values_ms if ms is not None)


def _failure(report: CallReport) -> str:
    if not report.answered:
        return f"the call was not answered ({report.end_detail})"
    if not report.ended_as_planned:
        return f"the call was ended by {report.ended_by} before its time ({report.end_detail})"
    return "the caller did not hear every reply"


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """Parse the command line; --help and errors end the program (exit code 2 for errors)."""
    parser = argparse.ArgumentParser(
        prog="python -m simulator.caller",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--scenario", required=True, help="a scenario file, or the name of one in simulator/scenarios")
    add("--to", required=True, metavar="NUMBER", help="the number to call, E.164: +12025550100")
    add("--from", dest="from_number", metavar="NUMBER", help="the caller's number (default: the scenario's)")
    add("--room", help="the room to join (default: a new one, call-<random>)")
    add(
        "--speech",
        choices=("local", "scripted"),
        default=os.environ.get("SIMULATOR_SPEECH") or "local",
        help="local: Piper's natural voice; scripted: espeak-ng, marked for the scripted recognizer (now: %(default)s)",
    )
    add("--wav", type=Path, metavar="FILE", help="record the call: stereo, left the caller, right the agent")
    add("--json", metavar="FILE", help="write the report as JSON; - writes it to standard output, the rest to stderr")
    add("--ring-timeout", type=float, default=30.0, metavar="S", help="give up ringing after S seconds (%(default)s)")
    add("--max-seconds", type=float, default=300.0, metavar="S", help="hang up after S seconds (%(default)s)")
    return parser.parse_args(arguments)


def settings_from(arguments: argparse.Namespace) -> CallerSettings:
    """Combine arguments and environment. Raises ScenarioError and CallError."""
    path = Path(arguments.scenario)
    named = SCENARIO_DIR / f"{arguments.scenario}.yaml"
    variables = os.environ
    url = variables.get("LIVEKIT_URL") or f"ws://127.0.0.1:{variables.get('LIVEKIT_PORT') or 7890}"
    return CallerSettings(
        livekit_url=url,
        api_key=variables.get("LIVEKIT_API_KEY", ""),
        api_secret=variables.get("LIVEKIT_API_SECRET", ""),
        to_number=arguments.to,
        scenario=load_scenario(named if named.exists() and not path.exists() else path),
        from_number=arguments.from_number,
        room=arguments.room,
        speech=arguments.speech,
        wav_path=arguments.wav,
        ring_timeout_s=arguments.ring_timeout,
        max_seconds=arguments.max_seconds,
    )


def fail(reason: str) -> NoReturn:
    """End the program with exit code 2 and one line."""
    print(f"simulator.caller: {reason}", file=sys.stderr)
    raise SystemExit(2)


def main() -> int:
    """Run the command line and return the exit code."""
    if ENV_FILE.exists():
        environ.Env.read_env(ENV_FILE)
    arguments = parse_arguments()
    # livekit logs the orderly end of a call as a data channel that closed unexpectedly
    logging.getLogger("livekit").setLevel(logging.CRITICAL)
    out = sys.stderr if arguments.json == "-" else sys.stdout

    try:
        settings = settings_from(arguments)
        print(f"making the caller's {settings.speech} speech, then calling {settings.to_number}", file=out, flush=True)
        report = asyncio.run(place_call(settings, lambda event: print(describe(event), file=out, flush=True)))
        if arguments.json == "-":
            print(json.dumps(report.as_dict(), indent=2))
        elif arguments.json:
            Path(arguments.json).write_text(json.dumps(report.as_dict(), indent=2) + "\n", encoding="utf-8")
    except (ScenarioError, CallError) as error:
        fail(str(error))
    except OSError as error:
        fail(f"cannot write {error.filename}: {error.strerror}")
    except KeyboardInterrupt:
        return 130
    print(summarize(report), file=out)
    return 0 if report.completed and report.every_reply_heard else 1


if __name__ == "__main__":
    sys.exit(main())

"""`python -m tools.loadtest.webhooks.rate`: how many webhooks per second one core of the web process takes.

Starts a private copy of the control plane (web, PostgreSQL, RabbitMQ, housekeeping, beat; no worker, so every call is
given up while it rings), runs locustfile.py against it for each number of users, and measures the processor time of
each part. Everything is stopped and deleted at the end.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tools.errors import ToolError
from tools.local import ROOT
from tools.measure import machine, processes
from tools.measure.arithmetic import percentile
from tools.measure.text_tables import grid, number
from tools.measure.world import BIN, World
from tools.measure.world.call_center import Ours
from tools.measure.world.shared import BENCH_DIR, shared_world

PROGRAM = "python -m tools.loadtest.webhooks.rate"
TARGET_RATE, TARGET_P99_MS = 200.0, 25.0
TWILIO = {
    "TWILIO_ACCOUNT_SID": f"AC{'0' * 32}",
    "TWILIO_AUTH_TOKEN": "load-test",
    "LIVEKIT_SIP_URI": "sip:sip.example.com",
}
"""An account that does not exist: its token signs Twilio's requests in the private copy."""
STORED = ("/webhooks/livekit", "/webhooks/twilio/status")
"""The webhooks that are a row each; what Twilio shall do with a call is only answered."""


@dataclass(frozen=True)
class Rate:
    """One run of Locust: so many users, eight in ten of them LiveKit, and all where they are few.

    Times in ms, CPU in seconds.
    """

    users: int
    pace: float
    webhooks: int
    failures: int
    a_second: float
    a_core_second: float | None
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    web_cores: float
    other_cores: Mapping[str, float]
    checked: bool
    """Whether every webhook and call was stored once."""


def main() -> int:
    """Run the command line. Exit code 0 when nothing was lost or doubled and no request failed."""
    arguments = _parser().parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    os.chdir(ROOT)
    print(machine.line(PROGRAM), flush=True)
    try:
        rates = _measure(arguments.users, arguments.seconds, arguments.pace)
    except ToolError as error:
        print(f"webhook_rate: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("webhook_rate: stopped", file=sys.stderr)
        return 130
    document = {
        "machine": machine.describe(PROGRAM),
        "rates": [asdict(one) for one in rates],
    }
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(document, indent=1) + "\n")
    print(render(rates))
    return 0 if all(rate.checked and not rate.failures for rate in rates) else 1


def _measure(users: Sequence[int], seconds: int, pace: float) -> list[Rate]:
    with shared_world(media=False) as plain:
        world = World(plain.instance, {**plain.environment, **TWILIO}, plain.log_dir)
        ours = Ours(world, workers=0)
        ours.prepare()
        ours.start("eager")
        try:
            _seed_login(world)
            return [_one(world, ours, count, seconds, pace) for count in users]
        finally:
            ours.stop()


def _seed_login(world: World) -> None:
    environment = {**os.environ, **world.environment}
    command = [sys.executable, "manage.py", "seed_demo"]
    done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        raise ToolError(f"manage.py seed_demo failed: {done.stderr.strip().splitlines()[-1]}")


def _one(world: World, ours: Ours, users: int, seconds: int, pace: float) -> Rate:
    parts = ours.parts()
    before = {name: processes.cpu_seconds(pids) for name, pids in parts.items()}
    figures = world.log_dir / f"locust-{users}"
    command = [str(BIN / "locust"), "--headless", "--only-summary", "--json-file", str(figures)]
    command += ["-u", str(users), "-r", str(users), "-t", f"{seconds}s", "--pace", str(pace)]
    command += ["--called", ours.number("eager"), "--host", world.web_url]
    log_file = world.log_dir / f"locust-{users}.log"
    with log_file.open("w") as log:
        done = subprocess.run(
            command,
            env={**os.environ, **world.environment},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            timeout=seconds + 120,
        )
    used = {name: processes.cpu_seconds(pids) - before[name] for name, pids in parts.items()}
    if done.returncode:
        print("\n".join(line for line in log_file.read_text().splitlines() if "✗" in line), flush=True)
    found = rate(
        json.loads(Path(f"{figures}.json").read_text()), used, users, pace, checked="✓" in log_file.read_text()
    )
    print(
        f"  {users} users: {found.a_second:.0f} webhooks/s, p99 {number(found.p99_ms)} ms (log: {log_file})", flush=True
    )
    return found


def rate(
    stats: Sequence[Mapping[str, Any]], cpu_s: Mapping[str, float], users: int, pace: float, *, checked: bool
) -> Rate:
    """A run's figures from Locust's statistics and the processor time of each part, the web process's as `web`."""
    webhooks = [entry for entry in stats if entry["name"].startswith(STORED)]
    times: Counter[float] = Counter()
    for entry in webhooks:
        times.update({float(ms): count for ms, count in entry["response_times"].items()})
    count = sum(entry["num_requests"] for entry in webhooks)
    began = min((entry["start_time"] for entry in webhooks), default=0.0)
    ended = max((entry["last_request_timestamp"] or began for entry in webhooks), default=0.0)
    took_s = max(ended - began, 1e-9)
    every = list(times.elements())
    return Rate(
        users=users,
        pace=pace,
        webhooks=count,
        failures=sum(entry["num_failures"] for entry in stats),
        a_second=count / took_s,
        a_core_second=count / cpu_s["web"] if cpu_s["web"] else None,
        p50_ms=percentile(every, 50),
        p95_ms=percentile(every, 95),
        p99_ms=percentile(every, 99),
        web_cores=cpu_s["web"] / took_s,
        other_cores={name: used / took_s for name, used in cpu_s.items() if name not in ("web", "workers")},
        checked=checked,
    )


def render(rates: Sequence[Rate]) -> str:
    """The figures as a Markdown table."""
    headings = (
        "users",
        "webhooks",
        "webhooks/s",
        "per web core",
        "p50 / p95 / p99, ms",
        "cores: web, others",
        "failed",
    )
    lines = [
        [
            str(one.users),
            f"{one.webhooks:,}",
            f"{one.a_second:.0f}",
            number(one.a_core_second),
            " / ".join(number(value) for value in (one.p50_ms, one.p95_ms, one.p99_ms)),
            ", ".join([f"{one.web_cores:.2f}", *(f"{name} {used:.2f}" for name, used in one.other_cores.items())]),
            f"{one.failures}" + ("" if one.checked else ", LOST OR DOUBLED"),
        ]
        for one in rates
    ]
    return (
        grid(headings, lines)
        + f"\ntarget: {TARGET_RATE:.0f} per web core, p99 at most {TARGET_P99_MS:.0f} ms at 50 per second"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tools.loadtest.webhooks.rate",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    numbers = "users at once, a run for each (2,10,20)"
    parser.add_argument("--users", type=_numbers, default=[2, 10, 20], metavar="N,N", help=numbers)
    parser.add_argument("--seconds", type=int, default=30, metavar="S", help="how long each run takes (30)")
    parser.add_argument("--pace", type=float, default=0.0, help="calls per second of each sender (0: no pauses)")
    parser.add_argument("--output", type=Path, default=BENCH_DIR / "webhook-rate.json", help="figures as JSON")
    return parser


def _numbers(text: str) -> list[int]:
    parts = text.split(",")
    if not all(part.isdecimal() and int(part) for part in parts):
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of numbers of at least 1, such as 2,10,20")
    return [int(part) for part in parts]


if __name__ == "__main__":
    raise SystemExit(main())

"""`python -m tools.chaos`: short calls with faults at random, then checks of what must hold nevertheless."""

import argparse
import asyncio
import json
import logging
import os
import secrets
import signal
import sys
import time
from pathlib import Path

from tools.chaos.checks.invariants import Breach, breaches
from tools.chaos.report import document, summary
from tools.chaos.run import CHAOS_DIR, Options, own_world, run
from tools.errors import ToolError
from tools.local import ROOT

DESCRIPTION = """\
Places short calls on a private copy of the whole system (real LiveKit, RabbitMQ, PostgreSQL and worker processes), by
callers who behave like people, and breaks something while a share of them is live: workers, services, one worker's way
to a service, providers, webhooks, callers. Then checks that no call was lost, doubled, cut off or left behind.
Everything is on loopback and free ports, and is stopped and deleted at the end; logs stay in .local/chaos.
"""


def main() -> int:
    """Run the command line and return the exit code: 0 all holds, 1 something does not, 2 it could not run."""
    arguments = _parser().parse_args()
    options = Options(arguments.calls, arguments.faults, arguments.seed, arguments.workers, arguments.at_once)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a stop from outside unwinds as Ctrl-C does
    for name in ("livekit", "kombu", "aiohttp"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    os.chdir(ROOT)
    try:
        return _run(options, arguments.output)
    except ToolError as error:
        print(f"chaos: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("chaos: stopped", file=sys.stderr)
        return 130


def _run(options: Options, output: Path) -> int:
    began = time.monotonic()
    print(f"{options.calls} calls, {options.share:.0%} with a fault, seed {options.seed}", flush=True)
    with own_world() as world:
        print(f"logs: {world.log_dir}", flush=True)
        evidence = asyncio.run(run(world, options))
    found: list[Breach] = breaches(evidence)
    told = document(options, evidence, found, time.monotonic() - began)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(told, indent=1) + "\n")
    print(f"\n{summary(told)}", flush=True)
    return 1 if found else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tools.chaos", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--calls", type=_positive, default=1000, help="how many calls (1000)")
    add("--faults", type=_share, default=0.1, metavar="SHARE", help="share of calls that get a fault (10%%)")
    add("--seed", type=int, default=secrets.randbelow(10_000), help="seed from which the faults are drawn (random)")
    add("--workers", type=_several, default=3, help="worker processes, 2 or more (3)")
    add("--at-once", type=_positive, default=4, help="calls at once (4)")
    add("--output", type=Path, default=CHAOS_DIR / "chaos.json", help="everything that was found, as JSON")
    return parser


def _positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of at least 1")
    return int(text)


def _several(text: str) -> int:
    if not text.isdecimal() or int(text) < 2:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of at least 2: one takes over from another")
    return int(text)


def _share(text: str) -> float:
    try:
        share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a share: write 5%, or 0.05")
    return share


if __name__ == "__main__":
    raise SystemExit(main())

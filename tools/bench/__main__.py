"""`python -m tools.bench`: compare with the peers; `soak` and `control` look at this system alone."""

import argparse
import logging
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from simulator.profiles import PROFILES
from tools.bench import control, soak
from tools.bench.compare import rounds
from tools.bench.compare.rounds import NAMES
from tools.bench.compare.tables import TABLES
from tools.bench.turns import run as turns
from tools.errors import ToolError
from tools.local import ROOT
from tools.measure.numbers import TURN_NUMBERS
from tools.measure.world.shared import BENCH_DIR

DESCRIPTION = """\
Measures calls on this machine: a real LiveKit server, real audio, and the providers' real protocols with the simulator.

  compare   this system, livekit-agents 1.8.9 and stock Pipecat 1.14 in interleaved rounds (the default)
  soak      this system alone for a long time: what grows, what is left over
  control   many calls without media: webhook, queue, claim and release
  turns     recorded interruptions, backchannels, noises and pauses: how each turn policy handles them

Everything runs on loopback, on free ports, in .local/bench, and is stopped and deleted at the end; logs stay there.
"""


def main() -> int:
    """Run the command line and return the exit code: 0 all is valid, 1 something is not, 2 it could not run."""
    arguments = _parser().parse_args(_with_command(sys.argv[1:]))
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a stop from outside unwinds as Ctrl-C does
    logging.getLogger("livekit").setLevel(logging.CRITICAL)
    os.chdir(ROOT)
    try:
        match arguments.command:
            case "soak":
                return soak.run(arguments.minutes, arguments.calls, arguments.seconds, arguments.output)
            case "control":
                return control.run(
                    control.Options(
                        arguments.calls, arguments.workers, arguments.within, arguments.hold, arguments.output
                    )
                )
            case "turns":
                return turns.run(
                    turns.Options(
                        tuple(arguments.policies),
                        arguments.cases,
                        arguments.profile,
                        arguments.output,
                        arguments.record,
                    )
                )
            case _:
                return rounds.run(_options(arguments))
    except ToolError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("bench: stopped", file=sys.stderr)
        return 130


def _with_command(arguments: list[str]) -> list[str]:
    """Without a command it compares."""
    named = arguments and (arguments[0] in ("-h", "--help") or not arguments[0].startswith("-"))
    return arguments if named else ["compare", *arguments]


def _options(arguments: argparse.Namespace) -> rounds.Options:
    return rounds.Options(
        calls=tuple(int(number) for number in arguments.calls),
        rounds=arguments.rounds,
        seconds=arguments.seconds,
        tables=tuple(arguments.tables),
        contenders=tuple(arguments.contenders),
        output=arguments.output,
        plot=arguments.plot,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tools.bench", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("compare", formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    one.add_argument("--calls", type=_numbers, default=["1", "3", "6"], help="calls at once, such as 1,3,6")
    one.add_argument("--rounds", type=_positive, default=3, help="rounds of all contenders")
    one.add_argument("--seconds", type=float, default=60.0, help="about how long a call takes")
    one.add_argument("--tables", type=_among(tuple(TABLES)), default=list(TABLES), help="which tables, such as a,b")
    one.add_argument("--contenders", type=_among(NAMES), default=list(NAMES), help="which contenders, in their order")
    one.add_argument("--output", type=Path, default=BENCH_DIR / "results.json", help="figures as JSON")
    one.add_argument("--plot", type=Path, default=BENCH_DIR / "results.svg", help="figures as a picture")
    two = commands.add_parser("soak", formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    two.add_argument("--minutes", type=float, default=30.0, help="how long")
    two.add_argument("--calls", type=_positive, default=4, help="calls at once")
    two.add_argument("--seconds", type=float, default=60.0, help="about how long a call takes")
    two.add_argument("--output", type=Path, default=BENCH_DIR / "soak.json", help="figures as JSON")
    three = commands.add_parser("control", formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    three.add_argument("--calls", type=_positive, default=100, help="calls at once")
    three.add_argument("--workers", type=_positive, default=10, help="worker processes of ten slots")
    three.add_argument("--within", type=float, default=10.0, help="seconds in which the callers ring")
    three.add_argument("--hold", type=float, default=20.0, help="seconds that a call is held after its claim")
    three.add_argument("--output", type=Path, default=BENCH_DIR / "control.json", help="figures as JSON")
    four = commands.add_parser("turns", formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    policies = tuple(TURN_NUMBERS)
    four.add_argument("--policies", type=_among(policies), default=list(policies), help="which turn policies")
    four.add_argument("--cases", type=lambda text: text.split(","), help="which cases, such as keep-cough,stop-wait")
    four.add_argument("--profile", choices=tuple(PROFILES), default="published", help="delays of the providers")
    four.add_argument("--output", type=Path, default=BENCH_DIR / "turns.json", help="figures as JSON")
    four.add_argument("--record", type=Path, metavar="DIR", help="record the calls (left: caller, right: agent)")
    return parser


def _positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of at least 1")
    return int(text)


def _numbers(text: str) -> list[str]:
    return [str(_positive(part)) for part in text.split(",")]


def _among(names: tuple[str, ...]) -> Callable[[str], list[str]]:
    def parse(text: str) -> list[str]:
        found = text.split(",")
        for name in found:
            if name not in names:
                raise argparse.ArgumentTypeError(f"{name!r} is not one of {', '.join(names)}")
        return found

    return parse


if __name__ == "__main__":
    raise SystemExit(main())

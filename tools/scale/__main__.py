"""`scripts/scale.sh`: starts the call center with as many workers as asked for, and looks after it."""

import argparse
import signal
import sys
from pathlib import Path
from typing import Protocol

from tools.demo.errors import DemoError
from tools.local import ServiceError
from tools.scale.compose import Compose
from tools.scale.errors import ScaleError
from tools.scale.native import Native

DESCRIPTION = """\
Runs the call center on this machine: as processes with private services, or in containers with --compose.

  scripts/scale.sh up 3        start everything with three workers, or bring a running one to three
  scripts/scale.sh status      a tick or a cross for each part; exit code 0 if everything works
  scripts/scale.sh test        place one real call and say whether it passed
  scripts/scale.sh logs web    the last lines of a log; -f goes on with it
  scripts/scale.sh down        finish the calls, then stop everything; the data stays

A worker is one core with WORKER_SCALE_FACTOR slots. No call is cut: a worker that has to go takes no more calls,
finishes those it has, and hands over after DRAIN_SECONDS what is left.
"""


class Fleet(Protocol):
    """What runs the call center: processes or containers. Each method says whether it went well."""

    def up(self, count: int) -> bool: ...

    def down(self, *, now: bool) -> bool: ...

    def status(self) -> bool: ...

    def test(self) -> bool: ...

    def logs(self, names: list[str], *, follow: bool, lines: int) -> bool: ...


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return the exit code: 0 well, 1 something does not work, 2 it could not be tried."""
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a stop from outside unwinds as Ctrl-C does
    try:
        return 0 if _do(Compose() if options.compose else Native(options.state), options) else 1
    except (ScaleError, DemoError, ServiceError) as error:
        print(f"scale: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("scale: stopped; what runs goes on: scripts/scale.sh status", file=sys.stderr)
        return 130


def _do(fleet: Fleet, options: argparse.Namespace) -> bool:
    match options.action:
        case "up":
            return fleet.up(options.workers)
        case "down":
            return fleet.down(now=options.now)
        case "test":
            return fleet.test()
        case "logs":
            return fleet.logs(options.names, follow=options.follow, lines=options.lines)
        case _:
            return fleet.status()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/scale.sh", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    where = argparse.ArgumentParser(add_help=False)
    where.add_argument("--compose", action="store_true", help="in containers, through Docker Compose")
    where.add_argument(
        "--state",
        type=lambda text: Path(text).resolve(),
        metavar="DIR",
        help="where services, logs and data are (.local)",
    )
    actions = parser.add_subparsers(dest="action", required=True)
    up = actions.add_parser("up", parents=[where], help="start, or scale what runs")
    up.add_argument("workers", nargs="?", type=_count, default=1, metavar="N", help="worker processes (1)")
    down = actions.add_parser("down", parents=[where], help="finish the calls and stop everything")
    down.add_argument("--now", action="store_true", help="cut live calls off after a few seconds")
    actions.add_parser("status", parents=[where], help="what works")
    actions.add_parser("test", parents=[where], help="place one real call")
    logs = actions.add_parser("logs", parents=[where], help="show logs")
    logs.add_argument("names", nargs="*", metavar="NAME", help="such as web or worker-1 (all)")
    logs.add_argument("-f", "--follow", action="store_true", help="go on until Ctrl-C")
    logs.add_argument("-n", "--lines", type=_count, default=20, help="how many of each (20)")
    return parser


def _count(text: str) -> int:
    if not text.isdecimal() or len(text) > 4:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to 9999")
    return int(text)


if __name__ == "__main__":
    raise SystemExit(main())

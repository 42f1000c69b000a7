"""The command line of `scripts/scale.sh`. Standard library only: the script checks it before the set-up, which is long.

`python3 -m tools.run.scale.arguments …` prints what is wrong and exits with 2, or prints the help, or nothing.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

DESCRIPTION = """\
Runs the call center on this machine: as processes with private services, or in containers with --compose.

  scripts/scale.sh up 3        start everything with three workers, or scale what is running to three
  scripts/scale.sh status      a tick or a cross for each part; exit code 0 if everything works
  scripts/scale.sh test        place one real call and say whether it passed
  scripts/scale.sh logs web    the last lines of a log; -f follows it
  scripts/scale.sh down        finish the calls, then stop everything; the data stays

A worker is one core with WORKER_SCALE_FACTOR slots. No call is cut off: a worker that is stopped takes no more
calls, finishes those it has, and hands over the rest after DRAIN_SECONDS.
"""


def parse(arguments: "Sequence[str] | None" = None) -> argparse.Namespace:
    """Read the command line. Ends the program with 2 for a wrong one and with 0 after --help."""
    # No abbreviations: the script looks for --compose itself.
    parser = argparse.ArgumentParser(
        prog="scripts/scale.sh",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
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
    up = actions.add_parser("up", parents=[where], allow_abbrev=False, help="start everything, or scale it")
    up.add_argument("workers", nargs="?", type=_count, default=1, metavar="N", help="worker processes (1)")
    down = actions.add_parser("down", parents=[where], allow_abbrev=False, help="finish the calls and stop everything")
    down.add_argument("--now", action="store_true", help="cut live calls off after a few seconds")
    actions.add_parser("status", parents=[where], allow_abbrev=False, help="show what works")
    actions.add_parser("test", parents=[where], allow_abbrev=False, help="place one real call")
    logs = actions.add_parser("logs", parents=[where], allow_abbrev=False, help="show logs")
    logs.add_argument("names", nargs="*", metavar="NAME", help="such as web or worker-1 (all)")
    logs.add_argument("-f", "--follow", action="store_true", help="follow until Ctrl-C")
    logs.add_argument("-n", "--lines", type=_count, default=20, help="how many lines of each log (20)")
    return parser.parse_args(arguments)


def _count(text: str) -> int:
    if not text.isdecimal() or len(text) > 4:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to 9999")
    return int(text)


if __name__ == "__main__":
    parse()

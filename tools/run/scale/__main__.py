"""`scripts/scale.sh`: starts the call center with as many workers as asked for, and looks after it."""

import argparse
import os
import signal
import sys
from typing import Protocol

from tools.errors import ToolError
from tools.local.logs import PRIVATE
from tools.run.scale.arguments import parse
from tools.run.scale.compose import Compose
from tools.run.scale.native import Native


class Fleet(Protocol):
    """What runs the call center: processes or containers. Each method says whether it went well."""

    def up(self, count: int) -> bool: ...

    def down(self, *, now: bool) -> bool: ...

    def status(self) -> bool: ...

    def test(self) -> bool: ...

    def logs(self, names: list[str], *, follow: bool, lines: int) -> bool: ...


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return the exit code: 0 well, 1 something does not work, 2 it could not be tried."""
    options = parse(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a stop from outside unwinds as Ctrl-C does
    try:
        return 0 if _do(Compose() if options.compose else Native(options.state), options) else 1
    except ToolError as error:
        print(f"scale: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("scale: stopped; running processes continue: see scripts/scale.sh status", file=sys.stderr)
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


if __name__ == "__main__":
    os.umask(PRIVATE)
    raise SystemExit(main())

"""What a load test is asked to do, checked before anything starts."""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from simulator.scenario import SCENARIO_DIR, Scenario, ScenarioError, load_scenario
from tools.errors import ToolError
from tools.local import ROOT

Media = Literal["on", "off"]
OUTPUT = ROOT / ".local/loadtest/results.json"
SLOTS = 10
"""Of a worker in a private copy."""
MOST_CALLS = 1000
MOST_MINUTES = 24 * 60.0

DESCRIPTION = """\
Places real calls, many at once: synthetic callers in LiveKit rooms with real audio, who follow a scenario and measure
by ear how soon the agent answers. LiveKit sends its webhooks; everything after that is the real product.

It loads the call center that runs on this machine, whose simulator must have scripted speech (SIMULATOR_SPEECH=scripted
scripts/scale.sh up N), or with --private a copy of its own on free ports, which is stopped and deleted at the end. An
installation elsewhere is loaded only if --url names it.

It stops by itself: no call begins after --duration, and calls in progress then get as long as a call may take.
"""

EPILOG = """\
examples:
  load_test.py --calls 10 --duration 5 --ramp-up 30
  load_test.py --calls 6 --duration 2 --private
  load_test.py --calls 100 --duration 5 --media off

output:
  results.json: `test_summary`, and `calls` with an entry for each, with the reason if it failed; next to it
  results.html, the same as a page with plots

exit codes:
  0  success of at least 95 %, replies by ear below 600 ms (95th percentile), and nothing left behind
  1  one of these does not hold
  2  the load test could not run
"""


@dataclass(frozen=True)
class Options:
    """`calls` at once for `duration_s`, begun within `ramp_up_s`. `url` is empty for the call center of this machine.

    `hold_s` is how long a call without media lasts. `number` is empty for the target's own.
    """

    calls: int
    duration_s: float
    ramp_up_s: float
    output: Path = OUTPUT
    url: str = ""
    scenario: str = "appointment"
    media: Media = "on"
    private: bool = False
    workers: int = 0
    number: str = ""
    hold_s: float = 20.0

    def __post_init__(self) -> None:
        """Raise ToolError for what cannot be."""
        if not 1 <= self.calls <= MOST_CALLS:
            raise ToolError(f"--calls is {self.calls}: give a number from 1 to {MOST_CALLS}")
        if not 0 < self.duration_s <= MOST_MINUTES * 60:
            raise ToolError(f"--duration is {self.duration_s / 60:g}: give minutes, more than 0, at most a day")
        if not 0 <= self.ramp_up_s <= self.duration_s:
            raise ToolError(f"--ramp-up is {self.ramp_up_s:g} s: must not be longer than --duration")
        if self.url and (urlsplit(self.url).scheme not in ("http", "https") or not urlsplit(self.url).hostname):
            raise ToolError(f"--url is {self.url!r}: give an address such as http://localhost:8080")
        if self.url and (self.private or self.media == "off"):
            raise ToolError("--url cannot be combined with --private or --media off, which load their own copy")

    @property
    def is_private(self) -> bool:
        """Whether a copy is started. Without media always: only its workers know that there is nobody in the room."""
        return self.private or self.media == "off"

    @property
    def worker_count(self) -> int:
        """Workers of a private copy: as many as the calls need."""
        return self.workers or -(-self.calls // SLOTS)

    def scenario_path(self) -> Path:
        """A file, or the name of one that comes with the simulator."""
        named = SCENARIO_DIR / f"{self.scenario}.yaml"
        return named if named.exists() else Path(self.scenario)

    def load_scenario(self) -> tuple[str, Scenario]:
        """The scenario, as text and as read. Raises ToolError."""
        path = self.scenario_path()
        try:
            return path.read_text(), load_scenario(path)
        except (ScenarioError, OSError) as error:
            raise ToolError(f"--scenario {self.scenario}: {error}") from error


def parse(arguments: list[str] | None = None) -> Options:
    """Read the command line. Raises ToolError; --help and unknown options end the program."""
    parser = argparse.ArgumentParser(
        prog="load_test.py",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--calls", type=int, default=10, metavar="N", help="calls at once (%(default)s)")
    add("--duration", type=float, default=1.0, metavar="MIN", help="minutes in which calls begin (%(default)g)")
    add("--ramp-up", type=float, default=10.0, metavar="S", help="seconds in which the first N begin (%(default)g)")
    add(
        "--output",
        type=Path,
        default=OUTPUT,
        metavar="FILE",
        help="where the results go (.local/loadtest/results.json)",
    )
    add("--url", default="", help="the web address of an installation elsewhere; its LIVEKIT_… in the environment")
    add(
        "--scenario", default="appointment", help="a scenario file, or the name of one of the simulator's (%(default)s)"
    )
    add("--media", choices=("on", "off"), default="on", help="off: the control plane alone, in a private copy")
    add("--private", action="store_true", help="load a copy of its own, which is stopped and deleted at the end")
    add("--workers", type=int, default=0, metavar="N", help="workers of a private copy (one for ten calls)")
    add("--to", default="", metavar="NUMBER", help="the number to call (+12025550100, which seed_demo makes)")
    add("--hold", type=float, default=20.0, metavar="S", help="how long a call without media lasts (%(default)g)")
    found = parser.parse_args(arguments)
    output = found.output / "results.json" if found.output.is_dir() else found.output
    return Options(
        calls=found.calls,
        duration_s=found.duration * 60,
        ramp_up_s=found.ramp_up,
        output=output,
        url=found.url.rstrip("/"),
        scenario=found.scenario,
        media=found.media,
        private=found.private,
        workers=found.workers,
        number=found.to,
        hold_s=found.hold,
    )

"""The command line: recordings of a Twilio account, or local files, and the results as text and files."""

import argparse
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import environ
import phonenumbers

from tools.errors import ToolError
from tools.latency.analysis import Call, LeftOut, Source, analyze
from tools.latency.conversation import DEAD_AIR_S
from tools.latency.documents import call_row, document, turn_rows, write_csv, write_json
from tools.latency.recordings import Side, found_in
from tools.latency.summary import call_line, summary
from tools.latency.timelines import draw
from tools.latency.twilio_account import TwilioAccount, Wanted
from tools.local import ROOT

DESCRIPTION = """\
Finds out who spoke when in two-channel recordings, and from that the latency of every reply, interruptions, overlap and
dead air, per call and overall. Without files, it takes the recordings of the Twilio account that TWILIO_ACCOUNT_SID and
TWILIO_AUTH_TOKEN name, in the environment or in .env; each is downloaded once.
"""

EPILOG = """\
examples:
  .venv/bin/python tools/latency/analyze_recordings.py --since 2026-11-01 --until 2026-11-07 --number +12025550100
  .venv/bin/python tools/latency/analyze_recordings.py call.wav folder/ --output report

output, in the folder of --output:
  results.json     everything, with the figures of all calls under "overall"
  calls.csv        one row per call
  turns.csv        one row per turn, with the reply latency of the agent's
  timelines.svg    who spoke when

exit codes:
  0  every recording was analyzed, or left out because it has one channel or is not completed
  1  some could not be fetched or read; the others were analyzed
  2  nothing could be analyzed: a wrong argument, the account refused, no recordings
"""


def main(words: list[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    arguments = _parser().parse_args(words)
    environ.Env.read_env(ROOT / ".env")
    try:
        return _run(arguments)
    except ToolError as error:
        print(f"analyze_recordings: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("analyze_recordings: stopped", file=sys.stderr)
        return 130


def _run(arguments: argparse.Namespace) -> int:
    if arguments.files:
        if arguments.number or arguments.limit:
            raise ToolError("--number and --limit are for the Twilio account: leave them out, or the files")
        left_out: list[LeftOut] = []
        sources = [Source(path, str(path)) for path in found_in(arguments.files)]
        calls, failed = _analyzed(sources, arguments)
    else:
        sources, left_out, failed = _from_account(arguments)
        calls, unreadable = _analyzed(sources, arguments)
        failed += unreadable
    for each in (*left_out, *failed):
        print(f"left out: {each.name}: {each.reason}")
    if not calls:
        raise ToolError("no recording could be analyzed: see above")
    _write(calls, [*left_out, *failed], arguments)
    return 1 if failed else 0


def _from_account(arguments: argparse.Namespace) -> tuple[list[Source], list[LeftOut], list[LeftOut]]:
    """Recordings on disk, those that are left out, and those that could not be fetched."""
    account = TwilioAccount.from_environment()
    wanted = Wanted(arguments.since, arguments.until, arguments.number or "", arguments.limit)
    if wanted.until < wanted.since:
        raise ToolError(f"--until {wanted.until} is before --since {wanted.since}: swap them")
    listed = account.recordings(wanted)
    if not listed:
        raise ToolError(f"no recordings from {wanted.since} to {wanted.until}: name other days, or another number")
    print(f"{len(listed)} recordings in the account", flush=True)
    sources, failed = [], []
    for each in (each for each in listed if not each.reason):
        try:
            path = account.download(each, arguments.cache)
        except ToolError as error:
            failed.append(LeftOut(each.sid, str(error)))
            continue
        sources.append(Source(path, each.sid, each.call_sid, each.to_number, each.created_at.isoformat()))
    return sources, [LeftOut(each.sid, each.reason) for each in listed if each.reason], failed


def _analyzed(sources: list[Source], arguments: argparse.Namespace) -> tuple[list[Call], list[LeftOut]]:
    calls, failed = [], []
    for source in sources:
        try:
            calls.append(analyze(source, arguments.caller_channel, arguments.dead_air))
        except ToolError as error:
            failed.append(LeftOut(source.name, str(error)))
        else:
            print(call_line(calls[-1]), flush=True)
    return calls, failed


def _write(calls: list[Call], left_out: list[LeftOut], arguments: argparse.Namespace) -> None:
    folder: Path = arguments.output
    settings: dict[str, Any] = {"caller_channel": arguments.caller_channel, "dead_air_s": arguments.dead_air}
    if not arguments.files:
        settings |= {"since": str(arguments.since), "until": str(arguments.until), "number": arguments.number}
    content = document(calls, left_out, settings)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / "results.json", content)
        write_csv(folder / "calls.csv", (call_row(call) for call in calls))
        write_csv(folder / "turns.csv", (row for call in calls for row in turn_rows(call)))
        (folder / "timelines.svg").write_text(draw(calls))
    except OSError as error:
        raise ToolError(f"{folder} cannot be written ({error.strerror}): choose another --output") from error
    print(f"\n{summary(content['overall'])}\n\n{folder}: results.json, calls.csv, turns.csv, timelines.svg")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="analyze_recordings.py",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    today = datetime.now(UTC).date()
    add = parser.add_argument
    add("files", nargs="*", type=Path, help="WAV or MP3 files with two channels, or folders of them")
    add("--since", type=_day, default=today - timedelta(days=6), help="Twilio: first day, UTC (six days ago)")
    add("--until", type=_day, default=today, help="Twilio: last day, UTC (today)")
    add("--number", type=_number, help="Twilio: only calls to or from this number, such as +12025550100")
    add("--limit", type=_positive, help="Twilio: only this many recordings, the newest")
    add("--cache", type=Path, default=ROOT / ".local/recordings", help="Twilio: where they are kept, .local/recordings")
    add("--caller-channel", choices=get_args(Side), default="left", help="the channel of the caller (left)")
    add("--dead-air", type=_seconds, default=DEAD_AIR_S, metavar="S", help="silence that counts, s (%(default)s)")
    add("--output", type=Path, default=ROOT / ".local/latency", help="folder of the results (.local/latency)")
    return parser


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a day: write it as 2026-11-22") from error


def _number(text: str) -> str:
    try:
        number = phonenumbers.parse(text)
    except phonenumbers.NumberParseException as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a telephone number: write it as +12025550100") from error
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of at least 1")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a time: write seconds, such as 2.5")
    return seconds


if __name__ == "__main__":
    raise SystemExit(main())

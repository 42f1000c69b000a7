"""The command line of the load test: places the load, judges it, and writes the results down."""

import json
import logging
import os
import secrets
import signal
import sys
import time
from datetime import UTC, datetime
from math import inf

import psycopg

from tools.errors import ToolError
from tools.loadtest import aftermath, media_off, voices
from tools.loadtest.options import Options, parse
from tools.loadtest.report.page import page
from tools.loadtest.report.results import WITH_MEDIA, WITHOUT_MEDIA, Results
from tools.loadtest.target import Target, is_loopback, opened
from tools.local import ROOT
from tools.run.demo import console


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return the exit code: 0 passed, 1 failed, 2 the load test could not run."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a stop from outside unwinds as Ctrl-C does
    logging.getLogger("livekit").setLevel(logging.CRITICAL)
    try:
        options = parse(arguments)
        output = options.output.resolve()
        os.chdir(ROOT)
        yaml, _ = options.load_scenario()
        with opened(options) as target:
            results = run(target, options, yaml)
    except ToolError as error:
        print(f"load_test: {error}", file=sys.stderr)
        return 2
    except psycopg.Error as error:
        print(f"load_test: the database: {str(error).splitlines()[0]}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("load_test: stopped", file=sys.stderr)
        return 130
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(results.document(), indent=1) + "\n")
    output.with_suffix(".html").write_text(page(results))
    for holds, text in results.criteria():
        console.verdict(holds, text)
    for doubt in results.doubts():
        print(f"note: {doubt}")
    print(f"{output}\n{output.with_suffix('.html')}", flush=True)
    return 0 if results.passed else 1


def run(target: Target, options: Options, yaml: str) -> Results:
    """Place the load and look at what is left. Raises ToolError when there is no point in placing it."""
    run_prefix = f"call-load-{secrets.token_hex(4)}-"
    print(WITH_MEDIA if options.media == "on" else WITHOUT_MEDIA, flush=True)
    if not is_loopback(target.web_url):
        print(f"note: the load goes to {target.web_url}, which is not this machine", flush=True)
    _check_number(target, options)
    cold = aftermath.look(target, run_prefix)
    if options.media == "on":
        target.teach(yaml)
        voices.first_call(target, yaml, f"{run_prefix}first-")
    before = aftermath.look_when_quiet(target, run_prefix, cold, inf)  # the first call fills the pools
    began_at, origin = datetime.now(UTC), time.monotonic()
    if options.media == "on":
        calls = voices.place(target, options, yaml, run_prefix, origin)
    elif target.world is not None:
        calls = media_off.place(target.world, target.number, options, run_prefix, origin)
    took_s = time.monotonic() - origin
    pools = aftermath.may_breathe(options.calls, len(target.workers()))
    after = aftermath.look_when_quiet(target, run_prefix, before, pools)
    rows = aftermath.rows(target, run_prefix)
    for call in calls:
        call.compare(rows)
    return Results(
        options=options,
        web_url=target.web_url,
        number=target.number,
        began_at=began_at,
        took_s=took_s,
        calls=calls,
        before=before,
        after=after,
        leaks=aftermath.leaks(before, after, pools),
        not_checked=aftermath.not_checked(after),
    )


def _check_number(target: Target, options: Options) -> None:
    most = aftermath.most_calls(target)
    if most is not None and most < options.calls:
        raise ToolError(
            f"{target.number} takes {most} calls at once: raise that in Phone numbers of the admin, or lower --calls"
        )

"""The load with media: synthetic callers in LiveKit rooms, as many at once as asked for."""

import time
from collections.abc import Callable, Sequence

from tools.errors import ToolError
from tools.loadtest.calls import CallResult, heard
from tools.loadtest.options import Options
from tools.loadtest.progress import Progress
from tools.loadtest.target import Target
from tools.measure.calls.placing import Callers, Placed, Plan

CALL_S = 60.0  # a call that takes four times as long is ended


def place(target: Target, options: Options, yaml: str, prefix: str, origin: float) -> list[CallResult]:
    """Every call, when all are over. `origin` is when the test began (s, monotonic clock)."""
    plan = Plan(
        yaml=yaml,
        to=target.number,
        lanes=options.calls,
        call_s=CALL_S,
        repeat_for_s=options.duration_s,
        stagger_s=options.ramp_up_s / options.calls,
        speech=target.speech,
        room_prefix=prefix,
    )
    callers = Callers(target, plan)
    with Progress(lambda: len(callers.live)) as progress:
        callers.finish(_noting(progress, origin))
    return [*progress.results, *_lost(callers, progress.results, options.calls)]


def _lost(callers: Callers, results: Sequence[CallResult], lanes: int) -> list[CallResult]:
    """Calls whose caller's process ended before it could report, and callers who never came to a first call."""
    ended = [CallResult(room, "", 0.0, reason="the caller's process ended") for room in sorted(callers.live)]
    silent = max(0, lanes - len({result.caller for result in results if result.caller}) - len(ended))
    return [*ended, *(CallResult("", "", 0.0, reason="the caller placed no call (callers.log)") for _ in range(silent))]


def first_call(target: Target, yaml: str, prefix: str) -> None:
    """One call that is not counted: nothing answers its first counted call cold. Raises ToolError if it fails."""
    plan = Plan(yaml=yaml, to=target.number, lanes=1, call_s=CALL_S, speech=target.speech, room_prefix=prefix)
    placed = Callers(target, plan).finish()
    reason = heard(placed[0], time.monotonic()).reason if placed else f"see {target.log_dir / 'callers.log'}"
    if reason:
        raise ToolError(f"the first call to {target.number} failed ({reason}), so the load test does not start")


def _noting(progress: Progress, origin: float) -> Callable[[Placed], None]:
    return lambda placed: progress.results.append(heard(placed, origin))

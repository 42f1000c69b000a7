"""What a run came to: a summary for people, and a document for programs."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from tools.chaos.calls.placing import Placed
from tools.chaos.calls.plan import Fault
from tools.chaos.checks.invariants import CLAIMED, INVARIANTS, Breach
from tools.chaos.evidence.records import CallRow, Evidence
from tools.chaos.run import Options

LOSSES = frozenset(
    {
        *(Fault.WORKER_KILLED, Fault.WORKER_STOPPED, Fault.WORKER_FROZEN),
        *(Fault.CUT_OFF_FROM_POSTGRES, Fault.CUT_OFF_FROM_LIVEKIT),
    }
)


def document(options: Options, evidence: Evidence, breaches: Sequence[Breach], took_s: float) -> dict[str, Any]:
    """Everything as JSON values."""
    rows = {row.room: row for row in evidence.rows}
    resumes = [s for placed in evidence.placed if (s := resumed_after_s(placed, rows, evidence)) is not None]
    reports = [placed.report for placed in evidence.placed if placed.report]
    said = [utterance for report in reports for utterance in report["utterances"] if utterance["reply_expected"]]
    return {
        "options": asdict(options),
        "took_s": round(took_s, 1),
        "calls": len(evidence.placed),
        "ends": dict(Counter(f"{row.status}: {row.end_reason}" for row in evidence.rows).most_common()),
        "callers": dict(Counter(str(placed.call.behavior) for placed in evidence.placed).most_common()),
        "workers_ended": list(evidence.ended),
        "faults": dict(Counter(str(caused.fault) for caused in evidence.caused).most_common()),
        "resumed": sum(row.attempt > 1 for row in evidence.rows),
        "replies_heard": sum(utterance["reply_heard"] for utterance in said),
        "replies_expected": len(said),
        "slowest_resume_s": round(max(resumes), 1) if resumes else None,
        "samples": len(evidence.samples),
        "breaches": [asdict(breach) for breach in breaches],
        "faults_caused": [asdict(caused) for caused in evidence.caused],
        "calls_placed": [_placed(placed, rows.get(placed.room)) for placed in evidence.placed],
    }


def _placed(placed: Placed, row: CallRow | None) -> dict[str, Any]:
    return {
        "room": placed.room,
        "joined_at": placed.joined_at,
        "ended_at": placed.ended_at,
        "left_at": placed.left_at,
        "behavior": placed.call.behavior,
        "fault": placed.call.strike.fault if placed.call.strike else None,
        "caller": placed.error or (placed.report or {}).get("end_detail"),
        "every_reply_heard": placed.every_reply_heard,
        "row": asdict(row) if row else None,
    }


def resumed_after_s(placed: Placed, rows: dict[str, CallRow], evidence: Evidence) -> float | None:
    """Seconds, by ear, from a worker's loss to the first word of the agent that took its call over.

    None for a call that no agent took over, or none was heard of; and for one that was handed over without a fault.
    """
    row = rows.get(placed.room)
    claims = [event.at for event in row.events if event.kind == CLAIMED][1:] if row else []
    slowest = None
    for claimed_at in claims:
        lost = [
            caused.began_at
            for caused in evidence.caused
            if caused.fault in LOSSES and (placed.joined_at or 0) <= caused.began_at < claimed_at
        ]
        heard = [begin for begin, _ in placed.heard() if begin > claimed_at]
        if lost and heard:
            slowest = max(slowest or 0.0, heard[0] - max(lost))
    return slowest


def summary(found: dict[str, Any]) -> str:
    """The document in a few lines, and a line for each breach."""
    slowest = found["slowest_resume_s"]
    broken = {breach["invariant"] for breach in found["breaches"]}
    lines = [
        f"{found['calls']} calls in {found['took_s']:.0f} s, seed {found['options']['seed']}",
        f"  callers: {_listed(found['callers'])}",
        f"  ends: {_listed(found['ends'])}",
        f"  faults: {_listed(found['faults'])}",
        f"  resumed: {found['resumed']}" + (f", the slowest {slowest} s after the loss by ear" if slowest else ""),
        f"  replies heard: {found['replies_heard']} of {found['replies_expected']}",
        *(f"  {'✗' if name in broken else '✓'} {name}" for name in INVARIANTS),
        *(f"breach: {Breach(**breach)}" for breach in found["breaches"]),
    ]
    return "\n".join(lines)


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items()) or "none"

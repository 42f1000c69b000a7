"""One call of a load test: what its caller heard, what its row says, and whether both are well."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from tools.loadtest.aftermath import Row
from tools.measure.calls.cell import Cell
from tools.measure.calls.placing import Placed


@dataclass
class CallResult:
    """A call that is over. Times of day are seconds since the test began; `reason` says why it is not a success.

    `replies` are pairs: when the caller's utterance ended, and how many ms later the agent was heard. An early reply,
    which began before the caller had ended, is counted and is not among them.
    """

    room: str
    caller: str
    began_s: float
    duration_s: float = 0.0
    pickup_ms: float | None = None
    replies: list[tuple[float, float]] = field(default_factory=list)
    replies_expected: int = 0
    replies_missing: int = 0
    early: int = 0
    own_frames_late_ms: float = 0.0
    webhooks_ms: list[float] = field(default_factory=list)
    waited_ms: float | None = None
    status: str = ""
    end_reason: str = ""
    attempt: int = 0
    reason: str = ""

    @property
    def success(self) -> bool:
        return not self.reason

    @property
    def ended_s(self) -> float:
        return self.began_s + self.duration_s

    def compare(self, rows: Mapping[str, Row] | None) -> None:
        """Takes in the call's row; a call that is not completed there is not a success. None: the rows are not known.

        The row knows why a call failed; the caller knows only what it did not hear of it.
        """
        if rows is None:
            return
        row = rows.get(self.room)
        if row is None:
            self.reason = self.reason or "no row in the database"
            return
        self.status, self.end_reason, self.attempt = row.status, row.end_reason, row.attempt
        self.waited_ms = row.waited_ms
        if self.status != "completed":
            self.reason = f"{self.status}: {self.end_reason}"

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        found = {name: _rounded(value) for name, value in asdict(self).items()}
        return found | {"success": self.success}


def heard(placed: Placed, origin: float) -> CallResult:
    """A call by its caller's report; `origin` is when the test began (s, monotonic clock)."""
    if placed.error or not placed.report:
        began_s = placed.joined_at - origin if placed.joined_at else 0.0
        return CallResult(placed.room, placed.caller, began_s, reason=placed.error or "the caller gave no report")
    cell, report = Cell("load", 1, "ours", 1), placed.report
    cell.hear([placed])
    began_s = placed.joined_at - origin
    return CallResult(
        room=report["room"],
        caller=report["from_number"],
        began_s=began_s,
        duration_s=report["duration_s"],
        pickup_ms=report["pickup_ms"],
        replies=[
            (began_s + said["ended_s"], said["reply_latency_ms"])
            for said in report["utterances"]
            if said["reply_expected"] and said["reply_latency_ms"] is not None and said["reply_latency_ms"] >= 0
        ],
        replies_expected=cell.expected,
        replies_missing=cell.lost,
        early=cell.early,
        own_frames_late_ms=report["frame_lateness_p99_ms"],
        reason=_what_is_wrong(report, cell),
    )


def _what_is_wrong(report: Mapping[str, Any], cell: Cell) -> str:
    if not report["answered"]:
        return f"not answered: {report['end_detail']}"
    if not report["completed"]:
        return f"ended by {report['ended_by']}: {report['end_detail']}"
    if not report["every_reply_heard"]:
        return f"{cell.lost} of {cell.expected} replies not heard"
    return ""


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 2)
    if isinstance(value, list | tuple):
        return [_rounded(one) for one in value]
    return value

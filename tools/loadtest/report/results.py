"""What a load test came to: the criteria, and a document for programs."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from tools.loadtest.aftermath import Holding
from tools.loadtest.calls import CallResult
from tools.loadtest.options import Options
from tools.measure import machine
from tools.measure.arithmetic import percentile
from tools.measure.calls.cell import LATE_MS

SUCCESS_PERCENT = 95.0
REPLY_P95_MS = 600.0
WITH_MEDIA = "real calls: media by LiveKit, measured by the callers' ear"
WITHOUT_MEDIA = "control plane only: media switched off, no latency by ear"


@dataclass
class Results:
    """A test that is over. `leaks` and `not_checked` are words, from tools/loadtest/aftermath.py."""

    options: Options
    web_url: str
    number: str
    began_at: datetime
    took_s: float
    calls: Sequence[CallResult]
    before: Holding
    after: Holding
    leaks: Sequence[str] = ()
    not_checked: Sequence[str] = ()
    machine: dict[str, Any] = field(default_factory=lambda: machine.describe("load_test.py"))

    @property
    def with_media(self) -> bool:
        return self.options.media == "on"

    @property
    def replies_ms(self) -> list[float]:
        return [ms for call in self.calls for _, ms in call.replies]

    @property
    def success_percent(self) -> float:
        """0 when there was no call."""
        return 100 * sum(call.success for call in self.calls) / len(self.calls) if self.calls else 0.0

    @property
    def latency_target_met(self) -> bool | None:
        """None without media: then nobody hears a reply."""
        if not self.with_media:
            return None
        p95 = percentile(self.replies_ms, 95)
        return p95 is not None and p95 < REPLY_P95_MS

    @property
    def passed(self) -> bool:
        """Whether every criterion holds."""
        return self.success_percent >= SUCCESS_PERCENT and self.latency_target_met is not False and not self.leaks

    @property
    def late_ms(self) -> float:
        """How late the callers' own frames were, the worst call's 99th percentile."""
        return max((call.own_frames_late_ms for call in self.calls), default=0.0)

    def criteria(self) -> list[tuple[bool, str]]:
        """Each criterion in words, and whether it holds."""
        found = [(self.success_percent >= SUCCESS_PERCENT, f"success {self.success_percent:.1f} % (at least 95 %)")]
        if self.with_media:
            p95 = percentile(self.replies_ms, 95)
            text = "no reply was measured" if p95 is None else f"reply p95 {p95:.0f} ms by ear (below 600 ms)"
            found.append((bool(self.latency_target_met), text))
        found.append((not self.leaks, f"left behind: {'; '.join(self.leaks) or 'nothing'}"))
        return found

    def doubts(self) -> list[str]:
        """What keeps these figures from being the call center's alone."""
        found = []
        if self.late_ms > LATE_MS:
            found.append(f"the callers' own frames were {self.late_ms:.0f} ms late (p99): the machine is too busy")
        if self.not_checked:
            found.append(f"not checked: {', '.join(self.not_checked)}")
        if not self.with_media:
            found.append(WITHOUT_MEDIA)
        return found

    def test_summary(self) -> dict[str, Any]:
        """The figures that matter, as JSON values; times in ms, `duration_min` in minutes."""
        calls, options = self.calls, self.options
        return {
            "label": WITH_MEDIA if self.with_media else WITHOUT_MEDIA,
            "media": options.media,
            "passed": self.passed,
            "url": self.web_url,
            "number": self.number,
            "scenario": options.scenario,
            "began_at": self.began_at.isoformat(timespec="seconds"),
            "calls_at_once": options.calls,
            "duration_min": options.duration_s / 60,
            "ramp_up_s": options.ramp_up_s,
            "took_s": round(self.took_s, 1),
            "total_calls": len(calls),
            "successful_calls": sum(call.success for call in calls),
            "failed_calls": sum(not call.success for call in calls),
            "success_rate_percent": round(self.success_percent, 2),
            "latency_target_ms": REPLY_P95_MS,
            "latency_target_met": self.latency_target_met,
            "reply_ms": spread(self.replies_ms),
            "pickup_ms": spread([call.pickup_ms for call in calls if call.pickup_ms is not None]),
            "ring_to_claim_ms": spread([call.waited_ms for call in calls if call.waited_ms is not None]),
            "webhook_ms": spread([ms for call in calls for ms in call.webhooks_ms]),
            "replies_expected": sum(call.replies_expected for call in calls),
            "replies_missing": sum(call.replies_missing for call in calls),
            "early_replies": sum(call.early for call in calls),
            "resumed_calls": sum(call.attempt > 1 for call in calls),
            "callers_late_p99_ms": round(self.late_ms, 1),
            "most_calls_at_once": most_at_once(calls),
            "failures": dict(Counter(call.reason for call in calls if not call.success).most_common()),
            "leaks": list(self.leaks),
            "doubts": self.doubts(),
        }

    def document(self) -> dict[str, Any]:
        """Everything as JSON values."""
        return {
            "test_summary": self.test_summary(),
            "machine": self.machine,
            "held": {"before": asdict(self.before), "after": asdict(self.after)},
            "calls": [call.as_dict() for call in sorted(self.calls, key=lambda call: call.began_s)],
        }


def spread(values: Sequence[float]) -> dict[str, float | None]:
    """Percentiles (nearest rank) to a tenth, and how many values there are; None without values."""
    found: dict[str, float | None] = {}
    for percent in (50, 95, 99):
        value = percentile(values, percent)
        found[f"p{percent}"] = None if value is None else round(value, 1)
    return found | {"count": len(values)}


def most_at_once(calls: Sequence[CallResult]) -> int:
    """How many calls were up at the same time, at most."""
    return max((live for _, live in live_calls(calls)), default=0)


def live_calls(calls: Sequence[CallResult]) -> list[tuple[float, int]]:
    """How many calls are up, from each change on: (s since the test began, calls)."""
    changes = sorted([(call.began_s, 1) for call in calls] + [(call.ended_s, -1) for call in calls])
    found, live = [], 0
    for at_s, change in changes:
        live += change
        found.append((at_s, live))
    return found

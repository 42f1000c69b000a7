"""One cell of the benchmark: one contender under one load in one round, and whether its numbers may be used."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from tools.measure.arithmetic import percentile
from tools.measure.calls.placing import Placed

LATE_MS = 20.0
"""A run is invalid when a caller's own frames were later than this (99th percentile): then the ear was starved."""


@dataclass
class Cell:
    """What was measured. Times in ms by the caller's ear, memory in MB (PSS), CPU in seconds.

    `replies_ms` leaves out early replies, which began before the caller had ended; `early` counts them. `idle_pss_mb`
    is the agents' memory before the first call, pools of idle processes included; `busy_pss_mb` with all calls up.
    `sfu_cpu_s` and `simulator_cpu_s` are what the LiveKit server and the simulator used: no contender's cost.
    """

    table: str
    round: int
    contender: str
    calls: int
    call_seconds: float = 0.0
    agents_cpu_s: float = 0.0
    control_cpu_s: float = 0.0
    sfu_cpu_s: float = 0.0
    simulator_cpu_s: float = 0.0
    idle_pss_mb: float = 0.0
    busy_pss_mb: float | None = None
    control_pss_mb: float = 0.0
    replies_ms: list[float] = field(default_factory=list)
    pickups_ms: list[float] = field(default_factory=list)
    barge_ins_ms: list[float] = field(default_factory=list)
    expected: int = 0
    lost: int = 0
    early: int = 0
    lateness_p99_ms: float = 0.0
    gaps: int = 0
    failures: list[str] = field(default_factory=list)
    load_average: float = 0.0

    @property
    def cores_a_call(self) -> float | None:
        """CPU seconds per call-second: of agents and control plane together."""
        return (self.agents_cpu_s + self.control_cpu_s) / self.call_seconds if self.call_seconds else None

    @property
    def agent_cores_a_call(self) -> float | None:
        """CPU seconds per call-second of the agents alone."""
        return self.agents_cpu_s / self.call_seconds if self.call_seconds else None

    @property
    def pss_a_call(self) -> float | None:
        """MB of the agents' processes, divided by the calls they hold; idle pools included."""
        return None if self.busy_pss_mb is None else self.busy_pss_mb / self.calls

    @property
    def doubts(self) -> list[str]:
        """Why the cell's numbers may not be used; empty when they may."""
        found = list(self.failures)
        if self.lost:
            found.append(f"{self.lost} of {self.expected} replies not heard")
        if self.lateness_p99_ms > LATE_MS:
            found.append(f"callers {self.lateness_p99_ms:.0f} ms late (p99)")
        return found

    @property
    def valid(self) -> bool:
        return not self.doubts

    def hear(self, placed: Sequence[Placed]) -> None:
        """Take in what the callers report."""
        for call in placed:
            if call.error:
                self.failures.append(call.error)
                continue
            report = call.report
            self.call_seconds += report["duration_s"]
            self.lateness_p99_ms = max(self.lateness_p99_ms, report["frame_lateness_p99_ms"])
            self.gaps += report["audio_gaps"]
            if report["pickup_ms"] is not None:
                self.pickups_ms.append(report["pickup_ms"])
            if not report["completed"]:
                self.failures.append(f"a call ended by {report['ended_by']}: {report['end_detail']}")
            self._hear_utterances(report)

    def _hear_utterances(self, report: dict[str, Any]) -> None:
        greeted = report["pickup_ms"] is not None
        self.expected += 1
        self.lost += not greeted
        for said in report["utterances"]:
            if said["silent_after_ms"] is not None and said["interrupts"]:
                self.barge_ins_ms.append(said["silent_after_ms"])
            if not said["reply_expected"]:
                continue
            self.expected += 1
            self.lost += not said["reply_heard"]
            latency_ms = said["reply_latency_ms"]
            if latency_ms is not None and latency_ms < 0:
                self.early += 1
            elif latency_ms is not None:
                self.replies_ms.append(latency_ms)

    def figures(self) -> dict[str, float | None]:
        """The cell in the numbers that a table shows."""
        return {
            "cores_a_call": self.cores_a_call,
            "agent_cores_a_call": self.agent_cores_a_call,
            "sfu_cores_a_call": self.sfu_cpu_s / self.call_seconds if self.call_seconds else None,
            "pss_a_call_mb": self.pss_a_call,
            "idle_pss_mb": self.idle_pss_mb,
            "control_pss_mb": self.control_pss_mb,
            "reply_p50_ms": percentile(self.replies_ms, 50),
            "reply_p95_ms": percentile(self.replies_ms, 95),
            "reply_p99_ms": percentile(self.replies_ms, 99),
            "pickup_p50_ms": percentile(self.pickups_ms, 50),
            "pickup_p95_ms": percentile(self.pickups_ms, 95),
            "barge_in_p50_ms": percentile(self.barge_ins_ms, 50),
            "barge_in_p95_ms": percentile(self.barge_ins_ms, 95),
        }

    def as_dict(self) -> dict[str, Any]:
        """Everything as JSON values."""
        return asdict(self) | {"figures": self.figures(), "doubts": self.doubts, "valid": self.valid}

"""The invariants of how calls end: as their callers intended, unless a fault explains another end."""

from collections.abc import Iterable, Iterator, Mapping

from tools.chaos.calls.behavior import Behavior
from tools.chaos.calls.placing import Placed
from tools.chaos.calls.plan import Fault
from tools.chaos.evidence.records import CallRow, Caused, Evidence

AFTERMATH_S = 15.0  # a fault may be felt for so long after it has ended: a lease, a failover, the next sweep

LEFT = ("completed", "caller_left")
GAVE_UP = ("missed", "caller_gave_up")
GOODBYE = ("completed", "agent_goodbye")
SILENCE = ("completed", "silence")
ENDS: Mapping[Behavior, frozenset[tuple[str, str]]] = {
    Behavior.LEAVES_RINGING: frozenset({GAVE_UP, LEFT}),
    Behavior.LEAVES_JOINING: frozenset({GAVE_UP, LEFT}),
    Behavior.LEAVES_DURING_GOODBYE: frozenset({LEFT, GOODBYE}),
    Behavior.SAYS_NOTHING: frozenset({SILENCE}),
    Behavior.MAKES_NOISE: frozenset({SILENCE}),
}
"""How a call ends that no fault has touched; the others by their caller."""

CALLER_LEFT = frozenset({"caller_left", "caller_gave_up"})
HANGS_UP = frozenset({"agent_goodbye", "silence"})
"""Why an agent hangs up on a caller who has not left."""

PROVIDERS_FAIL = frozenset(
    {Fault.LLM_500, Fault.LLM_HANGS, Fault.STT_CLOSED, Fault.TTS_SILENT, Fault.CUT_OFF_FROM_PROVIDERS}
)
MAY_END_AS: Mapping[str, frozenset[Fault]] = {
    "provider_failure": PROVIDERS_FAIL,
    "room_gone": frozenset({Fault.LIVEKIT_RESTARTED}),
    "connect_failed": frozenset({Fault.LIVEKIT_RESTARTED}),
}
"""Which faults may end a call in this way, although its caller has not left."""


def undisturbed_calls_succeed(evidence: Evidence) -> Iterator[tuple[str, str]]:
    """A call that no fault can have touched ends as its caller meant, who has heard every reply."""
    rows = {row.room: row for row in evidence.rows}
    for placed in evidence.placed:
        if placed.joined_at is None or placed.ended_at is None or _near(placed, evidence.caused):
            continue
        if problem := _what_is_missing(placed, rows.get(placed.room)):
            yield placed.room, problem


def nobody_cut_off(evidence: Evidence) -> Iterator[tuple[str, str]]:
    """A caller who has not hung up is disconnected only after a goodbye, unless a fault leaves no choice."""
    rows = {row.room: row for row in evidence.rows}
    for placed in evidence.placed:
        row = rows.get(placed.room)
        if not placed.was_hung_up_on or (row is not None and row.end_reason in HANGS_UP):
            continue
        reason = row.end_reason if row is not None else "no row"
        faults = {caused.fault for caused in _near(placed, evidence.caused)}
        if not faults & MAY_END_AS.get(reason, frozenset()):
            yield placed.room, f"the caller was cut off: {reason}"


def why_is_true(evidence: Evidence) -> Iterator[tuple[str, str]]:
    """A row says that the caller left when, and only when, it did."""
    rows = {row.room: row for row in evidence.rows}
    for placed in evidence.placed:
        row = rows.get(placed.room)
        if row is None or Fault.LIVEKIT_RESTARTED in {caused.fault for caused in _near(placed, evidence.caused)}:
            continue
        if placed.was_hung_up_on and row.end_reason in CALLER_LEFT:
            yield placed.room, f"the row says {row.end_reason}, but the agent hung up"
        elif _has_left(placed) and row.status == "failed" and row.end_reason == "room_gone":
            yield placed.room, "the row says room_gone, but the caller hung up"


def _has_left(placed: Placed) -> bool:
    return placed.left_at is not None or bool(placed.report and placed.report["ended_by"] == "caller")


def _near(placed: Placed, faults: Iterable[Caused]) -> list[Caused]:
    """The faults that the call may have felt."""
    if placed.joined_at is None or placed.ended_at is None:
        return list(faults)
    return [
        caused
        for caused in faults
        if (not caused.fault.hits_one_call or caused.room == placed.room)
        and caused.began_at < placed.ended_at
        and placed.joined_at < (caused.ended_at or float("inf")) + AFTERMATH_S
    ]


def _what_is_missing(placed: Placed, row: CallRow | None) -> str:
    if row is None:
        return "no row"
    if (row.status, row.end_reason) not in ENDS.get(placed.call.behavior, {LEFT}):
        return f"{row.status}: {row.end_reason}, and no fault was near"
    if placed.call.behavior.stays and not placed.every_reply_heard:
        return "the caller heard no reply, and no fault was near"
    return ""

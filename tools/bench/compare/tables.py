"""The benchmark's tables: which rule ends a turn in each, and their rows from the cells."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tools.measure.arithmetic import marginal, middle, paired_ratio
from tools.measure.calls.cell import Cell
from tools.measure.numbers import Policy


@dataclass(frozen=True)
class Table:
    """One table: the contenders' rule for the end of a turn and the delays of the simulated providers."""

    key: str
    title: str
    policy: Policy
    profile: str
    rules: tuple[str, ...]


TABLES = {
    "a": Table(
        "a",
        "(a) local voice activity detection, 200 ms of silence, providers without delay",
        "silence",
        "none",
        (
            "ours: Silero 200 ms, no turn model (turn policy silence), Deepgram nova",
            "livekit-agents: Silero 200 ms, no turn model (turn_detection=vad, min_delay=0), Deepgram nova",
            "pipecat: its default, Silero 200 ms and smart-turn v3, Deepgram nova",
        ),
    ),
    "b": Table(
        "b",
        "(b) each one's best policy, providers with published delays",
        "eager",
        "published",
        (
            "ours: Flux with eager end of turn (turn policy eager)",
            "livekit-agents: Flux with eager end of turn, preemptive generation and speech (turn_detection=stt)",
            "pipecat: Flux with eager end of turn (EagerUserTurnStrategies)",
        ),
    ),
}


@dataclass
class Row:
    """Medians of rounds for one contender at one load. `ratios` are ours against it, pair by pair."""

    table: str
    calls: int
    contender: str
    rounds: int
    valid_rounds: int
    figures: dict[str, float | None]
    lost: int
    expected: int
    early: int
    lateness_p99_ms: float
    marginal_pss_mb: float | None
    ratios: dict[str, float | None] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return dict(vars(self))


def rows(cells: Sequence[Cell]) -> list[Row]:
    """One row for each table, load and contender, in the order of the cells.

    Medians are of the valid rounds; of all rounds when none is valid, which `valid_rounds` then says.
    """
    found: list[Row] = []
    for key in dict.fromkeys((cell.table, cell.calls, cell.contender) for cell in cells):
        group = [cell for cell in cells if (cell.table, cell.calls, cell.contender) == key]
        found.append(_row(group, cells))
    return sorted(found, key=lambda row: (row.table, row.calls))


def _row(group: list[Cell], cells: Sequence[Cell]) -> Row:
    first = group[0]
    valid = [cell for cell in group if cell.valid]
    figures = [cell.figures() for cell in valid or group]
    return Row(
        table=first.table,
        calls=first.calls,
        contender=first.contender,
        rounds=len(group),
        valid_rounds=len(valid),
        figures={name: middle(one[name] for one in figures) for name in figures[0]},
        lost=sum(cell.lost for cell in group),
        expected=sum(cell.expected for cell in group),
        early=sum(cell.early for cell in group),
        lateness_p99_ms=max(cell.lateness_p99_ms for cell in group),
        marginal_pss_mb=_marginal(first, cells),
        ratios=_ratios(group, cells) if first.contender != "ours" else {},
    )


def _marginal(first: Cell, cells: Sequence[Cell]) -> float | None:
    """The memory of one more call: round by round, from the smallest to the largest load."""
    same = [cell for cell in cells if (cell.table, cell.contender) == (first.table, first.contender)]
    by_round = {cell.round: [(one.calls, one.busy_pss_mb) for one in same if one.round == cell.round] for cell in same}
    return middle(marginal(points) for points in by_round.values())


COMPARED = ("cores_a_call", "pss_a_call_mb", "reply_p50_ms", "reply_p95_ms", "pickup_p50_ms", "barge_in_p50_ms")


def _ratios(theirs: list[Cell], cells: Sequence[Cell]) -> dict[str, float | None]:
    """Ours against theirs, for each figure that a target names."""
    ours = {
        cell.round: cell.figures()
        for cell in cells
        if (cell.table, cell.calls, cell.contender) == (theirs[0].table, theirs[0].calls, "ours")
    }
    pairs = [(ours[cell.round], cell.figures()) for cell in theirs if cell.round in ours]
    return {
        name: paired_ratio([mine[name] for mine, _ in pairs], [other[name] for _, other in pairs]) for name in COMPARED
    }

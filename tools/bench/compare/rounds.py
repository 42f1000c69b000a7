"""`python -m tools.bench compare`: interleaved rounds of all contenders, a table, JSON and a plot."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.bench.compare.contenders import Contender, livekit_agents, pipecat
from tools.bench.compare.measurement import Load, measure
from tools.bench.compare.plot import plot
from tools.bench.compare.render import render
from tools.bench.compare.tables import TABLES, rows
from tools.errors import ToolError
from tools.measure import machine
from tools.measure.calls.cell import Cell
from tools.measure.text_tables import number
from tools.measure.world import World
from tools.measure.world.call_center import Ours, prepare_simulator
from tools.measure.world.shared import shared_world

MAKERS: dict[str, Callable[[World], Contender]] = {
    "ours": Ours,
    "livekit-agents": livekit_agents,
    "pipecat": pipecat,
}
NAMES = tuple(MAKERS)


@dataclass(frozen=True)
class Options:
    """What to compare: loads in calls at once, rounds, seconds per call, keys of tables, names of contenders."""

    calls: tuple[int, ...]
    rounds: int
    seconds: float
    tables: tuple[str, ...]
    contenders: tuple[str, ...]
    output: Path
    plot: Path


def run(options: Options) -> int:
    """Run it. Exit code 0 when every cell is valid, 1 when one is not. What was measured is written in any case."""
    cells: list[Cell] = []
    about = machine.describe()
    print(machine.line(), flush=True)
    try:
        with shared_world() as world:
            _run_rounds(world, options, cells)
    finally:
        if cells:
            _write(cells, about, options)
    return 0 if all(cell.valid for cell in cells) else 1


def _run_rounds(world: World, options: Options, cells: list[Cell]) -> None:
    contenders = [MAKERS[name](world) for name in options.contenders]
    for contender in contenders:
        contender.prepare()
    todo = options.rounds * len(options.tables) * len(options.calls) * len(contenders)
    began = time.monotonic()
    for number_of_round in range(1, options.rounds + 1):
        for key in options.tables:
            prepare_simulator(world, TABLES[key].profile)
            for calls in options.calls:
                for contender in contenders:
                    cell = Cell(key, number_of_round, contender.name, calls)
                    _progress(len(cells), todo, began, cell)
                    cells.append(_measured(world, contender, Load(calls, options.seconds), cell))
                    print(f"  {_outcome(cell)}", flush=True)


def _measured(world: World, contender: Contender, load: Load, cell: Cell) -> Cell:
    """The cell; what keeps one contender from starting is its own failure and ends no benchmark."""
    try:
        return measure(world, contender, TABLES[cell.table].policy, load, cell)
    except ToolError as error:
        cell.failures.append(str(error))
        return cell


def _progress(done: int, todo: int, began: float, cell: Cell) -> None:
    rest = ""
    if done:
        minutes = (time.monotonic() - began) / done * (todo - done) / 60
        rest = f", about {minutes:.0f} min to go"
    print(
        f"[{done + 1}/{todo}{rest}] table {cell.table}, round {cell.round}, {cell.contender}, "
        f"{cell.calls} call{'s' if cell.calls > 1 else ''}",
        flush=True,
    )


def _outcome(cell: Cell) -> str:
    figures = cell.figures()
    text = (
        f"{number(figures['cores_a_call'], 3)} cores per call, {number(figures['pss_a_call_mb'])} MB per call, reply "
        f"{number(figures['reply_p50_ms'])} / {number(figures['reply_p95_ms'])} ms, "
        f"pickup {number(figures['pickup_p50_ms'])} ms, barge-in {number(figures['barge_in_p50_ms'])} ms"
    )
    return text if cell.valid else f"{text}; INVALID: {'; '.join(dict.fromkeys(cell.doubts))}"


def _write(cells: Sequence[Cell], about: dict[str, Any], options: Options) -> None:
    found = rows(cells)
    print("\n" + render(found), flush=True)
    document = {
        "machine": about,
        "rules": {key: TABLES[key].rules for key in options.tables},
        "rows": [row.as_dict() for row in found],
        "cells": [cell.as_dict() for cell in cells],
    }
    for path in (options.output, options.plot):
        path.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(document, indent=1) + "\n")
    options.plot.write_text(plot(found, f"{about['date']}, {about['cores']} cores of {about['processor']}"))
    print(f"Figures: {options.output}\nPlot: {options.plot}", flush=True)

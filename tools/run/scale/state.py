"""A service, and whether it works: what `up` and `status` print, natively and in containers alike."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tools.local.restarts import Restarts
from tools.run.demo import console


@dataclass(frozen=True)
class State:
    """One line of the status. `note` says what it does, or what is wrong with it."""

    name: str
    works: bool
    note: str = ""


def with_restarts(state: State, restarts: Restarts | None) -> State:
    """The state, and what the supervisor knows of it. A crash loop does not work, even while it runs again."""
    if restarts is None:
        return state
    if restarts.is_crash_loop:
        told = f"CRASH LOOP: exited {restarts.in_a_row} times in a row"
        return replace(state, works=False, note=f"{told}; {state.note}")
    times = "once" if restarts.total == 1 else f"{restarts.total} times"
    return replace(state, note=f"{state.note}; exited {times} and was restarted")


def show(states: Sequence[State]) -> bool:
    """Prints a tick or a cross for each. True if there are any and all of them work."""
    width = max((len(state.name) for state in states), default=0)
    for state in states:
        console.verdict(state.works, f"{state.name:<{width}}  {state.note}".rstrip())
    if not states:
        console.verdict(False, "nothing is running: run scripts/scale.sh up")
    return bool(states) and all(state.works for state in states)

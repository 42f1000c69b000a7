"""A service, and whether it works: what `up` and `status` print, natively and in containers alike."""

from collections.abc import Sequence
from dataclasses import dataclass

from tools.demo import console


@dataclass(frozen=True)
class State:
    """One line of the status. `note` says what it does, or what is wrong with it."""

    name: str
    works: bool
    note: str = ""


def show(states: Sequence[State]) -> bool:
    """Prints a tick or a cross for each. True if there are any and all of them work."""
    width = max((len(state.name) for state in states), default=0)
    for state in states:
        console.verdict(state.works, f"{state.name:<{width}}  {state.note}".rstrip())
    if not states:
        console.verdict(False, "nothing runs: scripts/scale.sh up")
    return bool(states) and all(state.works for state in states)

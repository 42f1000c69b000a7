"""The benchmark's telephone numbers: which policy answers is a matter of the number that is dialed."""

from typing import Literal

from agents.choices import TurnPolicy

Policy = Literal["silence", "eager"]
"""Who ends the caller's turn: 200 ms of silence, or each system's best rule."""

NUMBERS: dict[Policy, str] = {"silence": "+12025550101", "eager": "+12025550102"}

TURN_NUMBERS = {policy.value: f"+120255501{number}" for number, policy in enumerate(TurnPolicy, 10)}
"""A number for each turn policy that a persona can have, for `python -m tools.bench turns`."""

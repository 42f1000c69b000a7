"""How fast this machine is: calls in tests keep real time, which a starved machine cannot.

A shared machine may lose most of its processor to others without telling: no load and no steal is seen, and the same
work takes ten times as long. A call that fails its deadlines there says nothing about the code.
"""

import statistics
import time

USUAL_S = 0.15
"""What `_work` takes on one core of the machines that docs/benchmarks.md names."""

SLOW = 4
"""From here on two calls at once no longer keep real time: measured on such a machine, by which of them failed."""


def times_slower() -> float:
    """How many times longer than usual a second's worth of work takes now: 1.0 is as usual."""
    return statistics.median(_seconds() for _ in range(5)) / USUAL_S


def _seconds() -> float:
    began = time.perf_counter()
    _work()
    return time.perf_counter() - began


def _work() -> int:
    total = 0
    for number in range(2_000_000):
        total += number * number
    return total

"""Which providers work, as this process has found: one that failed is skipped for a while, then tried again.

For the call loop only: it has no lock.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from workers.providers.targets import Target

OPEN_AFTER = 2  # failures in a row; one may be bad luck
PROBE_EVERY_S = 15.0  # how often a provider that has failed is tried again


@dataclass(slots=True)
class _Record:
    failures: int = 0
    probe_at: float = 0.0


@dataclass
class Health:
    """What the calls of a process know of their providers' targets: a circuit breaker for each.

    Nothing is sent for a probe: when it is time for one, the next to ask is given the failed target first, and
    everyone else continues with the one that took over.
    """

    clock: Callable[[], float] = time.monotonic
    _records: dict[Target, _Record] = field(default_factory=dict)

    def failed(self, target: Target) -> None:
        """Note that a target did not do its work in time."""
        record = self._records.setdefault(target, _Record())
        record.failures += 1
        record.probe_at = self.clock() + PROBE_EVERY_S

    def worked(self, target: Target) -> None:
        """Note that a target did its work."""
        self._records.pop(target, None)

    def order(self, targets: Sequence[Target]) -> list[Target]:
        """The same targets, the one first that should be tried first; none is left out."""
        for number, target in enumerate(targets):
            if self._may_try(target):
                return [target, *targets[:number], *targets[number + 1 :]]
        return list(targets)

    def _may_try(self, target: Target) -> bool:
        record = self._records.get(target)
        if record is None or record.failures < OPEN_AFTER:
            return True
        if self.clock() < record.probe_at:
            return False
        record.probe_at = self.clock() + PROBE_EVERY_S  # whoever asks now is the probe
        return True


providers = Health()
"""The process's own."""

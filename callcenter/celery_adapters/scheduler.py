"""The clock of periodic tasks, when the machine's own clock is set back or RabbitMQ is away."""

from datetime import timedelta
from functools import cached_property
from typing import Any

import structlog
from django.utils import timezone
from django_celery_beat.schedulers import DatabaseScheduler

from callcenter.celery_adapters.reconnecting import at_a_steady_pace

log = structlog.get_logger(__name__)

AHEAD = timedelta(seconds=1)


class SteadyScheduler(DatabaseScheduler):  # type: ignore[misc]  # the package has no type hints
    """Counts a task that was last run in the future as run now.

    When each was last run is stored by the wall clock. After an hour's step back of that clock nothing would be due for
    an hour, also after a restart: no call of a lost worker would be resumed, and nobody would reach the overflow.
    """

    _heap: Any

    @cached_property
    def connection(self) -> Any:
        """To RabbitMQ."""
        return at_a_steady_pace(self.app.connection_for_write())

    def tick(self, *args: Any, **kwargs: Any) -> Any:
        """Send what is due, and return in how many seconds to look again."""
        self._forget_the_future()
        return super().tick(*args, **kwargs)

    def _forget_the_future(self) -> None:
        now = timezone.now()
        entries = [event.entry for event in self._heap or ()]
        ahead = [entry for entry in entries if entry.last_run_at > now + AHEAD]
        for entry in ahead:
            entry.last_run_at = entry.model.last_run_at = now
        if ahead:
            log.warning("clock_set_back", tasks=len(ahead))
            self._heap = None  # when each is due is reckoned anew

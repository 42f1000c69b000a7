"""Housekeeping for measuring alone: `celery worker -I tools.measure.world.no_rooms`.

All is the product's own but the reaper, which would end the calls: no caller is in a room, because there are no rooms.
"""

from calls import tasks
from calls.housekeeping import reaper

__all__ = ["tasks"]


def _nothing_to_reconcile() -> None:
    """In place of asking LiveKit."""


reaper.reap = _nothing_to_reconcile

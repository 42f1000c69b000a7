"""What one call reports to the metrics and the database: off the call loop, so that no conversation waits for it."""

import asyncio
import contextlib
import itertools
import uuid
from datetime import datetime
from functools import partial
from typing import Any

from celery.signals import worker_ready
from django.utils import timezone

from calls.models import Call
from calls.models.history import Speaker
from calls.states import EndReason, Status
from common import json_values
from workers import metrics
from workers.history.entries import Entry, Kind, Outcome
from workers.history.writer import Writer
from workers.media.latency import ReplyLatency

WRITE_WITHIN_S = 5.0  # how long what a call has to tell waits for the database; the writer goes on afterwards

_writer = Writer()


@worker_ready.connect
def write_what_is_left(**_: Any) -> None:
    """Write what dead processes could not, before this one takes a call."""
    _writer.start()
    metrics.spool_entries.set_function(_writer.spooled)


class CallRecorder:
    """What one call writes, in order, as long as its attempt is the call's. All methods but `flush` return at once.

    `turns_before` is the number of turns that the call has already: of the agent that held it before.
    """

    def __init__(self, call: Call, turns_before: int = 0, writer: Writer = _writer) -> None:
        self._call = call
        self._writer = writer
        self._numbers = itertools.count(turns_before + 1)
        self.end_outcome: Outcome | None = None  # after `ended` and `flush`; None when the database refuses it for good

    def answered(self) -> None:
        """The conversation begins now."""
        self._put("answered", at=_text(timezone.now()))
        metrics.answered(self._call)

    def ended(self, status: Status, reason: EndReason, detail: str) -> None:
        """The call is over, for this reason. Counted when it is written: another process may have ended it before."""
        fields = {"status": str(status), "reason": str(reason), "detail": detail, "at": _text(timezone.now())}
        self._writer.put(self._entry("ended", fields), partial(self._end_was_written, reason))

    def turn(
        self,
        speaker: Speaker,
        text: str,
        started_at: datetime,
        ended_at: datetime,
        *,
        interrupted: bool = False,
        latency: ReplyLatency | None = None,
    ) -> None:
        """One utterance: what was heard of the caller, or what the caller heard of the agent."""
        self._put(
            "turn",
            number=next(self._numbers),
            speaker=str(speaker),
            text=text,
            started_at=_text(started_at),
            ended_at=_text(max(started_at, ended_at)),
            interrupted=interrupted,
            **(latency.as_fields() if latency else {}),
        )
        metrics.turn(speaker, latency, interrupted=interrupted)

    def event(self, kind: str, **detail: Any) -> None:
        """Something worth knowing afterwards. `detail` is JSON, without what was said."""
        self._put("event", kind=kind, key=str(uuid.uuid4()), at=_text(timezone.now()), detail=detail)
        metrics.event(kind, detail)

    async def flush(self, timeout_s: float) -> bool:
        """Wait until everything so far is written. False when that takes longer than `timeout_s` seconds."""
        loop = asyncio.get_running_loop()
        reached = asyncio.Event()

        def tell() -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended, and nobody waits anymore
                loop.call_soon_threadsafe(reached.set)

        self._writer.when_done(tell)
        try:
            async with asyncio.timeout(timeout_s):
                await reached.wait()
        except TimeoutError:
            return False
        return True

    def _end_was_written(self, reason: EndReason, outcome: Outcome) -> None:
        """In the writer's thread; counters may be used in any."""
        self.end_outcome = outcome
        if outcome is Outcome.WRITTEN:
            metrics.ended(reason)

    def _put(self, what: Kind, **fields: Any) -> None:
        self._writer.put(self._entry(what, fields))

    def _entry(self, kind: Kind, fields: dict[str, Any]) -> Entry:
        """The entry as the database takes it: a character that it does not know must not cost the whole turn."""
        return Entry(kind, str(self._call.pk), self._call.attempt, json_values.storable(fields))


def _text(moment: datetime) -> str:
    return moment.isoformat()

"""The heartbeat, every second and a half: this process's slots, and the leases of the calls that it holds.

In a thread of its own, so that it keeps running while slots and the call loop are busy; but only while the call loop
runs, because a process whose loop is blocked has silent callers, whom another process should take. For the same reason
a process that gets no more memory kills itself: parts of its calls fail one by one, and none says so.
"""

import os
import signal
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import structlog
from django.db import DatabaseError, InterfaceError

from calls.lifecycle import leases
from calls.models import Heartbeat as HeartbeatRow
from common.database import borrowed_connection
from workers.process import memory
from workers.process.call_loop import call_loop

log = structlog.get_logger(__name__)

EVERY_S = leases.BEAT_EVERY.total_seconds()
LEASE_S = leases.LEASE.total_seconds()


class Heartbeat:
    """The heartbeat of one process, and what it holds. `holder` is host:pid."""

    def __init__(self, holder: str) -> None:
        self.holder = holder
        self._slots = 0
        self._draining = False
        self._held: dict[tuple[uuid.UUID, int], Callable[[], None]] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._beat_at: float | None = None  # by time.monotonic: no clock that is set makes a process alive

    def start(self, slots: int) -> None:
        """Begin to beat; `slots` is how many calls the process can hold."""
        self._slots = slots
        self._thread = threading.Thread(target=self._beat_until_stopped, name="heartbeat", daemon=True)
        self._thread.start()

    def is_beating(self) -> bool:
        """Whether the process said within a lease that it lives. One that did not keeps no lease, and claims none."""
        return self._beat_at is not None and time.monotonic() - self._beat_at < LEASE_S

    def drain(self) -> None:
        """From the next beat on, the slots of this process are not counted: it takes no more calls."""
        self._draining = True

    def stop(self) -> None:
        """Stop the heartbeat, and remove the process from the list: it is ending."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
            _if_database_is_there(lambda: HeartbeatRow.objects.filter(holder=self.holder).delete())

    @contextmanager
    def holding(self, call_id: uuid.UUID, attempt: int, on_lost: Callable[[], None]) -> Iterator[None]:
        """Renew this lease meanwhile. `on_lost` is called, in the heartbeat's thread, once the call is another's."""
        key = (call_id, attempt)
        with self._lock:
            self._held[key] = on_lost
        try:
            yield
        finally:
            with self._lock:
                self._held.pop(key, None)

    def beat(self) -> None:
        """Beat once. Raises what the database raises."""
        began = time.monotonic()
        with self._lock:
            held = dict(self._held)
        leases.beat(self.holder, slots=self._slots, busy=len(held), draining=self._draining)
        lost = leases.renew(self.holder, held.keys())
        self._beat_at = began
        for key in lost:
            log.warning("lease_lost", call_id=str(key[0]), attempt=key[1])
            try:
                held[key]()
            except Exception:  # the others are to be told all the same
                log.exception("loss_not_reported", call_id=str(key[0]))

    def _beat_until_stopped(self) -> None:
        while True:
            self._try_to_beat()
            if self._stopping.wait(EVERY_S):
                return

    def _try_to_beat(self) -> None:
        """Beat, unless the process is not fit to live. Raises nothing: its leases would end with the thread."""
        try:
            if not memory.is_available():
                _die()
            if call_loop.is_turning():
                _if_database_is_there(self.beat)
            else:
                log.error("call_loop_blocked")
        except Exception:
            with suppress(Exception):  # memory may be what is missing
                log.exception("heartbeat_failed", calls=[str(call_id) for call_id, _ in self._held])


def _if_database_is_there(work: Callable[[], object]) -> None:
    """Do it if the database is available. If it is down for everyone, nobody can take a call back."""
    try:
        with borrowed_connection():
            work()
    except (DatabaseError, InterfaceError) as error:
        log.warning("heartbeat_not_written", error=type(error).__name__)


def _die() -> None:
    """End as the kernel would end a process when memory runs out: at once, without a farewell that needs memory."""
    with suppress(MemoryError):
        log.critical("no_memory_left")
    os.kill(os.getpid(), signal.SIGKILL)


heartbeat = Heartbeat(f"{socket.gethostname()}:{os.getpid()}")

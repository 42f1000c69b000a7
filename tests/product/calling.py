"""A call in a thread of its own, while the test breaks something."""

import asyncio
import threading
from concurrent.futures import Future, ThreadPoolExecutor, wait
from types import TracebackType
from typing import Any, Self

from calls.livekit.rooms import remove_participant
from calls.models import Call
from simulator.caller import CallerEvent, CallReport
from simulator.caller.report import EventKind
from simulator.caller.settings import identity_of
from simulator.scenario import parse_scenario
from tests.product.stack import WAIT_S, Stack


class Caller:
    """`with Caller(stack, yaml, number) as caller:` places a call that follows the scenario, and awaits its end.

    A test that fails hangs up. `report` waits for the end.
    """

    def __init__(self, stack: Stack, yaml: str, to: str, **values: Any) -> None:
        self._stack, self._yaml, self._to, self._values = stack, yaml, to, values
        self._from_number = values.get("from_number") or parse_scenario(yaml).caller.from_number
        self._news = threading.Condition()
        self._events: list[CallerEvent] = []
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="caller")
        self._task: asyncio.Task[Any] | None = None
        self._placing: Future[CallReport]

    def __enter__(self) -> Self:
        self._placing = self._thread.submit(asyncio.run, self._place())
        self._placing.add_done_callback(lambda _: self._tell_waiting())
        return self

    def __exit__(self, error: type[BaseException] | None, _error: object, _traceback: TracebackType | None) -> None:
        if error is not None:
            self.give_up()
        self._thread.shutdown()

    async def _place(self) -> CallReport:
        self._task = asyncio.current_task()
        return await self._stack.place(self._yaml, self._to, self._on_event, **self._values)

    def _on_event(self, event: CallerEvent) -> None:
        self._events.append(event)
        self._tell_waiting()

    def _tell_waiting(self) -> None:
        with self._news:
            self._news.notify_all()

    @property
    def report(self) -> CallReport:
        """What the caller heard, to the end. Raises CallError when the call could not be placed."""
        return self._placing.result()

    @property
    def room(self) -> str:
        """The name of the call's room, once the caller is in it."""
        self.wait_for("joined")
        return next(event.text or "" for event in self._events if event.kind == "joined")

    @property
    def answered_after_s(self) -> float:
        """How long it rang, in seconds."""
        self.wait_for("answered")
        return next(event.at_s for event in self._events if event.kind == "answered")

    def hang_up(self) -> CallReport:
        """End a call whose scenario never ends: its agent sees a caller who leaves. Returns the report."""
        asyncio.run(remove_participant(self.room, identity_of(self._from_number)))
        return self.report

    def give_up(self) -> None:
        """End a call whose agent or room is gone, without a report: the caller's line falls."""
        if self._task is not None and not self._placing.done():
            self._task.get_loop().call_soon_threadsafe(self._task.cancel)
            wait([self._placing])

    def count(self, kind: EventKind) -> int:
        """How often this has happened so far."""
        return sum(event.kind == kind for event in list(self._events))

    def wait_for(self, kind: EventKind, times: int = 1, timeout_s: float = WAIT_S) -> None:
        """Wait until this has happened so often since the call began; fail when the call ends without it."""
        with self._news:
            self._news.wait_for(lambda: self.count(kind) >= times or self._placing.done(), timeout_s)
        if self.count(kind) < times:
            how = f"the call ended before ({self._end()})" if self._placing.done() else "it goes on without"
            raise AssertionError(f"{kind}: {times} times within {timeout_s:g} s: {how}")

    def _end(self) -> str:
        """Why the call is over: as the caller was told, and as its row says."""
        call = Call.objects.filter(room_name=self.room).first()
        row = f"{call.status} {call.end_reason} {call.end_detail}" if call else "no row"
        return f"{self.report.end_detail}; {row}"

    def wait_for_another(self, kind: EventKind, timeout_s: float = WAIT_S) -> None:
        """Wait until this happens once more, from now on."""
        self.wait_for(kind, self.count(kind) + 1, timeout_s)

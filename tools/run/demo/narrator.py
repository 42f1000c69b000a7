"""Narrates a call as it happens: the caller's words come from the caller, the agent's from the rows of the call."""

import queue
import threading
import time
from typing import TYPE_CHECKING

from django.db import close_old_connections

from simulator.caller import CallerEvent
from simulator.caller.report import EndedBy
from tools.run.demo import console

if TYPE_CHECKING:
    from calls.models import Call, Turn

_TURN_WITHIN_S = 2.0  # after the agent fell silent, its turn should stand in Postgres
_FINAL_WITHIN_S = 15.0  # after the caller's end
_ENDS: dict[EndedBy, str] = {
    "caller": "the caller hangs up",
    "agent": "the agent hangs up",
    "timeout": "the caller gives up: nobody answered, or the call took too long",
    "network": "the connection to LiveKit is lost",
}


class Narrator:
    """A thread that reads the caller's events and, through Django, the call's turns, and prints both in order."""

    def __init__(self, room: str, events: "queue.Queue[CallerEvent]") -> None:
        self._room = room
        self._events = events
        self._told = 0  # the number of the last turn told
        self._over = threading.Event()
        self._awaited = False  # the agent spoke, and its turn has not been told yet
        self._latency_ms: float | None = None
        self._now_s = 0.0
        self._thread = threading.Thread(target=self._run, name="narrator")

    def start(self) -> None:
        self._thread.start()

    def finish(self) -> None:
        """Tells the rest and ends the thread."""
        self._over.set()
        self._thread.join()

    def final_call(self) -> "Call | None":
        """The call's row, once it is in a final state; None when there is no row. Waits for it for some seconds."""
        from calls.models import Call

        deadline = time.monotonic() + _FINAL_WITHIN_S
        call = Call.objects.filter(room_name=self._room).first()
        while call is not None and not call.is_final and time.monotonic() < deadline:
            time.sleep(0.2)
            call.refresh_from_db()
        return call

    def _run(self) -> None:
        while not self._over.is_set() or not self._events.empty():
            try:
                self._tell(self._events.get(timeout=0.2))
            except queue.Empty:
                self._tell_turns()
        self._wait_for_turn()
        close_old_connections()

    def _tell(self, event: CallerEvent) -> None:
        self._now_s = event.at_s
        match event.kind:
            case "answered":
                console.line(event.at_s, "", f"the agent picks up after {event.at_s:.1f} s")
            case "agent_speaking":
                self._awaited = True
            case "reply":
                self._latency_ms = event.latency_ms
            case "caller_speaking":
                self._wait_for_turn()
                console.line(event.at_s, "caller", event.text or "")
            case "ended":
                self._wait_for_turn()
                console.line(event.at_s, "", _ENDS[event.by] if event.by else "the call ends")

    def _wait_for_turn(self) -> None:
        """The caller continues as soon as the agent is silent; its words are written a moment later."""
        deadline = time.monotonic() + _TURN_WITHIN_S
        self._tell_turns()
        while self._awaited and time.monotonic() < deadline:
            time.sleep(0.1)
            self._tell_turns()
        self._awaited = False

    def _tell_turns(self) -> None:
        for turn in self._new_turns():
            self._told = turn.number
            if turn.speaker != "agent":
                continue
            console.line(self._now_s, "agent", turn.text, "interrupted" if turn.interrupted else self._latency(turn))
            self._latency_ms, self._awaited = None, False

    def _latency(self, turn: "Turn") -> str:
        """By the caller's ear, and the stages as the worker stored them."""
        if self._latency_ms is None:
            return ""
        stages = " + ".join(f"{name} {ms}" for name, ms in _stages(turn).items() if ms)
        return f"replied after {self._latency_ms:.0f} ms" + (f": {stages}" if stages else "")

    def _new_turns(self) -> "list[Turn]":
        from calls.models import Turn

        return list(Turn.objects.filter(call__room_name=self._room, number__gt=self._told).order_by("number"))


def _stages(turn: "Turn") -> dict[str, int | None]:
    return {
        "hearing": turn.stt_ms,
        "end of turn": turn.end_of_turn_ms,
        "thinking": turn.llm_ms,
        "speaking": turn.tts_ms,
        "transport": turn.transport_ms,
    }

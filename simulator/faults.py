"""Faults that are switched on while the simulator runs, for one stage of the conversation."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

Stage = Literal["stt", "llm", "tts"]
FaultKind = Literal["refuse", "close_after", "hang", "429", "500", "garbage", "no_audio", "deaf"]

STAGES: tuple[Stage, ...] = get_args(Stage)
KINDS: tuple[FaultKind, ...] = get_args(FaultKind)
ONLY_FOR: Mapping[FaultKind, Stage] = {"no_audio": "tts", "deaf": "stt"}


@dataclass(frozen=True)
class Target:
    """What a connection is for: a stage, and the provider and model that a client asked. A websocket of Cartesia's has
    no model, as each of its utterances names its own.
    """

    stage: Stage
    provider: str
    model: str = ""


class FaultError(ValueError):
    """A fault that cannot be; the message names the field and the cure."""


@dataclass
class Fault:
    """What goes wrong in a stage.

    refuse: the connection is cut before an answer.
    close_after: it is cut after `after_s` seconds.
    hang: it is accepted, and nothing ever comes.
    429, 500: that HTTP status, or what the provider sends in its place.
    garbage: the answers are not JSON.
    no_audio: TTS ends its utterances without a sample of audio.
    deaf: STT answers as if the caller were silent.

    `count` connections or requests are hit; None is every one until the fault is deleted. `provider` and `model` spare
    those that ask another; empty hits all. A provider's name is its folder's.
    """

    stage: Stage
    kind: FaultKind
    after_s: float = 0.0
    count: int | None = None
    model: str = ""
    provider: str = ""

    def hits(self, target: Target) -> bool:
        """Whether such a connection is hit."""
        model, provider = self.model in ("", target.model), self.provider in ("", target.provider)
        return self.stage == target.stage and model and provider


def parse_fault(document: object) -> Fault:
    """Read a fault from JSON. Raises FaultError."""
    if not isinstance(document, Mapping):
        raise FaultError('send a JSON object such as {"stage": "llm", "kind": "429"}')
    for field in document:
        if field not in ("stage", "kind", "after_s", "count", "model", "provider"):
            raise FaultError(f"unknown field {field!r}: use stage, kind, after_s, count, model and provider")
    stage, kind = document.get("stage"), str(document.get("kind"))
    if stage not in STAGES:
        raise FaultError(f"stage is {stage!r}: use one of {', '.join(STAGES)}")
    if kind not in KINDS:
        raise FaultError(f"kind is {kind!r}: use one of {', '.join(KINDS)}")
    if ONLY_FOR.get(kind, stage) != stage:
        raise FaultError(f"kind {kind} is for stage {ONLY_FOR[kind]} only")
    after_s, count = document.get("after_s", 0), document.get("count")
    if isinstance(after_s, bool) or not isinstance(after_s, int | float) or after_s < 0:
        raise FaultError(f"after_s is {after_s!r}: give seconds, not negative")
    if count is not None and (isinstance(count, bool) or not isinstance(count, int) or count < 1):
        raise FaultError(f"count is {count!r}: give a number of 1 or more, or leave it out")
    model, provider = document.get("model", ""), document.get("provider", "")
    if not isinstance(model, str):
        raise FaultError(f"model is {model!r}: give a model's name, or leave it out to hit all")
    if not isinstance(provider, str):
        raise FaultError(f"provider is {provider!r}: give a name such as 'cartesia', or leave it out to hit all")
    return Fault(stage, kind, float(after_s), count, model, provider)


class Connection:
    """A running websocket or streamed answer, as far as faults go."""

    def __init__(self, target: Target, cut: Callable[[], None]) -> None:
        self.target = target
        self.hanging = False
        self.garbage = False
        self.no_audio = False
        self.deaf = False
        self._cut = cut
        self._timer: asyncio.TimerHandle | None = None

    def suffer(self, fault: Fault) -> None:
        """Apply a fault to this connection."""
        self.hanging = self.hanging or fault.kind == "hang"
        self.garbage = self.garbage or fault.kind == "garbage"
        self.no_audio = self.no_audio or fault.kind == "no_audio"
        self.deaf = self.deaf or fault.kind == "deaf"
        if fault.kind == "close_after":
            self._timer = asyncio.get_running_loop().call_later(fault.after_s, self._cut)

    def done(self) -> None:
        """Forget a cut that has not come yet."""
        if self._timer:
            self._timer.cancel()


class FaultBoard:
    """The active faults, and the connections they may hit."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._running: set[Connection] = set()

    def put(self, fault: Fault) -> None:
        """Switch a fault on, in place of the stage's former one. Some hit running connections too."""
        self._faults = [other for other in self._faults if other.stage != fault.stage]
        self._faults.append(fault)
        if fault.kind in ("close_after", "hang", "deaf"):
            for connection in [other for other in self._running if fault.hits(other.target)]:
                hit = self.take(connection.target)
                if hit is None:
                    break
                connection.suffer(hit)

    def clear(self) -> None:
        """Switch all faults off for new connections; those that hang or are deaf stay so."""
        self._faults.clear()

    def take(self, target: Target) -> Fault | None:
        """The fault that hits a new connection, if any; counts it."""
        for fault in self._faults:
            if fault.hits(target):
                if fault.count is not None:
                    fault.count -= 1
                    if fault.count == 0:
                        self._faults.remove(fault)
                return fault
        return None

    def open(self, target: Target, fault: Fault | None, cut: Callable[[], None]) -> Connection:
        """Register a running connection; `cut` ends it. Call close when it is over."""
        connection = Connection(target, cut)
        if fault:
            connection.suffer(fault)
        self._running.add(connection)
        return connection

    def close(self, connection: Connection) -> None:
        """Forget a connection that is over."""
        connection.done()
        self._running.discard(connection)

    def describe(self) -> list[dict[str, Any]]:
        """The active faults, as JSON."""
        return [asdict(fault) for fault in self._faults]

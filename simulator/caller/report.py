"""What the caller reports about a call: events while it lasts, and a summary when it is over."""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Protocol

EventKind = Literal[
    "joined",
    "answered",
    "agent_speaking",
    "agent_silent",
    "caller_speaking",
    "caller_silent",
    "reply",
    "interrupted",
    "dtmf",
    "ended",
]

EndedBy = Literal["caller", "agent", "timeout", "network"]
"""Who hung up. timeout: nobody picked up, or the call took too long; network: the connection to LiveKit was lost."""


@dataclass(frozen=True)
class CallerEvent:
    """Something that happened in a call, `at_s` seconds after the caller joined the room.

    `text` is what the caller says (caller_speaking) or the keys pressed (dtmf); `latency_ms` comes with reply,
    `silent_after_ms` with interrupted, `by` with ended.
    """

    kind: EventKind
    at_s: float
    text: str | None = None
    latency_ms: float | None = None
    silent_after_ms: float | None = None
    by: EndedBy | None = None


class Teller(Protocol):
    """Takes what happens as it happens."""

    def __call__(
        self,
        kind: EventKind,
        at: float,
        *,
        text: str | None = None,
        latency_ms: float | None = None,
        silent_after_ms: float | None = None,
        by: EndedBy | None = None,
    ) -> None:
        """Tell one CallerEvent; `at` is on the monotonic clock (s)."""
        ...


@dataclass
class Utterance:
    """Something the caller said. Times are seconds after joining.

    `reply_latency_ms` is from the caller's last speech sample to the arrival of the agent's first audio; it is negative
    when the agent began before the caller had ended. `reply_lasted_ms` is from the reply's first audio to its last
    before the caller spoke again. `silent_after_ms` is, for an interruption, from the first sample of the interrupting
    speech to the agent's last audio before 300 ms of silence; None when the agent was not speaking.
    """

    text: str
    started_s: float
    ended_s: float
    interrupts: bool = False
    reply_expected: bool = False
    reply_heard: bool = False
    reply_latency_ms: float | None = None
    reply_lasted_ms: float | None = None
    silent_after_ms: float | None = None


@dataclass(frozen=True)
class AgentPause:
    """A gap in the agent's sound: it was last heard `at_s` seconds after joining, and again `lasted_ms` later."""

    at_s: float
    lasted_ms: float


@dataclass
class CallReport:
    """A call, by the caller's ear.

    `pickup_ms` is from joining the room to the agent's first audio. `ended_as_planned`: the caller hung up after its
    last step, or the agent did after the caller had said everything, or after a line that the scenario answers with
    end_call. `waits_in_vain` counts the scenario's wait_for_reply steps in which the agent said nothing in time.
    `agent_spoke` is when the agent was heard, from a first sound to the last before 300 ms of silence (s after
    joining); `agent_pauses` are its gaps of 100 ms and more.
    `frame_lateness_p99_ms` is how late the caller itself was with its audio frames: up to 60 ms are absorbed, and
    `audio_gaps` counts the times when they were not. A measurement is only as good as these two.
    """

    room: str
    scenario: str
    from_number: str
    to_number: str
    answered: bool = False
    greeting_expected: bool = False
    waits_in_vain: int = 0
    pickup_ms: float | None = None
    utterances: list[Utterance] = field(default_factory=list)
    agent_spoke: list[tuple[float, float]] = field(default_factory=list)
    agent_pauses: list[AgentPause] = field(default_factory=list)
    ended_by: EndedBy = "timeout"
    end_detail: str = ""
    ended_as_planned: bool = False
    duration_s: float = 0.0
    frame_lateness_p99_ms: float = 0.0
    audio_gaps: int = 0
    wav: str | None = None

    @property
    def every_reply_heard(self) -> bool:
        """Whether the agent greeted, and answered each utterance, wherever the scenario waits for it."""
        greeted = self.pickup_ms is not None or not self.greeting_expected
        if not (self.answered and greeted) or self.waits_in_vain:
            return False
        return all(utterance.reply_heard for utterance in self.utterances if utterance.reply_expected)

    @property
    def completed(self) -> bool:
        """Whether the call was answered and ended as the scenario says."""
        return self.answered and self.ended_as_planned

    def as_dict(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        return asdict(self) | {"completed": self.completed, "every_reply_heard": self.every_reply_heard}

"""Who calls, and which fault comes when: drawn from the seed before anything starts, so that a run can be repeated."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from tools.chaos.calls.behavior import WEIGHTS as BEHAVIORS
from tools.chaos.calls.behavior import Behavior, Leaving, leaving
from tools.chaos.calls.conversation import Talk, talk_of


class Fault(StrEnum):
    """What may be caused while a call is live."""

    WORKER_KILLED = "worker killed"
    WORKER_STOPPED = "worker stopped"
    WORKER_FROZEN = "worker frozen"
    RABBITMQ_RESTARTED = "RabbitMQ restarted"
    POSTGRES_RESTARTED = "Postgres restarted"
    LIVEKIT_RESTARTED = "LiveKit restarted"
    WEB_RESTARTED = "web process restarted"
    HOUSEKEEPING_RESTARTED = "housekeeping restarted"
    CUT_OFF_FROM_POSTGRES = "one worker cut off from Postgres"
    CUT_OFF_FROM_RABBITMQ = "one worker cut off from RabbitMQ"
    CUT_OFF_FROM_LIVEKIT = "one worker cut off from LiveKit"
    CUT_OFF_FROM_PROVIDERS = "one worker cut off from the providers"
    POSTGRES_SLOW = "Postgres slow"
    LLM_500 = "language model answers 500"
    LLM_HANGS = "language model hangs"
    STT_CLOSED = "speech to text closed"
    TTS_SILENT = "text to speech gives no audio"
    WEBHOOK_DOUBLED = "webhook doubled"
    WEBHOOK_LOST = "webhook lost"
    CALLER_KILLED = "caller killed"

    @property
    def hits_one_call(self) -> bool:
        """Whether only the call that drew it can feel it; of the others there is one at a time."""
        return self.concerns_webhooks or self == Fault.CALLER_KILLED

    @property
    def concerns_webhooks(self) -> bool:
        """Whether it is arranged before the call begins, because its webhooks come when they will."""
        return self in (Fault.WEBHOOK_DOUBLED, Fault.WEBHOOK_LOST)


WEIGHTS: Mapping[Fault, float] = {
    Fault.WORKER_KILLED: 3,
    Fault.WORKER_STOPPED: 3,
    Fault.WORKER_FROZEN: 2,
    Fault.RABBITMQ_RESTARTED: 2,
    Fault.POSTGRES_RESTARTED: 2,
    Fault.LIVEKIT_RESTARTED: 0.3,  # it ends every call
    Fault.WEB_RESTARTED: 2,
    Fault.HOUSEKEEPING_RESTARTED: 1,
    Fault.CUT_OFF_FROM_POSTGRES: 2,
    Fault.CUT_OFF_FROM_RABBITMQ: 1,
    Fault.CUT_OFF_FROM_LIVEKIT: 1,
    Fault.CUT_OFF_FROM_PROVIDERS: 1,
    Fault.POSTGRES_SLOW: 1,
    Fault.LLM_500: 1,
    Fault.LLM_HANGS: 1,
    Fault.STT_CLOSED: 1,
    Fault.TTS_SILENT: 1,
    Fault.WEBHOOK_DOUBLED: 2,
    Fault.WEBHOOK_LOST: 1,
    Fault.CALLER_KILLED: 2,
}
TWINS_FROM = 1_000_000  # the numbers of second calls
TALK_S = 6.0  # about how long a call lasts from joining on: its fault comes within that


@dataclass(frozen=True)
class Strike:
    """A fault that a call has drawn: `after_s` seconds after its caller joined.

    `target`, from 0 to 1, chooses where there are several that it may hit.
    """

    fault: Fault
    after_s: float
    target: float


@dataclass(frozen=True)
class PlannedCall:
    """One call to place."""

    number: int
    room: str
    from_number: str
    talk: Talk
    strike: Strike | None
    behavior: Behavior = Behavior.ASKS
    leaving: Leaving | None = None

    @property
    def twin(self) -> "PlannedCall":
        """The second call of a caller who calls twice at once: from the same number, into another room."""
        return replace(self, number=self.number + TWINS_FROM, room=f"{self.room}-twin", strike=None)


def plan(calls: int, share: float, seed: int) -> list[PlannedCall]:
    """`calls` calls, of which each draws a fault with probability `share`. The same for the same three arguments."""
    rng = random.Random(seed)  # noqa: S311  chance that can be repeated, no secret
    return [_call(number, share, rng) for number in range(calls)]


def _call(number: int, share: float, rng: random.Random) -> PlannedCall:
    strike = None
    draw, after_s, target = rng.random(), rng.uniform(0, TALK_S), rng.random()
    [fault] = rng.choices(list(WEIGHTS), list(WEIGHTS.values()))
    if draw < share:
        strike = Strike(fault, round(after_s, 2), target)
    [behavior] = rng.choices(list(BEHAVIORS), list(BEHAVIORS.values()))
    when = leaving(behavior, rng)
    room, from_number = f"call-chaos-{number:05d}", f"+1202555{number % 10_000:04d}"
    return PlannedCall(number, room, from_number, talk_of(number), strike, behavior, when)

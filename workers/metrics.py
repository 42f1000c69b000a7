"""What this worker process has done, for Prometheus. The web process exports figures about all calls together.

Everything here is counted where a call writes something down anyway: at the ends of turns, never for a frame of audio.
Queries add the workers up; a number that the database knows is not among these.
"""

from django.conf import settings
from django.utils import timezone
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from agents.providers import registry as providers
from agents.providers.offers import STAGES as PROVIDER_STAGES
from calls.models import Call
from calls.models.history import Speaker
from calls.states import Direction, EndReason
from workers.media.latency import ReplyLatency

STAGES = ("reply", "stt", "end_of_turn", "llm", "tts", "transport")
TOKEN_KINDS = ("prompt", "cached", "completion")
ERROR_KINDS = ("timeout", "connection", "rate_limit", "account", "response")
OTHER_ERRORS = {
    ("connection", "livekit"),
    ("transfer", "livekit"),
    ("dispatch", "postgresql"),
    ("pipeline", ""),
    ("tool", ""),
}
_OF_END = {
    EndReason.ROOM_GONE: ("connection", "livekit"),
    EndReason.PIPELINE_ERROR: ("pipeline", ""),
}
# The first whose word stands in the text of an error names its kind; what none names is a bad answer.
_WORDS = {
    "timeout": ("timeout", "timed out", "in time"),
    "rate_limit": ("429", "rate_limit", "rate limit", "quota"),
    "account": ("401", "402", "403", "authentication", "authorization"),
    "connection": ("connect", "closed", "refused", "unreachable"),
}
REPLY_S = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0, 5.0)
DISPATCH_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)
PICKUP_S = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0)

registry = CollectorRegistry()
"""Apart from the library's own, so that only a worker exports it."""

held_calls = Gauge("callcenter_worker_calls", "Calls that this worker holds.", registry=registry)
slots = Gauge("callcenter_worker_slots", "Calls that it can hold.", registry=registry)
spool_entries = Gauge(
    "callcenter_spool_entries", "Entries on disk that wait for the database to come back.", registry=registry
)
_dispatch = Histogram(
    "callcenter_dispatch_seconds",
    "From the moment a call began to wait to its claim by a slot.",
    buckets=DISPATCH_S,
    registry=registry,
)
_pickup = Histogram(
    "callcenter_pickup_seconds",
    "From a caller's first ringing to the agent's greeting.",
    buckets=PICKUP_S,
    registry=registry,
)
_reply = Histogram(
    "callcenter_reply_latency_seconds",
    "From the caller's last speech to the agent's first: the whole (stage reply), and its parts.",
    ["stage"],
    buckets=REPLY_S,
    registry=registry,
)
_turns = Counter("callcenter_turns", "Recorded utterances.", ["speaker"], registry=registry)
_interruptions = Counter(
    "callcenter_interruptions", "Utterances of the agent that the caller interrupted.", registry=registry
)
_resumes = Counter("callcenter_resumes", "Calls resumed after another worker had answered them.", registry=registry)
_failovers = Counter(
    "callcenter_failovers",
    "Failovers, by stage and by the target that failed.",
    ["stage", "from_target"],
    registry=registry,
)
_deaf = Counter(
    "callcenter_deaf_recognizers",
    "Recognizers that were connected anew or replaced, because a caller spoke and no words came.",
    ["provider"],
    registry=registry,
)
_mute = Counter(
    "callcenter_mute_voices",
    "Voices that were connected anew or replaced, because they had words and gave no sound.",
    ["provider"],
    registry=registry,
)
_errors = Counter("callcenter_errors", "Errors by kind and provider.", ["kind", "provider"], registry=registry)
_tokens = Counter(
    "callcenter_tokens",
    "Tokens of language models: read (prompt; cached is the part of it that the provider had cached) and written.",
    ["provider", "kind"],
    registry=registry,
)
_characters = Counter("callcenter_characters", "Characters sent to text to speech.", ["provider"], registry=registry)
_audio = Counter(
    "callcenter_transcribed_seconds", "Time during which speech to text listened.", ["provider"], registry=registry
)
_cost = Counter(
    "callcenter_cost_cents", "Provider costs in US cents, by the providers' prices.", ["provider"], registry=registry
)


def _begin_at_zero() -> None:
    """Create every series that is known in advance: Prometheus does not see the increase of one that did not exist."""
    for stage in STAGES:
        _reply.labels(stage)
    for speaker in Speaker:
        _turns.labels(speaker)
    for provider in providers.all():
        _cost.labels(provider.name)
        for kind in ERROR_KINDS:
            _errors.labels(kind, provider.name)
        if "stt" in provider.stages:
            _audio.labels(provider.name)
            _deaf.labels(provider.name)
        if "llm" in provider.stages:
            for kind in TOKEN_KINDS:
                _tokens.labels(provider.name, kind)
        if "tts" in provider.stages:
            _characters.labels(provider.name)
            _mute.labels(provider.name)
    for kind, whose in OTHER_ERRORS:
        _errors.labels(kind, whose)


_begin_at_zero()


# --- The life of a call -----------------------------------------------------------------------------------------------


def claimed(call: Call) -> None:
    """A slot has taken the call."""
    if call.claimed_at is not None:
        _dispatch.observe(max(0.0, (call.claimed_at - call.queued_at).total_seconds()))


def not_claimed() -> None:
    """The database was unavailable when a slot asked for a call."""
    _errors.labels("dispatch", "postgresql").inc()


def answered(call: Call) -> None:
    """The conversation starts, or resumes if an earlier attempt started it."""
    if call.answered_at is not None:
        _resumes.inc()
    elif call.direction == Direction.INBOUND:
        _pickup.observe(max(0.0, (timezone.now() - call.created_at).total_seconds()))


def turn(speaker: Speaker, latency: ReplyLatency | None, *, interrupted: bool) -> None:
    """An utterance is over."""
    _turns.labels(speaker).inc()
    if interrupted:
        _interruptions.inc()
    if latency is not None:
        for stage in STAGES:
            _reply.labels(stage).observe(getattr(latency, f"{stage}_ms") / 1000)


def not_joined() -> None:
    """Agent and caller could not hear each other in time."""
    _errors.labels("connection", "livekit").inc()


def ended(reason: EndReason) -> None:
    """The call is over. What its providers failed at has been counted already."""
    if reason in _OF_END:
        _errors.labels(*_OF_END[reason]).inc()


# --- What goes wrong --------------------------------------------------------------------------------------------------


def event(kind: str, detail: dict[str, object]) -> None:
    """An event that a call records. Of a failure, `provider` is the one that failed."""
    stage, provider = (str(detail.get(name, "")) for name in ("stage", "provider"))
    match kind:
        case "failover":
            _failovers.labels(stage, str(detail.get("from"))).inc()
            _errors.labels(error_kind(str(detail.get("why"))), provider).inc()
        case "recognizer_deaf":
            _deaf.labels(provider).inc()
        case "voice_mute":
            _mute.labels(provider).inc()
        case "error" if stage in PROVIDER_STAGES:
            text = f"{detail.get('category')} {detail.get('error')}"
            _errors.labels(error_kind(text), provider).inc()
        case "error":
            _errors.labels("pipeline", "").inc()
        case "tool_failed":
            _errors.labels("tool", "").inc()
        case "transfer_failed":
            _errors.labels("transfer", "livekit").inc()


def error_kind(text: str) -> str:
    """One of ERROR_KINDS, by the words of the error."""
    lower = text.lower()
    return next((kind for kind, words in _WORDS.items() if any(word in lower for word in words)), "response")


# --- What it costs ----------------------------------------------------------------------------------------------------


def tokens(provider: str, prompt: int, completion: int, cached: int) -> None:
    """A reply of the provider's language model is over. One that was given up in the middle reports nothing."""
    for kind, count in zip(TOKEN_KINDS, (prompt, cached, completion), strict=True):
        _tokens.labels(provider, kind).inc(count)
    cents = prompt * _price(provider, "million_tokens_in") + completion * _price(provider, "million_tokens_out")
    _cost.labels(provider).inc(cents / 1e6)


def transcribed(provider: str, seconds: float) -> None:
    """The provider's speech to text has listened to a call for so long."""
    _audio.labels(provider).inc(seconds)
    _cost.labels(provider).inc(seconds / 60 * _price(provider, "minute"))


def characters(provider: str, count: int) -> None:
    """The provider's text to speech was asked to speak."""
    _characters.labels(provider).inc(count)
    _cost.labels(provider).inc(count / 1000 * _price(provider, "1000_characters"))


def _price(provider: str, unit: str) -> float:
    """In US cents, by the settings that callcenter.environment.providers makes of the manifests."""
    cents: float = getattr(settings, f"{provider}_PRICE_{unit}".upper())
    return cents

"""What a worker counts of its calls: at the ends of turns, each thing once."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from prometheus_client import generate_latest
from pytest_django import Settings

from agents.providers import registry
from calls.models import Call
from calls.models.history import Speaker
from calls.states import Direction, EndReason, Status
from tests.metrics.samples import Labels, samples
from workers import metrics
from workers.history import spool
from workers.history.backlog import Backlog
from workers.history.entries import Entry, Outcome
from workers.history.recorder import CallRecorder
from workers.history.spool import Item
from workers.history.writer import Writer
from workers.media.latency import ReplyLatency

LATENCY = ReplyLatency(reply_ms=580, stt_ms=30, end_of_turn_ms=250, llm_ms=150, tts_ms=100, transport_ms=50)


class NoWriter(Writer):
    """Takes what is to be written, and says that it is."""

    def __init__(self) -> None:
        pass

    def put(self, entry: Entry, outcome: Callable[[Outcome], object] | None = None) -> None:
        if outcome is not None:
            outcome(Outcome.WRITTEN)


def counted() -> dict[str, dict[Labels, float]]:
    return samples(generate_latest(metrics.registry).decode())


class Increases:
    """What was counted since this was made, without what was not."""

    def __init__(self) -> None:
        self._before = counted()

    def of(self, name: str) -> dict[Labels, float]:
        now, before = counted()[name], self._before.get(name, {})
        changed = {labels: round(count - before.get(labels, 0.0), 6) for labels, count in now.items()}
        return {labels: count for labels, count in changed.items() if count}

    def total(self, name: str) -> float:
        return sum(self.of(name).values())


@pytest.fixture
def increases() -> Increases:
    return Increases()


def recorder(**values: Any) -> CallRecorder:
    return CallRecorder(Call(**values), writer=NoWriter())


def labels(**values: str) -> Labels:
    return frozenset(values.items())


def test_a_reply_is_observed_whole_and_by_stage(increases: Increases) -> None:
    notes, now = recorder(), timezone.now()
    notes.turn(Speaker.AGENT, "Hello.", now, now)  # a greeting answers nobody
    notes.turn(Speaker.CALLER, "Hello!", now, now)
    notes.turn(Speaker.AGENT, "How are you?", now, now, interrupted=True, latency=LATENCY)

    assert increases.of("callcenter_turns_total") == {labels(speaker="agent"): 2, labels(speaker="caller"): 1}
    assert increases.total("callcenter_interruptions_total") == 1
    assert increases.of("callcenter_reply_latency_seconds_count") == {
        labels(stage=stage): 1 for stage in metrics.STAGES
    }
    seconds = increases.of("callcenter_reply_latency_seconds_sum")
    assert seconds.pop(labels(stage="reply")) == pytest.approx(sum(seconds.values())) == 0.58
    within = increases.of("callcenter_reply_latency_seconds_bucket")
    assert labels(stage="reply", le="0.6") in within
    assert labels(stage="reply", le="0.5") not in within


def test_the_first_answer_is_a_pickup_and_a_later_one_a_resumption(increases: Increases) -> None:
    rang = timezone.now() - timedelta(seconds=4)
    recorder(created_at=rang).answered()
    recorder(created_at=rang, answered_at=rang, attempt=2).answered()

    assert increases.total("callcenter_pickup_seconds_count") == 1
    assert increases.total("callcenter_pickup_seconds_sum") == pytest.approx(4, abs=1)
    assert increases.total("callcenter_resumes_total") == 1


def test_how_long_somebody_whom_we_call_takes_to_answer_is_not_a_pickup(increases: Increases) -> None:
    recorder(direction=Direction.OUTBOUND).answered()

    assert increases.total("callcenter_pickup_seconds_count") == 0


def test_a_claim_is_timed_from_when_the_call_began_to_wait(increases: Increases) -> None:
    now = timezone.now()
    metrics.claimed(Call(queued_at=now - timedelta(seconds=2), claimed_at=now))
    metrics.claimed(Call(queued_at=now + timedelta(seconds=1), claimed_at=now))  # two clocks that differ

    assert increases.total("callcenter_dispatch_seconds_count") == 2
    assert increases.total("callcenter_dispatch_seconds_sum") == 2


def test_a_failover_is_an_error_of_the_provider_that_failed(increases: Increases) -> None:
    detail = {"stage": "llm", "provider": "anthropic", "from": "claude-haiku-4-5 at a", "to": "gpt-4o-mini at b"}
    recorder().event("failover", **detail, why="no answer in time")

    failed = labels(stage="llm", from_target="claude-haiku-4-5 at a")
    assert increases.of("callcenter_failovers_total") == {failed: 1}
    assert increases.of("callcenter_errors_total") == {labels(kind="timeout", provider="anthropic"): 1}


@pytest.mark.parametrize(
    ("event", "stage", "provider", "counter"),
    [
        ("recognizer_deaf", "stt", "deepgram", "callcenter_deaf_recognizers_total"),
        ("voice_mute", "tts", "elevenlabs", "callcenter_mute_voices_total"),
    ],
)
def test_the_deaf_and_the_mute_are_counted_by_provider_and_begin_at_zero(
    event: str, stage: str, provider: str, counter: str, increases: Increases
) -> None:
    assert labels(provider=provider) in counted()[counter]

    recorder().event(event, stage=stage, provider=provider, target="a model at a host")

    assert increases.of(counter) == {labels(provider=provider): 1}
    assert increases.of("callcenter_errors_total") == {}


@pytest.mark.parametrize(
    ("stage", "category", "error", "kind", "provider"),
    [
        ("stt", "ErrorCategory.CONNECTIVITY", "no recognizer is left: cannot connect", "connection", "assemblyai"),
        ("llm", "ErrorCategory.RATE_LIMIT", "Error code: 429", "rate_limit", "openai"),
        ("llm", "ErrorCategory.SERVER", "Error code: 500", "response", "openai"),
        ("tts", "ErrorCategory.UNKNOWN", "no voice is left: no audio in time", "timeout", "elevenlabs"),
        ("tts", "ErrorCategory.AUTHENTICATION", "no voice is left: status 401", "account", "cartesia"),
        ("pipeline", "ErrorCategory.UNKNOWN", "it broke", "pipeline", ""),
    ],
)
def test_an_error_has_a_kind_and_a_provider(
    stage: str, category: str, error: str, kind: str, provider: str, increases: Increases
) -> None:
    recorder().event("error", stage=stage, provider=provider, category=category, error=error)

    assert increases.of("callcenter_errors_total") == {labels(kind=kind, provider=provider): 1}


def test_what_has_been_counted_as_an_error_is_not_one_again_when_the_call_ends_of_it(increases: Increases) -> None:
    recorder().ended(Status.FAILED, EndReason.PROVIDER_FAILURE, "llm: 500")
    recorder().ended(Status.COMPLETED, EndReason.CALLER_LEFT, "")
    assert increases.of("callcenter_errors_total") == {}

    recorder().ended(Status.FAILED, EndReason.PIPELINE_ERROR, "KeyError")
    recorder().ended(Status.FAILED, EndReason.ROOM_GONE, "")
    assert increases.of("callcenter_errors_total") == {
        labels(kind="pipeline", provider=""): 1,
        labels(kind="connection", provider="livekit"): 1,
    }


def test_an_event_that_is_no_failure_is_not_counted(increases: Increases) -> None:
    recorder().event("silence", times=1)
    recorder().event("dtmf", digit="1")

    assert increases.of("callcenter_errors_total") == {}


def test_tools_and_transfers_that_fail_are_counted(increases: Increases) -> None:
    recorder().event("tool_failed", tool="find_order", took_ms=5, why="the service answered with status 500")
    recorder().event("transfer_failed", error="TwirpError: no")

    assert increases.of("callcenter_errors_total") == {
        labels(kind="tool", provider=""): 1,
        labels(kind="transfer", provider="livekit"): 1,
    }


def test_costs_follow_the_prices(increases: Increases, settings: Settings) -> None:
    settings.OPENAI_PRICE_MILLION_TOKENS_IN, settings.OPENAI_PRICE_MILLION_TOKENS_OUT = 40.0, 160.0
    settings.CARTESIA_PRICE_1000_CHARACTERS = 5.0
    metrics.tokens("openai", prompt=10_000, completion=500, cached=2000)
    metrics.characters("cartesia", 200)

    assert increases.of("callcenter_tokens_total") == {
        labels(provider="openai", kind="prompt"): 10_000,
        labels(provider="openai", kind="cached"): 2000,
        labels(provider="openai", kind="completion"): 500,
    }
    assert increases.of("callcenter_characters_total") == {labels(provider="cartesia"): 200}
    assert increases.of("callcenter_cost_cents_total") == {
        labels(provider="openai"): 0.48,
        labels(provider="cartesia"): 1,
    }


def test_speech_to_text_costs_for_as_long_as_it_listens(increases: Increases, settings: Settings) -> None:
    settings.ASSEMBLYAI_PRICE_MINUTE = 0.6
    metrics.transcribed("assemblyai", 90)

    assert increases.of("callcenter_transcribed_seconds_total") == {labels(provider="assemblyai"): 90}
    assert increases.of("callcenter_cost_cents_total") == {labels(provider="assemblyai"): 0.9}


def test_entries_on_disk_are_counted_with_those_of_dead_workers(tmp_path: Path) -> None:
    left = spool.create(tmp_path)
    left.append([Item(1, "turn", "{}"), Item(2, "turn", "{}")])
    own = Backlog(tmp_path)
    writer = Writer(own)
    assert writer.spooled() == 0

    own.put("turn", "{}")
    assert writer.spooled() == 0  # in memory
    own.spill()
    writer._left = [left]
    assert writer.spooled() == 3

    left.delete()
    own.remove(1)
    assert writer.spooled() == 0


def test_what_is_known_beforehand_begins_at_zero() -> None:
    known = counted()
    for provider in registry.all():
        for kind in metrics.ERROR_KINDS:
            assert labels(kind=kind, provider=provider.name) in known["callcenter_errors_total"]
        assert labels(provider=provider.name) in known["callcenter_cost_cents_total"]
    made_up = {labels(provider="acme")}  # by a test that ran in this process before
    assert known["callcenter_transcribed_seconds_total"].keys() - made_up == _of("stt")
    assert known["callcenter_characters_total"].keys() - made_up == _of("tts")
    assert {labels(provider="anthropic", kind=kind) for kind in metrics.TOKEN_KINDS} < set(
        known["callcenter_tokens_total"]
    )


def _of(stage: str) -> set[Labels]:
    return {labels(provider=provider.name) for provider in registry.offering(stage)}

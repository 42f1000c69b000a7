"""What the web process exports for Prometheus: what the database and the broker know of all calls, and its webhooks.

Each web process exports the same numbers of the database, so queries take their maximum and never their sum. What a
worker does it exports by itself (workers/metrics.py). The counters begin at zero with the process, as Prometheus
expects: they count the events of calls that were written since.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable

import prometheus_client
import structlog
from django.db import DatabaseError, InterfaceError
from django.db.models import F, Min, Q
from django.db.models.functions import Now
from django.utils import timezone
from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from calls.lifecycle import capacity, leases
from calls.models import Call, CallEvent, Heartbeat
from calls.models.heartbeat import SWEEP
from calls.states import FINAL, EndReason
from common import broker
from common.broker import BROKER_ERRORS
from common.cached_value import CachedValue

log = structlog.get_logger(__name__)

FRESH_S = 2.0  # several scrapes within this time cost one look
OVERLAP = 2000  # events that are looked at again: a transaction may commit after one with higher ids
QUEUES = ("calls", "housekeeping", "calls.dead")
WEBHOOK_RESULTS = ("accepted", "duplicate", "ignored", "bad_signature", "bad_body", "unavailable")

registry = CollectorRegistry()
"""The metrics of the web process that are not Django's; apart, so that no other process exports them by an import."""

_webhooks = prometheus_client.Counter(
    "callcenter_webhooks", "Webhooks by source and outcome.", ["source", "result"], registry=registry
)
webhook_seconds = prometheus_client.Histogram(
    "callcenter_webhook_seconds",
    "Time from the end of a webhook's body to its answer, of those that are stored.",
    ["source"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
    registry=registry,
)
SUPERVISIONS = ("listen", "whisper", "take_over", "hand_back", "note", "hang_up")
_supervisions = prometheus_client.Counter(
    "callcenter_supervisions", "What supervisors did in live calls.", ["action"], registry=registry
)
for _action in SUPERVISIONS:
    _supervisions.labels(_action)
for _source in ("livekit", "twilio"):
    for _result in WEBHOOK_RESULTS:
        _webhooks.labels(_source, _result)


def count_webhook(source: str, result: str) -> None:
    """Count a webhook of `livekit` or `twilio`; `result` is one of WEBHOOK_RESULTS."""
    _webhooks.labels(source, result).inc()


def count_supervision(action: str) -> None:
    """Count what a supervisor did in a live call: one of SUPERVISIONS."""
    _supervisions.labels(action).inc()


class CallEvents:
    """Counts the events of calls, each once, from the first look on. Needs no index but the primary key."""

    def __init__(self) -> None:
        self.ends: Counter[tuple[str, str]] = Counter()  # status, end reason
        self.lease_losses = 0
        self._through: int | None = None
        self._seen: set[int] = set()

    def look(self) -> None:
        """Count what was written since the last look. Raises DatabaseError."""
        last = CallEvent.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
        begins = self._through is None or last < self._through  # the second: the tables were restored or emptied
        since = last if self._through is None or begins else self._through
        ended = Q(to_status__in=sorted(FINAL), call__is_test=False)
        told = CallEvent.objects.filter(ended | Q(kind="agent_lost"), pk__gt=since - OVERLAP)
        rows = told.order_by().values_list("pk", "to_status", "detail__reason")
        found = {pk: (str(status), str(reason or "")) for pk, status, reason in rows}
        for pk in found.keys() - self._seen if not begins else ():
            status, reason = found[pk]
            if status:
                self.ends[status, reason] += 1
            else:
                self.lease_losses += 1
        self._through, self._seen = last, set(found)


class CallCenterMetrics(Collector):
    """The state of the whole call center, read when it is scraped, and at most every FRESH_S seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._events = CallEvents()
        self._metrics = CachedValue(lambda: [*self._of_database(), *_of_broker()], FRESH_S, clock)

    def collect(self) -> Iterable[Metric]:
        """Return the metrics. While the database is down, its gauges are missing and the counters do not move."""
        return self._metrics()

    def describe(self) -> Iterable[Metric]:
        """Return nothing: registration must not cost a query."""
        return []

    def _of_database(self) -> Iterable[Metric]:
        try:
            gauges = [*_capacity(), *_sweep()]
            self._events.look()
        except (DatabaseError, InterfaceError) as error:
            log.warning("metrics_incomplete", error=type(error).__name__)
            gauges = []
        yield from gauges
        yield _up("postgresql", is_up=bool(gauges))
        ended = CounterMetricFamily(
            "callcenter_calls", "Calls that ended, without tests.", labels=["status", "end_reason"]
        )
        for status, reason in sorted({(s.value, r.value) for s in FINAL for r in EndReason} | set(self._events.ends)):
            ended.add_metric([status, reason], self._events.ends[status, reason])
        yield ended
        yield CounterMetricFamily(
            "callcenter_lease_losses",
            "Calls whose worker was lost, as the sweep found.",
            value=self._events.lease_losses,
        )


def _capacity() -> Iterable[Metric]:
    now = capacity.measure(leases.LEASE)
    since = Call.objects.waiting().order_by().aggregate(since=Min("queued_at"))["since"]
    wait_s = max(0.0, (timezone.now() - since).total_seconds()) if since else 0.0
    yield GaugeMetricFamily("callcenter_calls_active", "Calls that an agent holds.", now.held)
    yield GaugeMetricFamily("callcenter_calls_queued", "Calls waiting for a slot.", now.queued)
    yield GaugeMetricFamily("callcenter_longest_wait_seconds", "How long the first of these has waited.", wait_s)
    yield GaugeMetricFamily("callcenter_workers", "Worker processes that take calls.", now.workers)
    yield GaugeMetricFamily("callcenter_slots_total", "Calls that they can hold.", now.slots)
    yield GaugeMetricFamily("callcenter_slots_busy", "Calls that they hold.", now.busy)
    yield GaugeMetricFamily("callcenter_slots_free", "Slots available to another caller now.", now.free)


def _sweep() -> Iterable[Metric]:
    swept = GaugeMetricFamily("callcenter_sweep_age_seconds", "Time since housekeeping last swept, if ever.", labels=())
    for age in Heartbeat.objects.filter(holder=SWEEP).values_list(Now() - F("seen_at"), flat=True):
        swept.add_metric([], abs(age.total_seconds()))  # in the future, if the clock was set back and no sweep followed
    yield swept


def _of_broker() -> Iterable[Metric]:
    lengths: dict[str, int] = {}
    try:
        for queue in QUEUES:
            lengths[queue] = broker.waiting_messages(queue)
    except BROKER_ERRORS as error:
        log.warning("metrics_incomplete", error=type(error).__name__)
    length = GaugeMetricFamily("callcenter_queue_length", "Messages waiting in a queue.", labels=["queue"])
    for queue, count in lengths.items():
        length.add_metric([queue], count)
    yield length
    yield _up("rabbitmq", is_up=len(lengths) == len(QUEUES))


def _up(dependency: str, *, is_up: bool) -> Metric:
    up = GaugeMetricFamily(
        "callcenter_dependency_up", "Whether the web process reaches it: 1, else 0.", labels=["dependency"]
    )
    up.add_metric([dependency], int(is_up))
    return up


registry.register(CallCenterMetrics())

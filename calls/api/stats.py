"""`GET /stats`: statistics of the call center."""

from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from access.permissions import HasScope
from calls.reporting.overview import ERRORS, WINDOWS_MIN, Latency, Overview, overview, uptime_s


class SlotsSerializer(serializers.Serializer[Any]):
    total = serializers.IntegerField(help_text="Slots of the workers that take calls.")
    free = serializers.IntegerField(help_text="Calls that can be taken now without waiting.")


class ErrorsSerializer(serializers.Serializer[Any]):
    """Calls of the last hour that ended with an error, by kind."""

    connection = serializers.IntegerField()
    pipeline = serializers.IntegerField()
    dispatch = serializers.IntegerField()


class LatencySerializer(serializers.Serializer[Any]):
    """In milliseconds; null without a reply."""

    replies = serializers.IntegerField()
    p50 = serializers.FloatField(allow_null=True)
    p95 = serializers.FloatField(allow_null=True)
    p99 = serializers.FloatField(allow_null=True)


class LatenciesSerializer(serializers.Serializer[Any]):
    last_1_min = LatencySerializer()
    last_5_min = LatencySerializer()
    last_60_min = LatencySerializer()


class StatsSerializer(serializers.Serializer[Any]):
    active_calls = serializers.IntegerField(help_text="Calls that have an agent.")
    queued_calls = serializers.IntegerField(help_text="Calls waiting for a slot.")
    missed_calls = serializers.IntegerField(help_text="In the last hour.")
    slots = SlotsSerializer()
    workers = serializers.IntegerField(help_text="Processes that take calls.")
    queue_length = serializers.IntegerField(allow_null=True, help_text="Messages; null when the broker is away.")
    success_rate = serializers.FloatField(
        allow_null=True, help_text="Share of calls that succeeded in the last hour, from 0 to 1."
    )
    errors = ErrorsSerializer()  # type: ignore[assignment]  # the field, by this name; not the serializer's errors
    reply_latency_ms = LatenciesSerializer()
    uptime_s = serializers.FloatField(help_text="Of the web process that responds.")
    version = serializers.CharField()


class StatsView(APIView):
    """How the call center is doing now and in the last hour. Looked up at most once a second."""

    permission_classes = [HasScope.of("read")]

    @extend_schema(responses=StatsSerializer)
    def get(self, request: Request) -> Response:
        return Response(_as_json(overview()))


def _as_json(seen: Overview) -> dict[str, Any]:
    return {
        "active_calls": seen.active_calls,
        "queued_calls": seen.queued_calls,
        "missed_calls": seen.missed_calls,
        "slots": {"total": seen.slots_total, "free": seen.slots_free},
        "workers": seen.workers,
        "queue_length": seen.queue_length,
        "success_rate": _rounded(seen.success_rate, 4),
        "errors": {kind: seen.errors[kind] for kind in ERRORS},
        "reply_latency_ms": {f"last_{minutes}_min": _latency(seen.latency[minutes]) for minutes in WINDOWS_MIN},
        "uptime_s": round(uptime_s(), 1),
        "version": settings.VERSION,
    }


def _latency(latency: Latency) -> dict[str, float | None]:
    percentiles = {name: _rounded(getattr(latency, name), 1) for name in ("p50", "p95", "p99")}
    return {"replies": latency.replies, **percentiles}


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)

"""The product seen and broken from outside: webhooks by HTTP, the broker's queue, servers that are away for a while."""

import json
import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from callcenter.celery import CALLS, app
from calls.models import Call, WebhookEvent
from calls.states import Status
from tests.factories import WEBHOOK_PATH, WebhookRequest
from tests.product.stack import Stack
from tools.local import Service
from tools.local.ports import LOOPBACK


def post(request: WebhookRequest) -> tuple[int, dict[str, Any]]:
    """Send a webhook to the running web process; returns status and answer."""
    headers = {"Content-Type": request.content_type}
    if request.authorization:
        headers["Authorization"] = request.authorization
    url = f"http://{LOOPBACK}:{os.environ['WEB_PORT']}{WEBHOOK_PATH}"
    try:
        with urllib.request.urlopen(  # noqa: S310  our own process
            urllib.request.Request(url, request.body, headers),  # noqa: S310
            timeout=30,
        ) as response:
            return response.status, json.loads(response.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def said(call: Call) -> list[str]:
    """Every turn of the call."""
    return [turn.text for turn in call.turns.all()]


def messages_waiting() -> int:
    """How many messages stand in the queue of calls, those that a worker holds not counted."""
    with app.connection_for_write() as connection:
        channel: Any = connection.default_channel  # py-amqp's, which kombu does not name
        return int(channel.queue_declare(CALLS.name, passive=True).message_count)


def purge_messages() -> None:
    """Empty the queue of calls."""
    with app.connection_for_write() as connection:
        CALLS(connection.default_channel).purge()


@contextmanager
def away(service: Service) -> Iterator[None]:
    """A server that is stopped for a while; it is back when this ends, whatever happens."""
    service.stop()
    try:
        yield
    finally:
        service.start()


@contextmanager
def in_place_of(service: Service, other: Service) -> Iterator[None]:
    """Another kind of the same server, for a while."""
    with away(service):
        other.start()
        try:
            yield
        finally:
            other.stop()


@contextmanager
def web_away(stack: Stack) -> Iterator[None]:
    """The web process is stopped, and answers again afterwards."""
    stack.stop_one("web")
    try:
        yield
    finally:
        stack.start_web()
        stack.wait_until_healthy()


def agents_that_joined(room: str) -> list[str]:
    """The agents that LiveKit has seen come into the room, in order."""
    joined = WebhookEvent.objects.filter(room_name=room, kind="participant_joined", participant__startswith="agent-")
    return list(joined.order_by("received_at").values_list("participant", flat=True))


def claims(call: Call) -> int:
    """How often a slot took the call."""
    return call.events.filter(kind=Status.CONNECTING).count()

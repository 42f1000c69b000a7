"""Messages on the real broker, and what happens when there is none."""

import json
import socket
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from celery import Celery
from kombu import Connection, pools

from callcenter.celery import HOUSEKEEPING, app, declare_queues
from calls.lifecycle import enqueue
from tests.product.fixtures import empty_queues
from tools.local import Instance


@contextmanager
def broker(url: str) -> Iterator[Celery]:
    """Let the app publish to this broker, with connections of its own."""
    before = app.conf.get("broker_write_url")
    app.conf.update(broker_write_url=url)
    _forget_connections()
    try:
        yield app
    finally:
        app.conf.update(broker_write_url=before)
        _forget_connections()


def _forget_connections() -> None:
    pools.reset()
    vars(app).update(_pool=None)
    vars(app.amqp).update(_producer_pool=None)


@pytest.fixture(autouse=True)
def nothing_in_the_queues(rabbitmq: Instance) -> None:
    """Other tests of this process may have sent something, if RabbitMQ was there by then."""
    empty_queues()


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port where nobody listens: bound, but not listening, so that nobody else takes it either."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


@pytest.fixture
def frozen_port() -> Iterator[int]:
    """A port where connections are accepted, and never answered."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize("port", ["closed_port", "frozen_port"])
def test_a_broker_that_is_down_is_logged_and_no_error(
    port: str, request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture
) -> None:
    call_id = uuid.uuid4()

    with broker(f"amqp://guest:guest@127.0.0.1:{request.getfixturevalue(port)}//"):
        enqueue.send_call(call_id)

    [record] = [record for record in caplog.records if record.name == "calls.lifecycle.enqueue"]
    assert "message_not_sent" in record.getMessage()
    assert str(call_id) in record.getMessage()


def test_a_broker_that_refuses_the_password_is_logged_and_no_error(
    rabbitmq: Instance, caplog: pytest.LogCaptureFixture
) -> None:
    with broker(f"amqp://callcenter:wrong@127.0.0.1:{rabbitmq.rabbitmq_port}//"):
        enqueue.close_room("call-1")

    assert "message_not_sent" in caplog.text


def test_a_call_arrives_in_the_durable_queue_with_its_id_only(rabbitmq: Instance) -> None:
    call_id = uuid.uuid4()
    with broker(rabbitmq.broker_url):
        enqueue.send_call(call_id)

    with Connection(rabbitmq.broker_url) as connection:
        channel: Any = connection.default_channel
        message = channel.basic_get("calls", no_ack=True)

    assert message is not None
    assert message.headers["task"] == "workers.run_call"
    assert json.loads(message.body)[:2] == [[str(call_id)], {}]
    assert message.delivery_info["routing_key"] == "calls"
    assert message.properties["delivery_mode"] == 2
    assert message.properties["content_type"] == "application/json"
    assert "expiration" not in message.properties


def test_a_room_to_close_goes_to_housekeeping(rabbitmq: Instance) -> None:
    with Connection(rabbitmq.broker_url) as connection:
        channel: Any = connection.default_channel
        HOUSEKEEPING(channel).declare()
        channel.queue_purge("housekeeping")  # of what other tests have had said
    with broker(rabbitmq.broker_url):
        enqueue.close_room("call-1")

    with Connection(rabbitmq.broker_url) as connection:
        channel = connection.default_channel
        message = channel.basic_get("housekeeping", no_ack=True)

    assert message is not None
    assert message.headers["task"] == "calls.close_room"
    assert json.loads(message.body)[0] == ["call-1"]


def test_a_message_that_a_worker_rejects_is_kept_among_the_dead(rabbitmq: Instance) -> None:
    call_id = uuid.uuid4()
    with broker(rabbitmq.broker_url):
        declare_queues(sender=None)
        enqueue.send_call(call_id)

    with Connection(rabbitmq.broker_url) as connection:
        channel: Any = connection.default_channel
        message = channel.basic_get("calls")
        channel.basic_reject(message.delivery_tag, requeue=False)
        dead = _wait_for(channel, "calls.dead")

    assert str(call_id) in dead


@pytest.mark.parametrize("queue", ["calls", "calls.dead", "housekeeping"])
def test_the_queues_survive_a_restart_of_the_broker(queue: str, rabbitmq: Instance) -> None:
    with broker(rabbitmq.broker_url):
        declare_queues(sender=None)

    with Connection(rabbitmq.broker_url) as connection:
        arguments = (
            {"x-dead-letter-exchange": "calls.dead", "x-dead-letter-routing-key": "calls.dead"}
            if queue == "calls"
            else {}
        )
        # The broker refuses to declare a queue again with other properties than it has.
        channel: Any = connection.default_channel
        channel.queue_declare(queue, durable=True, auto_delete=False, arguments=arguments)


def _wait_for(channel: Any, queue: str) -> str:
    """Return the body of the next message in a queue."""
    bodies: list[str] = []
    channel.basic_consume(queue, no_ack=True, callback=lambda message: bodies.append(str(message.body)))
    while not bodies:
        channel.connection.drain_events(timeout=10)
    return bodies[0]

"""Messages that a worker cannot take: each ends among the dead, and the worker takes the next one."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from amqp import Message

from calls.housekeeping.dead_letters import QUEUE
from calls.lifecycle.enqueue import RUN_CALL
from tests.calls.housekeeping.queues import emptied_queues, waiting
from tests.product.stack import Process, Stack, eventually
from tools.local import Instance

JSON = {"content_type": "application/json", "content_encoding": "utf-8"}
HEADERS = {"task": RUN_CALL, "id": "5f0c", "lang": "py"}
TASK = json.dumps([["5f0c"], {}, {}])


@pytest.fixture(scope="module")
def channel(rabbitmq: Instance) -> Iterator[Any]:
    """A channel to the broker, whose queues exist and are empty."""
    with emptied_queues(rabbitmq.broker_url) as channel:
        yield channel


@pytest.fixture(scope="module")
def worker(channel: Any, django_db_setup: None) -> Iterator[Process]:
    """A worker with one slot: a message that it kept would be in the way of all others."""
    with Stack().worker("poisoned", slots=1) as process:
        yield process


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "poison",
    [
        pytest.param(Message(b"\xff\x00 garbage"), id="no headers, garbage"),
        pytest.param(Message("5", **JSON), id="no headers, a number"),
        pytest.param(Message(b"\xff", application_headers=HEADERS, **JSON), id="garbage"),
        pytest.param(Message("5", application_headers=HEADERS, **JSON), id="a number"),
        pytest.param(Message(b"\x80", application_headers=HEADERS, content_type="application/x-python"), id="no JSON"),
        pytest.param(Message(TASK, application_headers=HEADERS | {"compression": "zlib"}, **JSON), id="not compressed"),
        pytest.param(Message(TASK, application_headers=HEADERS | {"task": "payroll"}, **JSON), id="unknown task"),
        pytest.param(Message(TASK, application_headers={"task": "payroll"}, **JSON), id="unknown task without an id"),
        pytest.param(Message(TASK, application_headers=HEADERS | {"task": ["a"]}, **JSON), id="a list for a task"),
        pytest.param(Message(TASK, application_headers={"task": RUN_CALL}, **JSON), id="no id"),
        pytest.param(Message(TASK, application_headers=HEADERS | {"timelimit": 5}, **JSON), id="a wrong header"),
        pytest.param(Message(TASK, application_headers=HEADERS | {"expires": "soon"}, **JSON), id="a wrong time"),
        pytest.param(Message("[[], {}, {}]", application_headers=HEADERS, **JSON), id="a task that raises"),
    ],
)
def test_poison_is_set_aside_and_the_worker_continues(poison: Message, channel: Any, worker: Process) -> None:
    pid = worker.pid
    _send(channel, poison)
    dead = eventually(lambda: channel.basic_get(QUEUE, no_ack=True), "the dead letter", timeout_s=20.0)
    assert dead.headers["x-death"][0]["reason"] == "rejected"

    _send(channel, Message(TASK, application_headers=HEADERS | {"id": str(uuid.uuid4())}, **JSON))
    eventually(lambda: waiting(channel, "calls") == 0, "a worker that takes the next message")
    assert worker.pid == pid


def _send(channel: Any, message: Message) -> None:
    channel.basic_publish(message, exchange="calls", routing_key="calls")

"""Messages that died: read from the real broker, written once, told in the call's history."""

import json
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from amqp import Channel, Message
from django.db import OperationalError, connections

from calls import tasks
from calls.housekeeping import dead_letters
from calls.models import Call, CallEvent, DeadLetter
from calls.models.dead_letter import Cause
from tests.calls.housekeeping.queues import emptied_queues, waiting
from tests.factories import make_call
from tests.product.stack import eventually
from tools.local import Instance

RUN = "workers.run_call"
JSON = {"content_type": "application/json", "content_encoding": "utf-8"}


@pytest.fixture
def channel(rabbitmq: Instance) -> Iterator[Any]:
    """A channel to the broker, whose queues exist and are empty."""
    with emptied_queues(rabbitmq.broker_url) as channel:
        yield channel


def task(name: str, *arguments: object, **values: Any) -> Message:
    """A message as Celery sends it."""
    headers = {"task": name, "id": str(uuid.uuid4()), "lang": "py"}
    return Message(json.dumps([arguments, {}, {}]), application_headers=headers, **JSON, **values)


def send(channel: Any, message: Message) -> None:
    channel.basic_publish(message, exchange="calls", routing_key="calls")


def reject(channel: Any, message: Message) -> None:
    """Send a message to the queue of calls, and refuse it there as a worker does."""
    before = waiting(channel, dead_letters.QUEUE)
    send(channel, message)
    taken = eventually(lambda: channel.basic_get("calls"), "the message")
    channel.basic_reject(taken.delivery_tag, requeue=False)
    wait_for_dead(channel, before + 1)


def wait_for_dead(channel: Any, count: int = 1) -> None:
    """Wait until so many dead messages are in their queue."""
    eventually(lambda: waiting(channel, dead_letters.QUEUE) >= count, "dead letters")


def bury(channel: Any, message: Message) -> None:
    """Put a message straight among the dead."""
    channel.basic_publish(message, exchange=dead_letters.QUEUE, routing_key=dead_letters.QUEUE)


def is_empty(channel: Any) -> bool:
    return channel.basic_get(dead_letters.QUEUE) is None


@pytest.mark.django_db
def test_a_rejected_message_is_recorded_and_shown_in_the_history_of_its_call(channel: Any) -> None:
    call = make_call()
    reject(channel, task(RUN, str(call.pk)))

    tasks.collect_dead_letters()

    letter = DeadLetter.objects.get()
    assert (letter.call, letter.cause, letter.reason) == (call, Cause.REFUSED, "rejected")
    assert letter.task == RUN
    assert json.loads(letter.body)[0] == [str(call.pk)]
    event = call.events.get()
    assert (event.kind, event.to_status, event.detail) == ("dead_letter", "", {"why": "refused"})
    assert is_empty(channel)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("message", "cause", "named"),
    [
        (Message(b"\xff\x00\xfe not a task"), Cause.UNREADABLE, ""),
        (Message(b""), Cause.UNREADABLE, ""),
        (Message(b"[" * 100_000), Cause.UNREADABLE, ""),
        (Message(b"\x80\x04K\x01.", application_headers={"task": RUN}), Cause.UNREADABLE, RUN),
        (Message("5", application_headers={"task": RUN}, **JSON), Cause.UNREADABLE, RUN),
        (Message("[]", application_headers={"task": ["a", "list"]}, **JSON), Cause.UNREADABLE, "['a', 'list']"),
        (Message("[]", application_headers={"task": "\ud800, \0"}, **JSON), Cause.UNKNOWN_TASK, "\\ud800, \\x00"),
        (Message(b"abc", content_encoding="no such encoding"), Cause.UNREADABLE, ""),
        (Message("é".encode("utf-16"), content_encoding="utf-16"), Cause.UNREADABLE, ""),
        (task("payroll.run", 1), Cause.UNKNOWN_TASK, "payroll.run"),
        (task("x" * 5000), Cause.UNKNOWN_TASK, "x" * 200),
    ],
    ids=["garbage", "empty", "deep", "pickle", "number", "list", "surrogate", "encoding", "utf-16", "unknown", "long"],
)
def test_whatever_died_is_written_with_its_cause(message: Message, cause: Cause, named: str, channel: Any) -> None:
    reject(channel, message)

    dead_letters.collect()

    letter = DeadLetter.objects.get()
    assert (letter.call, letter.cause, letter.reason, letter.task) == (None, cause, "rejected", named)
    assert len(letter.body) <= 2048
    assert is_empty(channel)


@pytest.mark.django_db
def test_the_body_is_kept_as_text_that_can_be_read_and_stored(channel: Any) -> None:
    reject(channel, Message(b"caf\xc3\xa9 \x00 \xff"))

    dead_letters.collect()

    assert DeadLetter.objects.get().body == "café \\x00 \\xff"


@pytest.mark.django_db
@pytest.mark.parametrize("headers", [{"x-death": 7}, {"x-death": []}, {"x-death": [3]}, {"x-death": [{}]}, {}])
def test_a_message_that_never_was_in_another_queue_was_put_there(headers: dict[str, Any], channel: Any) -> None:
    bury(channel, Message("hello", application_headers=headers))
    wait_for_dead(channel)

    dead_letters.collect()

    assert DeadLetter.objects.get().cause == Cause.PUT_THERE


@pytest.mark.django_db
def test_a_message_that_expired_says_so(channel: Any) -> None:
    call = make_call()
    send(channel, task(RUN, str(call.pk), expiration="0"))
    wait_for_dead(channel)

    dead_letters.collect()

    letter = DeadLetter.objects.get()
    assert (letter.call, letter.cause, letter.reason) == (call, Cause.EXPIRED, "expired")


@pytest.mark.django_db
def test_a_call_is_found_wherever_its_id_stands(channel: Any) -> None:
    by_body, by_header = make_call(), make_call()
    reject(channel, Message(f"{uuid.uuid4()} or {by_body.pk}, cut off"))
    reject(channel, Message(b"\xff", application_headers={"argsrepr": f"('{by_header.pk}',)"}))

    dead_letters.collect()

    assert set(DeadLetter.objects.values_list("call", flat=True)) == {by_body.pk, by_header.pk}


@pytest.mark.django_db
def test_a_message_that_is_delivered_twice_is_written_once(channel: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    call = make_call()
    reject(channel, task(RUN, str(call.pk)))
    with monkeypatch.context() as patch:
        patch.setattr(Channel, "basic_ack", _lose_the_broker)
        with pytest.raises(ConnectionResetError):
            dead_letters.collect()
    wait_for_dead(channel)  # it is back, because nobody acknowledged it

    assert dead_letters.collect() == 1

    assert DeadLetter.objects.count() == 1
    assert CallEvent.objects.count() == 1
    assert is_empty(channel)


def _lose_the_broker(*_: object, **__: object) -> None:
    raise ConnectionResetError("the broker is gone")


@pytest.mark.django_db
def test_a_message_that_could_not_be_written_stays(channel: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    reject(channel, task("payroll.run"))
    with monkeypatch.context() as patch:
        patch.setattr(dead_letters, "write", _lose_the_database)
        with pytest.raises(OperationalError):
            dead_letters.collect()
    wait_for_dead(channel)

    dead_letters.collect()

    assert DeadLetter.objects.count() == 1


def _lose_the_database(message: Message) -> None:
    raise OperationalError("the database is away")


@pytest.mark.django_db(transaction=True)
def test_two_that_collect_at_once_write_each_message_once(channel: Any) -> None:
    call = make_call()
    for _ in range(20):
        bury(channel, task(RUN, str(call.pk)))
    wait_for_dead(channel, 20)

    with ThreadPoolExecutor(2) as threads:
        taken = [run.result() for run in [threads.submit(_collect) for _ in range(2)]]

    assert sum(taken) == DeadLetter.objects.count() == Call.objects.get().events.count() == 20


def _collect() -> int:
    try:
        return dead_letters.collect()
    finally:
        connections.close_all()


@pytest.mark.django_db
def test_equal_messages_with_ids_of_their_own_are_two(channel: Any) -> None:
    for _ in range(2):
        reject(channel, task("payroll.run"))

    assert dead_letters.collect() == 2
    assert DeadLetter.objects.count() == 2


@pytest.mark.django_db
def test_an_empty_queue_does_nothing(channel: Any) -> None:
    assert dead_letters.collect() == 0

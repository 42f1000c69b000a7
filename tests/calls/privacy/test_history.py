"""What a call writes and what erases it, at the same time."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import transaction

from calls.models import Call, CallEvent, Turn, WebhookEvent
from calls.privacy import erasure
from calls.states import Status
from common.database import borrowed_connection
from tests.factories import make_call, make_event, make_turn, webhook_request, write_history

pytestmark = pytest.mark.django_db(transaction=True)

NUMBER = "+12025550123"


def ended_call() -> Call:
    return make_call(Status.COMPLETED, caller_number=NUMBER)


def test_what_comes_after_an_erasure_is_not_written() -> None:
    call = ended_call()
    erasure.erase_number(NUMBER, "sofia")

    written = write_history(call.pk, call.attempt, [make_turn(call, 1, "My name is Ann.")], [make_event(call)])

    assert not written
    assert not Turn.objects.exists()
    assert not CallEvent.objects.filter(kind="tool_called").exists()


def test_what_is_being_written_during_an_erasure_is_erased_too() -> None:
    call = ended_call()
    asked = threading.Event()

    def erase() -> None:
        with borrowed_connection():
            asked.set()
            erasure.erase_number(NUMBER, "sofia")

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            write_history(call.pk, call.attempt, [make_turn(call, 1, "My name is Ann.")], [])
            erasing = pool.submit(erase)
            asked.wait()
            _wait_until_blocked()
        erasing.result()

    assert [turn.text for turn in Turn.objects.all()] == [""]


def test_a_webhook_that_comes_during_an_erasure_is_not_stored() -> None:
    call = make_call(Status.COMPLETED, caller_number=NUMBER, room_name=f"call-_{NUMBER}_1")

    def deliver() -> None:
        with borrowed_connection():
            webhook_request("room_finished", call.room_name).post()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            erasure.erase_number(NUMBER, "sofia")
            delivering = pool.submit(deliver)
            _wait_until_blocked()
        delivering.result()

    assert not WebhookEvent.objects.exists()


def _wait_until_blocked() -> None:
    """Wait until another connection waits for a lock of this one."""
    from django.db import connection

    from tests.product.stack import eventually

    def is_blocked() -> bool:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            return bool(cursor.fetchone()[0])

    eventually(is_blocked, "somebody who waits for it")

"""Work outside calls: resending, closing rooms, deleting old webhooks."""

from datetime import timedelta

import aiohttp
import pytest
from celery.exceptions import Retry
from django.utils import timezone
from livekit import api
from pytest_django import Settings

from calls import tasks
from calls.housekeeping import reaper
from calls.lifecycle import elapsed
from calls.livekit import rooms
from calls.models import Call, WebhookEvent
from calls.states import LIVE, Status
from tests.calls.conftest import SentMessages
from tests.factories import make_call

THREE = timedelta(seconds=3)


def queued(created_s: float, sent_s: float) -> Call:
    """A call that was created and last sent so many seconds ago."""
    now = timezone.now()
    began = now - timedelta(seconds=created_s)
    return make_call(created_at=began, queued_at=began, sent_at=now - timedelta(seconds=sent_s))


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("created_s", "sent_s", "is_due"),
    [
        (1, 1, False),
        (2, 2, False),
        (3.5, 3.5, True),
        (7, 4, True),  # sent again after 3 s: the next pause is 3 s
        (8, 2.5, False),
        (16, 8.5, True),  # sent again after 7.5 s: the next pause is 7.5 s
        (14, 6.5, False),
        (100, 45, False),
        (100, 51, True),
    ],
)
def test_the_pause_before_a_call_is_sent_again_doubles(created_s: float, sent_s: float, is_due: bool) -> None:
    queued(created_s, sent_s)

    assert Call.objects.unclaimed(THREE).exists() is is_due


@pytest.mark.django_db
@pytest.mark.parametrize("status", [status for status in Status if status != Status.QUEUED])
def test_only_queued_calls_are_sent_again(status: Status) -> None:
    long_ago = timezone.now() - timedelta(hours=1)
    make_call(status, created_at=long_ago, sent_at=long_ago)

    assert not Call.objects.unclaimed(THREE).exists()


@pytest.mark.django_db
def test_the_sweep_sends_a_lost_call_once(sent: SentMessages) -> None:
    lost = queued(4, 4)
    queued(1, 1)

    tasks.sweep()
    tasks.sweep()

    assert sent == [("workers.run_call", str(lost.pk))]


@pytest.mark.django_db
def test_live_calls_are_those_that_are_not_over() -> None:
    for status in Status:
        make_call(status)

    assert set(Call.objects.live().values_list("status", flat=True)) == LIVE


@pytest.mark.django_db
def test_webhooks_are_forgotten_after_two_weeks() -> None:
    for days in (13, 15):
        event = WebhookEvent.objects.create(event_id=f"EV_{days}", kind="room_started", sent_at=timezone.now())
        WebhookEvent.objects.filter(pk=event.pk).update(received_at=timezone.now() - timedelta(days=days))

    tasks.forget_webhooks()

    assert [event.event_id for event in WebhookEvent.objects.all()] == ["EV_13"]


def test_closing_a_room_deletes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    deleted = []

    async def delete_room(room_name: str) -> None:
        deleted.append(room_name)

    monkeypatch.setattr(rooms, "delete_room", delete_room)

    tasks.close_room("call-1")

    assert deleted == ["call-1"]


def test_closing_a_room_is_tried_again_when_livekit_is_away(settings: Settings) -> None:
    settings.LIVEKIT_URL = "ws://127.0.0.1:1"

    with pytest.raises(Retry, match="ClientConnectorError"):
        tasks.close_room.apply(args=("call-1",), throw=True)


async def test_livekit_that_cannot_be_reached_is_an_error(settings: Settings) -> None:
    settings.LIVEKIT_URL = "ws://127.0.0.1:1"

    with pytest.raises(aiohttp.ClientError):
        await rooms.delete_room("call-1")


@pytest.mark.parametrize(
    ("code", "message", "is_error"),
    [
        ("not_found", "room does not exist", False),
        ("unknown", "could not find object", False),
        ("unauthenticated", "refused", True),
    ],
)
async def test_a_room_that_is_gone_is_not_an_error_but_a_refusal_is(
    code: str, message: str, is_error: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: object) -> None:
        raise api.TwirpError(code, message, status=400)

    monkeypatch.setattr(api.room_service.RoomService, "delete_room", refuse)

    if is_error:
        with pytest.raises(api.TwirpError):
            await rooms.delete_room("call-1")
    else:
        await rooms.delete_room("call-1")


async def test_closing_a_room_that_is_closing_by_itself_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = ["unavailable", "not_found"]

    async def answer(*_: object) -> None:
        raise api.TwirpError(answers.pop(0), "no response from servers", status=503)

    monkeypatch.setattr(api.room_service.RoomService, "delete_room", answer)
    monkeypatch.setattr(rooms, "RETRY_S", (0.0,))

    await rooms.delete_room("call-1")

    assert answers == []


@pytest.mark.django_db
def test_the_reaper_looks_at_the_databases_clock_before_it_trusts_it(monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[str] = []
    monkeypatch.setattr(elapsed.clock_watch, "look", lambda: steps.append("look"))
    monkeypatch.setattr(reaper, "reap", lambda: steps.append("reap"))

    tasks.reap()

    assert steps == ["look", "reap"]


@pytest.mark.django_db
def test_sweeps_do_not_pile_up_behind_one_that_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = []

    def look() -> None:
        looks.append(1)
        tasks.sweep()  # as another thread would, meanwhile

    monkeypatch.setattr(elapsed.clock_watch, "look", look)

    tasks.sweep()
    assert len(looks) == 1
    tasks.sweep()
    assert len(looks) == 2

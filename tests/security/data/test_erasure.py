"""What callers said goes when its time is over, and when they ask; what it proves stays."""

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DataError, connection
from django.utils import timezone
from livekit.api import ParticipantInfo
from pytest_django import Settings

from calls import tasks
from calls.housekeeping import reaper
from calls.lifecycle import enqueue
from calls.livekit import rooms
from calls.models import Call, DeadLetter, Erasure, Turn, WebhookEvent
from calls.models.dead_letter import Cause
from calls.privacy import erasure
from calls.states import EndReason, Status
from tests.factories import caller, client_of, make_call, make_event, make_number, make_turns, webhook_request

pytestmark = pytest.mark.django_db

NUMBER = "+12025550123"
WORDS = "my card number is four two four two"


def call_of(caller: str = NUMBER, status: Status = Status.COMPLETED, days_ago: float = 0, **values: Any) -> Call:
    """A call that left its caller in every table."""
    if status != Status.IN_PROGRESS:
        values["ended_at"] = timezone.now() - timedelta(days=days_ago)
    room = f"call-_{caller}_{Call.objects.count()}"
    values |= {"caller_number": caller, "caller_identity": f"sip_{caller}", "sip_call_id": "SCL_1", "room_name": room}
    call = make_call(status, **values)
    make_turns(call, "Hello.", WORDS)
    make_event(call, "note", detail={"from": caller}).save()
    told = {"reason": EndReason.CALLER_LEFT, "detail": f"llm: cannot answer {WORDS!r}"}
    make_event(call, "completed", to_status="completed", detail=told).save()
    DeadLetter.objects.create(digest=call.pk.hex, call=call, cause=Cause.REFUSED, body=f"[{caller!r}]")
    WebhookEvent.objects.create(
        event_id=call.pk.hex,
        kind="participant_joined",
        room_name=room,
        participant=f"sip_{caller}",
        sent_at=timezone.now(),
    )
    return call


def anywhere(text: str) -> list[str]:
    """The columns of the whole database in which the text stands."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public' "
            "AND (data_type LIKE '%char%' OR data_type IN ('text', 'jsonb'))"
        )
        columns = cursor.fetchall()
        found = []
        for table, column in columns:
            query = f'SELECT count(*) FROM "{table}" WHERE "{column}"::text LIKE %s'  # noqa: S608  names of the schema
            cursor.execute(query, [f"%{text}%"])
            if cursor.fetchone()[0]:
                found.append(f"{table}.{column}")
    return found


def test_after_a_request_the_caller_is_nowhere_in_the_database() -> None:
    call = call_of()
    client_of("Viewers").get(f"/admin/calls/call/{call.pk}/change/")  # a look leaves a trace, too
    other = call_of("+12025550777")

    proof = erasure.erase_number(NUMBER, "sofia", "request 17")

    assert anywhere("2025550123") == []
    assert sorted(anywhere(WORDS)) == ["calls_callevent.detail", "calls_turn.text"]  # the other caller's
    assert (proof.calls, proof.turns, proof.events, proof.webhooks, proof.dead_letters) == (1, 2, 2, 1, 1)
    assert "2025550777" in Call.objects.get(pk=other.pk).room_name


def test_a_number_that_came_without_its_plus_is_erased_too() -> None:
    call_of("12025550123")
    assert erasure.erase_number(NUMBER, "sofia").calls == 1
    assert anywhere("2025550123") == []


def test_a_number_that_came_as_one_dials_it_is_erased_too() -> None:
    berlin = make_number("+4930987654")
    for number in ("0301234567", "301234567", "0049301234567", "01149301234567"):
        call_of(number, number=berlin)
    elsewhere = call_of("0301234567", number=make_number("+31201234567"))  # somebody in the Netherlands

    assert erasure.erase_number("+49301234567", "sofia").calls == 4
    elsewhere.refresh_from_db()
    assert elsewhere.caller_number == "0301234567"


def test_times_figures_and_the_end_stay() -> None:
    call = call_of()
    before = call.turns.get(number=1).started_at

    erasure.erase_number(NUMBER, "sofia")
    call.refresh_from_db()

    assert (call.status, call.end_reason) == (Status.COMPLETED, EndReason.AGENT_GOODBYE)
    assert call.duration is not None
    assert call.erased_at is not None
    assert call.turns.get(number=1).started_at == before
    assert call.events.get(kind="completed").detail == {"reason": "caller_left"}


def test_a_replayed_webhook_of_an_erased_call_is_still_known() -> None:
    call = call_of()

    erasure.erase_number(NUMBER, "sofia")

    assert WebhookEvent.objects.filter(event_id=call.pk.hex, room_name="").exists()


LATE = [
    ("participant_left", caller("+12025550100", NUMBER)),
    ("participant_joined", caller("+12025550100", NUMBER)),
    ("participant_left", {"identity": "agent-1", "kind": "AGENT"}),
    ("room_finished", None),
]


@pytest.mark.parametrize(("kind", "who"), LATE, ids=["caller left", "caller is back", "agent left", "room closed"])
def test_what_livekit_reports_after_an_erasure_brings_nothing_back(kind: str, who: dict[str, Any] | None) -> None:
    make_number("+12025550100")
    room = call_of().room_name
    erasure.erase_number(NUMBER, "sofia")

    assert webhook_request(kind, room, who).post().json() == {"outcome": "duplicate"}

    assert anywhere("2025550123") == []
    assert Call.objects.count() == 1


def test_the_open_room_of_an_erased_call_is_closed_and_its_caller_is_no_new_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_number("+12025550100")
    room = call_of(days_ago=1).room_name
    erasure.erase_number(NUMBER, "sofia")
    left_in_it = ParticipantInfo(identity=f"sip_{NUMBER}", kind=ParticipantInfo.Kind.SIP, joined_at=1)
    left_in_it.attributes.update({"sip.phoneNumber": NUMBER, "sip.trunkPhoneNumber": "+12025550100"})

    async def occupied(_prefix: str) -> reaper.Rooms:
        return {room: [left_in_it]}

    closed: list[str] = []
    monkeypatch.setattr(rooms, "occupied", occupied)
    monkeypatch.setattr(enqueue, "close_room", closed.append)

    reaper.reap()

    assert anywhere("2025550123") == []
    assert closed == [room]


def test_a_live_call_is_not_touched() -> None:
    call_of(status=Status.IN_PROGRESS)

    with pytest.raises(erasure.StillLive, match="1 calls from this number are still in progress"):
        erasure.erase_number(NUMBER, "sofia")

    assert not Erasure.objects.exists()
    assert Turn.objects.filter(text=WORDS).exists()


def test_a_proof_that_was_changed_is_found_out() -> None:
    call_of()
    proof = erasure.erase_number("+1 202 555 0123", "sofia")
    assert erasure.is_genuine(Erasure.objects.get())

    Erasure.objects.update(calls=7)

    assert not erasure.is_genuine(Erasure.objects.get())
    assert list(erasure.proofs(NUMBER)) == [proof]
    assert not erasure.proofs("+12025550777").exists()


def test_the_command_shows_the_proof_and_later_what_remains() -> None:
    call_of()
    out = StringIO()

    call_command("erase_caller", NUMBER, "--reason", "request 17", stdout=out)
    call_command("erase_caller", NUMBER, "--check", stdout=out)

    assert "1 calls, 2 utterances" in out.getvalue()
    assert "(genuine)" in out.getvalue()
    assert "1 deletions; 0 calls of this number are stored." in out.getvalue()
    with pytest.raises(CommandError, match="number: "):
        call_command("erase_caller", "12")


def test_the_page_deletes_for_who_may_and_shows_the_proof() -> None:
    call_of()
    page = "/admin/calls/erasure/erase/"

    assert client_of("Supervisors").post(page, {"number": NUMBER}).status_code == 403
    assert Turn.objects.filter(text=WORDS).exists()
    client = client_of(superuser=True, username="sofia")
    assert "country code" in client.post(page, {"number": "12"}).content.decode()
    shown = client.post(page, {"number": "+1 202 555 0123", "reason": "17"}, follow=True).content.decode()

    assert Erasure.objects.get().asked_by == "sofia"
    assert "Genuine" in shown
    assert NUMBER not in shown
    assert anywhere("2025550123") == []


def test_an_erased_call_says_so_on_its_page() -> None:
    call = call_of()
    erasure.erase_number(NUMBER, "sofia")

    page = client_of("Viewers").get(f"/admin/calls/call/{call.pk}/change/").content.decode()
    assert "The transcript was deleted on" in page


def test_each_number_keeps_calls_for_its_own_time(settings: Settings) -> None:
    settings.CALLS_KEPT_DAYS = 30
    short, general = make_number(kept_days=7), make_number()
    due = {
        call_of(days_ago=8, phone_number=short),
        call_of(days_ago=31, phone_number=general),
        call_of(days_ago=31, phone_number=None),
    }
    call_of(days_ago=6, phone_number=short)
    call_of(days_ago=29, phone_number=general)

    assert set(erasure.due(timezone.now())) == due
    tasks.purge()
    assert set(Call.objects.exclude(erased_at=None)) == due
    assert erasure.purge().calls == 0


def test_without_a_time_nothing_is_due(settings: Settings) -> None:
    settings.CALLS_KEPT_DAYS = 0
    call_of(days_ago=4000)

    assert not erasure.due(timezone.now()).exists()


def test_the_command_purges_or_only_counts(settings: Settings) -> None:
    settings.CALLS_KEPT_DAYS = 1
    call_of(days_ago=2)
    out = StringIO()

    call_command("purge_calls", "--dry-run", stdout=out)
    call_command("purge_calls", stdout=out)

    assert out.getvalue().splitlines() == ["1 calls are due.", "1 calls and 2 utterances deleted."]


def test_housekeeping_purges_once_a_day() -> None:
    from callcenter.celery import app

    assert app.conf.beat_schedule["purge_calls"] == {"task": "calls.purge", "schedule": 86_400.0}


def test_nothing_is_erased_without_a_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    call = make_call(Status.COMPLETED, make_number("+12025550100"), caller_number="+12025550123")
    make_turns(call, "My name is Ann.")

    def fail(_: Erasure) -> str:
        raise DataError("it does not fit")

    monkeypatch.setattr(erasure, "_seal", fail)
    with pytest.raises(DataError):
        erasure.erase_number("+12025550123", "ada")

    assert call.turns.get().text == "My name is Ann."


def test_a_reason_that_cannot_be_stored_keeps_nothing_from_being_erased() -> None:
    make_call(Status.COMPLETED, make_number("+12025550100"), caller_number="+12025550123")

    proof = erasure.erase_number("+12025550123", "ada", "ticket\x00 17")

    assert (proof.calls, proof.reason, erasure.is_genuine(proof)) == (1, "ticket\ufffd 17", True)

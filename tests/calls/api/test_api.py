"""The read-only API: who may read, what they see, and that nobody writes."""

from base64 import b64encode
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from calls.models import Call, Turn
from calls.states import EndReason, Status
from tests.factories import make_call, make_event, make_hours, make_number, make_persona, make_turns, make_user

pytestmark = pytest.mark.django_db

PATHS = ["/api/calls/", "/api/turns/", "/api/personas/", "/api/numbers/"]
VIEW = ("calls.view_call", "calls.view_turn", "agents.view_persona", "calls.view_phonenumber")


def logged_in(*permissions: str, **values: Any) -> Client:
    client = Client()
    client.force_login(make_user("", *permissions, **values))
    return client


@pytest.fixture
def viewer() -> Client:
    """A user who may see everything and change nothing."""
    return logged_in(*VIEW)


def results(client: Client, path: str, **query: str) -> list[dict[str, Any]]:
    response = client.get(path, query)
    assert response.status_code == 200, response.content
    rows: list[dict[str, Any]] = response.json()["results"]
    return rows


@pytest.mark.parametrize("path", [*PATHS, "/api/", "/api/schema/"])
def test_nothing_is_shown_to_people_who_are_not_logged_in(path: str) -> None:
    assert Client().get(path).status_code in {401, 403}


@pytest.mark.parametrize("path", PATHS)
def test_a_user_without_permission_is_refused(path: str) -> None:
    assert logged_in().get(path).status_code == 403


@pytest.mark.parametrize("path", PATHS)
def test_a_permission_opens_its_own_list_only(path: str) -> None:
    client = logged_in(VIEW[PATHS.index(path)])

    assert [client.get(other).status_code == 200 for other in PATHS] == [other == path for other in PATHS]


@pytest.mark.parametrize(
    ("path", "method"),
    # To post a call is to place one: test_outbound.py.
    sorted({*product(PATHS, ["post", "put", "patch", "delete"])} - {("/api/calls/", "post")}),
)
def test_nobody_writes_not_even_an_administrator(path: str, method: str, viewer: Client) -> None:
    administrator = logged_in(is_superuser=True)

    assert getattr(viewer, method)(path, {}, content_type="application/json").status_code in {403, 405}
    assert getattr(administrator, method)(path, {}, content_type="application/json").status_code == 405


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_a_call_cannot_be_changed_or_deleted(method: str) -> None:
    call = make_call()
    administrator = logged_in(is_superuser=True)

    response = getattr(administrator, method)(
        f"/api/calls/{call.pk}/", {"status": "failed"}, content_type="application/json"
    )

    assert response.status_code == 405
    call.refresh_from_db()
    assert call.status == Status.QUEUED


def test_a_password_works_without_a_session() -> None:
    user = make_user("integration", "calls.view_call", password="password")

    response = Client().get("/api/calls/", headers={"Authorization": _basic(user.username, "password")})

    assert response.status_code == 200
    assert Client().get("/api/calls/", headers={"Authorization": _basic(user.username, "wrong")}).status_code in {
        401,
        403,
    }


def _basic(username: str, password: str) -> str:
    return "Basic " + b64encode(f"{username}:{password}".encode()).decode()


def test_calls_come_newest_first_without_their_turns(viewer: Client) -> None:
    now = timezone.now()
    old, new = (make_call(created_at=now - timedelta(hours=hours)) for hours in (2, 1))

    rows = results(viewer, "/api/calls/")

    assert [row["id"] for row in rows] == [str(new.pk), str(old.pk)]
    assert "turns" not in rows[0]


def test_a_call_shows_who_called_whom_and_how_it_ended(viewer: Client) -> None:
    number = make_number("+12025550100", make_persona("Front desk"))
    call = make_call(Status.COMPLETED, number)

    [row] = results(viewer, "/api/calls/")

    assert (row["status"], row["end_reason"], row["attempt"]) == ("completed", "agent_goodbye", 1)
    assert (row["phone_number"], row["persona"], row["persona_version"]) == ("+12025550100", "Front desk", 1)
    assert row["duration_s"] == pytest.approx(60, abs=1)
    assert row["room_name"] == call.room_name


def test_a_call_to_an_unknown_number_is_shown_too(viewer: Client) -> None:
    make_call(Status.REJECTED, phone_number=None, persona_version=None, called_number="+12025559999")

    [row] = results(viewer, "/api/calls/")

    assert (row["phone_number"], row["persona"], row["persona_version"], row["duration_s"]) == (None, None, None, None)
    assert row["called_number"] == "+12025559999"


def test_the_page_of_a_call_has_its_turns_and_events_in_order(viewer: Client) -> None:
    call = make_call(Status.COMPLETED)
    make_turns(call, "Hello, how can I help you?", "When are you open?", "From nine to five.")
    now = timezone.now()
    make_event(call, "tool_called", at=now, detail={"name": "find_order"}).save()
    make_event(call, "queued", at=now - timedelta(minutes=1)).save()
    make_turns(make_call(), "Of another call.")

    page = viewer.get(f"/api/calls/{call.pk}/").json()

    assert [(turn["number"], turn["speaker"], turn["text"]) for turn in page["turns"]] == [
        (1, "agent", "Hello, how can I help you?"),
        (2, "caller", "When are you open?"),
        (3, "agent", "From nine to five."),
    ]
    assert (page["turns"][0]["reply_ms"], page["turns"][2]["reply_ms"]) == (None, 580)
    assert [event["kind"] for event in page["events"]] == ["queued", "tool_called"]


@pytest.mark.parametrize("path", ["/api/calls/00000000-0000-0000-0000-000000000000/", "/api/calls/17/"])
def test_a_call_that_does_not_exist_is_not_found(path: str, viewer: Client) -> None:
    assert viewer.get(path).status_code == 404


def test_calls_are_filtered_by_status_reason_room_number_and_time(viewer: Client) -> None:
    number = make_number("+12025550100")
    now = timezone.now()
    wanted = make_call(Status.COMPLETED, number, created_at=now - timedelta(days=2))
    make_call(Status.QUEUED, created_at=now)

    for query in (
        {"status": "completed"},
        {"end_reason": "agent_goodbye"},
        {"room_name": wanted.room_name},
        {"phone_number__e164": "+12025550100"},
        {"created_at__lt": (now - timedelta(days=1)).isoformat()},
        {"created_at__gte": (now - timedelta(days=3)).isoformat(), "status": "completed"},
    ):
        assert [row["id"] for row in results(viewer, "/api/calls/", **query)] == [str(wanted.pk)], query


@pytest.mark.parametrize("query", [{"status": "ringing"}, {"created_at__gte": "yesterday"}])
def test_a_filter_that_makes_no_sense_is_refused_and_named(query: dict[str, str], viewer: Client) -> None:
    response = viewer.get("/api/calls/", query)

    assert response.status_code == 400
    assert list(response.json()) == list(query)


def test_turns_are_filtered_by_call_speaker_and_interruption(viewer: Client) -> None:
    call = make_call(Status.IN_PROGRESS)
    make_turns(call, "Hello.", "Hi.", "How are you?")
    make_turns(make_call(), "Elsewhere.")
    call.turns.filter(number=3).update(interrupted=True)

    def texts(**query: str) -> list[str]:
        return [row["text"] for row in results(viewer, "/api/turns/", call=str(call.pk), **query)]

    assert texts() == ["Hello.", "Hi.", "How are you?"]
    assert texts(speaker="caller") == ["Hi."]
    assert texts(interrupted="true") == ["How are you?"]


def test_a_persona_is_shown_with_the_version_that_callers_hear(viewer: Client) -> None:
    persona = make_persona("Front desk", greeting="Live.")
    persona.greeting = "Draft."
    persona.save()
    make_persona("New", published=False)

    rows = {row["name"]: row for row in results(viewer, "/api/personas/")}

    assert (rows["Front desk"]["live_version"]["greeting"], rows["Front desk"]["live_version"]["number"]) == (
        "Live.",
        1,
    )
    assert "greeting" not in rows["Front desk"]
    assert rows["New"]["live_version"] is None


def test_a_number_shows_who_answers_it(viewer: Client) -> None:
    make_number("+12025550100", make_persona("Front desk"), label="Main line", max_calls=3)

    [row] = results(viewer, "/api/numbers/")

    assert (row["e164"], row["persona"], row["label"], row["max_calls"]) == (
        "+12025550100",
        "Front desk",
        "Main line",
        3,
    )


def test_a_number_shows_its_opening_hours_and_whether_it_is_open_now(viewer: Client) -> None:
    tomorrow = timezone.now().date() + timedelta(days=1)
    hours = make_hours("Practice", (tomorrow.weekday(), "09:00", "17:00"), time_zone="Etc/GMT-1")
    make_number(
        "+12025550100",
        opening_hours=hours,
        after_hours="persona",
        after_hours_persona=make_persona("Nora"),
        after_hours_message="Closed.",
    )
    make_number("+12025550101")

    first, always = results(viewer, "/api/numbers/")

    assert (first["opening_hours"], first["is_open"], first["changes_at"]) == (
        "Practice",
        False,
        f"{tomorrow}T09:00:00+01:00",
    )
    assert (first["after_hours"], first["after_hours_persona"], first["after_hours_message"]) == (
        "persona",
        "Nora",
        "Closed.",
    )
    assert (always["opening_hours"], always["is_open"], always["changes_at"]) == (None, True, None)


def test_calls_to_a_closed_number_are_shown_and_found(viewer: Client) -> None:
    make_call()
    call = make_call(Status.REJECTED, end_reason=EndReason.AFTER_HOURS, after_hours=True)

    [row] = results(viewer, "/api/calls/", after_hours="true")

    assert (row["id"], row["after_hours"], row["end_reason"]) == (str(call.pk), True, "after_hours")


def test_numbers_with_hours_cost_one_query_more_however_many_there_are(
    viewer: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(10):
        make_number(opening_hours=make_hours("", (1, "09:00", "17:00")))

    with django_assert_num_queries(4 + 2):
        assert len(results(viewer, "/api/numbers/")) == 10


def test_pages_neither_repeat_nor_lose_calls_while_new_ones_come_in(viewer: Client) -> None:
    number, now = make_number(), timezone.now()
    # Ten calls share each moment: the order has to be settled by more than the time.
    there = {str(make_call(number=number, created_at=now - timedelta(seconds=index // 10)).pk) for index in range(120)}
    seen: list[str] = []
    url: str | None = "/api/calls/"
    while url:
        page = viewer.get(url).json()
        seen += [row["id"] for row in page["results"]]
        make_call(number=number, created_at=now + timedelta(seconds=len(seen)))
        url = page["next"]

    assert len(seen) == 120
    assert set(seen) == there


@pytest.mark.parametrize("rows", [1, 30])
def test_a_list_costs_the_same_queries_whatever_its_length(
    rows: int, viewer: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(rows):
        make_turns(make_call(Status.COMPLETED), "Hello.", "Hi.")
    login = 4  # session, user, and the permissions of the user and of the user's groups
    ContentType.objects.get_for_model(Turn)  # a running process knows it

    for path in PATHS:
        looked = 1 if path == "/api/turns/" else 0  # what was said is not read without a trace
        with django_assert_num_queries(login + 1 + looked):
            assert len(results(viewer, path)) >= rows


def test_a_call_costs_the_same_queries_whatever_its_length(
    viewer: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    call = make_call(Status.COMPLETED)
    make_turns(call, *["Hello."] * 40)
    for _ in range(40):
        make_event(call).save()

    ContentType.objects.get_for_model(Call)  # a running process knows it
    looked = 2  # whether it was just written down that this user read it, and writing it down
    with django_assert_num_queries(4 + 3 + looked):
        assert len(viewer.get(f"/api/calls/{call.pk}/").json()["turns"]) == 40


def test_the_schema_describes_every_path_without_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("spectacular", "--validate", "--fail-on-warn")

    schema = capsys.readouterr().out
    for path in PATHS:
        assert f"  {path}:" in schema


def test_the_documentation_asks_for_a_login_and_shows_the_schema() -> None:
    page = Client().get("/api/docs/")
    assert (page.status_code, page.headers["Location"]) == (302, "/admin/login/?next=/api/docs/")

    client = logged_in()
    assert b'src="/api/docs/?script' in client.get("/api/docs/").content
    assert b"/api/schema/" in client.get("/api/docs/?script=").content
    assert client.get("/api/schema/").status_code == 200


def test_the_documentation_loads_nothing_from_another_host() -> None:
    page = logged_in().get("/api/docs/").content.decode()

    assert "https://" not in page.replace("https://github.com", "")


def test_no_call_is_made_by_reading(viewer: Client) -> None:
    for path in PATHS:
        viewer.get(path)

    assert not Call.objects.exists()

"""Opening hours in the admin, and on the page of a number."""

from datetime import UTC, date, datetime, time
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from calls.models import Holiday, OpeningHours, PhoneNumber
from calls.models.phone_number import AfterHours
from tests.factories import ALWAYS, client_of, make_call, make_hours, make_number, make_persona

pytestmark = pytest.mark.django_db

LIST, ADD = "/admin/calls/openinghours/", "/admin/calls/openinghours/add/"
NUMBERS = "/admin/calls/phonenumber/"
NINE_TO_FIVE = {"opens": "09:00", "closes": "17:00"}
NOON = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)  # a Tuesday


@pytest.fixture(autouse=True)
def noon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anybody logs in, so that no session is of another time."""
    monkeypatch.setattr(timezone, "now", lambda: NOON)


@pytest.fixture
def supervisor(noon: None) -> Client:
    return client_of("Supervisors")


def form(intervals: list[dict[str, Any]], holidays: list[dict[str, Any]] | None = None, **values: Any) -> Any:
    """What the page sends: each row's fields under its number."""
    sent = {"name": "Practice", "time_zone": "Europe/Berlin", **values}
    for prefix, rows in (("intervals", intervals), ("holidays", holidays or [])):
        sent |= {f"{prefix}-TOTAL_FORMS": len(rows), f"{prefix}-INITIAL_FORMS": sum("id" in row for row in rows)}
        sent |= {f"{prefix}-{number}-{name}": value for number, row in enumerate(rows) for name, value in row.items()}
    return sent


def errors(page: Any) -> list[dict[str, list[str]]]:
    """The mistakes of each row that has any."""
    formsets = [inline.formset for inline in page.context["inline_admin_formsets"]]
    return [dict(found) for formset in formsets for found in formset.errors if found]


def test_a_week_and_its_holidays_are_saved_together(supervisor: Client) -> None:
    week = [{"weekday": day, **NINE_TO_FIVE} for day in range(5)]
    christmas = {"name": "Christmas", "first_day": "2026-12-24", "last_day": "2026-12-26"}
    eve = {"name": "New Year's Eve", "first_day": "2026-12-31", "opens": "09:00", "closes": "12:00"}

    supervisor.post(ADD, form(week, [christmas, eve]))

    hours = OpeningHours.objects.get()
    assert (hours.name, hours.time_zone, hours.intervals.count()) == ("Practice", "Europe/Berlin", 5)
    assert [(row.first_day, row.last_day, row.opens) for row in hours.holidays.all()] == [
        (date(2026, 12, 24), date(2026, 12, 26), None),
        (date(2026, 12, 31), date(2026, 12, 31), time(9)),
    ]


def test_rows_that_stay_empty_are_no_mistake(supervisor: Client) -> None:
    usual_week = [{"weekday": day, "opens": "", "closes": ""} for day in range(5)]
    added_row = {"weekday": 0, "opens": "", "closes": ""}

    supervisor.post(ADD, form([{"weekday": 0, **NINE_TO_FIVE}, *usual_week[1:], added_row]))

    assert str(OpeningHours.objects.get().intervals.get()) == "Monday 09:00–17:00"


def test_new_hours_begin_with_a_row_for_each_day_of_a_usual_week(supervisor: Client) -> None:
    page = supervisor.get(ADD)

    weekly = page.context["inline_admin_formsets"][0].formset
    assert [row.initial["weekday"] for row in weekly.forms] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("intervals", "holidays", "field", "message"),
    [
        (
            [{"weekday": 0, **NINE_TO_FIVE}, {"weekday": 0, "opens": "16:00", "closes": "18:00"}],
            [],
            "opens",
            "Overlaps with Monday 09:00–17:00. Change the times of one of them.",
        ),
        (
            [{"weekday": 6, "opens": "22:00", "closes": "02:00"}, {"weekday": 0, "opens": "01:00", "closes": "08:00"}],
            [],
            "opens",
            "Overlaps with Sunday 22:00–02:00.",
        ),
        ([{"weekday": 0, "opens": "09:00", "closes": "09:00"}], [], "closes", "This is when it opens."),
        ([{"weekday": 0, "opens": "nine", "closes": "17:00"}], [], "opens", "Enter a valid time."),
        (
            [{"weekday": 0, **NINE_TO_FIVE}],
            [
                {"name": "Christmas", "first_day": "2026-12-24", "last_day": "2026-12-26"},
                {"name": "Boxing Day", "first_day": "2026-12-26"},
            ],
            "first_day",
            "Overlaps with Christmas, 2026-12-24 to 2026-12-26, closed.",
        ),
        (
            [{"weekday": 0, **NINE_TO_FIVE}],
            [{"name": "Christmas", "first_day": "2026-12-24", "last_day": "2026-12-20"}],
            "last_day",
            "This is before the first day.",
        ),
    ],
)
def test_a_mistake_is_shown_at_its_field_with_the_cure_and_nothing_is_saved(
    supervisor: Client, intervals: list[dict[str, Any]], holidays: list[dict[str, Any]], field: str, message: str
) -> None:
    page = supervisor.post(ADD, form(intervals, holidays))

    [found] = errors(page)
    assert list(found) == [field]
    assert message in str(found[field])
    assert not OpeningHours.objects.exists()


def test_hours_without_an_interval_would_never_open(supervisor: Client) -> None:
    page = supervisor.post(ADD, form([]))

    assert "Add at least one interval: without any, the numbers with these hours never open." in page.content.decode()
    assert not OpeningHours.objects.exists()


def test_the_last_interval_is_not_deleted_either(supervisor: Client) -> None:
    hours = make_hours("Practice", (0, "09:00", "17:00"))
    row = {"id": hours.intervals.get().pk, "hours": hours.pk, "weekday": 0, **NINE_TO_FIVE, "DELETE": "on"}

    page = supervisor.post(f"{LIST}{hours.pk}/change/", form([row]))

    assert "Add at least one interval" in page.content.decode()
    assert hours.intervals.exists()


def test_an_interval_takes_the_place_of_one_that_is_deleted(supervisor: Client) -> None:
    hours = make_hours("Practice", (0, "09:00", "17:00"))
    row = {"id": hours.intervals.get().pk, "hours": hours.pk, "weekday": 0, **NINE_TO_FIVE, "DELETE": "on"}

    supervisor.post(f"{LIST}{hours.pk}/change/", form([row, {"weekday": 0, "opens": "08:00", "closes": "16:00"}]))

    assert str(hours.intervals.get()) == "Monday 08:00–16:00"


def test_an_unknown_time_zone_is_shown_at_its_field(supervisor: Client) -> None:
    page = supervisor.post(ADD, form([{"weekday": 0, **NINE_TO_FIVE}], time_zone="Europe/Berln"))

    assert list(page.context["adminform"].form.errors) == ["time_zone"]
    assert not OpeningHours.objects.exists()


def test_the_list_says_what_is_open_and_which_numbers_it_is_for(supervisor: Client) -> None:
    hours = make_hours("Practice", (1, "09:00", "17:00"))
    make_number(opening_hours=hours)

    page = supervisor.get(LIST).content.decode()

    assert "Open until Tuesday, 1 Dec 2026 at 17:00 (UTC)." in page
    assert f"{NUMBERS}?opening_hours__id__exact={hours.pk}" in page


def test_a_viewer_reads_hours_and_changes_none() -> None:
    hours = make_hours("Practice", (0, "09:00", "17:00"))
    Holiday.objects.create(hours=hours, name="Christmas", first_day="2026-12-24", last_day="2026-12-26")
    viewer = client_of("Viewers")
    path = f"{LIST}{hours.pk}/change/"

    page = viewer.get(path).content.decode()

    assert "Monday" in page
    assert "Christmas" in page
    assert viewer.post(path, form([])).status_code == 403
    assert viewer.get(ADD).status_code == 403


def test_the_page_and_the_list_of_numbers_say_whether_they_are_open(supervisor: Client) -> None:
    number = make_number(opening_hours=make_hours("", (1, "13:00", "17:00")), after_hours=AfterHours.TRANSFER)
    make_number(opening_hours=make_hours("", *ALWAYS))
    make_number()

    page = supervisor.get(f"{NUMBERS}{number.pk}/change/").content.decode()
    listed = supervisor.get(NUMBERS).content.decode()

    assert "Closed until Tuesday, 1 Dec 2026 at 13:00 (UTC)." in page
    assert listed.count("Closed: transfer to another number") == 1
    assert listed.count("Takes calls") == 2


def test_a_number_whose_form_has_a_mistake_says_what_its_new_hours_would_be(supervisor: Client) -> None:
    persona = make_persona()
    sent = {
        **{"e164": "+12025550100", "persona": persona.pk, "is_active": "on", "max_calls": 0, "ring_time_s": 30},
        **{"overflow": "message", "overflow_message": "Busy.", "after_hours": "message"},
        **{"after_hours_message": "Closed.", "opening_hours": make_hours("", *ALWAYS).pk},
    }

    page = supervisor.post(f"{NUMBERS}add/", sent).content.decode()

    assert "Open for more than a year." in page
    assert not PhoneNumber.objects.exists()


def test_the_page_of_a_call_says_that_the_number_was_closed(supervisor: Client) -> None:
    call = make_call(after_hours=True)
    call.events.create(kind="queued", to_status="queued", detail={"after_hours": "persona"})

    page = supervisor.get(f"/admin/calls/call/{call.pk}/change/").content.decode()

    assert "outside its opening hours" in page
    assert "Another persona" in page

"""What a day is follows TIME_ZONE: figures since midnight, filters of the admin and the API, and times as shown."""

from datetime import UTC, datetime

import pytest
from django.utils import timezone
from pytest_django import Settings

from callcenter.environment import variables
from calls.reporting import aggregates
from calls.reporting.narrative import readable_time
from calls.states import Status
from tests.factories import client_of, make_call

BEFORE_MIDNIGHT = datetime(2026, 3, 2, 4, 30, tzinfo=UTC)  # 23:30 on March 1 in New York
AFTER_MIDNIGHT = datetime(2026, 3, 2, 5, 30, tzinfo=UTC)


@pytest.fixture
def new_york(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The site is in New York, where it is half past midnight."""
    settings.TIME_ZONE = "America/New_York"
    monkeypatch.setattr(timezone, "now", lambda: AFTER_MIDNIGHT)


@pytest.mark.usefixtures("new_york")
@pytest.mark.django_db
def test_figures_since_midnight_are_of_the_sites_day() -> None:
    make_call(Status.COMPLETED, created_at=BEFORE_MIDNIGHT)
    make_call(Status.COMPLETED, created_at=AFTER_MIDNIGHT)

    assert aggregates.today().total == 1
    assert aggregates.start_of_day() == datetime(2026, 3, 2, 5, tzinfo=UTC)


@pytest.mark.usefixtures("new_york")
@pytest.mark.django_db
def test_the_admins_days_and_the_apis_moments_without_an_offset_are_the_sites() -> None:
    late = make_call(Status.COMPLETED, created_at=BEFORE_MIDNIGHT)
    make_call(Status.COMPLETED, created_at=AFTER_MIDNIGHT)
    client = client_of(superuser=True)

    day = client.get("/admin/calls/call/", {"created_at__year": 2026, "created_at__month": 3, "created_at__day": 1})
    since = client.get("/api/calls", {"created_at__lt": "2026-03-02T00:00:00"}).json()["results"]

    assert [call.pk for call in day.context["cl"].result_list] == [late.pk]
    assert [row["id"] for row in since] == [str(late.pk)]


@pytest.mark.usefixtures("new_york")
def test_times_are_shown_in_the_sites_time_zone() -> None:
    assert "23:30" in readable_time(BEFORE_MIDNIGHT)


@pytest.mark.parametrize("value", ["", "Europe/Berlin", " UTC ", "America/Argentina/Buenos_Aires"])
def test_a_time_zone_is_named_as_the_world_names_it(value: str) -> None:
    assert variables.problems({"TIME_ZONE": value}) == []


@pytest.mark.parametrize("value", ["Mars/Olympus", "+01:00", "../../etc/passwd", "Europe", "europe berlin", "x" * 9000])
def test_what_is_no_time_zone_is_named_with_the_cure(value: str) -> None:
    assert variables.problems({"TIME_ZONE": value}) == [
        f"TIME_ZONE is {value!r}: write a name such as Europe/Berlin or UTC."
    ]

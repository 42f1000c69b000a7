"""The first persona, number and login."""

from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from agents.models import Persona, PersonaVersion
from calls.lifecycle import after_hours
from calls.models import OpeningHours, PhoneNumber

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADMIN_USERNAME", "boss")
    monkeypatch.setenv("ADMIN_PASSWORD", "first-password")


def test_the_demo_can_take_a_call_after_seeding() -> None:
    call_command("seed_demo")
    number = PhoneNumber.objects.get(e164="+12025550100")
    assert (number.label, number.persona.name, number.is_active) == ("Front desk", "Anna", True)
    assert number.persona.live_version is not None
    assert User.objects.get(username="boss").check_password("first-password")


def test_choosing_the_seeded_hours_is_all_it_takes_to_take_messages() -> None:
    call_command("seed_demo")
    number = PhoneNumber.objects.get(e164="+12025550100")
    number.opening_hours = OpeningHours.objects.get(name="Practice")
    number.full_clean()
    sunday, monday = (datetime(2026, 12, day, 12, 0, tzinfo=UTC) for day in (6, 7))

    assert (number.is_open(sunday), number.is_open(monday)) == (False, True)
    night = after_hours.answer(number, sunday)
    assert night.reason is None
    assert night.version_id is not None
    assert PersonaVersion.objects.get(pk=night.version_id).persona.name == "Nora"


def test_the_demos_number_is_always_open_until_somebody_chooses_hours() -> None:
    call_command("seed_demo")
    assert PhoneNumber.objects.get().opening_hours is None


def test_seeding_twice_changes_nothing_that_people_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    call_command("seed_demo")
    Persona.objects.update(greeting="My own greeting.")
    PhoneNumber.objects.update(label="Reception", is_active=False)
    monkeypatch.setenv("ADMIN_PASSWORD", "second-password")
    call_command("seed_demo")
    persona = Persona.objects.get(name="Anna")
    assert (persona.greeting, persona.versions.count()) == ("My own greeting.", 1)
    assert PhoneNumber.objects.filter(label="Reception", is_active=False).count() == 1
    assert User.objects.get().check_password("first-password")


def test_an_empty_password_is_one_clear_line_and_leaves_nothing_half_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADMIN_PASSWORD", "")
    with pytest.raises(CommandError, match="ADMIN_PASSWORD is empty: set it in .env"):
        call_command("seed_demo")
    assert not Persona.objects.exists()
    assert not User.objects.exists()

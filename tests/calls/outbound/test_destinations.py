"""Which numbers may be dialed: by kind, country and prefix, in the API and in the admin's forms, and how many a day."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from auditlog.models import LogEntry
from django.core.exceptions import ValidationError
from django.test import Client
from pytest_django import Settings

from agents import services as agent_services
from calls import destinations
from calls.lifecycle import leases
from calls.models import Call, PhoneNumber
from calls.models.phone_number import AfterHours, Overflow
from calls.reporting import aggregates
from calls.states import Direction, Status
from tests.calls.conftest import SentMessages
from tests.factories import client_of, make_call, make_number, make_persona, make_user

pytestmark = pytest.mark.django_db

ORDINARY = "+12025550155"
JAMAICA = "+18765551234"
BERLIN = "+4930123456"
PREMIUM = "+19005551234"


@pytest.fixture
def number() -> PhoneNumber:
    return make_number("+12025550100")


def refusal(e164: str) -> str:
    try:
        destinations.check(e164)
    except destinations.NotAllowed as error:
        return str(error.messages[0])
    return ""


def test_a_number_of_ours_is_refused_because_the_call_would_come_back(number: PhoneNumber) -> None:
    other = make_number("+12025550101", number.persona)

    assert "one of our own numbers" in refusal(other.e164)


@pytest.mark.parametrize(
    ("e164", "kind"),
    [
        (PREMIUM, "premium-rate"),
        ("+499001234567", "premium-rate"),
        ("+4918012345", "shared-cost"),
        ("+445512345678", "universal access"),
        ("+447640123456", "pager"),
        ("+447012345678", "personal"),
        ("+881612345678", "satellite"),
        ("+870773111632", "satellite"),
        ("+88310012345678", "satellite"),
        ("+97912345678", "without a country"),
        ("+12000000000", "numbering plan"),
    ],
)
def test_expensive_and_impossible_numbers_are_refused_in_every_country(
    e164: str, kind: str, settings: Settings
) -> None:
    settings.OUTBOUND_COUNTRIES = ["*"]

    assert kind in refusal(e164)
    assert "OUTBOUND_ALLOWED_PREFIXES" in refusal(e164)


@pytest.mark.usefixtures("number")
def test_by_default_only_the_countries_of_our_own_numbers_may_be_dialed() -> None:
    assert refusal(ORDINARY) == ""
    assert refusal(BERLIN) == "Numbers in DE cannot be dialed: only those in US (OUTBOUND_COUNTRIES)."
    assert "Numbers in JM" in refusal(JAMAICA)  # it has the calling code of the US

    make_number("+4930987654")

    assert (refusal(ORDINARY), refusal(BERLIN)) == ("", "")


@pytest.mark.usefixtures("number")
def test_countries_named_by_setting_count_instead(settings: Settings) -> None:
    settings.OUTBOUND_COUNTRIES = ["DE", "JM"]
    assert (refusal(BERLIN), refusal(JAMAICA)) == ("", "")
    assert "only those in DE, JM" in refusal(ORDINARY)

    settings.OUTBOUND_COUNTRIES = ["*"]
    assert (refusal(BERLIN), refusal(ORDINARY)) == ("", "")


@pytest.mark.usefixtures("number")
def test_prefixes_make_exceptions_and_what_is_denied_stays_denied(settings: Settings) -> None:
    settings.OUTBOUND_ALLOWED_PREFIXES = ["+4930", "+1900"]
    settings.OUTBOUND_DENIED_PREFIXES = ["+1900555", "+1202555"]

    assert refusal(BERLIN) == ""
    assert "in DE" in refusal("+4940123456")
    assert refusal("+19002345678") == ""
    assert "OUTBOUND_DENIED_PREFIXES" in refusal(PREMIUM)
    assert "OUTBOUND_DENIED_PREFIXES" in refusal(ORDINARY)


def test_a_zero_too_many_hides_no_denied_prefix(settings: Settings) -> None:
    settings.OUTBOUND_COUNTRIES = ["GB"]
    settings.OUTBOUND_DENIED_PREFIXES = ["+44208"]
    settings.OUTBOUND_ALLOWED_PREFIXES = ["+44"]

    assert "OUTBOUND_DENIED_PREFIXES" in refusal("+442081234567")
    assert "E.164" in refusal("+4402081234567")


# --- the API ---


@pytest.fixture
def dispatcher(number: PhoneNumber, sent: SentMessages) -> Client:
    leases.beat("host:1", slots=1000)
    client = Client()
    client.force_login(make_user("", "calls.dispatch_call"))
    return client


def ask(client: Client, to: str = ORDINARY, **headers: str) -> Any:
    leases.beat("host:1", slots=1000)
    body = {"to": to, "from": "+12025550100"}
    return client.post("/api/calls", body, content_type="application/json", headers=headers)


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "k"}])
def test_a_call_to_a_number_that_may_not_be_dialed_is_refused_and_audited(
    headers: dict[str, str], dispatcher: Client, number: PhoneNumber
) -> None:
    answer = ask(dispatcher, PREMIUM, **headers)

    assert (answer.status_code, list(answer.json())) == (400, ["to"])
    assert "premium-rate" in answer.json()["to"][0]
    assert not Call.objects.exists()
    entry = LogEntry.objects.get_for_object(number).get(additional_data__isnull=False)
    assert entry.additional_data == {"what": "was refused an outbound call", "to": "+19…34"}


def test_no_more_calls_than_the_daily_limit_are_placed(dispatcher: Client, settings: Settings) -> None:
    settings.OUTBOUND_DAILY_LIMIT = 2
    make_call(Status.QUEUED)
    long_ago = aggregates.start_of_day() - timedelta(seconds=1)
    make_call(Status.COMPLETED, direction=Direction.OUTBOUND, created_at=long_ago)

    statuses = [ask(dispatcher).status_code for _ in range(3)]
    refused = ask(dispatcher)

    assert statuses == [202, 202, 429]
    assert "2 calls were placed today, as OUTBOUND_DAILY_LIMIT allows" in refused.json()["detail"]
    assert 0 < int(refused.headers["Retry-After"]) <= 86_400
    assert Call.objects.filter(direction=Direction.OUTBOUND).count() == 3


def test_the_daily_limit_begins_again_at_midnight_of_the_site(settings: Settings) -> None:
    settings.TIME_ZONE = "Europe/Berlin"
    before_the_clocks_go_back = datetime(2026, 10, 25, 0, 0, tzinfo=ZoneInfo("Europe/Berlin"))

    assert aggregates.seconds_to_midnight(before_the_clocks_go_back) == 25 * 3600


# --- numbers that people type ---


def test_a_transfer_after_the_ring_time_goes_to_no_number_that_may_not_be_dialed(number: PhoneNumber) -> None:
    number.overflow, number.overflow_number = Overflow.TRANSFER, PREMIUM

    with pytest.raises(ValidationError) as refused:
        number.full_clean()

    assert "premium-rate" in refused.value.message_dict["overflow_number"][0]
    number.overflow_number = ORDINARY
    number.full_clean()


def test_a_transfer_outside_the_opening_hours_goes_to_no_such_number_either(number: PhoneNumber) -> None:
    number.after_hours, number.after_hours_number = AfterHours.TRANSFER, PREMIUM

    with pytest.raises(ValidationError) as refused:
        number.full_clean()

    assert "premium-rate" in refused.value.message_dict["after_hours_number"][0]
    number.after_hours_number = ORDINARY
    number.full_clean()


def test_the_first_number_of_a_country_may_transfer_within_it() -> None:
    first = PhoneNumber(e164="+4930987654", persona=make_persona(), overflow=Overflow.TRANSFER, overflow_number=BERLIN)

    first.full_clean()

    first.overflow_number = ORDINARY
    with pytest.raises(ValidationError, match="only those in DE"):
        first.full_clean()


@pytest.mark.usefixtures("number")
def test_a_persona_that_transfers_to_a_number_that_may_not_be_dialed_is_not_published() -> None:
    persona = make_persona(transfer_number=ORDINARY)
    persona.transfer_number = BERLIN
    persona.save()

    with pytest.raises(ValidationError) as refused:
        agent_services.publish(persona)

    assert "Numbers in DE" in refused.value.message_dict["transfer_number"][0]


@pytest.mark.usefixtures("number")
@pytest.mark.parametrize(
    ("superuser", "countries", "added"), [(False, [], False), (True, [], True), (False, ["US"], True)]
)
def test_a_number_that_opens_another_country_is_added_by_administrators_only(
    superuser: bool, countries: list[str], added: bool, settings: Settings
) -> None:
    settings.OUTBOUND_COUNTRIES = countries
    client = client_of("" if superuser else "Supervisors", superuser=superuser)
    fields = {
        "e164": BERLIN,
        "persona": make_persona("Berta").pk,
        "max_calls": 1,
        "ring_time_s": 30,
        "overflow": "message",
        "overflow_message": "Please call again.",
        "after_hours": "message",
        "after_hours_message": "We are closed.",
    }

    response = client.post("/admin/calls/phonenumber/add/", fields)

    assert PhoneNumber.objects.filter(e164=BERLIN).exists() == added
    if not added:
        assert "calls to any number in DE" in response.content.decode()


def test_a_center_whose_own_numbers_have_no_country_dials_none() -> None:
    make_number("+80012345678")
    assert refusal(ORDINARY) != ""

"""`manage.py setup_twilio` against a stand-in that speaks Twilio's protocol: made once, corrected, never doubled."""

import asyncio
import io
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from calls.provisioning import numbers, twilio_client
from calls.provisioning.changes import CannotProvision
from simulator.twilio.api import TwilioAccount, TwilioFault, running_twilio
from simulator.twilio.trunks import CredentialList, Trunk, Trunks
from tests.factories import make_number

NUMBER, OTHER = "+12025550100", "+12025550101"
PASSWORD = "Secret-password-1"


@dataclass
class Twilio:
    """The stand-in, with one number."""

    account: TwilioAccount = field(default_factory=TwilioAccount)
    trunks: Trunks = field(default_factory=Trunks)

    @property
    def trunk(self) -> Trunk:
        (trunk,) = self.trunks.trunks.values()
        return trunk

    @property
    def credentials(self) -> CredentialList:
        (found,) = self.trunks.credential_lists.values()
        return found

    @property
    def writes(self) -> list[str]:
        return [request for request in self.account.requests if request.startswith("POST")]


@pytest.fixture
async def twilio(settings: Settings) -> AsyncIterator[Twilio]:
    standing_in = Twilio()
    standing_in.trunks.buy(NUMBER)
    async with running_twilio(standing_in.account, standing_in.trunks.routes()) as url:
        settings.TWILIO_ACCOUNT_SID = standing_in.account.sid
        settings.TWILIO_AUTH_TOKEN = standing_in.account.auth_token
        settings.TWILIO_BASE_URL = url
        settings.TWILIO_SIP_DOMAIN = "our-center.pstn.twilio.com"
        settings.TWILIO_SIP_USERNAME = "callcenter"
        settings.TWILIO_SIP_PASSWORD = PASSWORD
        settings.LIVEKIT_SIP_URI = "sip:sip.example.com"
        settings.PUBLIC_BASE_URL = "https://calls.example.com"
        yield standing_in


Run = Callable[..., Coroutine[Any, Any, str]]


@pytest.fixture
def run(twilio: Twilio) -> Run:
    """Runs the command for these numbers in a thread, and gives what it prints."""

    async def command(*arguments: str, of: tuple[str, ...] = (NUMBER,)) -> str:
        printed = io.StringIO()
        named = [f"--number={number}" for number in of]
        await asyncio.to_thread(lambda: call_command("setup_twilio", *arguments, *named, stdout=printed))
        return printed.getvalue()

    return command


async def test_an_empty_account_gets_all_that_calls_need(twilio: Twilio, run: Run) -> None:
    printed = await run()

    assert printed.splitlines() == [
        "+ trunk callcenter",
        "+ origination address sip:sip.example.com",
        "+ credential list callcenter",
        "+ credential callcenter",
        "+ credential list callcenter at the trunk",
        "+ number +12025550100 at the trunk",
        "6 changes made.",
    ]
    fields = twilio.trunk.fields
    assert fields["domain_name"] == "our-center.pstn.twilio.com"
    assert fields["disaster_recovery_url"] == "https://calls.example.com/webhooks/twilio/voice"
    assert (fields["disaster_recovery_method"], fields["transfer_mode"]) == ("POST", "enable-all")
    assert [url["sip_url"] for url in twilio.trunk.origination_urls] == ["sip:sip.example.com"]
    assert twilio.trunk.numbers == [twilio.trunks.numbers[NUMBER]]
    assert twilio.trunk.credential_lists == list(twilio.trunks.credential_lists)
    assert twilio.credentials.passwords == {"callcenter": PASSWORD}


async def test_the_second_run_changes_nothing(twilio: Twilio, run: Run) -> None:
    await run()
    twilio.account.requests.clear()

    printed = await run()

    assert printed.endswith("Everything is up to date.\n")
    assert {line[0] for line in printed.splitlines()[:-1]} == {"="}
    assert twilio.writes == []


async def test_a_dry_run_prints_the_plan_and_writes_nothing(twilio: Twilio, run: Run) -> None:
    printed = await run("--dry-run")

    assert [line[0] for line in printed.splitlines()[:-1]] == ["+"] * 6
    assert printed.endswith("6 changes to make; nothing was changed (--dry-run).\n")
    assert (twilio.writes, twilio.trunks.trunks) == ([], {})


async def test_what_differs_is_corrected_and_reported(twilio: Twilio, run: Run, settings: Settings) -> None:
    await run()
    twilio.trunks.buy(OTHER)
    settings.LIVEKIT_SIP_URI = "sip:other.example.com"
    twilio.trunk.fields["transfer_mode"] = "disable-all"

    printed = await run(of=(NUMBER, OTHER))

    assert "~ trunk callcenter: transfer_mode disable-all → enable-all\n" in printed
    assert "~ origination address callcenter: sip_url sip:sip.example.com → sip:other.example.com\n" in printed
    assert "+ number +12025550101 at the trunk\n" in printed
    assert "3 changes made." in printed
    assert [url["sip_url"] for url in twilio.trunk.origination_urls] == ["sip:other.example.com"]
    assert twilio.trunk.numbers == list(twilio.trunks.numbers.values())


async def test_a_password_is_set_again_only_when_that_is_asked_for(
    twilio: Twilio, run: Run, settings: Settings
) -> None:
    await run()
    settings.TWILIO_SIP_PASSWORD = "Another-password-2"

    await run()
    assert twilio.credentials.passwords == {"callcenter": PASSWORD}
    printed = await run("--set-password")

    assert twilio.credentials.passwords == {"callcenter": "Another-password-2"}
    assert "Another-password-2" not in printed


async def test_what_others_have_in_the_account_is_left_alone(twilio: Twilio, run: Run) -> None:
    theirs = {"sid": "TK1", "friendly_name": "theirs", "domain_name": "theirs.pstn.twilio.com"}
    twilio.trunks.trunks["TK1"] = Trunk(dict(theirs))

    await run()

    assert twilio.trunks.trunks.pop("TK1").fields == theirs
    assert twilio.trunk.fields["friendly_name"] == "callcenter"


async def test_a_trunk_beyond_the_first_page_is_found(twilio: Twilio, run: Run) -> None:
    for number in range(50):
        fields = {"sid": f"TK{number}", "friendly_name": f"theirs {number}", "domain_name": None}
        twilio.trunks.trunks[f"TK{number}"] = Trunk(fields)
    await run()

    assert "Everything is up to date." in await run()


async def test_without_a_domain_there_is_no_way_out_and_that_is_reported(
    twilio: Twilio, run: Run, settings: Settings
) -> None:
    settings.TWILIO_SIP_DOMAIN = ""

    printed = await run()

    assert "No outbound calls: set TWILIO_SIP_DOMAIN to place them." in printed
    assert (twilio.trunk.fields["domain_name"], twilio.trunks.credential_lists) == (None, {})


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("TWILIO_AUTH_TOKEN", "", "TWILIO_AUTH_TOKEN is not set"),
        ("TWILIO_AUTH_TOKEN", "wrong", "Twilio refuses the account: check TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN"),
        ("LIVEKIT_SIP_URI", "sip.example.com", "LIVEKIT_SIP_URI is not a SIP address"),
        ("PUBLIC_BASE_URL", "http://localhost:8080", "PUBLIC_BASE_URL is not https"),
        ("TWILIO_SIP_DOMAIN", "our-center.example.com", "TWILIO_SIP_DOMAIN is our-center.example.com"),
        ("TWILIO_SIP_PASSWORD", "short", "TWILIO_SIP_PASSWORD is too simple"),
        ("TWILIO_BASE_URL", "http://127.0.0.1:1", "Twilio cannot be reached"),
    ],
)
async def test_what_is_missing_or_wrong_is_named_and_nothing_is_begun(
    name: str, value: str, problem: str, twilio: Twilio, run: Run, settings: Settings
) -> None:
    setattr(settings, name, value)

    with pytest.raises(CommandError, match=problem):
        await run()
    assert twilio.writes == []


async def test_a_number_that_the_account_has_not_is_named_before_anything_is_made(twilio: Twilio, run: Run) -> None:
    with pytest.raises(CommandError, match=r"\+12025550101 is not in the Twilio account: buy it there"):
        await run(of=(NUMBER, OTHER))
    assert twilio.writes == []


async def test_an_error_of_twilios_is_reported_in_its_words(twilio: Twilio, run: Run) -> None:
    twilio.account.faults.append(TwilioFault("/v1/Trunks", status=500))

    with pytest.raises(CommandError, match=r"Twilio refused \(status 500, code 20500\): .*Internal Server Error"):
        await run()


async def test_without_a_stand_in_twilios_own_hosts_are_asked(settings: Settings) -> None:
    settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN, settings.TWILIO_BASE_URL = "AC1", "token", ""

    assert type(twilio_client.client().http_client).__name__ == "TwilioHttpClient"


@pytest.mark.django_db
def test_every_active_number_is_prepared_unless_some_are_named() -> None:
    make_number("+12025550111")
    make_number("+12025550110")
    make_number("+12025550112", is_active=False)

    assert numbers.chosen(None) == ["+12025550110", "+12025550111"]
    assert numbers.chosen(["+1 202 555 0119"]) == ["+12025550119"]
    with pytest.raises(CannotProvision, match="--number: Write the number with its country code"):
        numbers.chosen(["0119"])

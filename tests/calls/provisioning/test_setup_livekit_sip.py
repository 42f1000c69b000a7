"""`manage.py setup_livekit_sip` against a real LiveKit server with Redis: made once, corrected, never doubled."""

import asyncio
import io
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings
from livekit import api
from pytest_django import Settings

from calls.livekit import dialing, rooms, sip_headers
from calls.provisioning import livekit_sip
from tests.services import LiveKitServer

NUMBER, OTHER = "+12025550100", "+12025550101"


@pytest.fixture(autouse=True)
def nothing_there(livekit: LiveKitServer, settings: Settings) -> Iterator[None]:
    settings.TWILIO_SIP_DOMAIN = "our-center.pstn.twilio.com"
    settings.TWILIO_SIP_USERNAME = "callcenter"
    settings.TWILIO_SIP_PASSWORD = "Secret-password-1"
    yield
    asyncio.run(_delete_all())


async def _delete_all() -> None:
    async with rooms.livekit_api() as livekit:
        for rule in (await livekit.sip.list_dispatch_rule(api.ListSIPDispatchRuleRequest())).items:
            request = api.DeleteSIPDispatchRuleRequest(sip_dispatch_rule_id=rule.sip_dispatch_rule_id)
            await livekit.sip.delete_dispatch_rule(request)
        for trunk in await _trunks(livekit):
            await livekit.sip.delete_trunk(api.DeleteSIPTrunkRequest(sip_trunk_id=trunk.sip_trunk_id))


async def _trunks(livekit: api.LiveKitAPI) -> list[Any]:
    inbound = await livekit.sip.list_inbound_trunk(api.ListSIPInboundTrunkRequest())
    outbound = await livekit.sip.list_outbound_trunk(api.ListSIPOutboundTrunkRequest())
    return [*inbound.items, *outbound.items]


def found() -> tuple[Any, Any, Any]:
    """The one inbound trunk, the one outbound trunk, the one dispatch rule; None where there is none."""

    async def look() -> tuple[Any, Any, Any]:
        async with rooms.livekit_api() as livekit:
            inbound = (await livekit.sip.list_inbound_trunk(api.ListSIPInboundTrunkRequest())).items
            outbound = (await livekit.sip.list_outbound_trunk(api.ListSIPOutboundTrunkRequest())).items
            rules = (await livekit.sip.list_dispatch_rule(api.ListSIPDispatchRuleRequest())).items
            assert max(len(inbound), len(outbound), len(rules)) <= 1
            return tuple(items[0] if items else None for items in (inbound, outbound, rules))  # type: ignore[return-value]

    return asyncio.run(look())


def run(*arguments: str, of: tuple[str, ...] = (NUMBER,)) -> str:
    printed = io.StringIO()
    call_command("setup_livekit_sip", *arguments, *(f"--number={number}" for number in of), stdout=printed)
    return printed.getvalue()


def test_a_livekit_without_trunks_gets_all_that_calls_need() -> None:
    printed = run()

    assert printed.splitlines() == [
        "+ inbound trunk callcenter for +12025550100",
        "+ outbound trunk callcenter through our-center.pstn.twilio.com",
        "+ dispatch rule callcenter: a room of its own, call-…, for each caller",
        "3 changes made.",
    ]
    inbound, outbound, rule = found()
    assert (list(inbound.numbers), list(inbound.allowed_addresses)) == ([NUMBER], list(livekit_sip.TWILIO_SIGNALLING))
    assert inbound.ringing_timeout.seconds == livekit_sip.RINGS_S
    assert (outbound.address, list(outbound.numbers)) == ("our-center.pstn.twilio.com", [NUMBER])
    assert outbound.auth_username == "callcenter"
    assert dict(inbound.headers_to_attributes) == sip_headers.HEADERS_TO_ATTRIBUTES
    assert rule.hide_phone_number
    assert (rule.rule.dispatch_rule_callee.room_prefix, rule.rule.dispatch_rule_callee.randomize) == ("call-", True)
    assert list(rule.trunk_ids) == [inbound.sip_trunk_id]
    assert rule.room_config.departure_timeout == 15


def test_the_second_run_changes_nothing() -> None:
    run()
    before = found()

    assert run().splitlines() == [
        "= inbound trunk callcenter",
        "= outbound trunk callcenter",
        "= dispatch rule callcenter",
        "Everything is up to date.",
    ]
    assert found() == before


def test_a_rule_that_put_callers_numbers_into_rooms_names_is_corrected() -> None:
    run()
    of_before = api.SIPDispatchRuleInfo(
        name=livekit_sip.NAME,
        rule=api.SIPDispatchRule(dispatch_rule_individual=api.SIPDispatchRuleIndividual(room_prefix="call-")),
        trunk_ids=[found()[0].sip_trunk_id],
        room_config=livekit_sip.ROOM,
    )

    async def put_back() -> None:
        async with rooms.livekit_api() as livekit:
            await livekit.sip.update_dispatch_rule(found_rule.sip_dispatch_rule_id, of_before)

    found_rule = found()[2]
    asyncio.run(put_back())
    assert not found()[2].hide_phone_number

    assert run().endswith("1 change made.\n")

    assert found()[2].hide_phone_number
    assert found()[2].rule.WhichOneof("rule") == "dispatch_rule_callee"


def test_a_dry_run_prints_the_plan_and_makes_nothing() -> None:
    printed = run("--dry-run")

    assert [line[0] for line in printed.splitlines()] == ["+", "+", "+", "3"]
    assert printed.endswith("3 changes to make; nothing was changed (--dry-run).\n")
    assert found() == (None, None, None)


def test_what_differs_is_corrected_in_place_and_reported(settings: Settings) -> None:
    run()
    ids = [found()[0].sip_trunk_id, found()[1].sip_trunk_id, found()[2].sip_dispatch_rule_id]
    settings.TWILIO_SIP_DOMAIN = "other.pstn.twilio.com"

    printed = run("--allow", "192.0.2.0/24", of=(NUMBER, OTHER))

    inbound, outbound, rule = found()
    assert "~ inbound trunk callcenter: " in printed
    assert "numbers +12025550100 → +12025550100 +12025550101" in printed
    assert "address our-center.pstn.twilio.com → other.pstn.twilio.com" in printed
    assert printed.endswith("2 changes made.\n")
    assert list(inbound.allowed_addresses) == ["192.0.2.0/24"]
    assert (list(inbound.numbers), list(outbound.numbers)) == ([NUMBER, OTHER], [NUMBER, OTHER])
    assert [inbound.sip_trunk_id, outbound.sip_trunk_id, rule.sip_dispatch_rule_id] == ids


def test_a_new_password_is_set_and_not_printed(settings: Settings) -> None:
    run()
    settings.TWILIO_SIP_PASSWORD = "Another-password-2"

    printed = run()

    assert "~ outbound trunk callcenter: auth_password changed" in printed
    assert "password-" not in printed
    assert "Everything is up to date." in run()


def test_without_a_domain_there_is_no_way_out_and_that_is_reported(settings: Settings) -> None:
    settings.TWILIO_SIP_DOMAIN = ""

    assert "No outbound trunk: set TWILIO_SIP_DOMAIN to place calls." in run()
    assert found()[1] is None


def test_an_outbound_call_finds_the_trunk_that_was_made() -> None:
    run()

    async def find() -> str:
        async with rooms.livekit_api() as livekit:
            return await dialing._trunk_of(livekit, NUMBER)

    assert asyncio.run(find()) == found()[1].sip_trunk_id


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("LIVEKIT_API_SECRET", "x" * 40, "LiveKit refuses the key: check LIVEKIT_API_KEY and LIVEKIT_API_SECRET"),
        ("LIVEKIT_URL", "ws://127.0.0.1:1", "LiveKit cannot be reached at LIVEKIT_URL"),
    ],
)
def test_a_livekit_that_cannot_be_asked_is_reported_with_the_cure(name: str, value: str, problem: str) -> None:
    with override_settings(**{name: value}), pytest.raises(CommandError, match=problem):
        run()


@pytest.mark.django_db
def test_without_a_number_there_is_nothing_to_prepare() -> None:
    with pytest.raises(CommandError, match="There is no number: add an active one in the admin"):
        run(of=())

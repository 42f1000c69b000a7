"""The numbers of a call come from the headers of its INVITE, where LiveKit is told to hide them."""

import pytest
from livekit.api import ParticipantInfo

from calls.livekit import sip_headers
from calls.webhooks.livekit.callers import incoming_call


@pytest.mark.parametrize(
    ("header", "user"),
    [
        ("<sip:+12025550123@192.0.2.1:5060>;tag=a1", "+12025550123"),
        ('"Ann Lee" <sip:+12025550123@192.0.2.1;user=phone>;tag=a1', "+12025550123"),
        ("sip:+12025550123@192.0.2.1", "+12025550123"),
        ("SIPS:%2B12025550123@192.0.2.1", "+12025550123"),
        ("<tel:+12025550123>", "+12025550123"),
        ('"Anonymous" <sip:anonymous@anonymous.invalid>;tag=a1', "anonymous"),
        ('"sip:+12025550199@x" <sip:+12025550123@192.0.2.1>', "+12025550123"),
        ('"<sip:+12025550199@x>" <sip:+12025550123@192.0.2.1>;tag=a1', "+12025550123"),
        ("", ""),
        ("nonsense", ""),
        ("<sip:%00@192.0.2.1>;tag=a1", ""),
        ("<sip:+1202%0d%0a555@192.0.2.1>;tag=a1", ""),
        ('"' + "a" * 500 + '" <sip:+12025550123@192.0.2.1>', ""),  # no telephone sends as much
    ],
)
def test_the_user_of_an_address_is_found(header: str, user: str) -> None:
    assert sip_headers.user(header) == user


def test_a_caller_whose_number_livekit_hides_is_known_by_the_headers() -> None:
    hidden = {
        "callcenter.from": "<sip:+12025550123@192.0.2.1>;tag=a1",
        "callcenter.to": "<sip:+12025550100@sip.example.com>",
        "sip.callID": "SCL_1",
    }

    found = incoming_call("call-_+12025550100_x", ParticipantInfo(identity="sip_1", attributes=hidden))

    assert (found.caller_number, found.called_number, found.sip_call_id) == ("+12025550123", "+12025550100", "SCL_1")


def test_a_caller_whose_number_livekit_shows_is_known_by_it() -> None:
    shown = {"sip.phoneNumber": "+12025550123", "sip.trunkPhoneNumber": "+12025550100"}

    found = incoming_call("call-1", ParticipantInfo(identity="sip_1", attributes=shown))

    assert (found.caller_number, found.called_number) == ("+12025550123", "+12025550100")

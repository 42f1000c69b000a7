"""Twilio's webhooks: signed or refused, put through to LiveKit, and what callers hear when that fails."""

import xml.etree.ElementTree as ET
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import OperationalError, connection
from django.test import Client
from pytest_django import Settings
from twilio.request_validator import RequestValidator

from calls.models import Call, CallEvent, PhoneNumber, WebhookEvent
from calls.models.phone_number import AfterHours, Overflow
from calls.reporting.collectors import registry
from calls.states import Status
from calls.webhooks.twilio import recovery
from tests.factories import ALWAYS, make_call, make_hours, make_number, make_persona

TOKEN = "1f0c5e7a9d3b4f6e8a2c1d0b9e7f5a3c"  # noqa: S105
BASE = "https://calls.example.com"
VOICE, STATUS = "/webhooks/twilio/voice", "/webhooks/twilio/status"
SID = "CA0123456789abcdef0123456789abcdef"
NUMBER = "+12025550100"


@pytest.fixture(autouse=True)
def account(settings: Settings) -> None:
    settings.TWILIO_ACCOUNT_SID = "AC" + "0" * 32
    settings.TWILIO_AUTH_TOKEN = TOKEN
    settings.PUBLIC_BASE_URL = BASE
    settings.LIVEKIT_SIP_URI = "sip:sip.example.com;transport=tls"


def parameters(**values: str) -> dict[str, str]:
    return {"CallSid": SID, "CallStatus": "ringing", "From": "+12025550123", "To": NUMBER, **values}


def signature(url: str, sent: dict[str, str], token: str = TOKEN) -> str:
    computed: str = RequestValidator(token).compute_signature(url, sent)
    return computed


def post(path: str, sent: dict[str, str], signed: str | None = None, **headers: str) -> Any:
    signed = signature(BASE + path, sent) if signed is None else signed
    form = "application/x-www-form-urlencoded"
    return Client().post(path, urlencode(sent), content_type=form, headers={"X-Twilio-Signature": signed, **headers})


def twiml(response: Any) -> ET.Element:
    assert response.status_code == 200, response.content
    assert response.headers["Content-Type"] == "text/xml"
    return ET.fromstring(response.content)  # noqa: S314  our own


def said(response: Any) -> tuple[str, str | None]:
    """What a caller is told before the call is hung up, and in which language."""
    [say, hangup] = twiml(response)
    assert (say.tag, hangup.tag) == ("Say", "Hangup")
    return say.text or "", say.get("language")


def test_a_caller_is_put_through_to_livekits_sip_service_without_a_database_query() -> None:
    # Without the django_db mark, every query raises.
    [dial] = twiml(post(VOICE, parameters()))

    [sip] = dial
    assert sip.text == "sip:+12025550100@sip.example.com;transport=tls"
    assert (dial.get("answerOnBridge"), dial.get("timeout")) == ("true", "300")
    assert (dial.get("action"), dial.get("method")) == (BASE + VOICE, "POST")


def test_the_called_number_is_also_found_in_a_sip_address() -> None:
    [dial] = twiml(post(VOICE, parameters(To="sip:+12025550100@callcenter.pstn.twilio.com;transport=udp")))

    assert dial[0].text == "sip:+12025550100@sip.example.com;transport=tls"


@pytest.mark.parametrize("status", ["completed", "answered"])
def test_a_caller_who_was_put_through_is_done(status: str) -> None:
    assert [step.tag for step in twiml(post(VOICE, parameters(DialCallStatus=status)))] == ["Hangup"]


def test_a_number_that_cannot_be_read_is_answered_with_an_apology() -> None:
    assert said(post(VOICE, parameters(To="client:anna"))) == (recovery.SORRY, None)


@pytest.mark.django_db
@pytest.mark.parametrize("status", ["failed", "busy", "no-answer", "canceled"])
def test_a_caller_whom_livekit_does_not_take_hears_the_numbers_message_in_the_personas_language(status: str) -> None:
    make_number(
        NUMBER, make_persona(language="de", stt_model="flux-general-multi"), overflow_message="Bitte später & nochmal."
    )

    assert said(post(VOICE, parameters(DialCallStatus=status))) == ("Bitte später & nochmal.", "de-DE")


@pytest.mark.django_db
def test_a_caller_whom_livekit_does_not_take_is_transferred_if_the_number_says_so() -> None:
    make_number(NUMBER, overflow=Overflow.TRANSFER, overflow_number="+12025550199")

    [dial] = twiml(post(VOICE, parameters(DialCallStatus="failed")))

    assert (dial.tag, dial.text) == ("Dial", "+12025550199")


@pytest.mark.django_db
def test_nobody_is_transferred_to_a_number_that_may_no_longer_be_dialed(settings: Settings) -> None:
    make_number(NUMBER, overflow=Overflow.TRANSFER, overflow_number="+12025550199", overflow_message="Later, please.")
    settings.OUTBOUND_DENIED_PREFIXES = ["+1202555"]

    assert said(post(VOICE, parameters(DialCallStatus="failed")))[0] == "Later, please."


@pytest.mark.django_db
@pytest.mark.parametrize("action", [AfterHours.MESSAGE, AfterHours.PERSONA])
def test_a_caller_whom_livekit_does_not_take_hears_that_the_number_is_closed(action: AfterHours) -> None:
    make_number(NUMBER, opening_hours=make_hours(), after_hours=action, after_hours_message="Closed.")

    assert said(post(VOICE, parameters(DialCallStatus="failed"))) == ("Closed.", "en-US")


@pytest.mark.django_db
def test_a_caller_of_a_closed_number_is_transferred_if_it_says_so(settings: Settings) -> None:
    make_number(
        NUMBER,
        opening_hours=make_hours(),
        after_hours=AfterHours.TRANSFER,
        after_hours_number="+12025550199",
        after_hours_message="Closed.",
    )

    [dial] = twiml(post(VOICE, parameters(DialCallStatus="failed")))
    settings.OUTBOUND_DENIED_PREFIXES = ["+1202555"]

    assert (dial.tag, dial.text) == ("Dial", "+12025550199")
    assert said(post(VOICE, parameters(DialCallStatus="failed")))[0] == "Closed."


@pytest.mark.django_db
def test_an_open_number_has_its_overflow_action() -> None:
    make_number(NUMBER, opening_hours=make_hours("", *ALWAYS), overflow_message="Later, please.")

    assert said(post(VOICE, parameters(DialCallStatus="failed")))[0] == "Later, please."


@pytest.mark.parametrize("action", AfterHours)
def test_every_action_of_a_closed_number_is_known_to_twilio_too(action: AfterHours) -> None:
    assert action in recovery.RECOVERIES_AFTER_HOURS


@pytest.mark.django_db
@pytest.mark.parametrize("values", [None, {"is_active": False}])
def test_a_number_that_does_not_exist_or_is_inactive_has_no_message_of_its_own(values: dict[str, Any] | None) -> None:
    if values is not None:
        make_number(NUMBER, overflow_message="Ours.", **values)

    assert said(post(VOICE, parameters(DialCallStatus="failed")))[0] == recovery.SORRY


@pytest.mark.django_db
def test_without_an_address_of_livekit_the_caller_is_told_at_once(settings: Settings) -> None:
    settings.LIVEKIT_SIP_URI = ""
    make_number(NUMBER, overflow_message="Later, please.")

    assert said(post(VOICE, parameters()))[0] == "Later, please."


def test_a_caller_is_told_something_while_the_database_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr(PhoneNumber.objects, "select_related", away)

    assert said(post(VOICE, parameters(DialCallStatus="failed")))[0] == recovery.SORRY


@pytest.mark.parametrize("path", [VOICE, STATUS])
@pytest.mark.parametrize(
    "signed",
    [
        "",
        "forged",
        signature(BASE + VOICE, parameters(), token="f" * 32),
        signature(BASE + VOICE, parameters(To="+12025550111")),
        signature("http://testserver" + VOICE, parameters()),
    ],
    ids=["none", "forged", "another account", "other parameters", "by the Host header"],
)
def test_what_twilio_has_not_signed_for_our_address_is_refused(path: str, signed: str) -> None:
    assert post(path, parameters(), signed).status_code == 401


def test_the_host_that_a_request_names_does_not_matter(settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["web.internal"]

    assert post(VOICE, parameters(), Host="web.internal").status_code == 200


def test_the_query_is_signed_too() -> None:
    path = f"{VOICE}?from=trunk"

    assert post(path, parameters()).status_code == 200
    assert post(path, parameters(), signature(BASE + VOICE, parameters())).status_code == 401


def test_a_signature_of_one_webhook_is_none_of_the_other() -> None:
    assert post(STATUS, parameters(), signature(BASE + VOICE, parameters())).status_code == 401


@pytest.mark.parametrize("path", [VOICE, STATUS])
def test_without_an_account_everything_is_refused(path: str, settings: Settings) -> None:
    settings.TWILIO_AUTH_TOKEN = ""

    assert post(path, parameters(), signature(BASE + path, parameters(), token="")).status_code == 401


@pytest.mark.parametrize("path", [VOICE, STATUS])
def test_only_posts_are_answered(path: str) -> None:
    assert Client().get(path).status_code == 405


@pytest.mark.django_db
@pytest.mark.parametrize("path", [VOICE, STATUS])
@pytest.mark.parametrize("wrong", [{"CallSid": ""}, {"CallSid": "CA1"}, {"CallSid": SID + "\n"}])
def test_signed_parameters_that_are_no_calls_are_refused_and_named(path: str, wrong: dict[str, str]) -> None:
    response = post(path, parameters(**wrong))

    assert (response.status_code, response.json()["error"][:8]) == (400, "CallSid:")


@pytest.mark.parametrize("path", [VOICE, STATUS])
def test_only_forms_as_twilio_sends_them_are_read(path: str) -> None:
    headers = {"X-Twilio-Signature": signature(BASE + path, parameters())}

    response = Client().post(path, parameters(), headers=headers)  # as multipart/form-data

    assert (response.status_code, "application/x-www-form-urlencoded" in response.json()["error"]) == (400, True)


@pytest.mark.django_db
def test_a_status_that_twilio_does_not_have_is_refused() -> None:
    response = post(STATUS, parameters(CallStatus="asleep"))

    assert (response.status_code, response.json()["error"][:11]) == (400, "CallStatus:")
    assert not WebhookEvent.objects.exists()


@pytest.mark.django_db
def test_a_status_is_stored_once_however_often_it_comes() -> None:
    before = counted("duplicate")
    sent = parameters(CallStatus="completed", Timestamp="Mon, 23 Nov 2026 00:20:19 +0000")

    assert [post(STATUS, sent).status_code for _ in range(3)] == [204, 204, 204]
    assert post(STATUS, parameters(CallStatus="ringing")).status_code == 204

    done, ringing = WebhookEvent.objects.order_by("kind")
    assert (done.kind, done.event_id, done.outcome) == ("twilio.completed", f"{SID}:completed", "noted")
    assert done.sent_at.isoformat() == "2026-11-23T00:20:19+00:00"
    assert ringing.kind == "twilio.ringing"
    assert counted("duplicate") == before + 2


@pytest.mark.django_db
@pytest.mark.parametrize("time", ["", "yesterday", "Mon, 99 Nov 2026 00:20:19 +0000"])
def test_a_time_that_cannot_be_read_is_ours(time: str) -> None:
    assert post(STATUS, parameters(Timestamp=time)).status_code == 204


def counted(result: str) -> float:
    return registry.get_sample_value("callcenter_webhooks_total", {"source": "twilio", "result": result}) or 0


@pytest.mark.django_db
@pytest.mark.parametrize("own", [True, False], ids=["its own leg", "the leg to LiveKit"])
def test_trouble_is_written_to_its_call_once_and_ends_nothing(own: bool) -> None:
    call = make_call(Status.IN_PROGRESS, twilio_call_sid=SID)
    leg = {} if own else {"CallSid": "CA" + "f" * 32, "ParentCallSid": SID}
    sent = parameters(CallStatus="failed", SipResponseCode="503", ErrorCode="32011", **leg)

    for _ in range(2):
        assert post(STATUS, sent).status_code == 204

    [event] = CallEvent.objects.filter(call=call)
    assert (event.kind, event.detail) == ("twilio_trouble", {"status": "failed", "sip": "503", "error": "32011"})
    call.refresh_from_db()
    assert call.status == Status.IN_PROGRESS
    assert WebhookEvent.objects.get().outcome == "noted with its call"


@pytest.mark.django_db
def test_trouble_of_a_call_that_never_reached_us_is_stored_and_is_not_a_call() -> None:
    assert post(STATUS, parameters(CallStatus="busy")).status_code == 204

    assert WebhookEvent.objects.get().outcome == "reached no call"
    assert not Call.objects.exists()


@pytest.mark.django_db
def test_a_status_is_asked_for_again_while_the_database_is_away() -> None:
    def away(*_: object) -> None:
        raise OperationalError("connection refused")

    with connection.execute_wrapper(away):
        assert post(STATUS, parameters()).status_code == 503


@pytest.mark.django_db
def test_neither_a_number_nor_the_token_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    post(VOICE, parameters(DialCallStatus="failed"))
    post(STATUS, parameters(CallStatus="failed"))
    post(VOICE, parameters(), "forged")

    assert "twilio_not_put_through" in caplog.text
    for secret in (TOKEN, NUMBER, "+12025550123"):
        assert secret not in caplog.text

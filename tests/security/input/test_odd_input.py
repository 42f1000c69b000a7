"""Input that no client of ours sends: answered 400, or as if it were not there, and never with an error of ours."""

import json
from base64 import b64encode
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.conf import settings as configured
from django.contrib import admin
from django.contrib.contenttypes.models import ContentType
from django.core.asgi import get_asgi_application
from django.db import DataError, transaction
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.urls import reverse
from pytest_django import Settings
from structlog.testing import capture_logs
from twilio.request_validator import RequestValidator

from callcenter.http.bad_values import BadValuesMiddleware
from callcenter.http.http_only import HttpOnly
from calls.lifecycle import leases
from calls.models import Call, WebhookEvent
from calls.states import Status
from tests.factories import caller, client_of, make_call, make_number, make_turns, signed, webhook_event

pytestmark = pytest.mark.django_db

NUL = "\x00"
BIG = "9" * 30


@pytest.fixture
def client() -> Client:
    """An administrator's browser; what would be an error 500 is raised here."""
    make_turns(make_call(Status.COMPLETED, make_number("+12025550100")), "Hello.", "Hi.")
    return client_of(superuser=True)


def cursor(text: str) -> str:
    return b64encode(text.encode()).decode()


@pytest.mark.parametrize("path", ["/api/calls", "/api/turns", "/api/personas", "/api/numbers"])
@pytest.mark.parametrize(
    "text",
    [
        *("p=yesterday", "p=", "p=\x00", f"p={BIG}", "p=0001-01-01T00:00:00%2B14:00", "p=9999-12-31T23:59:59-14:00"),
        *("o=-1", "o=x", "r=1&p=NaN", "p=[]", "p=2026-02-30"),
    ],
)
def test_a_cursor_that_is_none_of_the_list_is_refused(path: str, text: str, client: Client) -> None:
    answer = client.get(path, {"cursor": cursor(text)})

    assert (answer.status_code, list(answer.json())) in [(400, ["cursor"]), (200, ["next", "previous", "results"])]


@pytest.mark.parametrize("value", ["cD0y", "x", "é", cursor("p=2")])
def test_a_cursor_is_named_when_it_is_refused(value: str, client: Client) -> None:
    answer = client.get("/api/calls", {"cursor": value})

    assert (answer.status_code, list(answer.json())) == (400, ["cursor"])


def test_a_cursor_of_ours_is_followed_there_and_back(client: Client) -> None:
    for _ in range(60):
        make_call(Status.COMPLETED)

    first = client.get("/api/calls").json()
    second = client.get(first["next"]).json()

    assert (len(first["results"]), len(second["results"])) == (50, 11)
    assert client.get(second["previous"]).json()["results"] == first["results"]
    assert {row["id"] for row in first["results"]}.isdisjoint(row["id"] for row in second["results"])


QUERIES = [
    *("status", "direction", "end_reason", "room_name", "phone_number__e164", "created_at__gte", "created_at__lt"),
    *("call", "speaker", "interrupted", "cursor", "q", "p", "o", "e", "all", "_facets"),
    *("status__exact", "status__in", "direction__exact", "phone_number__id__exact", "created_at_from", "created_at_to"),
    *("persona_version__persona__id__exact", "created_at__year", "created_at__day", "created_at__gte", "id__exact"),
]

WORST: list[str | bytes] = [NUL, "9999-12-31T23:59:59-14:00", BIG, b"\xed\xa0\x80"]
OTHERS: list[str | bytes] = [
    *("", "9999-12-31", "0001-01-01", "2026-11-29T00:00:00-19:02", "-1", "NaN", "1e400", "٣", "[]", "x" * 5000)
]


@pytest.mark.parametrize(
    "values", [pytest.param(WORST, id="worst"), pytest.param(OTHERS, id="others", marks=pytest.mark.long)]
)
@pytest.mark.parametrize("name", QUERIES)
def test_odd_filters_of_the_api_and_the_admin_break_nothing(
    name: str, values: list[str | bytes], client: Client
) -> None:
    for path in ("/api/calls", "/api/turns", "/admin/calls/call/", "/admin/calls/phonenumber/"):
        for value in values:
            begun = transaction.savepoint()
            status = client.get(f"{path}?{quote(name)}={quote(value)}").status_code
            transaction.savepoint_rollback(begun)  # a statement that PostgreSQL refused has broken the test's own
            assert status in {200, 302, 400}, (path, name, value)


def test_a_nul_in_a_query_is_refused_and_a_last_day_of_time_is_not_a_limit(client: Client) -> None:
    assert client.get("/api/calls?status=%00").status_code == 400
    assert client.get("/admin/calls/call/?status__exact=%00").status_code == 400
    assert client.get("/admin/search/?s=a&page=99").status_code in (200, 400)

    page = client.get("/admin/calls/call/?created_at_from=0001-01-01&created_at_to=9999-12-31")

    assert (page.status_code, page.context["cl"].result_count) == (200, 1)


@pytest.mark.parametrize("path", ["/", "/admin/", "/admin/login/", "/api/calls", "/stats", "/nowhere"])
def test_a_nul_in_a_cookie_is_refused(path: str) -> None:
    answer = Client().get(path, headers={"Cookie": configured.SESSION_COOKIE_NAME + r'="\000aaaaaaaaaa"'})

    assert answer.status_code == 400


IDS = ["abc", "1e5", "-1", BIG, "٣"]


@pytest.mark.parametrize("id_", IDS)
@pytest.mark.parametrize("model", ["calls_phonenumber", "calls_call", "agents_persona", "auth_user"])
def test_an_id_that_is_none_is_refused_in_an_action(model: str, id_: str, client: Client) -> None:
    form = {"action": "delete_selected", "_selected_action": id_, "index": "0"}

    assert client.post(reverse(f"admin:{model}_changelist"), form).status_code in {200, 302, 400}


@pytest.mark.parametrize("id_", IDS)
def test_an_id_that_is_none_is_refused_in_a_lists_form(id_: str, client: Client) -> None:
    form = {"form-TOTAL_FORMS": "1", "form-INITIAL_FORMS": "1", "form-0-id": id_, "_save": "Save"}

    assert client.post("/admin/calls/phonenumber/", form).status_code in {200, 302, 400}


@pytest.mark.parametrize("id_", IDS)
def test_an_id_that_is_none_is_refused_in_the_link_to_an_objects_page(id_: str, client: Client) -> None:
    content_type = ContentType.objects.get_for_model(Call).pk

    assert client.get(f"/admin/r/{content_type}/{quote(id_)}/").status_code in {400, 404}


BODIES = {
    "NaN": '{"to": NaN}',
    "infinity": '{"to": -Infinity}',
    "NUL": '{"to": "\\u0000"}',
    "a lone surrogate": '{"to": "\\ud800"}',
    "3,000 levels": '{"to": ' + "[" * 3_000 + "]" * 3_000 + "}",
    "30 levels": '{"to": ' + "[" * 30 + "]" * 30 + "}",
    "3,000 objects": '{"to":' * 3_000 + "1" + "}" * 3_000,
    "100,000 brackets": "[" * 100_000,
    "a long number": '{"to": ' + "1" * 5_000 + "}",
    "a list": "[]",
    "a text": '"to"',
    "nothing": "null",
    "no UTF-8": b'{"to": "\xff"}',
    "nothing at all": "",
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "k"}], ids=["", "with a key"])
def test_odd_json_is_refused_by_the_api(body: str | bytes, headers: dict[str, str], client: Client) -> None:
    leases.beat("host:1", slots=100)

    answer = client.post("/api/calls", body, content_type="application/json", headers=headers)

    assert answer.status_code == 400
    assert Call.objects.count() == 1


def test_the_api_takes_json_only(client: Client) -> None:
    assert client.post("/api/calls", {"to": "+12025550155", "from": "+12025550100"}).status_code == 415


# --- webhooks ---

EVENT = webhook_event("participant_joined", "call-odd", caller("+12025550100"))
WRONG: list[Any] = [
    None,
    True,
    -1,
    1.5,
    "x",
    NUL,
    "\ud800",
    [],
    [[]],
    {},
    {"x": {"y": []}},
    BIG,
    float("nan"),
    "x" * 500,
]


def changed(path: str, value: Any) -> dict[str, Any]:
    """EVENT with another value at `room.name`."""
    event = json.loads(json.dumps(EVENT))
    *parents, name = path.split(".")
    inner = event
    for parent in parents:
        inner = inner[parent]
    inner[name] = value
    return dict(event)


@pytest.mark.parametrize(
    "field",
    [
        *("id", "event", "createdAt", "room", "room.name", "room.sid", "participant", "participant.identity"),
        *("participant.kind", "participant.attributes", "participant.attributes.sip\\.phoneNumber"),
    ],
)
def test_livekits_fields_of_a_wrong_type_break_nothing(field: str) -> None:
    for value in WRONG:
        path = field.replace("\\.", "\x1f")
        event = changed(path, value) if "\x1f" not in path else _with_attribute(value)
        answer = signed(event).post()
        assert answer.status_code in {200, 400}, (field, value)


def _with_attribute(value: Any) -> dict[str, Any]:
    event = json.loads(json.dumps(EVENT))
    event["participant"]["attributes"] |= {"sip.phoneNumber": value, "sip.callID": value, "sip.trunkPhoneNumber": value}
    return dict(event)


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_odd_json_is_refused_by_livekits_webhook(body: str | bytes) -> None:
    raw = body if isinstance(body, bytes) else body.encode()

    assert signed(raw).post().status_code == 400
    assert not WebhookEvent.objects.exists()


TWILIO = {
    "CallSid": "CA" + "0" * 32,
    "CallStatus": "failed",
    "To": "+12025550100",
    "Timestamp": "",
    "SipResponseCode": "",
}


def twilio(path: str, parameters: Mapping[str, Any]) -> int:
    """Post them signed, and return the status."""
    body = urlencode(parameters, doseq=True, errors="surrogatepass")
    sent = {name: value if isinstance(value, str) else value[-1] for name, value in parameters.items() if value != []}
    signature = RequestValidator("token").compute_signature(configured.PUBLIC_BASE_URL + path, sent)
    headers = {"X-Twilio-Signature": signature}
    return Client().post(path, body, content_type="application/x-www-form-urlencoded", headers=headers).status_code


@pytest.mark.parametrize("path", ["/webhooks/twilio/voice", "/webhooks/twilio/status"])
@pytest.mark.parametrize("field", [*TWILIO, "DialCallStatus", "ParentCallSid", "ErrorCode"])
def test_twilios_fields_of_a_wrong_type_break_nothing(path: str, field: str, settings: Settings) -> None:
    settings.TWILIO_AUTH_TOKEN = "token"  # noqa: S105
    dates = [
        "Thu, 01 Jan 9999 23:59:59 -2359",
        "Mon, 01 Jan 0001 00:00:00 +2359",
        "1 1 1",
        "Thu, 99 Jan 99999999 0:0:0",
    ]

    for value in ["", NUL, "x" * 5000, "٣", "é", BIG, ["a", "b"], *dates]:
        assert twilio(path, {**TWILIO, field: value}) in {200, 204, 400, 401}, value


def test_a_moment_that_twilio_cannot_mean_is_now(settings: Settings) -> None:
    settings.TWILIO_AUTH_TOKEN = "token"  # noqa: S105
    parameters = {**TWILIO, "CallStatus": "completed", "Timestamp": "Fri, 31 Dec 9999 23:59:59 -2359"}

    assert twilio("/webhooks/twilio/status", parameters) == 204
    assert WebhookEvent.objects.get().sent_at.year < 9999


async def test_a_websocket_is_closed_before_it_is_opened() -> None:
    answers: list[Any] = []

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        answers.append(message)

    scope = {"type": "websocket", "path": "/admin/", "headers": [], "query_string": b"", "subprotocols": []}
    await HttpOnly(get_asgi_application())(scope, receive, send)

    assert answers == [{"type": "websocket.close", "code": 1000}]


def test_the_log_says_that_a_value_was_refused_and_not_which() -> None:
    middleware = BadValuesMiddleware(lambda _: HttpResponse())
    request = RequestFactory().get("/api/erasures/+12025550123")
    with capture_logs() as lines:
        middleware.process_exception(request, DataError("value +12025550123 is out of range"))

    assert [(line["path"], "exc_info" in line) for line in lines] == [("/api/erasures/+12…23", False)]


def test_no_list_is_searched_for_more_words_than_a_person_types(client: Client) -> None:
    client.get("/admin/")  # which loads the lists
    searched = [model._meta for model, each in admin.site._registry.items() if each.search_fields]
    assert len(searched) > 5
    for model in searched:
        page = reverse(f"admin:{model.app_label}_{model.model_name}_changelist")
        response = client.get(page, {"q": 3000 * "a "})

        assert "Only the first 8 words were searched for" in response.content.decode(), page

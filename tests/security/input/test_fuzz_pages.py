"""Filters of the admin's lists, and webhooks, under made-up input: no answer is an error of ours."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from django.conf import settings as configured
from django.contrib import admin
from django.db import transaction
from django.db.models import Model
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from pytest_django import Settings
from twilio.request_validator import RequestValidator

from tests.factories import caller, client_of, make_number, signed, webhook_event
from tests.security.world import make_world

pytestmark = pytest.mark.django_db

MODELS = sorted(admin.site._registry, key=lambda model: model._meta.label_lower)
LOOKUPS = [
    *("", "__exact", "__in", "__isnull", "__gte", "__gt", "__lte", "__lt", "__range", "_from", "_to"),
    *("__year", "__month", "__day", "__date", "__contains", "__icontains", "__id__exact", "__isempty"),
]
OWN = ["q", "o", "p", "e", "all", "ot", "_facets", "_popup", "_to_field", "_changelist_filters"]
ODD = [
    *("\x00", "9999-12-31", "0001-01-01", "9999-12-31T23:59:59-14:00", "2026-02-30", "-1", "9" * 30, "1e400", "NaN"),
    *("null", "true", "[]", "1,2,x", "a" * 3000, "٣", "%", "\\", "'", "1-2.3", "0.-1"),
]
texts = st.one_of(st.sampled_from(ODD), st.text(max_size=20), st.integers().map(str))
json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.sampled_from(ODD)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)),
    max_leaves=6,
)


def fuzz(count: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    return examples(
        max_examples=count,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


def filters_of(model: type[Model]) -> list[str]:
    """The names of the list's filters, without their lookups."""
    listed: Any = admin.site._registry[model].list_filter
    chosen = [
        entry[0] if isinstance(entry, tuple | list) else getattr(entry, "parameter_name", entry) for entry in listed
    ]
    columns = [field.name for field in model._meta.concrete_fields]
    return sorted({str(name) for name in chosen} | set(columns))


@pytest.mark.parametrize("model", MODELS, ids=[model._meta.label_lower for model in MODELS])
def test_no_query_breaks_a_list_of_the_admin(model: type[Model]) -> None:
    make_world()
    browser = client_of(superuser=True)
    path = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    names = st.one_of(
        st.builds("{}{}".format, st.sampled_from(filters_of(model)), st.sampled_from(LOOKUPS)), st.sampled_from(OWN)
    )

    @fuzz(40)
    @given(st.lists(st.tuples(names, texts), min_size=1, max_size=3))
    def ask(query: list[tuple[str, str]]) -> None:
        begun = transaction.savepoint()
        status = browser.get(f"{path}?{urlencode(query, errors='surrogatepass')}").status_code
        transaction.savepoint_rollback(begun)  # a statement that PostgreSQL refused has broken the test's own
        assert status in {200, 302, 400, 403, 405}, query

    ask()


def fields_of(value: Any, prefix: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """The path of every field in nested objects."""
    found = []
    for name, inner in value.items() if isinstance(value, dict) else ():
        found += [(*prefix, name), *fields_of(inner, (*prefix, name))]
    return found


@pytest.mark.parametrize("kind", ["participant_joined", "participant_left", "room_finished", "room_started"])
def test_no_event_breaks_livekits_webhook(kind: str) -> None:
    make_number("+12025550100")
    event = webhook_event(kind, "call-fuzz", caller("+12025550100"))

    @fuzz(60)
    @given(st.lists(st.tuples(st.sampled_from(fields_of(event)), json_values), min_size=1, max_size=3))
    def send(changes: list[tuple[tuple[str, ...], Any]]) -> None:
        body = json.loads(json.dumps(event))
        for path, value in changes:
            inner = body
            for name in path[:-1]:
                inner = inner.get(name) if isinstance(inner, dict) else None
            if isinstance(inner, dict):
                inner[path[-1]] = value
        assert signed(body).post().status_code in {200, 400}, body

    send()


@pytest.mark.parametrize("path", ["/webhooks/twilio/voice", "/webhooks/twilio/status"])
def test_no_parameters_break_twilios_webhooks(path: str, settings: Settings) -> None:
    settings.TWILIO_AUTH_TOKEN = "token"  # noqa: S105
    make_number("+12025550100")
    usual = {
        "CallSid": "CA" + "0" * 32, "CallStatus": "failed", "To": "+12025550100", "ParentCallSid": "CA" + "1" * 32,
        "Timestamp": "Sun, 29 Nov 2026 19:00:00 +0000", "SipResponseCode": "486", "ErrorCode": "13224",
        "DialCallStatus": "failed",
    }  # fmt: skip

    @fuzz(80)
    @given(st.dictionaries(st.sampled_from(sorted(usual)), texts, max_size=3))
    def send(changes: dict[str, str]) -> None:
        parameters = {**usual, **changes}
        body = urlencode(parameters, errors="surrogatepass")
        signature = RequestValidator("token").compute_signature(configured.PUBLIC_BASE_URL + path, parameters)
        headers = {"X-Twilio-Signature": signature}
        answer = Client().post(path, body, content_type="application/x-www-form-urlencoded", headers=headers)
        assert answer.status_code in {200, 204, 400, 401}, parameters

    send()

"""The API under input made from its own schema, right and wrong: every answer is as it says, and none is a 500."""

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
import requests
import schemathesis
from django.test import Client
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from rest_framework.settings import api_settings
from rest_framework.throttling import SimpleRateThrottle
from schemathesis.core.transport import Response
from schemathesis.specs.openapi import checks

from access.models import ApiToken
from calls.models import Call
from calls.states import Status
from tests.factories import make_call, make_persona, make_turns, make_user

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse

pytestmark = pytest.mark.django_db

EXAMPLES = 25
UNDOCUMENTED = {301, 302, 405, 406}  # of HTTP, and not of an operation
CHECKS = [
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
ANSWERS = {200, 201, 202, 204, 301, 302, 400, 401, 403, 404, 405, 406, 409, 415, 422, 429, 503}


def schema() -> Any:
    generator: Any = SchemaGenerator  # not typed
    document = generator(api_version=api_settings.DEFAULT_VERSION).get_schema(request=None, public=True)
    loaded = schemathesis.openapi.from_dict(document)
    loaded.config.update(base_url="http://localhost")
    return loaded


OPERATIONS = [result.ok() for result in schema().get_all_operations()]
# What is wrong finds the errors of ours; what is right is for the long matrix.
MODES = [
    pytest.param(schemathesis.GenerationMode.NEGATIVE, id="negative"),
    pytest.param(schemathesis.GenerationMode.POSITIVE, id="positive", marks=pytest.mark.long),
]


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Client:
    """An administrator's program, as fast as it likes."""
    monkeypatch.setattr(SimpleRateThrottle, "allow_request", lambda *_: True)
    make_turns(make_call(Status.COMPLETED), "Hello.", "Hi.")
    make_call(Status.QUEUED)
    make_call(Status.REJECTED, phone_number=None, persona_version=None)
    make_persona(published=False)
    _, token = ApiToken.objects.create(user=make_user(is_superuser=True), name="test", scope="admin")
    return Client(headers={"Authorization": f"Bearer {token}"})


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("operation", OPERATIONS, ids=[f"{each.method} {each.path}" for each in OPERATIONS])
def test_no_input_breaks_the_api(operation: Any, mode: Any, client: Client) -> None:
    @examples(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(data=st.data())
    def run(data: st.DataObject) -> None:
        case = data.draw(operation.as_strategy(generation_mode=mode))
        conforms(case, send(client, case))

    run()
    assert Call.objects.filter(status=Status.COMPLETED).exists()


def conforms(case: Any, answer: "_MonkeyPatchedWSGIResponse") -> None:
    """Check that the answer is one that the document describes: its status, type, headers and body."""
    assert answer.status_code in ANSWERS, repr(case)
    if answer.status_code in UNDOCUMENTED:
        return
    request = requests.Request(case.method, f"http://localhost{case.formatted_path}").prepare()
    headers = {name.lower(): [value] for name, value in answer.items()}
    response = Response(answer.status_code, headers, answer.content, request, elapsed=0.1, verify=False)
    case.validate_response(response, checks=CHECKS)


def send(client: Client, case: Any) -> "_MonkeyPatchedWSGIResponse":
    """Send the case, and return the answer."""
    sent = case.as_transport_kwargs()
    query = urlencode(sent.get("params") or {}, doseq=True, errors="replace")
    body = sent.get("data") or b""
    return client.generic(
        sent["method"],
        sent["url"] + (f"?{query}" if query else ""),
        body if isinstance(body, bytes) else str(body).encode(errors="replace"),
        content_type="application/json",
        headers={name: value for name, value in (sent.get("headers") or {}).items() if _may_be_sent(name, value)},
    )


def _may_be_sent(name: str, value: Any) -> bool:
    """Only what a server would let through, and nothing that replaces the token."""
    text = str(value)
    return name.lower() not in {"authorization", "content-type"} and text.isascii() and text.isprintable()

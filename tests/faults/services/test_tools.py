"""A persona's tool whose web service hangs, sends the agent elsewhere, or never stops talking."""

import http.server
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.services import publish
from calls.models import Call
from calls.models.history import Speaker
from calls.states import EndReason, Status
from tests.factories import make_number, make_persona, make_tool
from tests.product.fixtures import NUMBER
from tests.product.stack import Process, Stack, final_call
from tests.workers.tools.certificates import make_certificate
from tools.local.ports import LOOPBACK

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("trusting_worker")]

DEADLINE_S = 2.0
FLOOD_MB = 10
WHERE_IS_MY_ORDER = """
name: where is my order
caller:
  steps:
    - wait_for_reply: {timeout_s: 60}
    - say: "Where is my order?"
    - wait_for_reply: {timeout_s: 20}
    - hang_up
agent:
  default: "Could you say that again?"
  rules:
    - {when: [order], call: {name: find_order, arguments: {order: "17"}}}
  after_tool:
    - {name: find_order, say: "I am sorry, I could not look it up."}
"""
LOOKING = (
    "Of course. I will now look up the order of the table and of the four chairs, which you ordered last Friday in our "
    "shop in the main street, and I will tell you when it arrives, so please stay on the line for one moment."
)
SAYS_THAT_IT_LOOKS = WHERE_IS_MY_ORDER.replace("[order], call", f'[order], say: "{LOOKING}", call')


class PrivateService(http.server.BaseHTTPRequestHandler):
    """What only this machine can reach, and no tool's answer may lead the agent to."""

    asked = 0

    def do_GET(self) -> None:
        type(self).asked += 1
        self.send_response(200)
        self.end_headers()

    do_POST = do_GET


class BadService(http.server.BaseHTTPRequestHandler):
    """A tool's web service: its path says what is wrong with it."""

    give_up = threading.Event()
    private_url = ""

    def do_POST(self) -> None:
        match self.path:
            case "/hangs":
                self.give_up.wait()
            case "/redirects":
                self.send_response(307)
                self.send_header("Location", self.private_url)
                self.end_headers()
            case "/floods":
                self.send_response(200)
                self.end_headers()
                self.flood()

    def flood(self) -> None:
        try:
            for _ in range(FLOOD_MB):
                self.wfile.write(b"x" * 1024 * 1024)
        except OSError:
            return  # the agent had enough


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for the loopback address."""
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(scope="module")
def trusting_worker(stack: Stack, certificate: Path) -> Iterator[Process]:
    """A worker that trusts the certificate."""
    with stack.worker(SSL_CERT_FILE=str(certificate)) as process:
        yield process


@pytest.fixture(scope="module")
def service(certificate: Path) -> Iterator[str]:
    """The https address of a web service for which that certificate vouches."""
    private = http.server.ThreadingHTTPServer((LOOPBACK, 0), PrivateService)
    bad = http.server.ThreadingHTTPServer((LOOPBACK, 0), BadService)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    bad.socket = context.wrap_socket(bad.socket, server_side=True)
    BadService.private_url = f"http://{LOOPBACK}:{private.server_port}/"
    threads = [threading.Thread(target=server.serve_forever) for server in (private, bad)]
    for thread in threads:
        thread.start()
    yield f"https://{LOOPBACK}:{bad.server_port}"
    BadService.give_up.set()
    for server in (private, bad):
        server.shutdown()
        server.server_close()


def _call_with_tool(stack: Stack, url: str, script: str = WHERE_IS_MY_ORDER) -> Call:
    """A call in which the language model uses the tool, and says that it could not look the order up."""
    persona = make_persona(published=False, greeting="Hello.", voice_id="rachel")
    make_tool(persona, url=url, timeout_s=DEADLINE_S)
    publish(persona)
    make_number(NUMBER, persona)
    report = stack.call(stack.script(script), NUMBER)
    call = final_call(report.room)

    assert report.every_reply_heard
    assert (call.status, call.end_reason) == (Status.COMPLETED, EndReason.CALLER_LEFT)
    assert [turn.text for turn in call.turns.all()][-1] == "I am sorry, I could not look it up."
    return call


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/hangs", "the service did not answer within 2 seconds"),
        ("/redirects", "the service answered with status 307"),
        ("/floods", "the service answered with more than 64 KiB"),
    ],
)
def test_21_a_tool_that_misbehaves_is_given_up_and_the_persona_says_that_it_could_not(
    stack: Stack, quiet: None, service: str, path: str, why: str
) -> None:
    call = _call_with_tool(stack, service + path)

    failure = call.events.get(kind="tool_failed").detail
    assert failure["why"] == why
    assert failure["took_ms"] < (DEADLINE_S + 3) * 1000
    assert why in str(stack.control("GET", "requests"))  # what the language model was told
    assert PrivateService.asked == 0


def test_what_a_tool_finds_is_told_after_words_that_take_longer_than_a_reply_may(
    stack: Stack, quiet: None, service: str
) -> None:
    call = _call_with_tool(stack, service + "/redirects", SAYS_THAT_IT_LOOKS)

    told = [turn.text for turn in call.turns.all() if turn.speaker == Speaker.AGENT]
    assert " ".join(told) == f"Hello. {LOOKING} I am sorry, I could not look it up."

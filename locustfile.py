"""Loads the web process: webhooks as LiveKit and Twilio send them, and people who read in the admin and the API.

    .venv/bin/locust --headless -u 20 -r 10 -t 60s                 # against this machine, as fast as it answers
    .venv/bin/locust --headless -u 20 -r 10 -t 60s --pace 2        # each LiveKit user places two calls per second
    .venv/bin/locust                                               # with Locust's page at http://localhost:8089

The load goes to the web process of this machine unless --host names another, and ends after ten minutes at the latest.
Some webhooks come twice at once, and some calls in the wrong order. At the end the database is read: every webhook that
was answered with 200 must be stored once, and every call once. What is not fails the run (exit code 1).
"""

import logging
import os
import random
from http.cookiejar import Cookie
from typing import Any, ClassVar
from urllib.parse import urlencode, urlsplit

import gevent
import psycopg
from gevent.lock import Semaphore
from locust import FastHttpUser, between, constant_throughput, events, task
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment

from tools.loadtest.webhooks.traffic import (
    DOUBLED,
    Ledger,
    Webhook,
    compare,
    new_prefix,
    one_call,
    twilio_call,
    twilio_event,
    twilio_headers,
)
from tools.local import Instance
from tools.local.ports import LOOPBACK
from tools.measure.calls.webhooks import signed
from tools.run.demo.settings import read_environment

AT_MOST_S = 600
FINISH_S = 10.0  # at the end a call that has begun is finished
SETTLE_S = 20.0  # calls that a worker had taken are over then

read_environment()
log = logging.getLogger("callcenter")
rng = random.Random()  # noqa: S311  not for secrets
prefix, ledger = new_prefix(), Ledger()


@events.init_command_line_parser.add_listener
def add_options(parser: LocustArgumentParser) -> None:
    parser.add_argument("--called", default="+12025550100", help="the number that callers dial (seed_demo's)")
    parser.add_argument("--ring", type=float, default=0.0, help="seconds that a caller rings before hanging up")
    parser.add_argument("--pace", type=float, default=0.0, help="calls per second of each LiveKit user (0: at once)")


@events.init.add_listener
def finish_calls(environment: Environment, **_: Any) -> None:
    environment.stop_timeout = max(environment.stop_timeout, FINISH_S)


@events.test_start.add_listener
def end_in_time(environment: Environment, **_: Any) -> None:
    """A run without -t ends all the same."""
    runner = environment.runner
    if runner is not None:
        gevent.spawn_later(AT_MOST_S, runner.quit)


class LiveKit(FastHttpUser):
    """LiveKit: the four webhooks of a call that is given up."""

    host = f"http://{LOOPBACK}:{os.environ['WEB_PORT']}"
    weight = 8

    def wait_time(self) -> float:
        """Until the next call, in s."""
        pace = self.environment.parsed_options.pace
        return float(constant_throughput(pace)(self)) if pace else 0.0

    @task
    def call(self) -> None:
        options = self.environment.parsed_options
        webhooks = one_call(prefix, options.called, rng)
        ledger.sent.add(webhooks[0].room)
        taken = []
        for number, webhook in enumerate(webhooks):
            if number == 2:
                gevent.sleep(options.ring)
            sendings = [gevent.spawn(self.send, webhook) for _ in range(webhook.copies - 1)]
            taken.append(self.send(webhook))
            gevent.joinall(sendings)
        if all(taken):
            ledger.finished.add(webhooks[0].room)

    def send(self, webhook: Webhook) -> bool:
        """Post it; whether it was answered with 200."""
        headers = signed(webhook.body, os.environ["LIVEKIT_API_KEY"], os.environ["LIVEKIT_API_SECRET"])
        path, name = "/webhooks/livekit", f"/webhooks/livekit {webhook.kind}"
        answer = self.client.post(path, data=webhook.body, headers=headers, name=name)
        if answer.status_code != 200:
            return False
        ledger.taken.add(webhook.event_id)
        if webhook.kind == "participant_joined":
            ledger.joined.add(webhook.room)
        return True


class Twilio(FastHttpUser):
    """Twilio: what to do with a call, and what has become of it. Only where TWILIO_AUTH_TOKEN is set."""

    host = LiveKit.host
    abstract = not os.environ.get("TWILIO_AUTH_TOKEN")
    weight = 1
    wait_time = between(0.2, 0.6)

    @task
    def call(self) -> None:
        parameters = twilio_call(prefix, self.environment.parsed_options.called, rng)
        self.send("/webhooks/twilio/voice", parameters)
        over = parameters | {"CallStatus": "completed", "CallDuration": "7"}
        again = gevent.spawn(self.send, "/webhooks/twilio/status", over) if rng.random() < DOUBLED else None
        if self.send("/webhooks/twilio/status", over):
            ledger.taken.add(twilio_event(over))
        if again is not None:
            again.join()

    def send(self, path: str, parameters: dict[str, str]) -> bool:
        """Post it; whether it was taken."""
        url = os.environ["PUBLIC_BASE_URL"].rstrip("/") + path
        headers = twilio_headers(url, parameters, os.environ["TWILIO_AUTH_TOKEN"])
        return bool(self.client.post(path, data=urlencode(parameters), headers=headers).status_code in (200, 204))


class Reader(FastHttpUser):
    """A person with the admin and the API open, who has logged in with ADMIN_USERNAME and ADMIN_PASSWORD."""

    host = LiveKit.host
    weight = 1
    wait_time = between(0.5, 1.5)
    session: ClassVar[list[Cookie]] = []
    """One login for all readers: logins are limited."""
    one_at_a_time: ClassVar[Semaphore] = Semaphore()

    def on_start(self) -> None:
        with self.one_at_a_time:
            if not self.session:
                self.log_in()
                self.session.extend(self.client.cookiejar)
        for cookie in self.session:
            self.client.cookiejar.set_cookie(cookie)

    def log_in(self) -> None:
        """As the login form does it."""
        self.client.get("/admin/login/")
        token = next((cookie.value for cookie in self.client.cookiejar if cookie.name == "csrftoken"), "")
        login = {"username": os.environ["ADMIN_USERNAME"], "password": os.environ["ADMIN_PASSWORD"]}
        form = urlencode(login | {"csrfmiddlewaretoken": token, "next": "/admin/"})
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Referer": f"{self.client.base_url}/admin/login/",
        }
        self.client.post("/admin/login/", data=form, headers=headers)

    @task(4)
    def live_calls(self) -> None:
        self.client.get("/api/calls/?status=queued", name="/api/calls/?status=")

    @task(2)
    def newest_calls(self) -> None:
        self.client.get("/api/calls/")

    @task(2)
    def dashboard(self) -> None:
        self.client.get("/admin/")

    @task(1)
    def health(self) -> None:
        self.client.get("/health")


@events.quitting.add_listener
def check_nothing_lost(environment: Environment, **_: Any) -> None:
    """Compare what was answered with what is stored."""
    url = os.environ.get("DATABASE_URL", "")
    if not url and urlsplit(environment.host or LiveKit.host).hostname in (LOOPBACK, "localhost"):
        url = Instance.from_environment().database_url
    if not url:
        log.warning("not checked that no call is lost or doubled: DATABASE_URL is not set")
        return
    try:
        problems = _problems(url)
    except psycopg.Error as error:
        problems = [f"the database cannot be read: {error}"]
    for problem in problems:
        log.error("✗ %s", problem)
        environment.process_exit_code = 1
    if not problems:
        log.info("✓ %d webhooks and %d calls stored, none lost, none doubled", len(ledger.taken), len(ledger.joined))


def _problems(url: str) -> list[str]:
    for _ in range(int(SETTLE_S)):
        problems = compare(ledger, url, prefix)
        if not problems:
            return []
        gevent.sleep(1.0)
    return problems

"""A few real calls, and a few seconds of webhooks, against a running product."""

import os
import subprocess
from pathlib import Path

import pytest
from django.conf import settings

from calls.models import Call, PhoneNumber, WebhookEvent
from tests.factories import make_user
from tests.loadtest.fakes import options
from tests.product.stack import BIN, Process, Stack, database_url
from tools.errors import ToolError
from tools.loadtest.command import run
from tools.loadtest.report.page import page
from tools.loadtest.target import Target
from tools.local import ROOT, Instance
from tools.local.ports import LOOPBACK

SCENARIO = """
name: short
caller:
  steps:
    - wait_for_reply: {timeout_s: 20}
    - say: "How much is a check-up?"
    - wait_for_reply
    - hang_up
agent:
  rules:
    - {when: [check-up], say: "A check-up is sixty dollars."}
"""


def target(worker: Process, rabbitmq: Instance, log_dir: Path, number: str) -> Target:
    return Target(
        web_url=f"http://{LOOPBACK}:{os.environ['WEB_PORT']}",
        livekit_url=settings.LIVEKIT_URL,
        environment={},
        log_dir=log_dir,
        number=number,
        speech="scripted",
        database_url=database_url(),
        broker_url=rabbitmq.broker_url,
        simulator_url=f"http://{LOOPBACK}:{os.environ['SIMULATOR_PORT']}",
        workers=lambda: [worker.pid],
    )


def test_calls_at_once_are_placed_judged_and_leave_nothing(
    stack: Stack, worker: Process, number: PhoneNumber, rabbitmq: Instance, tmp_path: Path
) -> None:
    found = run(target(worker, rabbitmq, tmp_path, number.e164), options(duration_s=1.0, ramp_up_s=1.0), SCENARIO)

    assert [(call.reason, call.status) for call in found.calls] == [("", "completed")] * 2
    assert (list(found.leaks), list(found.not_checked)) == ([], [])
    summary = found.test_summary()
    assert (summary["total_calls"], summary["success_rate_percent"], summary["replies_missing"]) == (2, 100.0, 0)
    assert summary["reply_ms"]["count"] == 2
    assert page(found).count("<svg") == 4


def test_a_number_that_takes_fewer_calls_is_named_before_any_is_placed(
    stack: Stack, worker: Process, number: PhoneNumber, rabbitmq: Instance, tmp_path: Path
) -> None:
    PhoneNumber.objects.update(max_calls=1)
    with pytest.raises(ToolError, match="takes 1 calls at once"):
        run(target(worker, rabbitmq, tmp_path, number.e164), options(), SCENARIO)
    assert not Call.objects.exists()


def test_locust_finds_every_webhook_and_every_call_stored_once(
    stack: Stack, number: PhoneNumber, tmp_path: Path
) -> None:
    make_user("reader", password="a-pass-phrase", is_staff=True, is_superuser=True)
    command = [str(BIN / "locust"), "--headless", "-u", "10", "-r", "10", "-t", "3s", "--called", number.e164]
    login = {"ADMIN_USERNAME": "reader", "ADMIN_PASSWORD": "a-pass-phrase", "DATABASE_URL": database_url()}

    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **login}, capture_output=True, text=True, timeout=90)

    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "none lost, none doubled" in done.stderr
    assert Call.objects.count() > 5
    assert WebhookEvent.objects.count() > 20

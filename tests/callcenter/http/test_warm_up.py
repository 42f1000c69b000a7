"""What a web process does before its first request, also when the world is not there yet."""

import os
import subprocess
import sys

import pytest
from django.db import OperationalError, connection
from kombu.exceptions import OperationalError as BrokerAway

from callcenter.celery import app
from callcenter.http import warm_up
from tools.local import ROOT


@pytest.mark.django_db
def test_a_web_process_starts_while_the_database_and_the_broker_are_away(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def no_database() -> None:
        raise OperationalError("connection refused")

    def no_broker() -> None:
        raise BrokerAway("connection refused")

    monkeypatch.setattr(connection, "ensure_connection", no_database)
    monkeypatch.setattr(connection, "close", lambda: None)
    monkeypatch.setattr(app, "producer_or_acquire", no_broker)

    warm_up.web()

    assert "database_away" in caplog.text
    assert "broker_away" in caplog.text


def test_a_process_starts_without_the_client_of_elevenlabs_which_takes_a_second_to_load() -> None:
    program = (
        "import django, sys; django.setup(); import callcenter.urls; print('elevenlabs.base_client' in sys.modules)"
    )
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "callcenter.settings"}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"

"""No rate of an earlier test counts, passwords cost little, nothing reaches the broker or ElevenLabs."""

import math
from typing import Any

import pytest
from django.core.cache import cache
from pytest_django import Settings

from agents.voices import catalog
from callcenter.celery import app
from common import broker
from common.counting import counter


class Nowhere:
    """A Celery app whose messages go nowhere."""

    def send_task(self, *_: Any, **__: Any) -> None:
        """Drop it."""

    def connection_for_read(self) -> Any:
        """The queues can be asked."""
        return app.connection_for_read()


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # the real one is slow on purpose
    monkeypatch.setattr(counter, "_ask_again_at", math.inf)  # no Redis: what other tests counted does not count
    cache.clear()
    monkeypatch.setattr(catalog, "_fetch", lambda provider: iter(()))
    monkeypatch.setattr(broker, "current_app", Nowhere())

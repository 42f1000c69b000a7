"""No rate of an earlier test counts, passwords cost little, nothing reaches the broker or ElevenLabs."""

from typing import Any

import pytest
from django.core.cache import cache
from pytest_django import Settings

from agents import dispatch, voices


class Nowhere:
    """A Celery app whose messages go nowhere."""

    def send_task(self, *_: Any, **__: Any) -> None:
        """Drop it."""


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # the real one is slow on purpose
    cache.clear()
    monkeypatch.setattr(voices, "_fetch", lambda: iter(()))
    monkeypatch.setattr(dispatch, "current_app", Nowhere())

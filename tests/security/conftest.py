"""No rate of an earlier test counts, nothing reaches the broker, and ElevenLabs is not asked for its voices."""

from typing import Any

import pytest
from django.core.cache import cache

from agents import dispatch, voices


class Nowhere:
    """A Celery app whose messages go nowhere."""

    def send_task(self, *_: Any, **__: Any) -> None:
        """Drop it."""


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    cache.clear()
    monkeypatch.setattr(voices, "_fetch", lambda: iter(()))
    monkeypatch.setattr(dispatch, "current_app", Nowhere())

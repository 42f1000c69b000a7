"""Voices without a provider, and people with the groups that the migrations make."""

import pytest
from django.core.cache import cache

from agents import voices
from agents.voices import Voice

LISTED = [
    Voice("EXAVITQu4vr4xnSDxMaL", "Sarah", "female, american", "https://example.com/sarah.mp3"),
    Voice("JBFqnCBsd6RMkjVDRZzb", "George", "male, british", "https://example.com/george.mp3"),
]


@pytest.fixture(autouse=True)
def listed_voices(monkeypatch: pytest.MonkeyPatch) -> list[Voice]:
    """The account's voices; a test about the provider puts its own in their place."""
    cache.clear()
    monkeypatch.setattr(voices, "_fetch", lambda: iter(LISTED))
    return LISTED

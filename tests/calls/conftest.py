"""The broker at arm's length: what the calls app sends is collected, unless a test is about the broker itself."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoCaptureOnCommitCallbacks

from agents.voices import speech_requests
from common import broker
from tests.factories import WebhookRequest

# Posts a webhook, runs what it does on commit, and returns the answer's status and JSON.
Deliver = Callable[[WebhookRequest], tuple[int, dict[str, Any]]]


class SentMessages(list[tuple[str, str]]):
    """Messages in the order in which they were sent, as (task, argument)."""

    def send_task(self, name: str, args: list[str]) -> None:
        self.append((name, args[0]))

    def to(self, task: str) -> list[str]:
        """Return the arguments of one task's messages."""
        return [argument for name, argument in self if name == task]


@pytest.fixture(autouse=True)
def without_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Personas are published without a message to housekeeping, which would stand among the ones tested here."""
    monkeypatch.setattr(speech_requests, "speak_lines", lambda _version_id: None)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> SentMessages:
    """Everything sent to the broker; nothing reaches one."""
    messages = SentMessages()
    monkeypatch.setattr(broker, "current_app", messages)
    return messages


@pytest.fixture
def deliver(django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks, sent: SentMessages) -> Deliver:
    """Post a webhook inside the test's transaction, and run what it does on commit."""
    client = Client()

    def post(request: WebhookRequest) -> tuple[int, dict[str, Any]]:
        with django_capture_on_commit_callbacks(execute=True):
            response = request.post(client)
        return response.status_code, response.json()

    return post

"""Housekeeping of what the voices have said. Each task parses, calls one service and returns."""

import structlog
from celery import shared_task

from agents.voices import fixed_lines
from agents.voices.speech_thread import SpeechThread
from common import broker

log = structlog.get_logger(__name__)

AGAIN_S = 20  # after a provider did not answer
TRIES = 7

_speech = SpeechThread()


@shared_task(name="agents.speak_lines")
def speak_lines(version_id: int, tries: int = 1) -> None:
    """Have the lines that a version lacks spoken, by a thread; asked for again while the provider does not answer."""

    def ask_again() -> None:
        if tries < TRIES:
            broker.send_later("agents.speak_lines", (version_id, tries + 1), AGAIN_S, log)

    _speech.ask(version_id, if_failed=ask_again)


@shared_task(name="agents.forget_lines")
def forget_lines() -> None:
    """Delete the lines that no live version uses."""
    fixed_lines.forget_unused()

"""Housekeeping of what the voices have said. Each task parses, calls one service and returns."""

from celery import shared_task

from agents.models import PersonaVersion
from agents.voices import fixed_lines


@shared_task(
    name="agents.speak_lines",
    autoretry_for=(fixed_lines.SpeechUnavailable,),
    max_retries=6,
    retry_backoff=2,
    retry_backoff_max=60,
)
def speak_lines(version_id: int) -> None:
    """Have the lines that a version lacks spoken; retried for about two minutes while the provider fails."""
    from agents.voices import speech  # with httpx, which the workers of calls do not need here

    version = PersonaVersion.objects.filter(pk=version_id).first()
    if version is not None:
        speech.make_missing_lines(version)


@shared_task(name="agents.forget_lines")
def forget_lines() -> None:
    """Delete the lines that no live version uses."""
    fixed_lines.forget_unused()

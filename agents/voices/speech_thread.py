"""Has the lines of versions spoken, one version after another, in a thread of its own.

A voice may take minutes, or not answer at all. Housekeeping's own threads stay free for what callers wait for.
"""

import queue
import threading
from collections.abc import Callable

import structlog
from django.db import DatabaseError, InterfaceError

from agents.models import PersonaVersion
from agents.voices import fixed_lines
from common.database import borrowed_connection

log = structlog.get_logger(__name__)


class SpeechThread:
    """Takes the ids of versions. One that waits already, or is being spoken, is not taken again."""

    def __init__(self) -> None:
        self._asked: queue.SimpleQueue[tuple[int, Callable[[], None]]] = queue.SimpleQueue()
        self._known: set[int] = set()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def ask(self, version_id: int, if_failed: Callable[[], None]) -> None:
        """Have the lines that this version lacks spoken, after those of the versions before it. Returns at once.

        `if_failed` is called, in the thread, when the provider did not answer.
        """
        with self._lock:
            if version_id in self._known:
                return
            self._known.add(version_id)
            self._asked.put((version_id, if_failed))
            if self._thread is None:  # not before: Celery forks
                self._thread = threading.Thread(target=self._run, name="lines", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            version_id, if_failed = self._asked.get()
            try:
                with borrowed_connection():
                    speak(version_id)
            except fixed_lines.SpeechUnavailable as error:
                log.warning("lines_not_spoken", version_id=version_id, error=str(error))
                if_failed()
            except (DatabaseError, InterfaceError) as error:
                log.warning("lines_not_spoken", version_id=version_id, error=type(error).__name__)
            except Exception:
                log.exception("lines_not_spoken", version_id=version_id)
            with self._lock:
                self._known.discard(version_id)


def speak(version_id: int) -> None:
    """Have the lines that a version lacks spoken. Raises SpeechUnavailable when some were not."""
    from agents.voices import speech  # with httpx, which the workers of calls do not need here

    version = PersonaVersion.objects.filter(pk=version_id).first()
    if version is not None:
        speech.make_missing_lines(version)

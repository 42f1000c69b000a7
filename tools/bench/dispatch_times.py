"""How long a call's message takes from the web process to a worker's task body, by Celery's own events."""

import threading
from collections.abc import Mapping
from typing import Any

from celery import Celery

TASK = "workers.run_call"


class DispatchTimes:
    """Listens to `task-sent` (the web process has published) and `task-started` (the body begins in its slot)."""

    def __init__(self, broker_url: str) -> None:
        # Beside the product's app: `current_app` stays what it was.
        self._app = Celery(broker=broker_url, set_as_current=False)
        self._sent: dict[str, float] = {}
        self._started: dict[str, float] = {}
        self._over = False
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self) -> "DispatchTimes":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over = True
        self._thread.join(5.0)

    def note(self, event: Mapping[str, Any]) -> None:
        """Take in one event."""
        if event["type"] == "task-sent" and event.get("name") == TASK:
            self._sent[event["uuid"]] = event["timestamp"]
        elif event["type"] == "task-started":
            self._started[event["uuid"]] = event["timestamp"]

    def milliseconds(self) -> list[float]:
        """From publishing to the task body, for each call that was seen at both ends."""
        return [(self._started[key] - at) * 1000 for key, at in self._sent.items() if key in self._started]

    def _listen(self) -> None:
        with self._app.connection() as connection:
            receiver = self._app.events.Receiver(connection, handlers={"*": self.note})
            while not self._over:
                try:
                    receiver.capture(limit=None, timeout=1.0, wakeup=False)
                except TimeoutError:
                    continue

"""The simulator's control API, for whoever runs one."""

import json
import urllib.request
from collections.abc import Mapping
from typing import Any


def control(simulator_url: str, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
    """Ask for /control/<path>; return the answer's JSON, None for none. Raises OSError when it refuses."""
    request = urllib.request.Request(  # noqa: S310  our own simulator
        f"{simulator_url}/control/{path}",
        data=json.dumps(body).encode() if body is not None else None,
        headers={"Content-Type": "application/json"},
        method=method,
    )
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        text = answer.read()
    return json.loads(text) if text else None

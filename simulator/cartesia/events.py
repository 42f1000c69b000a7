"""The messages that Cartesia sends while it speaks, over its websocket and as server-sent events alike.

Protocol: docs.cartesia.ai/2026-03-01/api-reference/tts/websocket.
"""

import base64
from collections.abc import Sequence
from typing import Any

from simulator.tts.speaking import Chunk, Word

_PARTIAL = 206
_STEP_MS = 10.0
"""Time that the model needed for a chunk; clients show it, nothing waits for it."""


def chunk_event(chunk: Chunk) -> dict[str, Any]:
    """A piece of audio."""
    data = base64.b64encode(chunk.audio).decode()
    return {"type": "chunk", "data": data, "done": False, "status_code": _PARTIAL, "step_time": _STEP_MS}


def words_event(words: Sequence[Word], offset_s: float) -> dict[str, Any]:
    """When words are said, in seconds; the utterance starts at `offset_s`."""
    timestamps = {
        "words": [word.text for word in words],
        "start": [round(offset_s + word.start_s, 3) for word in words],
        "end": [round(offset_s + word.end_s, 3) for word in words],
    }
    return {"type": "timestamps", "done": False, "status_code": _PARTIAL, "word_timestamps": timestamps}


def flush_done_event(flush_id: int) -> dict[str, Any]:
    """All that was sent before a flush has been spoken."""
    return {"type": "flush_done", "done": False, "flush_done": True, "flush_id": flush_id, "status_code": _PARTIAL}


def done_event() -> dict[str, Any]:
    """The end."""
    return {"type": "done", "done": True, "status_code": _PARTIAL}

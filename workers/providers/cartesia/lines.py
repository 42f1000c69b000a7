"""A line in one of Cartesia's voices, over HTTP: docs.cartesia.ai/2026-03-01/api-reference/tts/sse."""

import base64
import json
from collections.abc import Iterable, Iterator
from typing import Any

import httpx

from agents.providers.accounts import Account
from agents.voices.fixed_lines import SAMPLE_RATE
from agents.voices.speech import Line, Speech
from workers.providers.cartesia.protocol import headers


def speak(account: Account, line: Line, timeout_s: int) -> Speech:
    """Have the voice say the line."""
    request = {
        "model_id": line.model,
        "transcript": line.text,
        "voice": {"mode": "id", "id": line.voice_id},
        "language": line.language.split("-")[0],
        "output_format": {"container": "raw", "encoding": "pcm_s16le", "sample_rate": SAMPLE_RATE},
        "add_timestamps": True,
    }
    pcm = b""
    words: list[tuple[str, int]] = []
    with httpx.stream(
        "POST", f"{account.base_url}/tts/sse", json=request, headers=headers(account), timeout=timeout_s
    ) as answer:
        answer.raise_for_status()
        for event in _events(answer.iter_lines()):
            match event["type"]:
                case "chunk":
                    pcm += base64.b64decode(event["data"], validate=True)
                case "timestamps":
                    times = event["word_timestamps"]
                    starts = (round(start_s * 1000) for start_s in times["start"])
                    words += zip(times["words"], starts, strict=True)
                case "error":
                    raise ValueError(f"{event.get('title')}: {event.get('message')}")
                case "done":
                    return Speech(pcm, words)
    raise ValueError("speech that does not end")


def _events(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    for line in lines:
        if line.startswith("data:"):
            yield json.loads(line.removeprefix("data:"))

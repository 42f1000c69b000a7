"""Cartesia for the web process: lines and voices over HTTP, as docs.cartesia.ai shows the messages."""

import base64
import json
from collections.abc import Iterator

import pytest

from agents.providers.accounts import Account
from agents.voices.speech import Line
from tests.answering import Answers, answering
from workers.providers.cartesia import lines, voices

GREETING = Line("Hello, world!", "sonic-3", "a0e99841-438c-4a64-b679-ae501e7d6091", "en-US")


@pytest.fixture
def cartesia() -> Iterator[tuple[Account, Answers]]:
    with answering() as (url, answers):
        yield Account("CARTESIA", url, "secret"), answers


def events(*messages: dict[str, object]) -> str:
    return "".join(f"event: {message['type']}\ndata: {json.dumps(message)}\n\n" for message in messages)


def chunk(pcm: bytes) -> dict[str, object]:
    return {"type": "chunk", "data": base64.b64encode(pcm).decode(), "done": False, "status_code": 206}


def times(words: list[str], starts: list[float]) -> dict[str, object]:
    ends = [start + 0.3 for start in starts]
    return {"type": "timestamps", "done": False, "word_timestamps": {"words": words, "start": starts, "end": ends}}


def test_a_line_is_spoken_with_the_time_of_each_word(cartesia: tuple[Account, Answers]) -> None:
    account, answers = cartesia
    done = {"type": "done", "done": True}
    answers.append((200, events(chunk(b"\1\0\2\0"), times(["Hello,", "world!"], [0.0, 0.5]), chunk(b"\3\0"), done)))

    speech = lines.speak(account, GREETING, 5)

    assert speech.pcm == b"\1\0\2\0\3\0"
    assert speech.words == [("Hello,", 0), ("world!", 500)]
    [(method, path, headers)] = answers.asked
    assert (method, path) == ("POST", "/tts/sse")
    assert headers["Authorization"] == "Bearer secret"
    assert headers["Cartesia-Version"] == "2026-03-01"
    assert json.loads(answers.bodies[0]) == {
        "model_id": "sonic-3",
        "transcript": "Hello, world!",
        "voice": {"mode": "id", "id": GREETING.voice_id},
        "language": "en",
        "output_format": {"container": "raw", "encoding": "pcm_s16le", "sample_rate": 16000},
        "add_timestamps": True,
    }


@pytest.mark.parametrize(
    ("status", "body", "what"),
    [
        (200, events({"type": "error", "title": "Invalid model", "message": "sonic-9 is none."}), "sonic-9 is none"),
        (200, events(chunk(b"\1\0")), "does not end"),
        (200, events({"type": "chunk", "data": "%%%"}), "."),
        (500, {"title": "Internal server error"}, "500"),
    ],
)
def test_what_is_no_speech_is_an_error(status: int, body: object, what: str, cartesia: tuple[Account, Answers]) -> None:
    account, answers = cartesia
    answers.append((status, body))
    with pytest.raises(Exception, match=what):
        lines.speak(account, GREETING, 5)


def test_voices_are_listed_page_by_page_and_the_key_is_for_cartesia_only(cartesia: tuple[Account, Answers]) -> None:
    account, answers = cartesia
    katie = {"id": "katie-id", "name": "Katie", "gender": "feminine", "language": "en", "description": "Friendly."}
    kyle = {"id": "kyle-id", "name": "Kyle", "preview_file_url": "https://files.example.com/kyle.wav"}
    katie["preview_file_url"] = f"{account.base_url}/files/katie.wav"
    answers.append((200, {"data": [katie], "has_more": True, "next_page": "katie-id"}))
    answers.append((200, {"data": [kyle], "has_more": False, "next_page": None}))

    first, second = voices.list_voices(account)

    assert (first.id, first.title) == ("katie-id", "Katie – feminine, en, Friendly.")
    assert first.sample_headers["Authorization"] == "Bearer secret"
    assert (second.id, second.title, second.sample_url) == ("kyle-id", "Kyle", kyle["preview_file_url"])
    assert second.sample_headers == {}
    assert [path for _, path, _ in answers.asked] == [
        "/voices?limit=100&expand%5B%5D=preview_file_url",
        "/voices?limit=100&expand%5B%5D=preview_file_url&starting_after=katie-id",
    ]

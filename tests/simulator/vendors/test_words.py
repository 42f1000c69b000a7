"""Both Deepgram protocols hear words as they come, and none in a cough, a noise or a clip's pause."""

from collections.abc import Sequence
from typing import Any

import aiohttp
import numpy as np
import pytest
import yaml

from simulator.profiles import INTERIM_FLOOR_MS, PROFILES
from simulator.scenario import Words
from simulator.speech.marks import NO_WORDS, add_mark, code_of
from simulator.speech.pcm import SAMPLE_RATE, Samples
from simulator.speech.recognition import UNMARKED, ScriptedRecognizer
from tests.simulator.conftest import SECOND, say
from tests.simulator.speech.opus import through_opus
from tests.simulator.vendors.test_deepgram import FLUX, NOVA, changes, listening, milliseconds, text_of

HOURS = "Hello, could you tell me your opening hours, please?"
INTERIM = f"{NOVA}&interim_results=true"


def cough(seconds: float = 0.6) -> bytes:
    """A loud noise that is marked as one without words."""
    noise = np.random.default_rng(3).normal(0, 3000, round(seconds * SAMPLE_RATE)).astype(np.int16)
    return add_mark(noise, NO_WORDS).tobytes()


def transcripts(messages: Sequence[dict[str, Any]]) -> list[str]:
    return [text_of(message) for message in messages if message["type"] == "Results" and text_of(message)]


async def test_a_sound_without_words_is_no_turn_of_flux(base_url: str) -> None:
    async with listening(base_url, f"{FLUX}&eager_eot_threshold=0.5") as flux:
        await flux.hear(SECOND, cough(), SECOND, await say(HOURS), SECOND)
        messages = await flux.finish()
    assert changes(messages) == ["StartOfTurn", "EagerEndOfTurn", "EndOfTurn"]
    (end,) = [message for message in messages if message.get("event") == "EndOfTurn"]
    assert (end["turn_index"], end["transcript"]) == (0, HOURS)


async def test_a_sound_without_words_gives_nova_no_transcript(base_url: str) -> None:
    async with listening(base_url, INTERIM) as nova:
        await nova.hear(SECOND, cough(), SECOND)
        assert transcripts(await nova.finish()) == []


async def test_nova_finalizes_a_sound_without_words_as_nothing(base_url: str) -> None:
    async with listening(base_url, f"{INTERIM}&endpointing=false") as nova:
        await nova.hear(SECOND, cough(), milliseconds(220))
        await nova.tell("Finalize")
        final = await nova.until(type="Results", from_finalize=True)
    assert final["channel"]["alternatives"][0]["transcript"] == ""


async def test_a_turn_of_flux_begins_with_its_first_word(base_url: str) -> None:
    async with listening(base_url, FLUX) as flux:
        await flux.hear(SECOND, await say(HOURS), SECOND)
        start = await flux.until(event="StartOfTurn")
    assert start["transcript"].startswith("Hello")


async def test_a_word_that_ends_the_turn_begins_it_too(base_url: str) -> None:
    yes = "Yes."
    await learn(base_url, [{"say": yes}])
    async with listening(base_url, FLUX) as flux:
        await flux.hear(SECOND, await say(yes), SECOND)
        messages = await flux.finish()
    assert changes(messages) == ["StartOfTurn", "EndOfTurn"]
    assert [message["transcript"] for message in messages if message.get("event") == "EndOfTurn"] == [yes]


async def test_nova_reports_word_after_word(base_url: str) -> None:
    async with listening(base_url, INTERIM) as nova:
        await nova.hear(SECOND, await say(HOURS), SECOND)
        told = transcripts(await nova.finish())
    assert told[-1] == HOURS
    interim = [text.split() for text in told[:-1]]
    assert [len(words) for words in interim] == sorted({len(words) for words in interim})
    assert all(words == HOURS.split()[: len(words)] for words in interim)
    assert len(interim) >= 5


async def learn(base_url: str, steps: list[Any]) -> None:
    document = yaml.safe_dump({"name": "learned", "caller": {"steps": steps}})
    async with aiohttp.ClientSession(base_url) as http, http.put("/control/scenario", json={"yaml": document}) as put:
        assert put.status == 200


@pytest.mark.parametrize(("profile", "turns"), [("none", 2), ("published", 1)])
async def test_flux_waits_longer_within_a_sentence_in_the_published_profile(
    base_url: str, profile: str, turns: int
) -> None:
    first, rest = "I would like", "to book a cleaning."
    await learn(base_url, [{"play": {"clip": "pause.wav", "says": [first, rest]}}])
    async with aiohttp.ClientSession(base_url) as http:
        await http.put("/control/profile", json={"name": profile})
    async with listening(base_url, FLUX) as flux:
        await flux.hear(SECOND, await say(first), milliseconds(700), await say(rest), SECOND, SECOND, SECOND)
        messages = await flux.finish()
    ends = [message["transcript"] for message in messages if message.get("event") == "EndOfTurn"]
    assert ends == ([f"{first} {rest}"] if turns == 1 else [first, rest])


def test_no_interim_comes_sooner_than_a_real_one() -> None:
    for profile in PROFILES.values():
        assert profile.stt_interim.floor_ms >= INTERIM_FLOOR_MS


def recognizer(*words: Words) -> ScriptedRecognizer:
    return ScriptedRecognizer(lambda: words)


def marked(seconds: float, code: int) -> Samples:
    noise = np.random.default_rng(5).normal(0, 2000, round(seconds * SAMPLE_RATE)).astype(np.int16)
    return add_mark(noise, code)


async def test_the_words_of_a_known_length_come_when_they_are_over() -> None:
    line = Words("one two three four", seconds=2.0)
    pcm = marked(2.0, code_of(line.text))
    heard = recognizer(line)
    told = [(await heard.partial(pcm[: round(at * SAMPLE_RATE)], "")).text for at in (0.3, 0.5, 0.9, 1.6, 1.9)]
    assert told == ["", "one", "one two", "one two three", "one two three"]


async def test_reported_words_are_not_taken_back() -> None:
    line = Words("one two three four", seconds=2.0)
    assert (await recognizer(line).partial(marked(0.6, code_of(line.text)), "one two")).text == "one two"


async def test_unmarked_speech_is_reported_as_such_and_a_marked_sound_is_silence() -> None:
    noise = np.random.default_rng(6).normal(0, 2000, SAMPLE_RATE).astype(np.int16)
    assert (await recognizer().partial(noise, "")).text == UNMARKED
    assert await recognizer().transcribe(noise) == UNMARKED
    assert (await recognizer().partial(marked(1.0, NO_WORDS), "")).text == ""
    assert await recognizer().transcribe(through_opus(marked(1.0, NO_WORDS), 24_000)) == ""


def test_no_line_has_the_code_of_a_sound_without_words() -> None:
    assert all(code_of(f"line {number}") != NO_WORDS for number in range(200_000))

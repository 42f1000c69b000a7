"""The simulated Flux says as much, as often and as late as the real one was recorded to."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import aiohttp
import pytest

from simulator.deepgram.drafts import draft
from simulator.scenario import load_all
from simulator.speech.pcm import SAMPLE_RATE
from tests.simulator.conftest import SECOND, say
from tests.simulator.vendors.test_deepgram import FLUX, HOURS, TUESDAY, listening, milliseconds

LINES = [line for scenario in load_all().values() for line in scenario.caller.lines()]
PHASES = [0, 70, 130, 190]
"""Milliseconds of silence before the voice: Flux does not count from where it begins."""


def turn_infos(messages: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [message for message in messages if message["type"] == "TurnInfo"]


def position_ms(message: dict[str, Any]) -> int:
    return round(float(message["audio_window_end"]) * 1000)


def length_ms(pcm: bytes) -> float:
    return len(pcm) / 2 / SAMPLE_RATE * 1000


async def infos_of(base_url: str, *parts: bytes, path: str = FLUX) -> list[dict[str, Any]]:
    async with listening(base_url, path) as flux:
        await flux.hear(*parts)
        return turn_infos(await flux.finish())


async def test_an_update_comes_for_every_240_ms_of_audio_while_nothing_ends(base_url: str) -> None:
    infos = await infos_of(base_url, SECOND, SECOND, await say(HOURS), SECOND, SECOND)
    gaps = [position_ms(later) - position_ms(earlier) for earlier, later in pairwise(infos)]
    assert all(gap % 80 == 0 and 80 <= gap <= 240 for gap in gaps)
    end = next(number for number, info in enumerate(infos) if info["event"] == "EndOfTurn")
    near_end = {end - 1, end - 2, end - 3}  # gap n lies before message n + 1
    assert all(gap == 240 for number, gap in enumerate(gaps) if number not in near_end)
    assert position_ms(infos[0]) == 240
    assert {info["event"] for number, info in enumerate(infos) if number not in (end,)} == {"Update", "StartOfTurn"}


async def test_an_update_comes_for_every_80_ms_when_an_end_is_near(base_url: str) -> None:
    path = f"{FLUX}&eot_threshold=1.0&eot_timeout_ms=1500"  # the end is near for long
    infos = await infos_of(base_url, SECOND, await say(HOURS), SECOND, SECOND, path=path)
    end = next(number for number, info in enumerate(infos) if info["event"] == "EndOfTurn")
    last = [position_ms(info) for info in infos[end - 10 : end + 1]]
    assert {later - earlier for earlier, later in pairwise(last)} == {80}
    assert all(info["end_of_turn_confidence"] >= 0.6 for info in infos[end - 10 : end])


async def test_updates_between_turns_are_empty_and_count_from_the_last_end(base_url: str) -> None:
    infos = await infos_of(base_url, SECOND, await say(HOURS), SECOND, SECOND, await say(TUESDAY), SECOND)
    starts = [number for number, info in enumerate(infos) if info["event"] == "StartOfTurn"]
    end = next(number for number, info in enumerate(infos) if info["event"] == "EndOfTurn")
    between = infos[end + 1 : starts[1]]
    assert len(between) >= 6
    assert all((info["transcript"], info["words"], info["turn_index"]) == ("", [], 1) for info in between)
    assert {info["audio_window_start"] for info in infos[: end + 1]} == {0.0}
    assert {info["audio_window_start"] for info in between} == {infos[end]["audio_window_end"]}
    confidences = [info["end_of_turn_confidence"] for info in between[:5]]
    assert confidences == sorted(confidences, reverse=True)


async def test_words_have_no_times(base_url: str) -> None:
    infos = await infos_of(base_url, SECOND, await say(HOURS), SECOND)
    words = [word for info in infos for word in info["words"]]
    assert words
    assert all(set(word) == {"word", "confidence"} for word in words)
    assert all(" ".join(word["word"] for word in info["words"]) == info["transcript"] for info in infos)


async def test_earlier_words_are_revised_by_later_updates(base_url: str) -> None:
    infos = await infos_of(base_url, SECOND, await say(HOURS), SECOND)
    texts = [info["transcript"].split() for info in infos if info["transcript"]]
    revised = [(earlier, later) for earlier, later in pairwise(texts) if earlier[:-1] != later[: len(earlier) - 1]]
    assert revised
    assert texts[-1] == HOURS.split()


def test_a_draft_is_certain_of_a_word_two_words_later() -> None:
    words = ["Do", "you", "have", "an", "opening", "this", "week?"]
    drafts = [draft(words[:count], words[count] if count < len(words) else "") for count in range(len(words) + 1)]
    assert drafts[0] == "Do"
    assert drafts[4] == "Do you have an the ope"
    assert drafts[6] == "Do you have an the ope this week"
    assert drafts[7] == "Do you have an opening this week"
    assert draft(["Yes."], "") == "Yes."
    assert draft([], "Something") == "Some"
    assert draft([], "") == ""


@pytest.mark.parametrize("phase_ms", PHASES)
@pytest.mark.parametrize("profile", ["none", "published"])
async def test_a_turn_starts_with_its_first_words_0_3_to_0_5_s_after_the_voice(
    base_url: str, http: aiohttp.ClientSession, phase_ms: int, profile: str
) -> None:
    await http.put("/control/profile", json={"name": profile})
    infos = await infos_of(base_url, SECOND, milliseconds(phase_ms), await say(HOURS), SECOND)
    start = next(info for info in infos if info["event"] == "StartOfTurn")
    assert 250 <= position_ms(start) - 1000 - phase_ms <= 520
    assert start["transcript"]


@pytest.mark.parametrize("profile", ["none", "published"])
async def test_a_turn_ends_0_to_300_ms_after_a_clear_end(
    base_url: str, http: aiohttp.ClientSession, profile: str
) -> None:
    await http.put("/control/profile", json={"name": profile})
    stream, expected_ms = SECOND, []
    for number, line in enumerate(LINES):
        stream += await say(line)
        expected_ms.append(length_ms(stream))
        stream += milliseconds(1500 + PHASES[number % len(PHASES)])
    ends = [info for info in await infos_of(base_url, stream) if info["event"] == "EndOfTurn"]
    assert [end["transcript"] for end in ends] == LINES
    late_ms = [position_ms(end) - voice_end_ms for end, voice_end_ms in zip(ends, expected_ms, strict=True)]
    assert all(0 <= late <= 310 for late in late_ms), late_ms  # by windows of 10 ms

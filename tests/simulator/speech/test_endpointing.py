"""Turns are found by energy: in quiet and in noise, through a telephone's codec, and not too soon."""

import numpy as np
import pytest

from simulator.hearing.endpointing import SpeechEvent, TurnFinder
from simulator.profiles import PROFILES
from simulator.scenario import load_all
from simulator.speech.pcm import SAMPLE_RATE, Samples
from simulator.world import Settings, World
from tests.simulator.conftest import say
from tests.simulator.speech.opus import through_opus

LINES = [line for scenario in load_all().values() for line in scenario.caller.lines()]
QUIET = np.zeros(SAMPLE_RATE, dtype=np.int16)


def events(stream: Samples, frame: int = 512) -> list[SpeechEvent]:
    """What a finder that waits 100 and 200 ms hears in a stream that comes in frames."""
    finder = TurnFinder(lambda: (0.1, 0.2))
    return [event for start in range(0, len(stream), frame) for event in finder.feed(stream[start : start + frame])]


def kinds(found: list[SpeechEvent]) -> list[str]:
    return [event.kind for event in found if event.kind in ("started", "ended")]


async def spoken(text: str) -> Samples:
    return np.concatenate([QUIET, np.frombuffer(await say(text), dtype="<i2"), QUIET])


@pytest.mark.parametrize("line", LINES)
async def test_each_line_of_a_scenario_is_one_turn_after_opus(line: str) -> None:
    found = events(through_opus(await spoken(line), 24_000))
    assert kinds(found) == ["started", "ended"]


async def test_a_turn_is_where_the_speech_is() -> None:
    stream = await spoken(LINES[0])
    started, ended = (event for event in events(stream) if event.kind in ("started", "ended"))
    speech_end_s = len(stream) / SAMPLE_RATE - 1
    assert started.turn_start_s == pytest.approx(1.0, abs=0.05)
    assert ended.last_voice_s == pytest.approx(speech_end_s, abs=0.05)
    assert ended.at_s - ended.last_voice_s == pytest.approx(0.2, abs=0.011)
    assert len(ended.pcm) / SAMPLE_RATE == pytest.approx(speech_end_s - 1, abs=0.6)


@pytest.mark.parametrize("noise_db", [-60, -45])
async def test_noise_is_not_speech_and_does_not_hide_the_end(noise_db: int) -> None:
    stream = (await spoken(LINES[0])).astype(np.float64)
    noise = np.random.default_rng(1).normal(0, 32768 * 10 ** (noise_db / 20), len(stream) + 5 * SAMPLE_RATE)
    noise[5 * SAMPLE_RATE :] += stream
    found = events(np.clip(noise, -32768, 32767).astype(np.int16))
    assert kinds(found)[0] == "started"
    assert kinds(found)[-1] == "ended"
    first = next(event for event in found if event.kind == "started")
    assert first.turn_start_s > 5.5


async def test_frames_of_any_length_give_the_same_turns() -> None:
    stream = await spoken(LINES[0])
    assert kinds(events(stream, 160)) == kinds(events(stream, 333)) == kinds(events(stream, len(stream)))


@pytest.mark.parametrize("profile", ["none", "published"])
def test_no_profile_ends_a_turn_sooner_than_a_real_service(profile: str) -> None:
    world = World(Settings(speech="scripted", seed=1))
    world.choose_profile(profile)
    draws = [world.end_of_turn_s() for _ in range(2000)]
    assert min(clear for _, _, clear in draws) >= 0.2
    assert min(eager for eager, _, _ in draws) >= 0.1
    assert all(eager <= clear <= end for eager, end, clear in draws)
    world.close()


def test_the_published_delays_have_the_published_median_and_tail() -> None:
    world = World(Settings(speech="scripted", seed=1))
    delay = PROFILES["published"].end_of_turn
    draws = np.array([delay.sample_s(world.rng) for _ in range(5000)]) * 1000
    assert np.median(draws) == pytest.approx(260, rel=0.05)
    assert np.percentile(draws, 95) == pytest.approx(1500, rel=0.1)
    world.close()


def test_the_same_seed_draws_the_same_delays() -> None:
    worlds = [World(Settings(speech="scripted", profile="published", seed=7)) for _ in range(2)]
    assert worlds[0].end_of_turn_s() == worlds[1].end_of_turn_s()
    for world in worlds:
        world.close()

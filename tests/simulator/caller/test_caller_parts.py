"""The caller's mouth, recording, settings and command line, each by itself."""

import asyncio
import stat
import sys
import time
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simulator.caller import CallerEvent, CallError, CallerSettings, CallReport, Utterance
from simulator.caller import __main__ as command_line
from simulator.caller.conversation import expects_reply
from simulator.caller.lines import prepare_lines
from simulator.caller.mouth import FRAME, LEAD_S, Mouth
from simulator.caller.recording import Channel, Recording
from simulator.scenario import (
    CallerPart,
    HangUp,
    Interrupt,
    Play,
    Say,
    Scenario,
    StaySilent,
    WaitForReply,
    WaitForSilence,
    Words,
)
from simulator.speech.audio import wav
from simulator.speech.pcm import SAMPLE_RATE, Samples

LOUD = np.full(2 * FRAME + 160, 3000, dtype=np.int16)


class Line:
    """A queue like LiveKit's, which empties in real time. It knows when each frame left, and can be held up."""

    def __init__(self) -> None:
        self.frames: list[tuple[Samples, float]] = []
        self.free_at = 0.0
        self.hold_up_s = 0.0
        self.has_most = asyncio.Event()

    async def send(self, frame: Samples) -> None:
        if len(frame) > FRAME:
            self.has_most.set()
        leaves_at = max(self.free_at, time.monotonic())
        self.frames.append((frame, leaves_at))
        self.free_at = leaves_at + len(frame) / SAMPLE_RATE
        held_up, self.hold_up_s = self.hold_up_s, 0.0
        await asyncio.sleep(held_up + self.free_at - LEAD_S - time.monotonic())

    def spoken(self) -> tuple[float, float]:
        """When the first loud sample left, and when the last had left."""
        loud = [(frame, leaves_at) for frame, leaves_at in self.frames if frame.any()]
        last_frame, last_at = loud[-1]
        return loud[0][1], last_at + (np.flatnonzero(last_frame)[-1] + 1) / SAMPLE_RATE


async def test_speech_is_played_whole_and_dated_by_when_it_left() -> None:
    line = Line()
    mouth = Mouth(line.send)
    running = asyncio.create_task(mouth.run())
    begun: list[float] = []
    spoken = await mouth.say(LOUD, begun.append)
    assert time.monotonic() >= spoken.ended_at
    running.cancel()

    assert begun == [spoken.started_at]
    assert (spoken.started_at, spoken.ended_at) == pytest.approx(line.spoken(), abs=0.02)
    played = np.concatenate([frame for frame, _ in line.frames])
    assert (played != 0).sum() == len(LOUD)


async def test_a_loop_that_is_busy_for_long_leaves_no_hole_in_the_callers_speech() -> None:
    line = Line()
    mouth = Mouth(line.send)
    running = asyncio.create_task(mouth.run())
    speaking = asyncio.create_task(mouth.say(np.full(SAMPLE_RATE, 3000, dtype=np.int16)))
    await line.has_most.wait()
    time.sleep(0.4)  # noqa: ASYNC251  the loop stands still
    spoken = await speaking
    running.cancel()

    assert spoken.ended_at - spoken.started_at == pytest.approx(1, abs=0.02)
    assert (spoken.started_at, spoken.ended_at) == pytest.approx(line.spoken(), abs=0.02)


async def test_a_mouth_that_was_held_up_still_dates_its_speech_right() -> None:
    line = Line()
    mouth = Mouth(line.send)
    running = asyncio.create_task(mouth.run())
    gaps = mouth.gaps
    line.hold_up_s = 0.5
    spoken = await mouth.say(LOUD)
    running.cancel()
    assert mouth.gaps > gaps
    assert mouth.lateness_p99_ms > 100
    assert (spoken.started_at, spoken.ended_at) == pytest.approx(line.spoken(), abs=0.02)


@pytest.mark.parametrize("samples", [1, FRAME, FRAME + 1])
async def test_short_sounds_are_dated_too(samples: int) -> None:
    line = Line()
    mouth = Mouth(line.send)
    running = asyncio.create_task(mouth.run())
    spoken = await mouth.say(LOUD[:samples])
    running.cancel()
    assert (spoken.started_at, spoken.ended_at) == pytest.approx(line.spoken(), abs=0.02)


def test_a_recording_puts_sound_where_it_was_heard(tmp_path: Path) -> None:
    recording = Recording(origin=100.0)
    frame = np.full(320, 1000, dtype=np.int16)
    for number in range(50):
        recording.left.add(frame, 100.0 + number * 0.02)
    for number in range(10):
        recording.right.add(frame, 100.5 + number * 0.02)
    (tmp_path / "call.wav").touch(0o644)
    recording.write(tmp_path / "call.wav")
    assert stat.S_IMODE((tmp_path / "call.wav").stat().st_mode) == 0o600
    with wave.open(str(tmp_path / "call.wav")) as file:
        both = np.frombuffer(file.readframes(file.getnframes()), dtype=np.int16).reshape(-1, 2)
    assert len(both) == SAMPLE_RATE
    right = np.flatnonzero(both[:, 1])
    assert (right[0], right[-1]) == (SAMPLE_RATE // 2, SAMPLE_RATE // 2 + 3199)


def test_frames_that_are_late_for_a_moment_leave_no_hole() -> None:
    channel = Channel(origin=0.0)
    for number in range(100):
        late = 0.1 if 40 <= number < 45 else 0.0
        channel.add(np.full(320, 1000, dtype=np.int16), number * 0.02 + late)
    assert channel.samples().all()
    assert len(channel.samples()) == 100 * 320


def test_frames_that_stay_late_are_put_later() -> None:
    channel = Channel(origin=0.0)
    for number in range(100):
        channel.add(np.full(320, 1000, dtype=np.int16), number * 0.02 + (0.1 if number >= 40 else 0.0))
    assert len(channel.samples()) == 100 * 320 + SAMPLE_RATE // 10


def test_a_recording_that_began_late_is_put_right() -> None:
    channel = Channel(origin=0.0)
    for number in range(100):
        loud = np.full(320, 1000 if number >= 50 else 0, dtype=np.int16)
        channel.add(loud, number * 0.02 + (0.1 if number == 0 else 0.0))
    assert np.flatnonzero(channel.samples())[0] == SAMPLE_RATE


def test_a_pause_between_frames_is_silence() -> None:
    channel = Channel(origin=0.0)
    channel.add(np.full(320, 1000, dtype=np.int16), 0.0)
    channel.add(np.full(320, 1000, dtype=np.int16), 1.0)
    samples = channel.samples()
    assert len(samples) == SAMPLE_RATE + 320
    assert not samples[320:SAMPLE_RATE].any()


def test_a_reply_is_expected_where_the_scenario_waits_for_it() -> None:
    assert expects_reply((WaitForReply(),))
    assert expects_reply((StaySilent(1), Interrupt(500, "Wait.")))
    assert not expects_reply(())
    assert not expects_reply((Say("More."), WaitForReply()))
    assert not expects_reply((HangUp(),))
    assert expects_reply((Play("cough.wav", after_ms=500),))
    assert not expects_reply((WaitForSilence(), Play("question.wav"), WaitForReply()))


GOOD: dict[str, Any] = {
    "livekit_url": "ws://127.0.0.1:7890",
    "api_key": "key",
    "api_secret": "secret",
    "to_number": "+12025550100",
    "scenario": Scenario("test"),
}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"livekit_url": "127.0.0.1:7890"}, "LIVEKIT_URL is '127.0.0.1:7890': it must begin with ws://"),
        ({"api_key": ""}, "LIVEKIT_API_KEY is empty"),
        ({"api_secret": ""}, "LIVEKIT_API_SECRET is empty"),
        ({"to_number": "12025550100"}, "to number '12025550100' has no country code"),
        ({"to_number": "+1202"}, r"to number '\+1202' is not a telephone number"),
        ({"from_number": "+abc"}, r"from number '\+abc' is not a telephone number"),
        ({"ring_timeout_s": 0}, "ring timeout is 0: it must be more than 0 seconds"),
        ({"max_seconds": -1}, "max seconds is -1"),
        ({"wav_path": Path("/nowhere/call.wav")}, "its directory does not exist"),
    ],
)
def test_a_setting_that_cannot_work_is_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(CallError, match=message):
        CallerSettings(**GOOD | change)


def playing(clip: Path) -> CallerSettings:
    steps = (Play(str(clip), (Words("Yes."),)), Play(str(clip), after_ms=500))
    return CallerSettings(**GOOD | {"scenario": Scenario("clips", CallerPart(steps=steps))})


async def test_a_clip_is_played_as_it_is(tmp_path: Path) -> None:
    clip = tmp_path / "tone.wav"
    clip.write_bytes(wav(LOUD))
    lines = await prepare_lines(playing(clip))
    assert list(lines) == [str(clip)]
    assert (lines[str(clip)] == LOUD).all()


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "cannot be read"), (b"RIFF", "not a WAV file"), (wav(LOUD * 0), "has no sound")],
)
async def test_a_clip_that_cannot_be_played_is_named(tmp_path: Path, content: bytes | None, message: str) -> None:
    clip = tmp_path / "tone.wav"
    if content is not None:
        clip.write_bytes(content)
    with pytest.raises(CallError, match=f"clip '{clip}'.*{message}"):
        await prepare_lines(playing(clip))


def test_each_call_gets_a_room_of_its_own() -> None:
    settings = CallerSettings(**GOOD)
    assert settings.new_room_name().startswith("call-")
    assert settings.new_room_name() != settings.new_room_name()


@pytest.fixture
def run_caller(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Runs the command line without a .env file and returns its exit code."""

    def running(*arguments: str, **variables: str) -> int:
        monkeypatch.setattr(command_line, "ENV_FILE", Path("/nowhere/.env"))
        monkeypatch.setattr(sys, "argv", ["simulator.caller", *arguments])
        for name, value in ({"LIVEKIT_API_KEY": "key", "LIVEKIT_API_SECRET": "s" * 32} | variables).items():
            monkeypatch.setenv(name, value)
        try:
            return command_line.main()
        except SystemExit as end:
            return int(end.code or 0)

    return running


def test_help_explains_what_is_measured_and_the_exit_codes(
    run_caller: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_caller("--help") == 0
    shown = capsys.readouterr().out
    for words in ["examples:", "what is measured, and how", "exit codes:", "LIVEKIT_URL"]:
        assert words in shown


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--scenario", "nowhere.yaml", "--to", "+12025550100"), "nowhere.yaml"),
        (("--scenario", "appointment", "--to", "555"), "to number '555'"),
        (
            ("--scenario", "appointment", "--to", "+12025550100", "--speech", "scripted"),
            "cannot reach LiveKit at ws://127.0.0.1:9: is it running",
        ),
    ],
)
def test_a_call_that_cannot_be_placed_gives_one_line_and_exit_code_2(
    run_caller: Callable[..., int], capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str
) -> None:
    assert run_caller(*arguments, LIVEKIT_URL="ws://127.0.0.1:9") == 2
    errors = capsys.readouterr().err
    assert message in errors
    assert errors.strip().count("\n") == 0


def test_an_empty_livekit_url_means_the_local_port(monkeypatch: pytest.MonkeyPatch) -> None:
    variables = {"LIVEKIT_URL": "", "LIVEKIT_PORT": "7890", "LIVEKIT_API_KEY": "k", "LIVEKIT_API_SECRET": "s"}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    arguments = command_line.parse_arguments(["--scenario", "appointment", "--to", "+12025550100"])
    assert command_line.settings_from(arguments).livekit_url == "ws://127.0.0.1:7890"


def test_the_command_line_prints_events_and_the_result() -> None:
    event = CallerEvent("reply", 1.5, latency_ms=512.4)
    assert command_line.describe(event) == "    1.50 s  reply after 512 ms"
    heard = Utterance("Yes.", 1.0, 2.0, reply_expected=True, reply_heard=True, reply_latency_ms=512.4)
    report = CallReport("call-1", "test", "+12025550123", "+12025550100", utterances=[heard])
    report.answered = report.ended_as_planned = True
    report.pickup_ms, report.ended_by = 400.0, "agent"
    assert "1 of 1 heard, after 512 ms" in command_line.summarize(report)
    assert command_line.summarize(report).endswith("passed")
    heard.reply_heard = False
    assert command_line.summarize(report).endswith("failed: the caller did not hear every reply")

"""Files of several kinds are read, and those that cannot be used are refused in one line."""

import wave
from pathlib import Path

import numpy as np
import pytest

from tests.latency.studio import ANSWER, QUESTION, agree, placed, spoken, truth, write
from tools.errors import ToolError
from tools.latency.recordings import found_in, read_recording
from tools.latency.voice_activity import find_speech

MINE = {1.0: spoken(QUESTION)}
THEIRS = {5.0: spoken(ANSWER, "agent")}
SECONDS = 10.0
KINDS = [
    ("call.wav", "pcm_s16le", 8000),
    ("call.wav", "pcm_s16le", 44100),
    ("call.wav", "pcm_mulaw", 8000),
    ("call.mp3", "libmp3lame", 22050),
]


@pytest.mark.parametrize(("name", "codec", "rate"), KINDS)
def test_speech_is_found_in_files_of_every_kind(tmp_path: Path, name: str, codec: str, rate: int) -> None:
    path = write(tmp_path / name, placed(MINE, SECONDS), placed(THEIRS, SECONDS), codec, rate)

    recording = read_recording(path)
    assert recording.duration_s == pytest.approx(SECONDS, abs=0.1)
    assert agree(find_speech(recording.caller), truth(MINE))
    assert agree(find_speech(recording.agent), truth(THEIRS))


def test_the_callers_channel_can_be_the_right_one(tmp_path: Path) -> None:
    path = write(tmp_path / "call.wav", placed(THEIRS, SECONDS), placed(MINE, SECONDS))

    recording = read_recording(path, "right")
    assert np.array_equal(recording.caller, placed(MINE, SECONDS))


def test_a_file_with_one_channel_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "call.wav", placed(MINE, SECONDS), placed(THEIRS, SECONDS), layout="mono")

    with pytest.raises(ToolError, match="has 1 channel, so caller and agent cannot be told apart"):
        read_recording(path)


@pytest.mark.parametrize("content", [b"", b"RIFF", b"no sound at all" * 100])
def test_a_file_that_is_no_recording_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "call.wav"
    path.write_bytes(content)

    with pytest.raises(ToolError, match="give a WAV or MP3 file"):
        read_recording(path)


def test_a_file_without_a_sample_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "call.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(8000)

    with pytest.raises(ToolError, match="is empty"):
        read_recording(path)


def test_a_folder_stands_for_the_recordings_in_it(tmp_path: Path) -> None:
    (tmp_path / "day").mkdir()
    for name in ("b.wav", "day/a.MP3", "notes.txt"):
        (tmp_path / name).touch()

    assert found_in([tmp_path, tmp_path / "b.wav"]) == [tmp_path / "b.wav", tmp_path / "day/a.MP3"]


def test_a_path_without_recordings_is_named(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="has no recordings"):
        found_in([tmp_path])
    with pytest.raises(ToolError, match="does not exist"):
        found_in([tmp_path / "gone.wav"])

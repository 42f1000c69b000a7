"""Recordings of calls, read from WAV, MP3 or any other file that FFmpeg knows."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import av
import numpy as np
import numpy.typing as npt

from tools.errors import ToolError

Samples = npt.NDArray[np.int16]
Side = Literal["left", "right"]

SAMPLE_RATE = 16_000
"""Samples a second of every array here: what the voice activity model takes."""

SUFFIXES = (".wav", ".mp3")
"""The files that are taken from a folder."""


@dataclass(frozen=True)
class Recording:
    """A call's two sides from the same moment on: 16-bit mono PCM at 16 kHz, of the same length."""

    caller: Samples
    agent: Samples

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self.caller) / SAMPLE_RATE


def read_recording(path: Path, caller_channel: Side = "left") -> Recording:
    """Decode a file with two channels, of which `caller_channel` is the caller's. Raises ToolError."""
    try:
        channels = _decode(path)
    except (av.FFmpegError, OSError) as error:
        reason = error.strerror or type(error).__name__
        raise ToolError(f"cannot be read ({reason}): give a WAV or MP3 file") from error
    if len(channels) != 2:
        raise ToolError(
            f"has {len(channels)} channel{'s' if len(channels) > 1 else ''}, so caller and agent cannot be told apart: "
            "record calls with two channels"
        )
    left, right = channels
    return Recording(left, right) if caller_channel == "left" else Recording(right, left)


def _decode(path: Path) -> Samples:
    """Every channel of the first audio stream, a row each."""
    with av.open(str(path)) as container:
        if not container.streams.audio:
            raise ToolError("has no sound: give a WAV or MP3 file")
        resampler = av.AudioResampler(format="s16p", rate=SAMPLE_RATE)
        parts: list[Samples] = []
        for frame in container.decode(container.streams.audio[0]):
            parts += [_samples(part) for part in resampler.resample(frame)]
        if not parts:
            raise ToolError("is empty: give a recording of a call")
        parts += [_samples(part) for part in resampler.resample(None)]
    return np.concatenate(parts, axis=1)


def _samples(frame: av.AudioFrame) -> Samples:
    return np.asarray(frame.to_ndarray(), dtype=np.int16)


def found_in(paths: list[Path]) -> list[Path]:
    """These files, and those in these folders whose names end with SUFFIXES, each once. Raises ToolError."""
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(file for file in path.rglob("*") if file.suffix.lower() in SUFFIXES and file.is_file())
            if not inside:
                raise ToolError(f"{path} has no recordings: give a folder with WAV or MP3 files")
            files += inside
        elif path.exists():
            files.append(path)
        else:
            raise ToolError(f"{path} does not exist: give a recording, or a folder of recordings")
    return list(dict.fromkeys(files))

"""Cartesia's output formats: raw samples, a WAV file of them, or an MP3.

Protocol: docs.cartesia.ai/api-reference/tts/bytes.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from simulator.speech.audio import AudioFormat, UnsupportedFormat

_RATES = (8000, 16000, 22050, 24000, 44100, 48000)
_CODECS: dict[str, tuple[Literal["pcm", "float", "mulaw", "alaw"], int]] = {
    "pcm_s16le": ("pcm", 1),
    "pcm_f32le": ("float", 3),
    "pcm_alaw": ("alaw", 6),
    "pcm_mulaw": ("mulaw", 7),
}
"""The encodings, with the numbers that they have in WAV files."""
_BIT_RATES = (32000, 64000, 96000, 128000, 192000)


@dataclass(frozen=True)
class OutputFormat:
    """A container, and the audio in it."""

    container: str
    audio: AudioFormat
    media_type: str

    def header(self) -> bytes:
        """What stands before the audio: for WAV a header of unknown length, as the audio is still being made."""
        if self.container != "wav":
            return b""
        width, rate = self.audio.sample_bytes, self.audio.rate
        tag = next(tag for codec, tag in _CODECS.values() if codec == self.audio.codec)
        form = struct.pack("<4sIHHIIHH", b"fmt ", 16, tag, 1, rate, rate * width, width, 8 * width)
        return b"RIFF\xff\xff\xff\xffWAVE" + form + b"data\xff\xff\xff\xff"


def parse_output_format(document: object, containers: tuple[str, ...]) -> OutputFormat:
    """Read a format. Raises UnsupportedFormat."""
    if not isinstance(document, Mapping):
        raise UnsupportedFormat("output_format is required.")
    container, rate = document.get("container"), document.get("sample_rate")
    if container not in containers:
        raise UnsupportedFormat(f"output_format.container is {container!r}: use {' or '.join(containers)}.")
    if rate not in _RATES:
        raise UnsupportedFormat(f"output_format.sample_rate is {rate!r}: use one of {', '.join(map(str, _RATES))}.")
    if container == "mp3":
        bit_rate = document.get("bit_rate")
        if bit_rate not in _BIT_RATES:
            raise UnsupportedFormat(f"output_format.bit_rate is {bit_rate!r}: use one of 32000 to 192000.")
        return OutputFormat("mp3", AudioFormat("mp3", rate, bit_rate // 1000), "audio/mpeg")
    encoding = document.get("encoding")
    if not isinstance(encoding, str) or encoding not in _CODECS:
        raise UnsupportedFormat(f"output_format.encoding is {encoding!r}: use one of {', '.join(_CODECS)}.")
    media_type = "audio/wav" if container == "wav" else "application/octet-stream"
    return OutputFormat(str(container), AudioFormat(_CODECS[encoding][0], rate), media_type)

"""Audio formats on the wire: what STT clients send, and what TTS clients ask for."""

import io
import wave
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, cast

import av
import numpy as np
import soxr

from simulator.speech.pcm import SAMPLE_RATE, Samples


class UnsupportedFormat(ValueError):
    """An encoding or output format that the simulator does not speak; the message says which it does."""


def _linear16(data: bytes) -> Samples:
    return np.frombuffer(data, dtype="<i2")


def _mulaw(data: bytes) -> Samples:
    code = ~np.frombuffer(data, dtype=np.uint8)
    magnitude = (((code & 0x0F).astype(np.int32) << 3) + 0x84 << ((code & 0x70) >> 4)) - 0x84
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)


def _alaw(data: bytes) -> Samples:
    code = np.frombuffer(data, dtype=np.uint8) ^ 0x55
    exponent = ((code & 0x70) >> 4).astype(np.int32)
    mantissa = (code & 0x0F).astype(np.int32) << 4
    magnitude = np.where(exponent > 0, mantissa + 0x108 << np.maximum(exponent - 1, 0), mantissa + 8)
    return np.where(code & 0x80, magnitude, -magnitude).astype(np.int16)


_DECODERS: dict[str, tuple[Callable[[bytes], Samples], int]] = {
    "linear16": (_linear16, 2),
    "mulaw": (_mulaw, 1),
    "alaw": (_alaw, 1),
}


class AudioDecoder:
    """Turns a client's audio into 16-bit mono PCM at 16 kHz, message by message.

    Raises UnsupportedFormat for an encoding, rate or number of channels that is not known.
    """

    def __init__(self, encoding: str, rate: int, channels: int = 1) -> None:
        if encoding not in _DECODERS:
            raise UnsupportedFormat(f"encoding is {encoding!r}: use one of {', '.join(_DECODERS)}")
        if not 8000 <= rate <= 48000:
            raise UnsupportedFormat(f"sample_rate is {rate}: use 8000 to 48000 Hz")
        if not 1 <= channels <= 8:
            raise UnsupportedFormat(f"channels is {channels}: use 1 to 8")
        self._decode, width = _DECODERS[encoding]
        self._channels = channels
        self._block = width * channels
        self._rest = b""
        self._resampler = soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="int16") if rate != SAMPLE_RATE else None

    def feed(self, data: bytes) -> Samples:
        """Decode one message; channels are mixed. An incomplete sample waits for the next message."""
        data = self._rest + data
        whole = len(data) - len(data) % self._block
        self._rest = data[whole:]
        samples = self._decode(data[:whole])
        if self._channels > 1:
            samples = samples.reshape(-1, self._channels).mean(axis=1).astype(np.int16)
        if self._resampler is not None:
            samples = self._resampler.resample_chunk(samples)
        return samples


@dataclass(frozen=True)
class AudioFormat:
    """How speech is sent: as samples (16 bits, floats, µ-law or A-law) at `rate` Hz, or as MP3 of `bitrate` kbit/s."""

    codec: Literal["pcm", "float", "mulaw", "alaw", "mp3"]
    rate: int
    bitrate: int = 0

    @property
    def sample_bytes(self) -> int:
        """The width of a sample; an MP3 can be cut after any byte."""
        return {"pcm": 2, "float": 4}.get(self.codec, 1)


def encode(pcm16k: Samples, audio_format: AudioFormat) -> bytes:
    """Encode an utterance."""
    codec, rate = audio_format.codec, audio_format.rate
    samples = pcm16k if rate == SAMPLE_RATE else soxr.resample(pcm16k, SAMPLE_RATE, rate)
    if codec == "pcm":
        return bytes(samples.astype("<i2").tobytes())
    if codec == "float":
        return bytes((samples / np.float32(32768)).astype("<f4").tobytes())
    if codec == "mp3":
        return _encode_with("mp3", samples, rate, audio_format.bitrate)
    return _encode_with(f"pcm_{codec}", samples, rate, 0)


def wav(pcm16k: Samples) -> bytes:
    """A WAV file: 16-bit, mono, 16 kHz."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(pcm16k.tobytes())
    return buffer.getvalue()


def _encode_with(codec: str, samples: Samples, rate: int, bitrate: int) -> bytes:
    context = cast(av.AudioCodecContext, av.CodecContext.create(codec, "w"))
    context.sample_rate = rate
    context.layout = "mono"
    context.format = "s16p" if codec == "mp3" else "s16"
    if bitrate:
        context.bit_rate = bitrate * 1000
    frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format=context.format.name, layout="mono")
    frame.sample_rate = rate
    frame.pts = 0
    packets = []
    for part in _split(frame, context.frame_size or 0):
        packets += context.encode(part)
    packets += context.encode(None)
    return b"".join(bytes(packet) for packet in packets)


def _split(frame: av.AudioFrame, size: int) -> list[av.AudioFrame]:
    """Cut a frame into those of the size the encoder wants."""
    if not size:
        return [frame]
    fifo = av.AudioFifo()
    fifo.write(frame)
    parts = fifo.read_many(size)
    rest = fifo.read(0, partial=True)
    return [*parts, rest] if rest else list(parts)

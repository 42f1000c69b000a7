"""ElevenLabs' names of audio formats: pcm_<rate>, ulaw_8000, alaw_8000 and mp3_<rate>_<kbit/s>."""

from typing import Literal

from simulator.speech.audio import AudioFormat, UnsupportedFormat

_CODECS: dict[str, tuple[Literal["pcm", "mulaw", "alaw", "mp3"], set[int]]] = {
    "pcm": ("pcm", {8000, 16000, 22050, 24000, 32000, 44100, 48000}),
    "ulaw": ("mulaw", {8000}),
    "alaw": ("alaw", {8000}),
    "mp3": ("mp3", {22050, 24000, 44100}),
}


def parse_output_format(output_format: str) -> AudioFormat:
    """Read a format. Raises UnsupportedFormat."""
    name, *numbers = output_format.split("_")
    if name in _CODECS and numbers and all(number.isdigit() for number in numbers):
        codec, rates = _CODECS[name]
        if int(numbers[0]) in rates:
            return AudioFormat(codec, int(numbers[0]), int(numbers[1]) if len(numbers) > 1 else 0)
    raise UnsupportedFormat(f"output_format is {output_format!r}: use pcm_16000, ulaw_8000, mp3_44100_128 or similar")


def content_type(audio_format: AudioFormat) -> str:
    """The media type of an HTTP answer in this format."""
    if audio_format.codec == "pcm":
        return f"audio/pcm;rate={audio_format.rate}"
    return {"mp3": "audio/mpeg", "mulaw": "audio/basic"}.get(audio_format.codec, f"audio/{audio_format.codec}")

"""The callers' voices: Piper's packaged one, and espeak-ng's with different pitch, accent and pace."""

import subprocess
from dataclasses import dataclass

from simulator.speech.pcm import Samples, decode_wav, resample, trim_silence
from simulator.speech.piper import PiperProcess, SynthesisError
from tools.errors import ToolError


@dataclass(frozen=True)
class EspeakVoice:
    """A voice of espeak-ng; `pace` in words a minute."""

    name: str
    pace: int


VOICES: dict[str, EspeakVoice | None] = {
    "joe": None,
    "anna": EspeakVoice("en-us+f3", 165),
    "ben": EspeakVoice("en-gb+m3", 200),
    "carl": EspeakVoice("en-us+m7", 135),
    "dora": EspeakVoice("en-gb-scotland+f4", 170),
}
"""By name; None is Piper's en_US-joe-medium."""


class Speaker:
    """Speaks lines in any of the voices. Close it at the end."""

    def __init__(self) -> None:
        self._piper = PiperProcess(steady=True)

    def speak(self, text: str, voice: str) -> Samples:
        """Return the line (16-bit mono PCM at 16 kHz), from its first sound to its last. Raises ToolError."""
        espeak = VOICES[voice]
        try:
            wav = self._piper.speak(text) if espeak is None else _espeak(text, espeak)
        except SynthesisError as error:
            raise ToolError(str(error)) from error
        return trim_silence(resample(*decode_wav(wav)))

    def close(self) -> None:
        """End Piper's process."""
        self._piper.close()


def _espeak(text: str, voice: EspeakVoice) -> bytes:
    command = ["espeak-ng", "--stdin", "--stdout", "-b", "1", "-v", voice.name, "-s", str(voice.pace)]
    try:
        done = subprocess.run(command, input=text.encode(), capture_output=True, check=True, timeout=30)
    except FileNotFoundError:
        raise ToolError("espeak-ng is not installed: run scripts/setup, or install it with apt-get") from None
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        raise ToolError(f"espeak-ng does not speak with the voice {voice.name}: {error}") from error
    return done.stdout

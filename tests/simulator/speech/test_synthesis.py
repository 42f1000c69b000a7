"""Text becomes speech of the one shape that the simulator knows."""

import asyncio
import struct

import numpy as np
import pytest
from pipecat.audio.vad.silero import SileroVADAnalyzer

from simulator.scenario import load_all
from simulator.speech.marks import add_mark, code_of
from simulator.speech.pcm import SAMPLE_RATE, decode_wav, resample, rms, trim_silence
from simulator.speech.piper import PiperProcess, SynthesisError
from simulator.speech.synthesis import (
    CALLER_VOICE,
    CachedSynthesizer,
    EspeakSynthesizer,
    PiperSynthesizer,
    make_synthesizer,
)

SENTENCE = "Could you tell me your opening hours, please?"


class CountingSynthesizer:
    """Gives the text itself as audio, and counts."""

    def __init__(self) -> None:
        self.made: list[str] = []

    async def synthesize(self, text: str, voice: str) -> bytes:
        self.made.append(text)
        await asyncio.sleep(0)
        return f"{voice}: {text}".encode()

    def close(self) -> None:
        self.made.clear()


def silero_confidence(speech: "np.typing.NDArray[np.int16]") -> float:
    """The share of 32 ms windows that Silero takes for speech."""
    detector = SileroVADAnalyzer(sample_rate=SAMPLE_RATE)
    detector.set_sample_rate(SAMPLE_RATE)
    windows = [speech[start : start + 512] for start in range(0, len(speech) - 511, 512)]
    return float(np.mean([float(np.squeeze(detector.voice_confidence(window.tobytes()))) > 0.7 for window in windows]))


async def test_espeak_speaks_at_16_khz() -> None:
    speech = np.frombuffer(await EspeakSynthesizer().synthesize(SENTENCE, CALLER_VOICE), dtype=np.int16)
    assert 1.5 < len(speech) / SAMPLE_RATE < 5
    assert rms(trim_silence(speech)) > 1000


async def test_voices_differ_and_a_voice_stays_the_same() -> None:
    engine = EspeakSynthesizer()
    caller = await engine.synthesize("Hello", CALLER_VOICE)
    agent = await engine.synthesize("Hello", "21m00Tcm4TlvDq8ikWAM")
    assert caller != agent
    assert agent == await engine.synthesize("Hello", "21m00Tcm4TlvDq8ikWAM")


@pytest.mark.parametrize("text", ["", "   ", "...", "-- !"])
@pytest.mark.parametrize("speech", ["local", "scripted"])
async def test_text_without_words_is_a_short_silence(speech: str, text: str) -> None:
    engine = PiperSynthesizer() if speech == "local" else EspeakSynthesizer()
    assert await engine.synthesize(text, CALLER_VOICE) == bytes(2 * SAMPLE_RATE // 10)


async def test_text_that_looks_like_an_option_is_spoken() -> None:
    assert len(await EspeakSynthesizer().synthesize("--version\nis what I said", CALLER_VOICE)) > SAMPLE_RATE


async def test_a_missing_espeak_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SynthesisError, match="espeak-ng is not installed: run scripts/setup"):
        await EspeakSynthesizer().synthesize("Hello", CALLER_VOICE)


async def test_piper_speaks_again_after_its_process_has_died() -> None:
    engine = PiperSynthesizer()
    try:
        first = np.frombuffer(await engine.synthesize(SENTENCE, CALLER_VOICE), dtype=np.int16)
        assert 1.5 < len(first) / SAMPLE_RATE < 5
        process = engine._piper._process
        assert process is not None
        process.kill()
        process.wait()
        assert await engine.synthesize("Yes, it is.", CALLER_VOICE)
    finally:
        engine.close()
    assert engine._piper._process is None


def test_piper_that_cannot_start_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulator.speech.piper.sys.executable", "/bin/false")
    with pytest.raises(SynthesisError, match="Piper stopped before it had spoken"):
        PiperProcess().speak("Hello")


async def test_a_line_asked_for_by_many_is_made_once() -> None:
    engine = CountingSynthesizer()
    cached = CachedSynthesizer(engine)
    answers = await asyncio.gather(*(cached.synthesize("Hello", CALLER_VOICE) for _ in range(5)))
    assert set(answers) == {b"caller: Hello"}
    await cached.synthesize("Hello", CALLER_VOICE)
    assert engine.made == ["Hello"]


async def test_the_line_unused_for_longest_leaves_the_cache() -> None:
    engine = CountingSynthesizer()
    cached = CachedSynthesizer(engine, capacity=2)
    for text in ["one", "two", "one", "three", "one", "two"]:
        await cached.synthesize(text, CALLER_VOICE)
    assert engine.made == ["one", "two", "three", "two"]


def test_an_unknown_kind_of_speech_is_refused() -> None:
    with pytest.raises(ValueError, match="'loud': it must be local or scripted"):
        make_synthesizer("loud")  # type: ignore[arg-type]


async def test_silero_takes_marked_speech_for_speech() -> None:
    """As much of it as of the same speech without a mark, within a tenth."""
    for text in [line for scenario in load_all().values() for line in scenario.caller.lines()]:
        pcm = await EspeakSynthesizer().synthesize(text, CALLER_VOICE)
        speech = trim_silence(np.frombuffer(pcm, dtype=np.int16))
        assert silero_confidence(add_mark(speech, code_of(text))) > max(0.6, silero_confidence(speech) - 0.1), text


def test_trimming_keeps_exactly_the_sound() -> None:
    sound = np.full(SAMPLE_RATE, 3000, dtype=np.int16)
    assert len(trim_silence(np.pad(sound, (800, 1600)))) == len(sound)
    assert not len(trim_silence(np.zeros(SAMPLE_RATE, dtype=np.int16)))


def test_a_wav_file_of_unknown_length_is_read_to_its_end() -> None:
    header = b"RIFF\xff\xff\xff\x7fWAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 22_050, 44_100, 2, 16)
    samples, rate = decode_wav(header + b"data" + struct.pack("<I", 0x7FFFF000) + b"\x01\x00\x02\x00\x03")
    assert (samples.tolist(), rate) == ([1, 2], 22_050)
    assert abs(len(resample(np.zeros(22_050, dtype=np.int16), rate)) - SAMPLE_RATE) < 20


def test_what_is_no_16_bit_mono_wav_file_is_refused() -> None:
    stereo = b"RIFF\0\0\0\0WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 2, 8_000, 32_000, 4, 16)
    for data, reason in [(b"", "not a WAV"), (stereo, "16-bit with 2 channels"), (b"RIFF\0\0\0\0WAVE", "no audio")]:
        with pytest.raises(ValueError, match=reason):
            decode_wav(data)

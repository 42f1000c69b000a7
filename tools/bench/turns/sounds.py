"""Sounds without words, made with numpy from a seed: the same bytes on every machine of one numpy version.

No recordings are used, because none with a free license are packaged. Each sound follows what is known of the real one
(spectrum, length, rhythm), which is as much as energy, a voice activity model and a telephone codec can tell; it is no
proof of how a person's cough fares.

A sound is an array of float64 at 16 kHz, of any level: simulator speech is mixed and leveled in clips.py.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from simulator.speech.pcm import SAMPLE_RATE

Sound = npt.NDArray[np.float64]
Maker = Callable[[np.random.Generator], Sound]


def make(name: str, seed: int) -> Sound:
    """The sound of this name. Raises KeyError for a name that is not in SOUNDS."""
    return SOUNDS[name](np.random.default_rng([seed, *name.encode()]))


def noise(seconds: float, rng: np.random.Generator, low_hz: float = 20.0, high_hz: float = 8_000.0) -> Sound:
    """White noise between two frequencies."""
    spectrum = np.fft.rfft(rng.normal(size=round(seconds * SAMPLE_RATE)))
    frequencies = np.fft.rfftfreq(round(seconds * SAMPLE_RATE), 1 / SAMPLE_RATE)
    spectrum[(frequencies < low_hz) | (frequencies > high_hz)] = 0
    return np.fft.irfft(spectrum, round(seconds * SAMPLE_RATE))


def street(seconds: float, rng: np.random.Generator) -> Sound:
    """What is behind a caller in the street: noise that falls by 6 dB an octave, with slow swells."""
    count = round(seconds * SAMPLE_RATE)
    spectrum = np.fft.rfft(rng.normal(size=count))
    spectrum /= np.maximum(np.fft.rfftfreq(count, 1 / SAMPLE_RATE), 100.0)
    swell = 1 + 0.3 * np.sin(2 * np.pi * (0.7 * _time(count) + rng.random()))
    return np.asarray(np.fft.irfft(spectrum, count) * swell, dtype=np.float64)


def _time(count: int) -> Sound:
    return np.arange(count) / SAMPLE_RATE


def _decay(count: int, seconds: float, attack_s: float = 0.004) -> Sound:
    """An envelope that rises within the attack and then falls by 8.7 dB every `seconds`."""
    return np.minimum(_time(count) / attack_s, 1.0) * np.exp(-_time(count) / seconds)


def _place(length_s: float, *parts: tuple[float, Sound]) -> Sound:
    """Put sounds where they begin (s)."""
    whole = np.zeros(round(length_s * SAMPLE_RATE))
    for start_s, part in parts:
        start = round(start_s * SAMPLE_RATE)
        end = min(start + len(part), len(whole))
        whole[start:end] += part[: end - start]
    return whole


def _one_cough(rng: np.random.Generator) -> Sound:
    """A burst of 60 ms as the throat opens, then a rougher, quieter flow of air with some voice in it."""
    burst, flow = noise(0.30, rng, 300, 5_000), noise(0.30, rng, 200, 2_500)
    count = len(burst)
    pitch = 0.4 * np.sign(np.sin(2 * np.pi * (160 - 60 * _time(count)) * _time(count)))
    return burst / burst.std() * _decay(count, 0.04) + 0.35 * (flow / flow.std() + pitch) * _decay(count, 0.11, 0.05)


def cough(rng: np.random.Generator) -> Sound:
    """Two coughs, 0.38 s apart."""
    return _place(0.75, (0.0, _one_cough(rng)), (0.38, 0.8 * _one_cough(rng)))


def single_cough(rng: np.random.Generator) -> Sound:
    """One cough of 0.3 s."""
    return _one_cough(rng)


def throat(rng: np.random.Generator) -> Sound:
    """Clearing the throat: low, rough, 0.6 s; its roughness is a flutter at about 70 Hz."""
    rough = noise(0.6, rng, 120, 1_800)
    count = len(rough)
    flutter = 0.55 + 0.45 * np.sign(np.sin(2 * np.pi * np.cumsum(rng.normal(70, 12, count)) / SAMPLE_RATE))
    return rough * flutter * np.sin(np.pi * np.arange(count) / count) ** 0.5


def click(rng: np.random.Generator) -> Sound:
    """One click of a pen or a mouth: 12 ms."""
    part = noise(0.012, rng, 900, 5_000)
    return part * _decay(len(part), 0.003, 0.0005)


def keyboard(rng: np.random.Generator) -> Sound:
    """Nine keys in 1.2 s; each is two clicks, down and up."""
    keys = []
    for number in range(9):
        at = 0.02 + 0.125 * number + 0.03 * rng.random()
        keys += [(at, click(rng)), (at + 0.05, 0.5 * click(rng))]
    return _place(1.2, *keys)


def breath(rng: np.random.Generator) -> Sound:
    """Breathing out at the mouthpiece: 0.9 s of air that swells and fades."""
    air = noise(0.9, rng, 250, 4_500)
    swell: Sound = np.sin(np.pi * np.arange(len(air)) / len(air)) ** 2
    return air * swell


def sniff(rng: np.random.Generator) -> Sound:
    """A sniff: 0.25 s of hissing air."""
    air = noise(0.25, rng, 1_200, 6_000)
    return air * np.sin(np.pi * np.arange(len(air)) / len(air))


def burst(rng: np.random.Generator) -> Sound:
    """A burst of white noise, 0.5 s, as when the wind hits the mouthpiece."""
    return noise(0.5, rng, 100, 6_000)


def crackle(rng: np.random.Generator) -> Sound:
    """A bad line: 60 pulses a second at random, for 1.5 s."""
    pulses = np.where(rng.random(round(1.5 * SAMPLE_RATE)) < 60 / SAMPLE_RATE, rng.normal(size=24_000), 0.0)
    rung: Sound = np.convolve(pulses, np.exp(-np.arange(20) / 5.0))[: len(pulses)]
    return rung


def door(rng: np.random.Generator) -> Sound:
    """A door that falls shut: a low thump of 0.35 s."""
    thump = noise(0.35, rng, 60, 700)
    return thump * _decay(len(thump), 0.06)


def music(rng: np.random.Generator) -> Sound:
    """Music on hold in the background: four chords of a plucked instrument in 2 s."""
    chords = []
    for number, root in enumerate((220.0, 174.6, 196.0, 261.6)):
        count = round(0.5 * SAMPLE_RATE)
        tones = [
            np.sin(2 * np.pi * root * third * harmonic * _time(count) + rng.random()) / harmonic
            for third in (1.0, 1.25, 1.5)
            for harmonic in (1, 2, 3, 4)
        ]
        chords.append((0.5 * number, np.sum(tones, axis=0) * _decay(count, 0.25)))
    return _place(2.0, *chords)


_VOWELS = ((730, 1_090, 2_440), (270, 2_290, 3_010), (300, 870, 2_240), (530, 1_840, 2_480), (570, 840, 2_410))
"""The first three formants of five vowels, Hz (Peterson and Barney, 1952)."""


def _talker(seconds: float, rng: np.random.Generator) -> Sound:
    """A voice that says vowels, about four a second: speech without words."""
    said: list[Sound] = []
    pitch = rng.uniform(90, 230)
    while len(said) < seconds * 4:
        count = round(rng.uniform(0.18, 0.32) * SAMPLE_RATE)
        phase = np.cumsum(np.full(count, pitch * rng.uniform(0.9, 1.15))) / SAMPLE_RATE
        spectrum = np.fft.rfft((phase % 1.0) - 0.5)
        frequencies = np.fft.rfftfreq(count, 1 / SAMPLE_RATE)
        formants = _VOWELS[rng.integers(len(_VOWELS))]
        spectrum *= sum(1 / (1 + ((frequencies - formant) / 90) ** 2) for formant in formants)
        voiced = np.fft.irfft(spectrum, count) * np.sin(np.pi * np.arange(count) / count)
        said.append(voiced if rng.random() < 0.8 else np.zeros(count))
    return np.concatenate(said)[: round(seconds * SAMPLE_RATE)]


def babble(rng: np.random.Generator) -> Sound:
    """Six people who talk in the background for 2.5 s."""
    talkers = [_talker(2.5, rng) for _ in range(6)]
    shortest = min(len(talker) for talker in talkers)
    return np.sum([talker[:shortest] for talker in talkers], axis=0)


SOUNDS: dict[str, Maker] = {
    maker.__name__: maker
    for maker in (
        *(cough, single_cough, throat, click, keyboard, breath, sniff),
        *(burst, crackle, door, music, babble),
    )
}

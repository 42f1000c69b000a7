"""What the caller of a scenario does, step by step, and how the steps are written in YAML."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from simulator.fields import Reader

_DTMF = re.compile(r"^[0-9*#A-Da-dw]+$")


@dataclass(frozen=True)
class Say:
    """The caller says `text`."""

    text: str


@dataclass(frozen=True)
class WaitForReply:
    """Wait until the agent spoke and has been silent for `silence_ms`; fail after `timeout_s` without a reply."""

    timeout_s: float = 10.0
    silence_ms: int = 700


@dataclass(frozen=True)
class WaitForSilence:
    """Wait until the agent has been silent for `silence_ms`, or `timeout_s` are over. No reply is expected."""

    timeout_s: float = 30.0
    silence_ms: int = 700


@dataclass(frozen=True)
class Interrupt:
    """Say `text` once the agent has been speaking for `after_ms`."""

    after_ms: int
    text: str


@dataclass(frozen=True)
class Words:
    """A stretch of speech that carries the mark of `text`.

    `seconds` is its length, None if it is not known. `unfinished`: the caller pauses here, but has not said all of it.
    """

    text: str
    seconds: float | None = None
    unfinished: bool = False


@dataclass(frozen=True)
class Play:
    """Play the WAV file `clip` (16-bit mono): at once, or once the agent has been speaking for `after_ms`.

    `says` are the words in it, in order, each stretch marked (simulator.speech.marks) if scripted recognition shall
    hear it. A sound without words says nothing, and carries the mark NO_WORDS.
    """

    clip: str
    says: tuple[Words, ...] = ()
    after_ms: int | None = None

    @property
    def text(self) -> str:
        """What it says; for a sound without words its file's name in brackets."""
        return " ".join(words.text for words in self.says) or f"[{self.clip.rpartition('/')[2].removesuffix('.wav')}]"


@dataclass(frozen=True)
class StaySilent:
    """Say nothing for `seconds`."""

    seconds: float


@dataclass(frozen=True)
class Dtmf:
    """Press `digits` on the keypad: 0-9, A-D, *, # (w waits half a second)."""

    digits: str


@dataclass(frozen=True)
class HangUp:
    """Leave the call."""


Step = Say | WaitForReply | WaitForSilence | Interrupt | Play | StaySilent | Dtmf | HangUp

_STEPS = {"say", "wait_for_reply", "wait_for_silence", "interrupt", "play", "stay_silent", "dtmf", "hang_up"}
_WITHOUT_DETAIL = ("hang_up", "wait_for_reply", "wait_for_silence")


def parse_step(reader: Reader, value: object, where: str) -> Step:
    """Read one step. Raises ScenarioError."""
    if value in _WITHOUT_DETAIL:
        value = {value: None}
    step = reader.mapping(value, where, _STEPS)
    if len(step) != 1:
        raise reader.error(where, f"must be one step only: {', '.join(sorted(_STEPS))}")
    kind, detail = next(iter(step.items()))
    where = f"{where}.{kind}"
    match kind:
        case "say":
            return Say(reader.text(detail, where))
        case "wait_for_reply":
            return WaitForReply(*_waiting(reader, detail or {}, where, WaitForReply.timeout_s, WaitForReply.silence_ms))
        case "wait_for_silence":
            defaults = WaitForSilence.timeout_s, WaitForSilence.silence_ms
            return WaitForSilence(*_waiting(reader, detail or {}, where, *defaults))
        case "interrupt":
            fields = reader.mapping(detail, where, {"after_ms", "say"})
            after_ms = reader.number(fields.get("after_ms", 800), f"{where}.after_ms")
            return Interrupt(int(after_ms), reader.text(fields.get("say"), f"{where}.say"))
        case "play":
            return _play(reader, detail, where)
        case "stay_silent":
            if isinstance(detail, Mapping):
                detail = reader.mapping(detail, where, {"seconds"}).get("seconds")
            return StaySilent(reader.number(detail, f"{where}.seconds"))
        case "dtmf":
            digits = str(detail) if isinstance(detail, str | int) else ""
            if not _DTMF.match(digits):
                raise reader.error(where, "must be keys in quotes, such as '12#' (0-9, A-D, *, #, w waits)")
            return Dtmf(digits)
        case _:
            return HangUp()


def _waiting(reader: Reader, detail: object, where: str, timeout_s: float, silence_ms: int) -> tuple[float, int]:
    fields = reader.mapping(detail, where, {"timeout_s", "silence_ms"})
    silence = reader.number(fields.get("silence_ms", silence_ms), f"{where}.silence_ms")
    return reader.number(fields.get("timeout_s", timeout_s), f"{where}.timeout_s"), int(silence)


def _play(reader: Reader, detail: object, where: str) -> Play:
    fields = reader.mapping(detail, where, {"clip", "says", "after_ms"})
    clip = reader.text(fields.get("clip"), f"{where}.clip")
    if not clip.endswith(".wav"):
        raise reader.error(f"{where}.clip", f"{clip!r} is not a WAV file: give the path of a 16-bit mono file *.wav")
    says = fields.get("says") or []
    if isinstance(says, str):
        says = [says]
    stretches = reader.items(says, f"{where}.says")
    words = [
        _words(reader, entry, f"{where}.says[{number}]", unfinished=number < len(stretches))
        for number, entry in enumerate(stretches, 1)
    ]
    after_ms = fields.get("after_ms")
    return Play(clip, tuple(words), None if after_ms is None else int(reader.number(after_ms, f"{where}.after_ms")))


def _words(reader: Reader, value: object, where: str, unfinished: bool) -> Words:
    if isinstance(value, str):
        return Words(reader.text(value, where), unfinished=unfinished)
    fields = reader.mapping(value, where, {"text", "seconds"})
    seconds = fields.get("seconds")
    text = reader.text(fields.get("text"), f"{where}.text")
    return Words(text, None if seconds is None else reader.number(seconds, f"{where}.seconds"), unfinished)

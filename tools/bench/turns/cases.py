"""The cases, read from cases.yaml and checked."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast, get_args

import yaml

from simulator.fields import Reader, ScenarioError
from tools.bench.turns.sounds import SOUNDS
from tools.bench.turns.voices import VOICES
from tools.errors import ToolError

FILE = Path(__file__).with_name("cases.yaml")
NOTHING = "nothing"
AFTER_MS = 2_000

Kind = Literal["no_interruption", "interruption", "listening"]
KINDS: tuple[Kind, ...] = get_args(Kind)

_PREFIXES: dict[Kind, str] = {"no_interruption": "keep", "interruption": "stop", "listening": "listen"}
_FIELDS = {"says", "spoken", "sound", "voice", "level_db", "noise_db", "after_ms"}


@dataclass(frozen=True)
class Case:
    """One case. `says` are stretches of words with `pauses_ms` between them; a sound instead has no words.

    `level_db` is against the level of normal speech; `noise_db` is the signal-to-noise ratio, None without noise;
    `after_ms` is how long the agent has been speaking when the caller's sound begins.
    """

    kind: Kind
    label: str
    says: tuple[str, ...] = ()
    spoken: tuple[str, ...] = ()
    pauses_ms: tuple[int, ...] = ()
    voice: str = ""
    sound: str = ""
    level_db: float = 0.0
    noise_db: float | None = None
    after_ms: int = AFTER_MS

    @property
    def name(self) -> str:
        """Unique: what the agent has to do (keep on, stop or listen) and the label."""
        return f"{_PREFIXES[self.kind]}-{self.label}"

    @property
    def silent(self) -> bool:
        """Whether the caller makes no sound at all: what is heard then is the agent's own."""
        return self.sound == NOTHING


def load(path: Path = FILE) -> list[Case]:
    """Every case of the file, in its order. Raises ToolError that names the case, the field and the cure."""
    reader = Reader(path.name)
    try:
        document = reader.mapping(yaml.safe_load(path.read_text(encoding="utf-8")), "the file", set(KINDS))
        cases = [
            _case(reader, cast(Kind, kind), str(label), value)
            for kind, group in document.items()
            for label, value in reader.mapping(group, kind, set(group or {})).items()
        ]
    except ScenarioError as error:
        raise ToolError(str(error)) from error
    texts = [text for case in cases for text in case.says]
    if double := {text for text in texts if texts.count(text) > 1}:
        raise ToolError(f"{path.name}: {sorted(double)[0]!r} is said twice: each stretch needs words of its own")
    return cases


def chosen(names: list[str] | None) -> list[Case]:
    """The cases of these names, or all. Raises ToolError for a name that does not exist."""
    cases = load()
    if names is None:
        return cases
    known = {case.name for case in cases}
    for name in names:
        if name not in known:
            raise ToolError(f"--cases: {name!r} does not exist: use names of {', '.join(sorted(known))}")
    return [case for case in cases if case.name in names]


def _case(reader: Reader, kind: Kind, label: str, value: object) -> Case:
    where = f"{kind}.{label}"
    fields = reader.mapping(value, where, _FIELDS)
    says, pauses = _stretches(reader, fields.get("says", []), f"{where}.says")
    spoken = fields.get("spoken") or says
    case = Case(
        kind=kind,
        label=label,
        says=says,
        spoken=(spoken,) if isinstance(spoken, str) else tuple(spoken),
        pauses_ms=pauses,
        voice=str(fields.get("voice", "")),
        sound=str(fields.get("sound", "")),
        level_db=_decibels(reader, fields, "level_db", where) or 0.0,
        noise_db=_decibels(reader, fields, "noise_db", where),
        after_ms=int(reader.number(fields.get("after_ms", AFTER_MS), f"{where}.after_ms")),
    )
    _check(reader, case, where)
    return case


def _stretches(reader: Reader, value: object, where: str) -> tuple[tuple[str, ...], tuple[int, ...]]:
    entries = reader.items([value] if isinstance(value, str) else value, where)
    if any(isinstance(entry, str) != (number % 2 == 0) for number, entry in enumerate(entries)):
        raise reader.error(where, "must be words, or a list of words, pause in ms, words and so on")
    pauses = tuple(int(reader.number(entry, where)) for entry in entries[1::2])
    return tuple(reader.text(entry, where) for entry in entries[::2]), pauses


def _decibels(reader: Reader, fields: Any, name: str, where: str) -> float | None:
    value = fields.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise reader.error(f"{where}.{name}", "must be a number of decibels")
    return float(value)


def _check(reader: Reader, case: Case, where: str) -> None:
    if bool(case.says) == bool(case.sound):
        raise reader.error(where, "must have either 'says' or 'sound'")
    if case.says and case.voice not in VOICES:
        raise reader.error(f"{where}.voice", f"{case.voice!r} is not one of {', '.join(VOICES)}")
    if case.sound and case.sound not in (*SOUNDS, NOTHING):
        raise reader.error(f"{where}.sound", f"{case.sound!r} is not one of {', '.join((NOTHING, *SOUNDS))}")
    if case.sound and case.kind != "no_interruption":
        raise reader.error(f"{where}.sound", "is for no_interruption only: give words with 'says'")
    if len(case.spoken) != len(case.says):
        raise reader.error(f"{where}.spoken", "must have as many stretches as 'says'")
    if len(case.pauses_ms) and (len(case.pauses_ms) != len(case.says) - 1 or case.noise_db is not None):
        raise reader.error(f"{where}.says", "must end with words, and have no noise_db when it pauses")

"""Scenarios: one YAML file is one conversation, with what the caller does and what the scripted LLM answers."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

SCENARIO_DIR = Path(__file__).parent / "scenarios"
DEFAULT_REPLY = "I am sorry, I did not get that. Could you say it again?"
DEFAULT_CALLER = "+12025550123"

_E164 = re.compile(r"^\+[1-9]\d{6,14}$")
_DTMF = re.compile(r"^[0-9*#A-Da-dw]+$")


class ScenarioError(ValueError):
    """A scenario that cannot be used; the message names the file, the field and the cure in one line."""


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
class Interrupt:
    """Say `text` once the agent has been speaking for `after_ms`."""

    after_ms: int
    text: str


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


Step = Say | WaitForReply | Interrupt | StaySilent | Dtmf | HangUp


@dataclass(frozen=True)
class ToolCall:
    """A function the scripted LLM calls."""

    name: str
    arguments: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Rule:
    """An answer for the first user message in which one of the keywords `when` stands."""

    when: tuple[str, ...]
    say: str = ""
    call: ToolCall | None = None

    def matches(self, message: str) -> bool:
        """True when one of the keywords stands in the message, as whole words, whatever the case."""
        normal = normalize(message)
        return any(f" {normalize(keyword)} " in f" {normal} " for keyword in self.when)


@dataclass(frozen=True)
class AfterTool:
    """The sentence after the result of tool `name`; {result} in `say` stands for that result."""

    name: str
    say: str


@dataclass(frozen=True)
class CallerPart:
    """What the caller does. `from_number` is E.164."""

    from_number: str = DEFAULT_CALLER
    steps: tuple[Step, ...] = ()

    def lines(self) -> list[str]:
        """Every sentence the caller says, in order."""
        return [step.text for step in self.steps if isinstance(step, Say | Interrupt)]


@dataclass(frozen=True)
class AgentPart:
    """What the scripted LLM answers; the first rule that matches wins, else `default` is said."""

    default: str = DEFAULT_REPLY
    rules: tuple[Rule, ...] = ()
    after_tool: tuple[AfterTool, ...] = ()

    def sentences(self) -> list[str]:
        """Every sentence that it may say, but those that quote a tool's result."""
        texts = [self.default, *(rule.say for rule in self.rules), *(reply.say for reply in self.after_tool)]
        said = (sentence for text in texts for sentence in re.split(r"(?<=[.?!])\s+", text))
        return [sentence for sentence in said if sentence and "{" not in sentence]


@dataclass(frozen=True)
class Scenario:
    """One conversation, both sides."""

    name: str
    caller: CallerPart = CallerPart()
    agent: AgentPart = AgentPart()


def normalize(text: str) -> str:
    """Lower-case words with single spaces between them; everything but letters, digits and apostrophes is a space."""
    return " ".join(re.findall(r"[^\W_]+(?:'[^\W_]+)*", text.lower().replace("’", "'")))  # noqa: RUF001


def load_scenario(path: Path | str) -> Scenario:
    """Read one scenario file. Raises ScenarioError when the file is missing or a field is wrong."""
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ScenarioError(f"{path}: cannot be read ({error.strerror}): give the path of a scenario file") from error
    return parse_scenario(text, source=str(path))


def parse_scenario(text: str, source: str = "scenario") -> Scenario:
    """Read a scenario from YAML text; `source` names it in errors. Raises ScenarioError."""
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        problem = " ".join(str(error).split())
        raise ScenarioError(f"{source}: is not valid YAML ({problem}): check the indentation and quotes") from error
    reader = _Reader(source)
    root = reader.mapping(document, "the file", {"name", "caller", "agent"})
    return Scenario(
        name=reader.text(root.get("name"), "name"),
        caller=_caller(reader, root.get("caller") or {}),
        agent=_agent(reader, root.get("agent") or {}),
    )


def load_all(directory: Path | str = SCENARIO_DIR) -> dict[str, Scenario]:
    """Every scenario of a directory, by name. Raises ScenarioError when one is wrong or two have the same name."""
    scenarios: dict[str, Scenario] = {}
    for path in sorted(Path(directory).glob("*.yaml")):
        scenario = load_scenario(path)
        if scenario.name in scenarios:
            raise ScenarioError(f"{path}: name: {scenario.name!r} is taken by another file: choose another name")
        scenarios[scenario.name] = scenario
    return scenarios


class _Reader:
    """Checks of single fields; each failure names the source and the field."""

    def __init__(self, source: str) -> None:
        self._source = source

    def error(self, where: str, problem: str) -> ScenarioError:
        return ScenarioError(f"{self._source}: {where}: {problem}")

    def mapping(self, value: object, where: str, allowed: set[str]) -> Mapping[str, Any]:
        if not isinstance(value, Mapping):
            raise self.error(where, f"must be a mapping with {', '.join(sorted(allowed))}")
        for key in value:
            if key not in allowed:
                raise self.error(where, f"unknown field {key!r}: use one of {', '.join(sorted(allowed))}")
        return value

    def text(self, value: object, where: str) -> str:
        if not isinstance(value, str) or not value.strip():
            raise self.error(where, "must be text that is not empty")
        return value.strip()

    def number(self, value: object, where: str) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            raise self.error(where, "must be a number that is not negative")
        return float(value)

    def items(self, value: object, where: str) -> Sequence[Any]:
        if not isinstance(value, list):
            raise self.error(where, "must be a list: begin each entry with '- '")
        return value


def _caller(reader: _Reader, value: object) -> CallerPart:
    part = reader.mapping(value, "caller", {"from", "steps"})
    from_number = str(part.get("from", DEFAULT_CALLER))
    if not _E164.match(from_number):
        raise reader.error("caller.from", f"{from_number!r} must be E.164 in quotes, such as {DEFAULT_CALLER!r}")
    steps = reader.items(part.get("steps", []), "caller.steps")
    return CallerPart(from_number, tuple(_step(reader, step, f"caller.steps[{i}]") for i, step in enumerate(steps, 1)))


_STEPS = {"say", "wait_for_reply", "interrupt", "stay_silent", "dtmf", "hang_up"}


def _step(reader: _Reader, value: object, where: str) -> Step:
    if value in ("hang_up", "wait_for_reply"):
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
            return _wait_for_reply(reader, detail or {}, where)
        case "interrupt":
            fields = reader.mapping(detail, where, {"after_ms", "say"})
            after_ms = reader.number(fields.get("after_ms", 800), f"{where}.after_ms")
            return Interrupt(int(after_ms), reader.text(fields.get("say"), f"{where}.say"))
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


def _wait_for_reply(reader: _Reader, detail: object, where: str) -> WaitForReply:
    fields = reader.mapping(detail, where, {"timeout_s", "silence_ms"})
    timeout_s = reader.number(fields.get("timeout_s", WaitForReply.timeout_s), f"{where}.timeout_s")
    silence_ms = reader.number(fields.get("silence_ms", WaitForReply.silence_ms), f"{where}.silence_ms")
    return WaitForReply(timeout_s, int(silence_ms))


def _agent(reader: _Reader, value: object) -> AgentPart:
    part = reader.mapping(value, "agent", {"default", "rules", "after_tool"})
    rules: list[Rule] = []
    after_tool = [
        _after_tool(reader, entry, f"agent.after_tool[{i}]")
        for i, entry in enumerate(reader.items(part.get("after_tool", []), "agent.after_tool"), 1)
    ]
    for i, entry in enumerate(reader.items(part.get("rules", []), "agent.rules"), 1):
        where = f"agent.rules[{i}]"
        fields = reader.mapping(entry, where, {"when", "say", "call", "after_tool"})
        if "after_tool" in fields:
            after_tool.append(_after_tool(reader, fields["after_tool"], f"{where}.after_tool"))
        else:
            rules.append(_rule(reader, fields, where))
    default = reader.text(part.get("default", DEFAULT_REPLY), "agent.default")
    return AgentPart(default, tuple(rules), tuple(after_tool))


def _rule(reader: _Reader, fields: Mapping[str, Any], where: str) -> Rule:
    keywords = fields.get("when")
    if isinstance(keywords, str):
        keywords = [keywords]
    if not keywords:
        raise reader.error(f"{where}.when", "is missing: list the words that call for this answer, as [hours, open]")
    when = tuple(str(keyword) for keyword in reader.items(keywords, f"{where}.when"))
    if not all(normalize(keyword) for keyword in when):
        raise reader.error(f"{where}.when", "holds an empty keyword: give a word or a phrase")
    say = reader.text(fields["say"], f"{where}.say") if "say" in fields else ""
    call = _tool_call(reader, fields["call"], f"{where}.call") if "call" in fields else None
    if not say and call is None:
        raise reader.error(where, "has no answer: add 'say', 'call' or both")
    return Rule(when, say, call)


def _tool_call(reader: _Reader, value: object, where: str) -> ToolCall:
    fields = reader.mapping(value, where, {"name", "arguments"})
    arguments = fields.get("arguments") or {}
    if not isinstance(arguments, dict):
        raise reader.error(f"{where}.arguments", "must be a mapping of the function's arguments")
    return ToolCall(reader.text(fields.get("name"), f"{where}.name"), arguments)


def _after_tool(reader: _Reader, value: object, where: str) -> AfterTool:
    fields = reader.mapping(value, where, {"name", "say"})
    return AfterTool(reader.text(fields.get("name"), f"{where}.name"), reader.text(fields.get("say"), f"{where}.say"))

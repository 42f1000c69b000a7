"""Scenarios: one YAML file is one conversation, with what the caller does and what the scripted LLM answers."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from simulator.fields import Reader, ScenarioError
from simulator.steps import (
    Dtmf,
    HangUp,
    Interrupt,
    Play,
    Say,
    StaySilent,
    Step,
    WaitForReply,
    WaitForSilence,
    Words,
    parse_step,
)

__all__ = [
    "SCENARIO_DIR",
    "AfterTool",
    "AgentPart",
    "CallerPart",
    "Dtmf",
    "HangUp",
    "Interrupt",
    "Play",
    "Rule",
    "Say",
    "Scenario",
    "ScenarioError",
    "StaySilent",
    "Step",
    "ToolCall",
    "WaitForReply",
    "WaitForSilence",
    "Words",
    "load_all",
    "load_scenario",
    "normalize",
    "parse_scenario",
]

SCENARIO_DIR = Path(__file__).parent / "scenarios"
DEFAULT_REPLY = "I am sorry, I did not get that. Could you say it again?"
DEFAULT_CALLER = "+12025550123"

_E164 = re.compile(r"^\+[1-9]\d{6,14}$")


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
        """Every sentence that the caller's voice says, in order."""
        return [step.text for step in self.steps if isinstance(step, Say | Interrupt)]

    def utterances(self) -> list[Say | Interrupt | Play]:
        """Every step in which a sound is made, in order."""
        return [step for step in self.steps if isinstance(step, Say | Interrupt | Play)]

    def words(self) -> list[Words]:
        """Everything that is said, by voice and in clips, in order."""
        return [
            words
            for step in self.utterances()
            for words in (step.says if isinstance(step, Play) else [Words(step.text)])
        ]


@dataclass(frozen=True)
class AgentPart:
    """What the scripted LLM answers; the first rule that matches wins.

    Without one, `default` is said; or, with `from_prompt`, what the persona's prompt knows (simulator.llm.offline).
    """

    default: str = DEFAULT_REPLY
    rules: tuple[Rule, ...] = ()
    after_tool: tuple[AfterTool, ...] = ()
    from_prompt: bool = False

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
    reader = Reader(source)
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


def _caller(reader: Reader, value: object) -> CallerPart:
    part = reader.mapping(value, "caller", {"from", "steps"})
    from_number = str(part.get("from", DEFAULT_CALLER))
    if not _E164.match(from_number):
        raise reader.error("caller.from", f"{from_number!r} must be E.164 in quotes, such as {DEFAULT_CALLER!r}")
    steps = reader.items(part.get("steps", []), "caller.steps")
    return CallerPart(
        from_number, tuple(parse_step(reader, step, f"caller.steps[{i}]") for i, step in enumerate(steps, 1))
    )


def _agent(reader: Reader, value: object) -> AgentPart:
    part = reader.mapping(value, "agent", {"default", "from_prompt", "rules", "after_tool"})
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
    from_prompt = reader.flag(part.get("from_prompt", False), "agent.from_prompt")
    if from_prompt and "default" in part:
        raise reader.error("agent.default", "is never said with from_prompt: remove one of the two")
    return AgentPart(default, tuple(rules), tuple(after_tool), from_prompt)


def _rule(reader: Reader, fields: Mapping[str, Any], where: str) -> Rule:
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


def _tool_call(reader: Reader, value: object, where: str) -> ToolCall:
    fields = reader.mapping(value, where, {"name", "arguments"})
    arguments = fields.get("arguments") or {}
    if not isinstance(arguments, dict):
        raise reader.error(f"{where}.arguments", "must be a mapping of the function's arguments")
    return ToolCall(reader.text(fields.get("name"), f"{where}.name"), arguments)


def _after_tool(reader: Reader, value: object, where: str) -> AfterTool:
    fields = reader.mapping(value, where, {"name", "say"})
    return AfterTool(reader.text(fields.get("name"), f"{where}.name"), reader.text(fields.get("say"), f"{where}.say"))

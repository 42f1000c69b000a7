"""compose.yaml and compose.prod.yaml as Docker Compose reads them: variables put in, files merged.

Written after https://github.com/compose-spec/compose-spec: 12-interpolation.md and 13-merge.md.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from tools.local import ROOT

BASE = ROOT / "compose.yaml"
PRODUCTION = ROOT / "compose.prod.yaml"
# Lists that the later file replaces; all others are added to.
_REPLACED = ("command", "entrypoint", "test")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NAMES = re.compile(r"(?<!\$)\$(?:\{([A-Za-z_][A-Za-z0-9_]*)|([A-Za-z_][A-Za-z0-9_]*))")


class MissingVariable(Exception):
    """A variable that must be set is not."""


class _Reset:
    """The value of a key with !reset: what the earlier file says goes."""


class _Loader(yaml.SafeLoader):
    """YAML with the tag !reset."""


_Loader.add_constructor("!reset", lambda loader, node: _Reset())


def load(path: Path) -> dict[str, Any]:
    """The file, with its variables as they stand there."""
    loaded: dict[str, Any] = yaml.load(path.read_text(), _Loader)  # noqa: S506  a safe loader with one more tag
    return loaded


def project(environment: Mapping[str, str], *paths: Path) -> dict[str, Any]:
    """What these files make together. Raises MissingVariable."""
    merged: dict[str, Any] = {}
    for path in paths:
        merged = _merge(merged, _fill(load(path), environment), "")
    return {key: value for key, value in merged.items() if not key.startswith("x-")}


def variables(path: Path) -> set[str]:
    """The names that the file takes from the environment."""
    raw = load(path)
    found = {a or b for text in _texts(raw) for a, b in _NAMES.findall(text)}
    for service in raw["services"].values():
        found |= {name for name, value in service.get("environment", {}).items() if value is None}
    found |= {secret["environment"] for secret in raw.get("secrets", {}).values()}
    return found


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)


def _fill(value: Any, environment: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return interpolate(value, environment)
    if isinstance(value, dict):
        return {key: _fill(each, environment) for key, each in value.items()}
    if isinstance(value, list):
        return [_fill(each, environment) for each in value]
    return value


def interpolate(text: str, environment: Mapping[str, str]) -> str:
    """The text with its variables put in; $$ is a dollar. Raises MissingVariable, and ValueError for bad syntax."""
    out, at = "", 0
    while (dollar := text.find("$", at)) >= 0:
        out += text[at:dollar]
        if text.startswith("$$", dollar):
            out, at = out + "$", dollar + 2
        elif text.startswith("${", dollar):
            end = _closing(text, dollar + 2)
            out, at = out + _expression(text[dollar + 2 : end], environment), end + 1
        else:
            raise ValueError(f"{text!r}: write ${{NAME}}, or $$ for a dollar")
    return out + text[at:]


def _closing(text: str, at: int) -> int:
    depth = 1
    while depth:
        if text.startswith("${", at):
            depth, at = depth + 1, at + 2
            continue
        depth -= text[at] == "}"
        at += 1
    return at - 1


def _expression(expression: str, environment: Mapping[str, str]) -> str:
    match = _NAME.match(expression)
    if match is None:
        raise ValueError(f"${{{expression}}} has no name")
    value, rest = environment.get(match.group()), expression[match.end() :]
    operator = next((each for each in (":-", ":?", ":+", "-", "?", "+") if rest.startswith(each)), "")
    default = rest[len(operator) :]
    if rest and not operator:
        raise ValueError(f"${{{expression}}} has an operator that Compose does not know")
    is_set = bool(value) if operator.startswith(":") else value is not None
    match operator[-1:]:
        case "-":
            return (value or "") if is_set else interpolate(default, environment)
        case "?" if not is_set:
            raise MissingVariable(f"{match.group()}: {default}")
        case "+":
            return interpolate(default, environment) if is_set else ""
    return value or ""


def _merge(old: Any, new: Any, key: str) -> Any:
    if isinstance(old, dict) and isinstance(new, dict):
        merged = {**old}
        for name, value in new.items():
            if isinstance(value, _Reset):
                merged.pop(name, None)
            else:
                merged[name] = _merge(old.get(name), value, name)
        return merged
    if isinstance(old, list) and isinstance(new, list) and key not in _REPLACED:
        return [*old, *(each for each in new if each not in old)]
    return new

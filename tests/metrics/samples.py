"""Reads what a process exports, and what a query asks for."""

import re
from collections.abc import Iterable

from prometheus_client.parser import text_string_to_metric_families

type Labels = frozenset[tuple[str, str]]

_STRINGS = re.compile(r'"[^"]*"')
_SELECTORS = re.compile(r"\{[^}]*\}")
_RANGES = re.compile(r"\[[^\]]*\]")
_LABEL_LISTS = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)")
_NAMES = re.compile(r"(?<![\w.:$])([a-zA-Z_:][\w:]*)(?!\s*\()(?![\w:])")
_TYPES = re.compile(r"^# TYPE (\S+) (\w+)$", re.MULTILINE)
_WORDS = frozenset({"and", "or", "unless", "bool", "offset", "inf", "nan"})


def samples(text: str) -> dict[str, dict[Labels, float]]:
    """Each sample's name, and its values by labels, of the text format."""
    found: dict[str, dict[Labels, float]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, {})[frozenset(sample.labels.items())] = sample.value
    return found


def value(text: str, name: str, **labels: str) -> float | None:
    """The value of one sample; None when it is not there."""
    return samples(text).get(name, {}).get(frozenset(labels.items()))


def metrics_in(query: str) -> set[str]:
    """The metrics that a PromQL expression names."""
    for pattern in (_STRINGS, _SELECTORS, _RANGES, _LABEL_LISTS):
        query = pattern.sub(" ", query)
    return {name for name in _NAMES.findall(query) if name.lower() not in _WORDS}


def names_of(texts: Iterable[str]) -> set[str]:
    """The names of all samples that these texts have, or would have if there were something to count."""
    found = set()
    for text in texts:
        for name, kind in _TYPES.findall(text):
            found |= {f"{name}_{part}" for part in ("bucket", "sum", "count")} if kind == "histogram" else {name}
    return found

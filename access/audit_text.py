"""Entries of the audit log in words."""

from collections.abc import Iterator
from typing import Any

from auditlog.models import LogEntry

_VERBS = {
    LogEntry.Action.CREATE: "added",
    LogEntry.Action.UPDATE: "changed",
    LogEntry.Action.DELETE: "deleted",
    LogEntry.Action.ACCESS: "viewed",
}


def happened(entry: LogEntry) -> str:
    """What someone did: in its own words, or by which fields changed."""
    said = (entry.additional_data or {}).get("what")
    if said:
        return str(said)
    names = ", ".join(entry.changes or {}) if entry.action == LogEntry.Action.UPDATE else ""
    return f"{_VERBS[entry.action]} {names}".strip()


def shown_changes(entry: LogEntry) -> Iterator[tuple[str, str, str]]:
    """Each changed field with its value before and after, and each further fact."""
    for name, change in (entry.changes or {}).items():
        before, after = _sides(change)
        yield name.replace("_", " "), before, after
    for name, value in (entry.additional_data or {}).items():
        if name != "what":
            yield name.replace("_", " "), "", str(value)


def _sides(change: Any) -> tuple[str, str]:
    if isinstance(change, dict):  # groups and permissions
        objects = ", ".join(map(str, change.get("objects", [])))
        return ("", objects) if change.get("operation") == "add" else (objects, "")
    return str(change[0]), str(change[1])

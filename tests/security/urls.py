"""Every address that the site answers, from its URL resolver, with the ids of rows that exist."""

import re
from collections.abc import Iterator
from typing import Any

from django.contrib.admindocs.views import simplify_regex
from django.db.models import Model
from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.resolvers import RegexPattern

_PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")
# Parameters that are no row's id.
_FIXED = {"format": "json", "app_label": "calls", "url": "nothing/"}
# Lists of the API whose rows' ids stand behind them, by model.
_API = {"calls": "calls.call", "turns": "calls.turn", "personas": "agents.persona", "numbers": "calls.phonenumber"}


def routes() -> list[str]:
    """Every route with its parameters as `<name>`: `/admin/calls/call/<object_id>/change/`."""
    return sorted(set(_walk(get_resolver().url_patterns, "/")))


def _walk(patterns: list[Any], prefix: str) -> Iterator[str]:
    for entry in patterns:
        text = _text(entry)
        if isinstance(entry, URLResolver):
            yield from _walk(entry.url_patterns, prefix + text)
        elif isinstance(entry, URLPattern):
            yield _PARAMETER.sub(r"<\1>", prefix + text)


def _text(entry: URLPattern | URLResolver) -> str:
    route = str(entry.pattern)
    return simplify_regex(route).removeprefix("/") if isinstance(entry.pattern, RegexPattern) else route


def filled(route: str, rows: dict[str, Model]) -> str:
    """The route with ids: those of `rows`, by `app.model`; 1 where there is no row."""

    def value(parameter: re.Match[str]) -> str:
        name = parameter.group(1)
        if name in _FIXED:
            return _FIXED[name]
        parts = route.strip("/").split("/")
        model = f"{parts[1]}.{parts[2]}" if parts[0] == "admin" else _API.get(parts[1], "")
        return str(rows[model].pk) if model in rows else "1"

    return _PARAMETER.sub(value, route)

"""Reads a provider's manifest, workers/providers/<vendor>/provider.toml. docs/ADD_A_PROVIDER.md describes its keys."""

import re
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from agents.providers.offers import PRICE_UNITS, STAGES, KeyRequest, Model, Offer, Provider

FILE = "provider.toml"
TURN_POLICIES = ("eager", "smart_turn", "silence")  # agents.choices.TurnPolicy, which needs Django
_NAME = re.compile(r"[a-z][a-z0-9_]{0,19}")  # what the database's columns take
_DOTTED_PATH = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")
_OF_STAGE = {"stt": (), "llm": (), "tts": ("speak", "voices")}


class ManifestError(Exception):
    """A manifest that cannot be used: the file, the key and the cure."""


def read(file: Path) -> Provider:
    """Return the provider that the manifest describes. Raises ManifestError."""
    try:
        values = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ManifestError(f"{file}: this is not TOML ({error}): correct it.") from error
    name = file.parent.name
    if not _NAME.fullmatch(name):
        raise ManifestError(
            f"{file}: the folder's name is {name!r}, but becomes the provider's name: use lowercase letters, digits "
            "and underscores, at most 20."
        )
    return _Table(file, "", values).provider(name)


class _Table:
    """A table of the manifest, whose values are checked as they are taken."""

    def __init__(self, file: Path, place: str, values: dict[str, Any]) -> None:
        self._file = file
        self._place = place
        self._values = values

    def provider(self, name: str) -> Provider:
        self._only("label", "base_url", "check_key", "key_request", *STAGES)
        offers = tuple(self._table(stage).offer(stage) for stage in STAGES if stage in self._values)
        if not offers:
            raise self._error(STAGES[0], "is missing", f"describe what it offers in [{'], ['.join(STAGES)}]")
        if ("check_key" in self._values) == ("key_request" in self._values):
            raise self._error("check_key", "or key_request is needed", "write one of them, for doctor")
        return Provider(
            name=name,
            label=self._text("label", "write the vendor's name as people know it"),
            base_url=self._url("base_url"),
            offers=offers,
            key_request=self._table("key_request").key_request() if "key_request" in self._values else None,
            check_key=self._path("check_key") if "check_key" in self._values else "",
        )

    def offer(self, stage: str) -> Offer:
        self._only("service", "models", "stand_ins", "price", *_OF_STAGE[stage])
        models = self._values.get("models")
        if not isinstance(models, list) or not models or not all(isinstance(model, dict) for model in models):
            raise self._error("models", "is missing", f"list its models, each as [[{stage}.models]]")
        tables = [_Table(self._file, f"{stage}.models[{number}].", model) for number, model in enumerate(models)]
        offer = Offer(
            stage=stage,
            service=self._path("service"),
            models=tuple(table.model() for table in tables),
            stand_ins=self._texts("stand_ins"),
            prices=self._table("price").prices(PRICE_UNITS[stage]),
            **({"speak": self._path("speak"), "list_voices": self._path("voices")} if stage == "tts" else {}),
        )
        for name in offer.stand_ins:
            if offer.model(name) is None:
                raise self._error("stand_ins", f"names {name!r}, which is none of its models", "add it to the models")
        return offer

    def model(self) -> Model:
        self._only("name", "turn_policies", "stands_in_with", "languages")
        own = self._turn_policies("turn_policies")
        return Model(
            name=self._text("name", "write the model's name, or a pattern such as nova-*"),
            turn_policies=own,
            stands_in_with=self._turn_policies("stands_in_with") if "stands_in_with" in self._values else own,
            languages=self._texts("languages"),
        )

    def key_request(self) -> KeyRequest:
        self._only("path", "headers")
        path = self._text("path", "write a path such as /v1/models")
        if not path.startswith("/"):
            raise self._error("path", f"is {path!r}", "begin it with a slash")
        headers = self._values.get("headers", {})
        if not isinstance(headers, dict) or not all(isinstance(value, str) for value in headers.values()):
            raise self._error("headers", "is not a table of texts", 'write { Authorization = "Bearer {key}" }')
        return KeyRequest(path, headers)

    def prices(self, units: tuple[str, ...]) -> dict[str, float]:
        self._only(*units)
        for unit in units:
            value = self._values.get(unit)
            if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
                raise self._error(unit, "is not a price", "write the list price in US cents")
        return {unit: float(self._values[unit]) for unit in units}

    def _only(self, *keys: str) -> None:
        unknown = [key for key in self._values if key not in keys]
        if unknown:
            raise self._error(unknown[0], "is not a key of a manifest", f"use {', '.join(keys)}")

    def _table(self, key: str) -> "_Table":
        value = self._values.get(key)
        if not isinstance(value, dict):
            raise self._error(key, "is missing", f"write it as a table, [{self._place}{key}]")
        return _Table(self._file, f"{self._place}{key}.", value)

    def _text(self, key: str, cure: str) -> str:
        value = self._values.get(key)
        if not isinstance(value, str) or not value.strip():
            raise self._error(key, "is missing" if value is None else f"is {value!r}", cure)
        return value.strip()

    def _texts(self, key: str) -> tuple[str, ...]:
        value = self._values.get(key, [])
        if not isinstance(value, list) or not all(isinstance(each, str) and each for each in value):
            raise self._error(key, f"is {value!r}", 'write a list of texts, such as ["en", "es"]')
        return tuple(value)

    def _turn_policies(self, key: str) -> tuple[str, ...]:
        found = self._texts(key)
        for policy in found:
            if policy not in TURN_POLICIES:
                raise self._error(key, f"names {policy!r}", f"choose from {', '.join(TURN_POLICIES)}")
        return found

    def _path(self, key: str) -> str:
        value = self._text(key, "write the dotted path of a function, such as workers.providers.acme.tts.voice")
        if not _DOTTED_PATH.fullmatch(value):
            raise self._error(key, f"is {value!r}", "write a dotted path, such as workers.providers.acme.tts.voice")
        return value

    def _url(self, key: str) -> str:
        value = self._text(key, "write the provider's address, such as https://api.example.com")
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise self._error(key, f"is {value!r}", "write an address such as https://api.example.com")
        return value.rstrip("/")

    def _error(self, key: str, what: str, cure: str) -> ManifestError:
        return ManifestError(f"{self._file}: {self._place}{key} {what}: {cure}.")

"""Which providers there are: one for each folder that holds a manifest. A new folder adds one; nothing else changes."""

from functools import cache
from pathlib import Path

from agents.providers import manifest
from agents.providers.offers import Provider

FOLDERS: list[Path] = [Path(__file__).resolve().parents[2] / "workers" / "providers"]
"""Where the vendors' folders are. Tests add theirs."""


def all() -> list[Provider]:
    """Every provider, by name. Raises ManifestError."""
    return list(_read(tuple(FOLDERS)).values())


def get(name: str) -> Provider:
    """The provider of that name. Raises LookupError with the names that there are."""
    found = _read(tuple(FOLDERS))
    if name not in found:
        raise LookupError(f"there is no provider {name!r}: choose from {', '.join(found)}")
    return found[name]


def knows(name: str) -> bool:
    """Whether there is a provider of that name. A version may name one whose folder only a newer release has."""
    return name in _read(tuple(FOLDERS))


def offering(stage: str) -> list[Provider]:
    """Those that have an offer for the stage: stt, llm or tts."""
    return [provider for provider in all() if stage in provider.stages]


def find_offering(stage: str, name: str) -> Provider | None:
    """The provider of that name, if it has an offer for the stage."""
    return next((provider for provider in offering(stage) if provider.name == name), None)


@cache
def _read(folders: tuple[Path, ...]) -> dict[str, Provider]:
    files = sorted(file for folder in folders for file in folder.glob(f"*/{manifest.FILE}"))
    providers = sorted((manifest.read(file) for file in files), key=lambda provider: provider.name)
    return {provider.name: provider for provider in providers}

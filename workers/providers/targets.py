"""Where a stage of a persona's conversation is done, and where else if it fails there."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from agents import fallbacks
from agents.models import PersonaVersion
from agents.provider_choices import Choice
from agents.providers import registry
from agents.providers.accounts import account_of


class NoProviderError(LookupError):
    """A version names no provider that this release knows, as when a newer one published it."""


@dataclass(frozen=True, slots=True)
class Target:
    """One model of a provider at one address. `voice_id` is for speech only."""

    stage: str
    provider: str
    model: str
    base_url: str
    api_key: str = field(repr=False)
    voice_id: str = ""

    def __str__(self) -> str:
        """The model and the host, for logs and events."""
        return f"{self.model} at {urlsplit(self.base_url).netloc}"


def stt(version: PersonaVersion) -> list[Target]:
    """Who hears: the persona's own provider, then those that take over."""
    return _targets(version, "stt")


def llm(version: PersonaVersion) -> list[Target]:
    """Who answers: the persona's own provider, then those that take over."""
    return _targets(version, "llm")


def tts(version: PersonaVersion) -> list[Target]:
    """Who speaks: the persona's own provider, then those that take over."""
    return _targets(version, "tts")


def _targets(version: PersonaVersion, stage: str) -> list[Target]:
    """Each once, in the persona's order. Targets without a key are left out while any other has one.

    Raises NoProviderError.
    """
    own, *others = fallbacks.choices(version, stage)
    found = [_target(choice, stands_in=choice.provider == own.provider) for choice in others]
    if registry.knows(own.provider):
        found.insert(0, _target(own))
    elif not found:
        raise NoProviderError(f"{version} has {own.provider} for {stage}, which this release does not know")
    return list(dict.fromkeys(target for target in found if target.api_key)) or found[:1]


def _target(choice: Choice, *, stands_in: bool = False) -> Target:
    """Another model of the persona's own provider is asked of the account that takes over, if there is another one."""
    account = account_of(registry.get(choice.provider), stands_in=stands_in)
    return Target(choice.stage, choice.provider, choice.model, account.base_url, account.api_key, choice.voice_id)

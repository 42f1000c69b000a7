"""Whose key and address a provider is asked with: as the settings have them, which callcenter.environment reads."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from django.conf import settings

from agents.providers.offers import Provider


@dataclass(frozen=True, slots=True)
class Account:
    """A provider's account. `prefix` is how the names of its variables begin: FALLBACK_DEEPGRAM."""

    prefix: str
    base_url: str
    api_key: str = field(repr=False)

    @property
    def key_variable(self) -> str:
        """The name of the setting that holds its key."""
        return f"{self.prefix}_API_KEY"

    @property
    def url_variable(self) -> str:
        """The name of the setting that holds its address."""
        return f"{self.prefix}_BASE_URL"

    @property
    def host(self) -> str:
        """Where it is: a host, and a port if it is not the usual one."""
        return urlsplit(self.base_url).netloc


def account_of(provider: Provider, *, stands_in: bool = False) -> Account:
    """The provider's account; with `stands_in` the one that takes over from it, which may be the same."""
    prefix = f"FALLBACK_{provider.prefix}" if stands_in else provider.prefix
    return Account(
        prefix,
        getattr(settings, f"{prefix}_BASE_URL").rstrip("/"),
        getattr(settings, f"{prefix}_API_KEY"),
    )

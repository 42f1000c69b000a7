"""The voices that a persona can have, as each provider lists them for its account."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import httpx
import structlog
from django.core.cache import cache
from django.utils.module_loading import import_string

from agents.providers import registry
from agents.providers.accounts import Account, account_of

log = structlog.get_logger(__name__)

CACHE_KEY = "agents.voices.catalog.{}"
CACHE_S = 600
# A provider that is down is asked again soon, but not by every page that is opened meanwhile.
FAILURE_CACHE_S = 15
TIMEOUT_S = 4
SAMPLE_BYTES_MAX = 5_000_000


class VoicesUnavailable(Exception):
    """The provider did not answer with a list of voices."""


@dataclass(frozen=True, slots=True)
class Voice:
    """One voice. `sample_url` is a short recording over http(s), empty when the provider has none."""

    id: str
    name: str
    description: str
    sample_url: str
    sample_headers: dict[str, str] = field(default_factory=dict, repr=False, compare=False)

    @property
    def title(self) -> str:
        """How the voice is listed: its name, and what is known of it."""
        return f"{self.name} – {self.description}" if self.description else self.name


def list_voices(provider_name: str) -> list[Voice]:
    """Return the voices of a provider's account by name, at most ten minutes old. Raises VoicesUnavailable."""
    key = CACHE_KEY.format(provider_name)
    cached: list[Voice] | str | None = cache.get(key)
    if isinstance(cached, str):
        raise VoicesUnavailable(cached)
    if cached is not None:
        return cached
    try:
        voices = sorted(_fetch(provider_name), key=lambda voice: voice.name.casefold())
    except Exception as error:  # a provider's client has errors of its own, and builds objects from odd answers
        log.warning("voices_unavailable", provider=provider_name, error=type(error).__name__)
        cache.set(key, type(error).__name__, FAILURE_CACHE_S)
        raise VoicesUnavailable(type(error).__name__) from error
    cache.set(key, voices, CACHE_S)
    return voices


def _fetch(provider_name: str) -> Iterable[Voice]:
    provider = registry.get(provider_name)
    fetch: Callable[[Account], Iterable[Voice]] = import_string(provider.offer("tts").list_voices)
    return fetch(account_of(provider))


@dataclass(frozen=True, slots=True)
class Sample:
    """A short recording of a voice, and its type such as audio/mpeg."""

    audio: bytes
    content_type: str


def fetch_sample(provider_name: str, voice_id: str) -> Sample | None:
    """The recording that the provider offers of this voice; None when it has none. Raises VoicesUnavailable.

    Fetched for the browser, which may be unable to reach the provider, and need not tell it who listens.
    """
    voice = next((voice for voice in list_voices(provider_name) if voice.id == voice_id), None)
    if voice is None or not voice.sample_url:
        return None
    try:
        with httpx.stream(
            "GET", voice.sample_url, headers=voice.sample_headers, timeout=TIMEOUT_S, follow_redirects=True
        ) as answer:
            answer.raise_for_status()
            content_type = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
            audio = b""
            for part in answer.iter_bytes():
                audio += part
                if len(audio) > SAMPLE_BYTES_MAX:
                    raise VoicesUnavailable(f"a sample of more than {SAMPLE_BYTES_MAX} bytes")
    except httpx.HTTPError as error:
        log.warning("voice_sample_unavailable", provider=provider_name, error=type(error).__name__)
        raise VoicesUnavailable(type(error).__name__) from error
    return Sample(audio, content_type) if content_type.startswith("audio/") else None

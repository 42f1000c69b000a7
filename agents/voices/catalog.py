"""The voices that a persona can have, as ElevenLabs lists them for this account."""

from collections.abc import Iterator
from dataclasses import dataclass

import elevenlabs  # loads its client, a second's work, when that is first used: most processes never do
import httpx
import structlog
from django.conf import settings
from django.core.cache import cache
from elevenlabs.core.api_error import ApiError

log = structlog.get_logger(__name__)

CACHE_KEY = "agents.voices.catalog"
CACHE_S = 600
# A provider that is down is asked again soon, but not by every page that is opened meanwhile.
FAILURE_CACHE_S = 15
TIMEOUT_S = 4
PAGE_SIZE = 100
PAGES_MAX = 20
SAMPLE_BYTES_MAX = 5_000_000


class VoicesUnavailable(Exception):
    """ElevenLabs did not answer with a list of voices."""


@dataclass(frozen=True, slots=True)
class Voice:
    """One voice. `sample_url` is a short recording over http(s), empty when the provider has none."""

    id: str
    name: str
    description: str
    sample_url: str

    @property
    def title(self) -> str:
        """How the voice is listed: its name, and what is known of it."""
        return f"{self.name} – {self.description}" if self.description else self.name


def list_voices() -> list[Voice]:
    """Return the voices of this account by name, at most ten minutes old. Raises VoicesUnavailable."""
    cached: list[Voice] | str | None = cache.get(CACHE_KEY)
    if isinstance(cached, str):
        raise VoicesUnavailable(cached)
    if cached is not None:
        return cached
    try:
        voices = sorted(_fetch(), key=lambda voice: voice.name.casefold())
    except (ApiError, httpx.HTTPError, AttributeError, TypeError, ValueError) as error:
        # The SDK builds its models without checking them, so an odd answer shows as a missing attribute.
        log.warning("voices_unavailable", error=type(error).__name__)
        cache.set(CACHE_KEY, type(error).__name__, FAILURE_CACHE_S)
        raise VoicesUnavailable(type(error).__name__) from error
    cache.set(CACHE_KEY, voices, CACHE_S)
    return voices


@dataclass(frozen=True, slots=True)
class Sample:
    """A short recording of a voice, and its type such as audio/mpeg."""

    audio: bytes
    content_type: str


def fetch_sample(voice_id: str) -> Sample | None:
    """The recording that the provider offers of this voice; None when it has none. Raises VoicesUnavailable.

    Fetched for the browser, which may be unable to reach the provider, and need not tell it who listens.
    """
    url = next((voice.sample_url for voice in list_voices() if voice.id == voice_id), "")
    if not url:
        return None
    try:
        with httpx.stream("GET", url, timeout=TIMEOUT_S, follow_redirects=True) as answer:
            answer.raise_for_status()
            content_type = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
            audio = b""
            for part in answer.iter_bytes():
                audio += part
                if len(audio) > SAMPLE_BYTES_MAX:
                    raise VoicesUnavailable(f"a sample of more than {SAMPLE_BYTES_MAX} bytes")
    except httpx.HTTPError as error:
        log.warning("voice_sample_unavailable", error=type(error).__name__)
        raise VoicesUnavailable(type(error).__name__) from error
    return Sample(audio, content_type) if content_type.startswith("audio/") else None


def _fetch() -> Iterator[Voice]:
    client = elevenlabs.ElevenLabs(
        api_key=settings.ELEVENLABS_API_KEY, base_url=settings.ELEVENLABS_BASE_URL, timeout=TIMEOUT_S
    )
    token: str | None = None
    for _ in range(PAGES_MAX):
        page = client.voices.search(
            page_size=PAGE_SIZE,
            next_page_token=token,
            request_options={"max_retries": 0, "timeout_in_seconds": TIMEOUT_S},
        )
        yield from (_voice(listed) for listed in page.voices)
        token = page.next_page_token
        if not page.has_more or not token:
            return


def _voice(listed: "elevenlabs.Voice") -> Voice:
    labels = listed.labels or {}
    traits = (labels.get(name, "") for name in ("gender", "age", "accent", "use_case"))
    sample = listed.preview_url or ""
    return Voice(
        id=listed.voice_id,
        name=listed.name or listed.voice_id,
        description=", ".join(trait.replace("_", " ") for trait in traits if trait),
        sample_url=sample if sample.startswith(("http://", "https://")) else "",
    )

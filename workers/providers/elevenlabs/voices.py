"""The voices of an ElevenLabs account."""

from collections.abc import Iterator

import elevenlabs  # loads its client, a second's work, when that is first used

from agents.providers.accounts import Account
from agents.voices.catalog import TIMEOUT_S, Voice

PAGE_SIZE = 100
PAGES_MAX = 20


def list_voices(account: Account) -> Iterator[Voice]:
    """All voices, page by page."""
    client = elevenlabs.ElevenLabs(api_key=account.api_key, base_url=account.base_url, timeout=TIMEOUT_S)
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

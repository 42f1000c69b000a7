"""The voices of a Cartesia account: docs.cartesia.ai/2026-03-01/api-reference/voices/list."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx

from agents.providers.accounts import Account
from agents.voices.catalog import TIMEOUT_S, Voice
from workers.providers.cartesia.protocol import headers

PAGE_SIZE = 100
PAGES_MAX = 20


def list_voices(account: Account) -> Iterator[Voice]:
    """All voices, page by page."""
    query: dict[str, str | int] = {"limit": PAGE_SIZE, "expand[]": "preview_file_url"}
    with httpx.Client(base_url=account.base_url, headers=headers(account), timeout=TIMEOUT_S) as client:
        for _ in range(PAGES_MAX):
            page = client.get("/voices", params=query).raise_for_status().json()
            yield from (_voice(account, listed) for listed in page["data"])
            if not page["has_more"] or not page["data"]:
                return
            query["starting_after"] = page["data"][-1]["id"]


def _voice(account: Account, listed: dict[str, Any]) -> Voice:
    sample = listed.get("preview_file_url") or ""
    traits = (listed.get("gender"), listed.get("language"), listed.get("country"), listed.get("description"))
    return Voice(
        id=listed["id"],
        name=listed["name"] or listed["id"],
        description=", ".join(trait.strip() for trait in traits if trait),
        sample_url=sample if sample.startswith(("http://", "https://")) else "",
        # A sample needs the key, which no other host gets to see.
        sample_headers=headers(account) if urlsplit(sample).netloc == account.host else {},
    )

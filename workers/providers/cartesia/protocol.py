"""What all requests to Cartesia over HTTP have in common: docs.cartesia.ai/use-the-api/api-conventions."""

from agents.providers.accounts import Account

VERSION = "2026-03-01"  # as the manifest's key_request, and Pipecat's service


def headers(account: Account) -> dict[str, str]:
    """The key and the version of the protocol. httpx does not send the key to another host on a redirect."""
    return {"Authorization": f"Bearer {account.api_key}", "Cartesia-Version": VERSION}

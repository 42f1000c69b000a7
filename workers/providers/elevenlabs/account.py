"""Whether ElevenLabs accepts the key, and has the voices of the published personas."""

from collections.abc import Sequence

import elevenlabs  # loads its client, a second's work, when that is first used
import httpx
from elevenlabs.core.api_error import ApiError

from agents.providers.accounts import Account
from calls.provisioning.key_checks import Use, refused, unreachable
from calls.provisioning.service_checks import WITHIN_S, Failed


def check_key(account: Account, used: Sequence[Use]) -> str:
    """List the account's voices, and look for those of the published personas."""
    client = elevenlabs.ElevenLabs(api_key=account.api_key, base_url=account.base_url, timeout=WITHIN_S)
    try:
        client.voices.search(page_size=1, request_options={"max_retries": 0, "timeout_in_seconds": int(WITHIN_S)})
        for use in used:
            _check_voice(client, use)
    except ApiError as error:
        raise refused(account, error.status_code) from error
    except (httpx.HTTPError, AttributeError, TypeError, ValueError) as error:
        raise unreachable(account, error) from error
    return f"{account.host} has the voices of all personas"


def _check_voice(client: "elevenlabs.ElevenLabs", use: Use) -> None:
    voice_id = use.choice.voice_id
    try:
        client.voices.get(voice_id, request_options={"max_retries": 0, "timeout_in_seconds": int(WITHIN_S)})
    except ApiError as error:
        if error.status_code not in (400, 404):
            raise
        cure = "Choose another voice in the admin and publish the persona."
        raise Failed(f"no voice {voice_id}, with which {use.persona} speaks", cure) from error

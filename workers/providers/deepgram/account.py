"""Whether Deepgram accepts the key: tried with the connection on which a call is heard."""

from collections.abc import Sequence

import httpx

from agents.providers.accounts import Account
from calls.provisioning.key_checks import Use, refused, unreachable
from calls.provisioning.service_checks import WITHIN_S, Skipped

FLUX = "flux-general-en"  # every account has it


def check_key(account: Account, used: Sequence[Use]) -> str:
    """Open the connection, and close it again. Deepgram bills audio only."""
    try:
        from deepgram import DeepgramClient
        from deepgram.core.api_error import ApiError
        from deepgram.environment import DeepgramClientEnvironment
        from websockets.exceptions import InvalidStatus, WebSocketException
    except ImportError as error:
        raise Skipped("skipped: its SDK is installed where workers run; run doctor there") from error
    socket_url = account.base_url.replace("http", "ws", 1)
    address = DeepgramClientEnvironment(
        base=account.base_url, production=socket_url, agent=socket_url, agent_rest=account.base_url
    )
    client = DeepgramClient(api_key=account.api_key, environment=address, timeout=WITHIN_S)
    try:
        with client.listen.v2.connect(model=FLUX, encoding="linear16", sample_rate=16_000):
            return f"{account.host} listens"
    except ApiError as error:
        raise refused(account, error.status_code) from error
    except InvalidStatus as error:
        raise refused(account, error.response.status_code) from error
    except (WebSocketException, OSError, httpx.HTTPError) as error:
        raise unreachable(account, error) from error

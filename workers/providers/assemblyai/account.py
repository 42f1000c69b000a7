"""Whether AssemblyAI accepts the key: tried with the connection on which a call is heard."""

import json
from collections.abc import Sequence

from websockets.exceptions import InvalidStatus, WebSocketException
from websockets.sync.client import connect

from agents.providers.accounts import Account
from calls.provisioning.key_checks import Use, refused, unreachable
from calls.provisioning.service_checks import WITHIN_S

QUERY = "sample_rate=16000&speech_model=universal-streaming-english"


def check_key(account: Account, used: Sequence[Use]) -> str:
    """Open a session, and end it when it has begun: AssemblyAI bills its seconds.

    A wrong key is let in, told so by a message, and then closed:
    assemblyai.com/docs/streaming/common-session-errors-and-closures.
    """
    url = f"{account.base_url.replace('http', 'ws', 1)}/v3/ws?{QUERY}"
    headers = {"Authorization": account.api_key}
    try:
        with connect(url, additional_headers=headers, open_timeout=WITHIN_S, close_timeout=1) as session:
            first = json.loads(session.recv(WITHIN_S))
            if first.get("type") == "Begin":
                session.send(json.dumps({"type": "Terminate"}))
                return f"{account.host} listens"
    except InvalidStatus as error:
        raise refused(account, error.response.status_code) from error
    except (WebSocketException, OSError, ValueError) as error:
        raise unreachable(account, error) from error
    told = str(first.get("error", "")).lower()
    raise refused(account, 401 if "authoriz" in told and "concurrent" not in told else 429)

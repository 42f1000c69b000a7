"""AssemblyAI's key, tried as doctor does: by the messages with which its streaming API answers."""

import json
import threading
from collections.abc import Iterator

import pytest
from websockets.sync.server import Server, ServerConnection, serve

from agents.providers.accounts import Account
from calls.provisioning.service_checks import Failed
from workers.providers.assemblyai.account import check_key


@pytest.fixture
def account() -> Iterator[Account]:
    """An account whose key is "right", at a server that speaks the protocol."""

    def answer(session: ServerConnection) -> None:
        assert session.request is not None
        assert session.request.path == "/v3/ws?sample_rate=16000&speech_model=universal-streaming-english"
        if session.request.headers["Authorization"] == "right":
            session.send(json.dumps({"type": "Begin", "id": "1", "expires_at": 0}))
            assert json.loads(session.recv()) == {"type": "Terminate"}
        else:
            what = "Unauthorized Connection: Invalid API key"
            session.send(json.dumps({"type": "Error", "error_code": 1008, "error": what}))
            session.close(1008, "See Error message for details")

    server: Server = serve(answer, "127.0.0.1", 0)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    port = server.socket.getsockname()[1]
    yield Account("ASSEMBLYAI", f"http://127.0.0.1:{port}", "right")
    server.shutdown()
    thread.join()


def test_a_key_that_opens_a_session_is_well(account: Account) -> None:
    assert check_key(account, []) == f"{account.host} listens"


def test_a_key_that_is_refused_is_named_with_its_variable(account: Account) -> None:
    with pytest.raises(Failed, match="refuses the key") as found:
        check_key(Account("FALLBACK_ASSEMBLYAI", account.base_url, "wrong"), [])
    assert found.value.cure.startswith("Set FALLBACK_ASSEMBLYAI_API_KEY")


def test_a_provider_that_is_away_is_told_with_its_variable() -> None:
    with pytest.raises(Failed, match=r"cannot be reached \(ConnectionRefusedError\)") as found:
        check_key(Account("ASSEMBLYAI", "http://127.0.0.1:1", "right"), [])
    assert found.value.cure.startswith("Check ASSEMBLYAI_BASE_URL")

"""Connections that do not get on, on real sockets: headers that do not come, and answers that nobody reads."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn

from callcenter.http.http_protocol import LimitedProtocol
from tests.product.stack import eventually
from tests.security.input.sockets import answer_to, connect, is_closed

REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
LARGE = 64 * 1024 * 1024  # more than the kernel takes for a client that does not read


class Impatient(LimitedProtocol):
    """As the product's, in a quarter of a second."""

    HEADERS_S = WRITE_S = 0.25


class Server:
    """uvicorn in a thread, on a free port."""

    def __init__(self, protocol: type[asyncio.Protocol]) -> None:
        config = uvicorn.Config(self.answer, port=0, http=protocol, interface="asgi3", lifespan="off", log_config=None)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run)
        self.answered = threading.Event()
        self.headers: set[bytes] = set()
        self._paths: list[str] = []

    def asked_for(self, path: str) -> bool:
        return path in self._paths

    async def answer(self, scope: Any, receive: Any, send: Any) -> None:
        while (await receive()).get("more_body"):
            pass
        self._paths.append(scope["path"])
        self.headers = {name for name, _ in scope["headers"]}
        if scope["path"] == "/events":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            while (await receive())["type"] != "http.disconnect":
                pass
            return
        size = LARGE if scope["path"] == "/large" else 2
        headers = [(b"content-length", str(size).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": bytes(size // 2), "more_body": True})
        await send({"type": "http.response.body", "body": bytes(size // 2)})
        self.answered.set()

    def __enter__(self) -> "Server":
        self._thread.start()
        eventually(lambda: self._server.started, "uvicorn")
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join()

    @property
    def port(self) -> int:
        return int(self._server.servers[0].sockets[0].getsockname()[1])

    @property
    def waiting(self) -> int:
        """Requests that have come before the one before them is over."""
        connections: Any = self._server.server_state.connections
        return sum(len(connection.pipeline) for connection in connections)

    @property
    def connections(self) -> int:
        return len(self._server.server_state.connections)


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(Impatient) as server:
        yield server


@pytest.mark.parametrize("sent", [b"", b"\r\n", b"GET / HTTP/1.1\r\nHost: local"])
def test_a_connection_without_a_whole_request_is_closed(sent: bytes, server: Server) -> None:
    with connect(server.port) as connection:
        connection.sendall(sent)

        assert is_closed(connection)


@pytest.mark.parametrize("sent", [b"\r\n", b"GET / HTTP/1.1\r\nHost: local"])
def test_so_is_one_whose_second_request_does_not_come(sent: bytes, server: Server) -> None:
    with connect(server.port) as connection:
        connection.sendall(REQUEST)
        assert connection.recv(12) == b"HTTP/1.1 200"
        connection.sendall(sent)
        while connection.recv(4096):
            pass


def test_headers_that_do_not_end_are_cut_off(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Impatient, "HEADERS_S", 600.0)

    status, _ = answer_to(server.port, b"GET / HTTP/1.1\r\n" + b"X-Filler: " + bytes(b"a" * 1024 * 1024))

    assert status == 431


def test_a_second_request_before_the_first_is_answered_is_not_begun(server: Server) -> None:
    with connect(server.port) as connection:
        connection.sendall(b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n" + REQUEST)

        assert is_closed(connection)
    assert not server.asked_for("/")


def test_a_request_behind_the_last_byte_of_a_stream_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    """A static file's answer is over only after its last byte, when the client may already ask for the next one."""
    may_end = threading.Event()

    async def stream(self: Server, scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok", "more_body": True})
        await asyncio.to_thread(may_end.wait)
        await send({"type": "http.response.body", "body": b""})

    monkeypatch.setattr(Server, "answer", stream)
    with Server(Impatient) as server, connect(server.port) as connection:
        connection.sendall(REQUEST)
        assert _read_answer(connection) == b"ok"
        connection.sendall(REQUEST)
        eventually(lambda: server.waiting, "the next request")
        may_end.set()
        assert _read_answer(connection) == b"ok"


def _read_answer(connection: socket.socket) -> bytes:
    """The body of an answer of two bytes."""
    told = b""
    while not told.endswith(b"\r\n\r\nok"):
        part = connection.recv(4096)
        assert part, told
        told += part
    return told[-2:]


def test_another_request_while_an_answer_is_unread_is_not_begun(server: Server) -> None:
    with connect(server.port) as connection:
        connection.sendall(REQUEST.replace(b"/ ", b"/large "))
        eventually(lambda: server.asked_for("/large"), "the first request")
        connection.sendall(REQUEST)
        eventually(lambda: not server.connections, "end of the connection")
    assert not server.asked_for("/")


CHUNKED = b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n"


def test_what_follows_a_chunked_body_is_no_header(server: Server) -> None:
    trailer = b"0\r\nX-Forwarded-For: 6.6.6.6\r\nX-Late: 1\r\n\r\n"

    assert answer_to(server.port, CHUNKED + trailer)[0] == 200
    assert server.headers == {b"host", b"transfer-encoding"}


def test_what_follows_a_chunked_body_without_end_is_cut_off(server: Server) -> None:
    with connect(server.port) as connection:
        connection.sendall(CHUNKED + b"0\r\n")
        with contextlib.suppress(ConnectionError):
            for _ in range(4096):
                connection.sendall(b"X-Late: " + b"a" * 1024 + b"\r\n")
        eventually(lambda: not server.connections, "end of the connection")


def test_a_body_in_small_pieces_is_read(server: Server) -> None:
    pieces = b"1\r\na\r\n" * 20_000

    assert answer_to(server.port, CHUNKED + pieces + b"0\r\n\r\n")[0] == 200


def test_an_answer_that_nobody_reads_is_given_up(server: Server) -> None:
    with connect(server.port) as connection:
        connection.sendall(REQUEST.replace(b"/ ", b"/large "))

        assert server.answered.wait(60)
        eventually(lambda: not server.connections, "end of the connection")


def test_a_request_that_takes_its_time_to_be_answered_is_not_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    async def slowly(self: Server, scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(3 * Impatient.HEADERS_S)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    monkeypatch.setattr(Server, "answer", slowly)
    with Server(Impatient) as server:
        assert answer_to(server.port, REQUEST)[0] == 200


def test_a_process_that_stops_does_not_wait_for_event_streams() -> None:
    with Server(LimitedProtocol) as server:
        stream = connect(server.port)
        stream.sendall(b"GET /events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n")
        eventually(lambda: server.asked_for("/events"), "the stream")

    while stream.recv(4096):
        pass

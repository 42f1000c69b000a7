"""HTTP by hand: bytes as a hostile client sends them, and what comes back."""

import contextlib
import http.client
import socket

from tools.local.ports import LOOPBACK

PATIENCE_S = 60.0  # of a test, on a busy machine


def connect(port: int) -> socket.socket:
    """A connection to this machine, whose reads fail after a minute."""
    return socket.create_connection((LOOPBACK, port), timeout=PATIENCE_S)


def answer_to(port: int, request: bytes) -> tuple[int, str]:
    """Send the bytes as they are, and return status and body of the answer. The server may close in the middle."""
    with connect(port) as connection:
        with contextlib.suppress(ConnectionError):
            connection.sendall(request)
        response = http.client.HTTPResponse(connection)
        response.begin()
        return response.status, response.read().decode()


def is_closed(connection: socket.socket) -> bool:
    """Wait until the server closes the connection, and say whether it did without an answer."""
    try:
        return connection.recv(1) == b""
    except ConnectionError:
        return True

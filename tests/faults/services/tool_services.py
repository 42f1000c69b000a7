"""A tool's web service on this machine, over https: one that books when it may, and one that goes down."""

import http.server
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

from tools.local.ports import LOOPBACK

WAITS_S = 300.0


class BookingService(http.server.BaseHTTPRequestHandler):
    """Keeps the keys of the requests, and answers when it may."""

    keys: ClassVar[list[str]] = []
    may_answer = threading.Event()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.keys.append(self.headers["Idempotency-Key"])
        self.may_answer.wait(WAITS_S)
        body = b'{"status": "booked"}'
        try:
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            return  # nobody waits for the answer any more


class FallingService(http.server.BaseHTTPRequestHandler):
    """Goes down with a request in its hands."""

    def do_POST(self) -> None:
        self.connection.close()


@contextmanager
def served(handler: type[http.server.BaseHTTPRequestHandler], certificate: Path) -> Iterator[str]:
    """The https address of a service for which the certificate vouches, while it serves."""
    server = http.server.ThreadingHTTPServer((LOOPBACK, 0), handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"https://{LOOPBACK}:{server.server_port}"
    finally:
        BookingService.may_answer.set()
        server.shutdown()
        server.server_close()
        thread.join()

"""A web service that gives the answers of a test, one after the other, and remembers what it was asked."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Answers(list[tuple[int, object]]):
    """The answers to come, each a status and a body: an object becomes JSON, a text is sent as it is."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[str, str, Message]] = []
        self.bodies: list[bytes] = []


@contextmanager
def answering() -> Iterator[tuple[str, Answers]]:
    """The address of such a service, and its answers."""
    answers = Answers()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answers.asked.append((self.command, self.path, self.headers))
            answers.bodies.append(self.rfile.read(int(self.headers.get("Content-Length", "0"))))
            status, body = answers.pop(0)
            raw = (body if isinstance(body, str) else json.dumps(body)).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        do_POST = do_GET  # noqa: N815  the names that http.server looks for

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", answers
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

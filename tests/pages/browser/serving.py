"""The product's web application, in a thread of the tests: so both forget the same rows when the tables are emptied."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from callcenter.http.http_protocol import LimitedProtocol
from tests.product.stack import eventually
from tools.local.ports import LOOPBACK


@contextmanager
def serving() -> Iterator[str]:
    """Serve it as callcenter.web does, on a free port. Gives its address."""
    config = uvicorn.Config(
        "callcenter.asgi:application",
        host=LOOPBACK,
        port=0,
        http=LimitedProtocol,
        ws="none",
        access_log=False,
        proxy_headers=False,
        log_config=None,
        log_level="warning",
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name="web")
    thread.start()
    try:
        eventually(lambda: server.started, "the web application")
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://{LOOPBACK}:{port}"
    finally:
        server.should_exit = True
        thread.join()

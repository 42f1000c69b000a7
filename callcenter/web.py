"""The web process: `python -m callcenter.web --host 127.0.0.1 --port 8080`. uvicorn, with limits on its connections."""

import argparse
import os

import uvicorn

from callcenter.http.http_protocol import LimitedProtocol

# Nobody waits longer for a page. Without it, a search goes on in PostgreSQL although whoever asked has left.
STATEMENT_TIMEOUT = "-c statement_timeout=10s"

# Longer than proxies keep idle connections: Caddy's (docker/proxy/Caddyfile) and ingress-nginx's 60 s. A request that a
# proxy sends while the connection is being closed here would be lost.
KEEP_ALIVE_S = 75


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m callcenter.web", description="Serve webhooks, admin and API.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8080, help="default: %(default)s")
    parser.add_argument(
        "--timeout-graceful-shutdown",
        type=int,
        metavar="SECONDS",
        help="how long a stopping process waits for requests in progress (default: until they are answered)",
    )
    options = parser.parse_args()
    os.environ.setdefault("PGOPTIONS", STATEMENT_TIMEOUT)  # as psycopg takes it
    uvicorn.run(
        "callcenter.asgi:application",
        host=options.host,
        port=options.port,
        http=LimitedProtocol,
        ws="none",  # no page uses one
        access_log=False,
        proxy_headers=False,  # callcenter.asgi asks TRUSTED_PROXIES; uvicorn would believe everyone on this machine
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=options.timeout_graceful_shutdown,
    )


if __name__ == "__main__":
    main()

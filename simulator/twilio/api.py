"""A stand-in for Twilio's REST API: one account, its key, errors, pages of lists, and faults by order.

Protocol: twilio.com/docs/usage/api, as the twilio package 9.13 reads it. What an account has is in modules of its own,
which give their routes: simulator.twilio.recordings.
"""

import base64
import secrets
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

_HOST = "127.0.0.1"
_PAGE_SIZE = 50
_MOST_A_PAGE = 1000
_SHUTDOWN_S = 0.2


@dataclass(frozen=True)
class TwilioFault:
    """What happens to one request whose path ends with `path`: the next one, for an empty path.

    The answer is an error with `status`, and `retry_after_s` in its header. Without a status, it is cut in the middle.
    """

    path: str = ""
    status: int | None = None
    retry_after_s: int | None = None


@dataclass
class TwilioAccount:
    """An account: its SID, its token, the faults that wait, and what was asked (`GET /path?query`), oldest first."""

    sid: str = field(default_factory=lambda: f"AC{secrets.token_hex(16)}")
    auth_token: str = field(default_factory=lambda: secrets.token_hex(16))
    faults: list[TwilioFault] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def take_fault(self, path: str) -> TwilioFault | None:
        """The fault that hits a request for `path`, if any; each hits once."""
        for fault in self.faults:
            if path.endswith(fault.path):
                self.faults.remove(fault)
                return fault
        return None

    def is_signed_in(self, authorization: str) -> bool:
        """Whether this header holds the account's SID and token."""
        return authorization == "Basic " + base64.b64encode(f"{self.sid}:{self.auth_token}".encode()).decode()


_ACCOUNT = web.AppKey("twilio_account", TwilioAccount)


@asynccontextmanager
async def running_twilio(account: TwilioAccount, routes: Iterable[web.AbstractRouteDef]) -> AsyncIterator[str]:
    """Serve `routes` in this event loop on a free port of 127.0.0.1, and give the base URL (without a slash).

    A route whose path has {account_sid} is there for this account only.
    """
    app = web.Application(middlewares=[_guard])
    app[_ACCOUNT] = account
    app.add_routes(routes)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_SHUTDOWN_S)
    await runner.setup()
    try:
        await web.TCPSite(runner, _HOST, 0).start()
        yield f"http://{_HOST}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def error(status: int, code: int, message: str, headers: Mapping[str, str] | None = None) -> web.Response:
    """An error as Twilio writes it; the codes are those of twilio.com/docs/api/errors."""
    more_info = f"https://www.twilio.com/docs/errors/{code}"
    document = {"code": code, "message": message, "more_info": more_info, "status": status}
    return web.json_response(document, status=status, headers=headers)


def page(request: web.Request, name: str, items: Sequence[Mapping[str, Any]]) -> web.Response:
    """The page of `items` that was asked for, under `name`, with the address of the next one (API of 2010)."""
    try:
        number, size = int(request.query.get("Page", 0)), int(request.query.get("PageSize", _PAGE_SIZE))
    except ValueError:
        number, size = -1, 0
    if number < 0 or not 1 <= size <= _MOST_A_PAGE:
        return error(400, 20001, "Page size must be 1 to 1000, and the page 0 or more")
    first = number * size
    shown = items[first : first + size]

    def uri(page_number: int) -> str:
        return str(request.rel_url.update_query({"Page": str(page_number), "PageSize": str(size)}))

    return web.json_response(
        {
            "first_page_uri": uri(0),
            "end": first + max(len(shown) - 1, 0),
            "next_page_uri": uri(number + 1) if first + size < len(items) else None,
            "page": number,
            "page_size": size,
            "previous_page_uri": uri(number - 1) if number else None,
            "start": first,
            "uri": str(request.rel_url),
            name: list(shown),
        }
    )


@web.middleware
async def _guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Note the request, apply a fault, and let only the account in."""
    account = request.app[_ACCOUNT]
    account.requests.append(f"{request.method} {request.path_qs}")
    fault = account.take_fault(request.path)
    if fault is not None and fault.status is not None:
        again = None if fault.retry_after_s is None else {"Retry-After": str(fault.retry_after_s)}
        code = 20429 if fault.status == 429 else 20500
        return error(fault.status, code, "Too Many Requests" if code == 20429 else "Internal Server Error", again)
    if not account.is_signed_in(request.headers.get("Authorization", "")):
        return error(401, 20003, "Authenticate")
    if request.match_info.get("account_sid", account.sid) != account.sid or request.match_info.http_exception:
        return error(404, 20404, f"The requested resource {request.path} was not found")
    response = await handler(request)
    return await _cut(request, response) if fault is not None and isinstance(response, web.Response) else response


async def _cut(request: web.Request, whole: web.Response) -> web.StreamResponse:
    """Send half of an answer, and close the connection."""
    body = whole.body if isinstance(whole.body, bytes) else b""
    half = web.StreamResponse(headers={"Content-Type": whole.content_type, "Content-Length": str(len(body))})
    await half.prepare(request)
    await half.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.close()
    return half

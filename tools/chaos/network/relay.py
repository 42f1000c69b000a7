"""Between LiveKit and the web process: passes webhooks on, and doubles or loses those of chosen rooms."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web

from tools.local.ports import LOOPBACK

PASS_WITHIN_S = 10.0


@dataclass
class Relay:
    """`doubled`: rooms all of whose webhooks come twice. `lost`: by room, the kind of webhook that never comes."""

    web_url: str
    doubled: set[str] = field(default_factory=set)
    lost: dict[str, str] = field(default_factory=dict)
    _session: aiohttp.ClientSession | None = None

    @asynccontextmanager
    async def listening(self, port: int) -> AsyncIterator[None]:
        """Take LiveKit's webhooks on this port of 127.0.0.1 meanwhile."""
        app = web.Application()
        app.router.add_post("/webhooks/livekit", self._take)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(PASS_WITHIN_S)) as self._session:
            await runner.setup()
            try:
                await web.TCPSite(runner, LOOPBACK, port).start()
                yield
            finally:
                await runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.read()
        event = json.loads(body)
        room = str(event.get("room", {}).get("name", ""))
        if self.lost.get(room) == event.get("event"):
            return web.Response()
        headers = {name: request.headers[name] for name in ("Content-Type", "Authorization") if name in request.headers}
        times = 2 if room in self.doubled else 1
        answers = await asyncio.gather(*(self._pass_on(body, headers) for _ in range(times)))
        return web.Response(status=max(answers))

    async def _pass_on(self, body: bytes, headers: dict[str, str]) -> int:
        """The status of the answer; 502, which LiveKit tries again, when there is none."""
        if self._session is None:
            return 502
        try:
            async with self._session.post(f"{self.web_url}/webhooks/livekit", data=body, headers=headers) as answer:
                return answer.status
        except (aiohttp.ClientError, TimeoutError):
            return 502

"""The relay between LiveKit and the web process, which passes on, doubles and loses."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
import pytest
from aiohttp import web

from tools.chaos.network.relay import Relay
from tools.local.ports import LOOPBACK, free_ports


@dataclass
class Web:
    """Stands in for the web process: keeps what it gets, and answers with `status`."""

    status: int = 200
    got: list[tuple[bytes, str, str]] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        self.got.append((await request.read(), request.headers["Authorization"], request.headers["Content-Type"]))
        return web.Response(status=self.status)

    @asynccontextmanager
    async def listening(self, port: int) -> AsyncIterator[None]:
        app = web.Application()
        app.router.add_post("/webhooks/livekit", self.take)
        runner = web.AppRunner(app)
        await runner.setup()
        try:
            await web.TCPSite(runner, LOOPBACK, port).start()
            yield
        finally:
            await runner.cleanup()


async def send(relay: Relay, kind: str, room: str = "call-1", process: Web | None = None) -> tuple[int, Web]:
    """Send an event through the relay. Returns the answer's status and the web process, which is away if it is None."""
    process_port = int(relay.web_url.rsplit(":", 1)[1])
    [port] = free_ports(1)
    body = json.dumps({"event": kind, "room": {"name": room}}).encode()
    headers = {"Authorization": "token", "Content-Type": "application/webhook+json"}
    async with aiohttp.ClientSession() as session, relay.listening(port):
        url = f"http://{LOOPBACK}:{port}/webhooks/livekit"
        if process is None:
            async with session.post(url, data=body, headers=headers) as answer:
                return answer.status, Web()
        async with process.listening(process_port), session.post(url, data=body, headers=headers) as answer:
            return answer.status, process


@pytest.fixture
def relay() -> Relay:
    [port] = free_ports(1)
    return Relay(f"http://{LOOPBACK}:{port}")


async def test_a_webhook_is_passed_on_as_it_is(relay: Relay) -> None:
    status, process = await send(relay, "room_started", process=Web())
    body = json.dumps({"event": "room_started", "room": {"name": "call-1"}}).encode()
    assert (status, process.got) == (200, [(body, "token", "application/webhook+json")])


async def test_every_webhook_of_a_doubled_room_comes_twice(relay: Relay) -> None:
    relay.doubled.add("call-1")
    status, process = await send(relay, "participant_joined", process=Web())
    assert (status, len(process.got)) == (200, 2)


async def test_a_lost_webhook_is_answered_and_never_comes_and_others_of_its_room_do(relay: Relay) -> None:
    relay.lost["call-1"] = "participant_joined"
    status, process = await send(relay, "participant_joined", process=Web())
    assert (status, process.got) == (200, [])
    status, process = await send(relay, "participant_left", process=Web())
    assert (status, len(process.got)) == (200, 1)


@pytest.mark.parametrize(("process", "status"), [(Web(status=503), 503), (None, 502)], ids=["refuses", "is away"])
async def test_a_web_process_that_does_not_take_it_has_livekit_send_it_again(
    relay: Relay, process: Web | None, status: int
) -> None:
    assert (await send(relay, "room_started", process=process))[0] == status

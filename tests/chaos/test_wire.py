"""The wire between one process and a service, which passes bytes on, is cut, and is mended."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from tools.chaos.network.wire import Wire
from tools.local.ports import LOOPBACK


@asynccontextmanager
async def echo() -> AsyncIterator[str]:
    """A service that answers with what it hears, one line at a time; its URL."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            writer.write(line)
        writer.close()

    server = await asyncio.start_server(answer, LOOPBACK, 0)
    async with server:
        yield f"echo://user:secret@{LOOPBACK}:{server.sockets[0].getsockname()[1]}/path?query"


async def connect(wire: Wire) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection through the wire."""
    url = urlsplit(wire.url)
    return await asyncio.open_connection(url.hostname, url.port)


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """Say something, and return the answer: nothing when the connection has ended."""
    writer.write(b"hello\n")
    try:
        return await reader.readline()
    except ConnectionError:
        return b""


async def test_what_one_says_the_other_hears_and_the_rest_of_the_url_stays() -> None:
    async with echo() as service:
        with Wire(service).open() as wire:
            assert await ask(*await connect(wire)) == b"hello\n"
            assert urlsplit(wire.url)._replace(netloc="") == urlsplit(service)._replace(netloc="")
            assert wire.url.startswith(f"echo://user:secret@{LOOPBACK}:")
            assert wire.url != service


async def test_a_cut_ends_what_is_open_and_refuses_what_is_new_until_it_is_mended() -> None:
    async with echo() as service:
        with Wire(service).open() as wire:
            connection = await connect(wire)
            assert await ask(*connection) == b"hello\n"
            wire.cut()
            assert await ask(*connection) == b""
            assert await ask(*await connect(wire)) == b""
            wire.mend()
            assert await ask(*await connect(wire)) == b"hello\n"


async def test_what_is_delayed_comes_later_and_whole() -> None:
    async with echo() as service:
        with Wire(service, delay_s=0.2).open() as wire:
            connection = await connect(wire)
            began = asyncio.get_running_loop().time()
            assert await ask(*connection) == b"hello\n"
            assert asyncio.get_running_loop().time() - began >= 0.2

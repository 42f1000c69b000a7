"""The path from one process to one service, which can be cut or slowed down while the others keep theirs."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit, urlunsplit

from tools.local.ports import LOOPBACK

CHUNK_BYTES = 64 * 1024


class Wire:
    """Passes bytes on between a port of 127.0.0.1 and the service of a URL; `url` is the way through the wire.

    `delay_s` is how long bytes to the service are held back: a query that is sent when the last one was answered takes
    so much longer. It may be changed at any time.
    """

    def __init__(self, service_url: str, delay_s: float = 0.0) -> None:
        self._service = urlsplit(service_url)
        self.delay_s = delay_s
        self.url = service_url
        self._is_cut = False
        self._loop = asyncio.new_event_loop()
        self._writers: set[asyncio.StreamWriter] = set()

    @contextmanager
    def open(self) -> Iterator["Wire"]:
        """Listen meanwhile."""
        thread = threading.Thread(target=self._loop.run_forever, name="wire", daemon=True)
        thread.start()
        port = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result()
        credentials, at, _ = self._service.netloc.rpartition("@")
        self.url = urlunsplit(self._service._replace(netloc=f"{credentials}{at}{LOOPBACK}:{port}"))
        try:
            yield self
        finally:
            self.cut()
            asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result()
            self._loop.call_soon_threadsafe(self._loop.stop)
            thread.join()
            self._loop.close()

    def cut(self) -> None:
        """End every connection, and refuse new ones, until it is mended. Returns when they have ended."""
        self._is_cut = True
        asyncio.run_coroutine_threadsafe(self._end_all(), self._loop).result()

    def mend(self) -> None:
        """Let connections through again."""
        self._is_cut = False

    async def _listen(self) -> int:
        self._server = await asyncio.start_server(self._connect, LOOPBACK, 0)
        return int(self._server.sockets[0].getsockname()[1])

    async def _stop(self) -> None:
        self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _end_all(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_cut:
            writer.transport.abort()
            return
        try:
            service = await asyncio.open_connection(self._service.hostname, self._service.port)
        except OSError:  # it is away
            writer.transport.abort()
            return
        ends = {writer, service[1]}
        self._writers |= ends
        try:
            await asyncio.gather(self._pass(reader, service[1], delayed=True), self._pass(service[0], writer))
        finally:
            self._writers -= ends
            for end in ends:
                end.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, delayed: bool = False) -> None:
        with suppress(OSError):
            while data := await reader.read(CHUNK_BYTES):
                if delayed:
                    await asyncio.sleep(self.delay_s)
                writer.write(data)
                await writer.drain()
        writer.close()

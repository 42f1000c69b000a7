"""uvicorn's HTTP protocol, with timeouts for stalled connections: uvicorn has none for headers or for responses.

The names that are overridden or read here are those of uvicorn 0.54, and no public interface:
tests/callcenter/http/test_http_protocol.py fails when they change.
"""

import asyncio
from typing import ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from callcenter.http.request_headers import HEADERS_BYTES

EVENT_STREAM = (b"accept", b"text/event-stream")
TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class LimitedProtocol(HttpToolsProtocol):
    """Closes a connection that waits too long for a request's headers, or for the client to read a response.

    Headers that come piece by piece and never end are refused here; complete ones are measured by request_headers.

    So is one on which another request comes before the last one is answered, or while its answer is unread, which no
    browser or proxy does: each would keep a request waiting, and there are few at once (callcenter.http.at_once).

    A process that stops does not wait for event streams.

    What a chunked body has after it, its trailers, is dropped: uvicorn would add it to the headers, which have been
    checked by then.
    """

    HEADERS_S: ClassVar[float] = 10.0
    """How long a request line and its headers may take, from the first byte, or from the start of the connection."""
    WRITE_S: ClassVar[float] = 30.0
    """How long an answer may wait for a client that reads nothing."""

    _headers_timer: asyncio.TimerHandle | None = None
    _write_timer: asyncio.TimerHandle | None = None
    _is_in_headers = False
    _has_progressed = False  # the last that was received has completed headers, or was of a body
    _unfinished = 0  # bytes since then

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._headers_timer = self.loop.call_later(self.HEADERS_S, self._close)

    def data_received(self, data: bytes) -> None:
        self._has_progressed = False
        super().data_received(data)
        if self.transport.is_closing():
            return
        self._unfinished = 0 if self._has_progressed else self._unfinished + len(data)
        if self._unfinished > HEADERS_BYTES:
            self._refuse()
        elif self._headers_timer is None and not self._is_answering():
            self._headers_timer = self.loop.call_later(self.HEADERS_S, self._close)

    def on_message_begin(self) -> None:
        self._is_in_headers = True
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._is_in_headers:
            super().on_header(name, value)

    def on_body(self, body: bytes) -> None:
        self._has_progressed = True
        super().on_body(body)

    def on_headers_complete(self) -> None:
        self._is_in_headers = False
        self._has_progressed = True
        _cancel(self._headers_timer)
        self._headers_timer = None
        if self.flow.write_paused:
            self.transport.abort()
            return
        before = self.cycle
        super().on_headers_complete()
        if self.pipeline and not _is_written(before):
            self._close()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._write_timer = self.loop.call_later(self.WRITE_S, self.transport.abort)

    def resume_writing(self) -> None:
        _cancel(self._write_timer)
        self._write_timer = None
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        _cancel(self._headers_timer)
        self._headers_timer = None
        _cancel(self._write_timer)
        self._write_timer = None
        super().connection_lost(exc)

    def shutdown(self) -> None:
        if self._is_answering() and EVENT_STREAM in self.cycle.scope["headers"]:
            self.transport.close()  # it has no end of its own, and the browser asks another process
        else:
            super().shutdown()

    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _refuse(self) -> None:
        if not self._is_answering():
            self.transport.write(TOO_LARGE)
        self._close()

    def _close(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()


def _is_written(cycle: RequestResponseCycle) -> bool:
    """Whether the client may have the whole answer: a stream says that it is over only after its last byte."""
    return cycle.response_started and not cycle.chunked_encoding and cycle.expected_content_length == 0


def _cancel(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()

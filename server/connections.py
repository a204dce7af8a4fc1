"""A connection of a client: a request must begin in time, and be of some size."""

from __future__ import annotations

import asyncio

import orjson
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from server.settings import ServerSettings

BAD_REQUEST = (400, "Bad Request", "This is no request of HTTP.")
TOO_SLOW = (408, "Request Timeout", "The headers of the request did not arrive in time.")
LINGER_S = 1  # how long what still comes is taken and forgotten, or the client would not hear why
TOO_LARGE = (431, "Request Header Fields Too Large", "The headers of the request are too large.")


class Connection(HttpToolsProtocol):
    """uvicorn's, which would wait for the end of headers for ever, and keep any number of them.

    The head of a request is its first line and its headers. What comes behind it is limited where it is read.
    """

    _limits: ServerSettings
    _head_bytes = 0  # of a head that has begun and not ended
    _in_head = False
    _deaf = False  # refused; what still comes is not read
    _timer: asyncio.TimerHandle | None = None
    _problem = BAD_REQUEST

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._limits = self.config.app.state.gateway.settings.server  # type: ignore[union-attr]
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._deaf:
            return
        began = self._in_head
        super().data_received(data)
        if self._in_head and not self.transport.is_closing():
            self._head_bytes += len(data) if began else 0
            if self._head_bytes > self._limits.max_header_bytes:
                self._refuse(TOO_LARGE)
        elif self.cycle is not None and self.cycle.response_complete:
            self._expect_head()  # line breaks between two requests, which end the wait for the next one

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head, self._head_bytes = True, 0
        self._expect_head()

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head:
            super().on_header(name, value)
            return
        # Behind a body in chunks; nobody reads them, so they are not kept.
        self._head_bytes += len(name) + len(value)
        if self._head_bytes > self._limits.max_header_bytes:
            self._problem = TOO_LARGE
            raise ValueError(self._head_bytes)

    def on_headers_complete(self) -> None:
        self._in_head, self._head_bytes = False, 0
        self._disarm()
        measured = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if measured > self._limits.max_header_bytes:
            self._problem = TOO_LARGE
            raise ValueError(measured)  # the parser stops, and `send_400_response` is called
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """What cannot be taken for a request is refused in our words, with a code like everything else."""
        self._refuse(self._problem)

    def _expect_head(self) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(self._limits.header_timeout_s, self._late)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _late(self) -> None:
        self._timer = None
        if self.cycle is not None and not self.cycle.response_complete:
            self._expect_head()  # the answer to the request before it comes first
        else:
            self._refuse(TOO_SLOW)

    def _refuse(self, problem: tuple[int, str, str]) -> None:
        """Say why and hang up; without a word while another answer is being sent."""
        self._disarm()
        if self._deaf or self.transport.is_closing():
            return
        self._deaf = True
        if self.cycle is None or self.cycle.response_complete:
            status, phrase, words = problem
            told = {"errors": [{"message": words, "extensions": {"code": "BAD_USER_INPUT"}}]}
            body = orjson.dumps(told)
            head = (
                f"HTTP/1.1 {status} {phrase}\r\ncontent-type: application/json; charset=utf-8\r\n"
                f"content-length: {len(body)}\r\ncache-control: private, no-store\r\nconnection: close\r\n\r\n"
            )
            self.transport.write(head.encode() + body)
            self.transport.write_eof()
            self.loop.call_later(LINGER_S, self.transport.close)
        else:
            self.transport.close()

"""A small HTTP/1.1 server on asyncio protocols: keep-alive, pipelining, and answers that go wrong as told."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus

from .faults import Fault

LONGEST_HEAD = 64 << 10


@dataclass(slots=True)
class Request:
    method: str
    target: str
    head: bytes
    body: bytes

    def header(self, name: str) -> str | None:
        wanted = name.lower().encode()
        for line in self.head.split(b"\r\n")[1:]:
            key, _, value = line.partition(b":")
            if key.strip().lower() == wanted:
                return value.strip().decode("latin-1")
        return None


@dataclass(slots=True)
class Answer:
    body: bytes = b""
    status: int = 200
    headers: tuple = ()
    content_type: str = "application/json"
    delay_seconds: float = 0
    # A byte each so many seconds.
    drip_seconds: float | None = None
    # "send", or nothing is sent: "hang" keeps the connection, "close" ends it.
    then: str = "send"
    # The connection ends after these many bytes of the answer.
    cut_after: int | None = None

    def bytes(self) -> bytes:
        try:
            reason = HTTPStatus(self.status).phrase
        except ValueError:
            reason = "Unknown"
        fields = "".join([f"{name}: {value}\r\n" for name, value in self.headers])
        head = (
            f"HTTP/1.1 {self.status} {reason}\r\nContent-Type: {self.content_type}\r\n{fields}"
            f"Content-Length: {len(self.body)}\r\n\r\n"
        )
        return head.encode("latin-1") + self.body


def broken(fault: Fault) -> Answer:
    """The answer of a fault that leaves nothing of the right one."""
    if fault.kind in ("hang", "close"):
        return Answer(then=fault.kind)
    status = fault.status or (200 if fault.kind == "garbage" else 500)
    return Answer(fault.body, status, tuple(tuple(pair) for pair in fault.headers))


class _Connection(asyncio.Protocol):
    def __init__(self, server: "Server"):
        self.server, self.buffer, self.busy, self.timer = server, b"", False, None

    def connection_made(self, transport):
        self.transport = transport
        self.server.open.add(transport)
        self.server.connections += 1

    def connection_lost(self, fault):
        self.server.open.discard(self.transport)
        if self.timer is not None:
            self.timer.cancel()

    def data_received(self, data: bytes):
        self.buffer = self.buffer + data if self.buffer else data
        self.advance()

    def advance(self):
        while not self.busy and self.buffer:
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                if len(self.buffer) > LONGEST_HEAD:
                    self.transport.abort()
                return
            head = self.buffer[:end]
            lower, size = head.lower(), 0
            at = lower.find(b"\r\ncontent-length:")
            if at >= 0:
                size = int(lower[at + 17 :].split(b"\r\n", 1)[0])
            elif b"\r\ntransfer-encoding:" in lower:
                self.transport.write(Answer(status=411).bytes())
                self.transport.close()
                return
            if b"\r\nexpect: 100-continue" in lower and len(self.buffer) == end + 4 and size:
                self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            if len(self.buffer) < end + 4 + size:
                return
            body = self.buffer[end + 4 : end + 4 + size]
            self.buffer = self.buffer[end + 4 + size :]
            method, target, _ = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ", 2)
            self.respond(self.server.handler(Request(method, target, head, body)), b"\r\nconnection: close" in lower)

    def respond(self, answer: Answer, closes: bool):
        if answer.then == "close":
            self.transport.abort()
        elif answer.then == "hang":
            self.busy = True
        elif answer.delay_seconds:
            self.busy = True
            self.timer = asyncio.get_running_loop().call_later(answer.delay_seconds, self.write, answer, closes)
        else:
            self.write(answer, closes)

    def write(self, answer: Answer, closes: bool):
        raw = answer.bytes()
        if answer.cut_after is not None:
            self.transport.write(raw[: answer.cut_after])
            self.transport.close()
        elif answer.drip_seconds is not None:
            self.busy = True
            self.drip(raw, 0, answer.drip_seconds, closes)
        else:
            self.transport.write(raw)
            self.done(closes)

    def drip(self, raw: bytes, at: int, seconds: float, closes: bool):
        if self.transport.is_closing():
            return
        self.transport.write(raw[at : at + 1])
        if at + 1 < len(raw):
            self.timer = asyncio.get_running_loop().call_later(seconds, self.drip, raw, at + 1, seconds, closes)
        else:
            self.done(closes)

    def done(self, closes: bool):
        self.timer, was_busy, self.busy = None, self.busy, False
        if closes:
            self.transport.close()
        elif was_busy:
            self.advance()


@dataclass
class Server:
    """Bound to 127.0.0.1. `handler` must not block; all on one loop."""

    handler: Callable[[Request], Answer]
    port: int = 0
    tls: object = None
    connections: int = 0
    open: set = field(default_factory=set)
    listener: asyncio.Server | None = None

    async def start(self) -> "Server":
        self.listener = await asyncio.get_running_loop().create_server(
            lambda: _Connection(self), "127.0.0.1", self.port, ssl=self.tls, backlog=1024
        )
        self.port = self.listener.sockets[0].getsockname()[1]
        return self

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def stop(self):
        """No more connections, and the end of those there are; `start` again takes the same port."""
        if self.listener is not None:
            self.listener.close()
            self.listener = None
        for transport in list(self.open):
            transport.abort()

"""A programmable HTTP/1.1 upstream on raw sockets: records what it is asked, answers what a test tells it to."""

import hashlib
import json
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Request:
    method: str
    target: str
    version: str
    headers: list[tuple[str, str]]
    raw_head: bytes
    connection: int
    at: float = field(default_factory=time.monotonic)
    body: bytes = b""
    trailers: list[tuple[str, str]] = field(default_factory=list)
    complete: bool = False

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def header(self, name: str) -> str | None:
        values = self.all(name)
        assert len(values) <= 1, f"upstream got {name} {len(values)} times: {values}"
        return values[0] if values else None

    @property
    def path(self) -> str:
        return self.target.split("?")[0]


class Gone(Exception):
    """The peer closed."""


class Exchange:
    """One request as its handler sees it: bytes in, bytes out."""

    def __init__(self, upstream: "Upstream", channel: socket.socket, number: int):
        self.upstream, self.socket, self.number = upstream, channel, number
        self.pending = b""
        self.request: Request = None
        self.keep = True

    def more(self):
        data = self.socket.recv(65536)
        if not data:
            raise Gone
        self.pending += data

    def until(self, mark: bytes) -> bytes:
        while mark not in self.pending:
            self.more()
        taken, self.pending = self.pending.split(mark, 1)
        return taken

    def exactly(self, count: int) -> bytes:
        while len(self.pending) < count:
            self.more()
        taken, self.pending = self.pending[:count], self.pending[count:]
        return taken

    def read_head(self) -> Request:
        head = self.until(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        method, target, version = lines[0].split(" ")
        headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines[1:])]
        self.request = Request(method, target, version, headers, head + b"\r\n\r\n", self.number)
        return self.request

    def read_body(self) -> bytes:
        request = self.request
        if request.complete:
            return request.body
        coding, length = request.header("Transfer-Encoding"), request.header("Content-Length")
        assert not (coding and length), "upstream got both framings"
        if coding:
            assert coding.lower() == "chunked", coding
            pieces = []
            while size := int(self.until(b"\r\n").split(b";")[0], 16):
                pieces.append(self.exactly(size))
                assert self.exactly(2) == b"\r\n"
            request.body = b"".join(pieces)
            while line := self.until(b"\r\n"):
                name, _, value = line.decode("latin-1").partition(":")
                request.trailers.append((name, value.strip()))
        elif length:
            request.body = self.exactly(int(length))
        request.complete = True
        return request.body

    def send(self, data: bytes | str):
        self.socket.sendall(data.encode("latin-1") if isinstance(data, str) else data)

    def answer(self, status: int = 200, body: bytes | str = b"", headers: list | dict | None = None, reason: str = "OK"):
        body = body.encode() if isinstance(body, str) else body
        fields = list(headers.items()) if isinstance(headers, dict) else list(headers or [])
        if not any(name.lower() in ("content-length", "transfer-encoding") for name, _ in fields):
            fields.append(("Content-Length", str(len(body))))
        head = f"HTTP/1.1 {status} {reason}\r\n" + "".join(f"{n}: {v}\r\n" for n, v in fields) + "\r\n"
        self.send(head.encode("latin-1") + (b"" if self.request.method == "HEAD" else body))

    def chunks(self, pieces, trailers=(), headers=()):
        self.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n")
        self.send("".join(f"{n}: {v}\r\n" for n, v in headers) + "\r\n")
        for piece in pieces:
            self.send(b"%x\r\n%b\r\n" % (len(piece), piece))
        self.send("0\r\n" + "".join(f"{n}: {v}\r\n" for n, v in trailers) + "\r\n")

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self):
        self.keep = False
        self.socket.close()

    def hold(self, gate: threading.Event, seconds: float = 60):
        gate.wait(seconds)

    def peer_closed(self, within: float = 5) -> bool:
        self.socket.settimeout(within)
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True
        except TimeoutError:
            return False


def echo(exchange: Exchange):
    """The default: says what arrived."""
    request = exchange.request
    body = exchange.read_body()
    answer = {
        "method": request.method,
        "target": request.target,
        "headers": request.headers,
        "length": len(body),
        "sha256": hashlib.sha256(body).hexdigest(),
        "connection": request.connection,
    }
    exchange.answer(200, json.dumps(answer), {"Content-Type": "application/json"})


class Upstream:
    """Serves each connection on a thread; `on(path, handler)` sets what a path does, `default` the rest."""

    def __init__(self, tls=None, port: int = 0):
        self.listener = socket.create_server(("127.0.0.1", port), backlog=1024)
        self.port = self.listener.getsockname()[1]
        self.tls = tls
        self.handlers: dict[str, Callable[[Exchange], None]] = {}
        self.default = echo
        self.requests: list[Request] = []
        self.faults: list[BaseException] = []
        self.connections = 0
        self.closing = False
        self.open: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def on(self, path: str, handler: Callable[[Exchange], None]):
        self.handlers[path] = handler

    def asked(self, path: str | None = None) -> list[Request]:
        """What was asked so far, for one path or in all; not what the gateway asks of itself, for the tools behind a menu."""
        asked = [request for request in list(self.requests) if path is None or request.path == path]
        return [request for request in asked if "farebox-survey" not in request.all("User-Agent")]

    def close(self):
        """Stops listening and cuts every connection."""
        self.closing = True
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        for channel in list(self.open):
            try:
                channel.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def _accept(self):
        while not self.closing:
            try:
                channel, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(channel, self.connections), daemon=True).start()

    def _serve(self, channel: socket.socket, number: int):
        channel.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.open.add(channel)
        try:
            if self.tls:
                channel = self.tls.wrap_socket(channel, server_side=True)
            exchange = Exchange(self, channel, number)
            while exchange.keep:
                request = exchange.read_head()
                self.requests.append(request)
                self.handlers.get(request.path, self.default)(exchange)
                if not request.complete and exchange.keep:
                    exchange.read_body()
        except (Gone, OSError):
            pass
        except BaseException as fault:  # noqa: BLE001 a test looks at `faults`
            self.faults.append(fault)
        finally:
            self.open.discard(channel)
            channel.close()


class Gate:
    """Holds every request of a path until opened; tells how many wait."""

    def __init__(self, then: Callable[[Exchange], None] = echo):
        self.event, self.then, self.waiting, self.most = threading.Event(), then, 0, 0
        self.lock = threading.Lock()

    def __call__(self, exchange: Exchange):
        exchange.read_body()
        with self.lock:
            self.waiting += 1
            self.most = max(self.most, self.waiting)
        self.event.wait(60)
        with self.lock:
            self.waiting -= 1
        self.then(exchange)

    def open(self):
        self.event.set()

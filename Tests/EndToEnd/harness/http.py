"""A raw HTTP/1.1 client: sends exactly the bytes it is given, and reads answers strictly."""

import json
import socket
import ssl
import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from .wallet import decode


class ProtocolError(Exception):
    """The answer broke RFC 9112, or the connection ended within it."""


@dataclass
class Response:
    status: int
    reason: str
    version: str
    headers: list[tuple[str, str]]
    body: bytes = b""
    trailers: list[tuple[str, str]] = field(default_factory=list)
    interim: list[int] = field(default_factory=list)
    chunked: bool = False
    closes: bool = False

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def header(self, name: str) -> str | None:
        values = self.all(name)
        assert len(values) <= 1, f"{name} came {len(values)} times: {values}"
        return values[0] if values else None

    def json(self):
        return json.loads(self.body)

    @property
    def required(self) -> dict:
        """The decoded PAYMENT-REQUIRED."""
        header = self.header("PAYMENT-REQUIRED")
        assert header is not None, f"no PAYMENT-REQUIRED on {self.status}: {self.body[:300]!r}"
        return decode(header)

    @property
    def receipt(self) -> dict | None:
        header = self.header("PAYMENT-RESPONSE") or self.header("X-PAYMENT-RESPONSE")
        return decode(header) if header else None

    @property
    def error(self) -> str | None:
        """The stable code: of the challenge, of the receipt, or of a JSON error body."""
        if self.header("PAYMENT-REQUIRED"):
            return self.required.get("error")
        if self.receipt and not self.receipt.get("success"):
            return self.receipt.get("errorReason")
        try:
            return self.json().get("error")
        except ValueError:
            return None


class Connection:
    def __init__(self, address: tuple[str, int], timeout: float = 20, receive_buffer: int | None = None, tls=None, source: str | None = None):
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.socket = socket.socket(family)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout)
        if source:
            self.socket.bind((source, 0))
        self.socket.connect(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_hostname=address[0])
        self.pending = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def reset(self):
        """Close with RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        self.socket.close()

    def send(self, data: bytes | str):
        self.socket.sendall(data.encode("latin-1") if isinstance(data, str) else data)

    def half_close(self):
        self.socket.shutdown(socket.SHUT_WR)

    def more(self) -> bytes:
        data = self.socket.recv(65536)
        self.pending += data
        return data

    def until(self, mark: bytes) -> bytes:
        while mark not in self.pending:
            if len(self.pending) > 1 << 20:
                raise ProtocolError(f"no {mark!r} within 1 MiB")
            if not self.more():
                raise ProtocolError(f"closed before {mark!r}; had {self.pending[:200]!r}")
        taken, self.pending = self.pending.split(mark, 1)
        return taken

    def exactly(self, count: int) -> bytes:
        pieces, have = [self.pending], len(self.pending)
        while have < count:
            data = self.socket.recv(1 << 18)
            if not data:
                raise ProtocolError(f"closed with {count - have} of {count} bytes missing")
            pieces.append(data)
            have += len(data)
        everything = b"".join(pieces)
        self.pending = everything[count:]
        return everything[:count]

    def rest(self) -> bytes:
        """Everything until the peer closes."""
        while self.more():
            pass
        taken, self.pending = self.pending, b""
        return taken

    def closed_by_peer(self, within: float = 5) -> bool:
        """True when the peer closed (FIN or RST) and sent nothing more."""
        self.socket.settimeout(within)
        try:
            return self.socket.recv(1) == b"" and not self.pending
        except ConnectionResetError:
            return True
        except TimeoutError:
            return False

    def _fields(self, block: bytes) -> list[tuple[str, str]]:
        fields = []
        for line in block.split(b"\r\n"):
            name, colon, value = line.partition(b":")
            if not colon or not name or name != name.strip() or b"\n" in line or b"\r" in line:
                raise ProtocolError(f"bad field line {line!r}")
            fields.append((name.decode("latin-1"), value.strip().decode("latin-1")))
        return fields

    def read_head(self) -> Response:
        head = self.until(b"\r\n\r\n")
        first, _, block = head.partition(b"\r\n")
        version, _, rest = first.partition(b" ")
        status, _, reason = rest.partition(b" ")
        if version not in (b"HTTP/1.1", b"HTTP/1.0") or len(status) != 3 or not status.isdigit():
            raise ProtocolError(f"bad status line {first!r}")
        return Response(int(status), reason.decode("latin-1"), version.decode(), self._fields(block) if block else [])

    def read(self, method: str = "GET") -> Response:
        interim = []
        while True:
            response = self.read_head()
            if response.status >= 200 or response.status == 101:
                break
            interim.append(response.status)
        response.interim = interim
        length, coding = response.all("Content-Length"), response.all("Transfer-Encoding")
        options = ",".join(response.all("Connection")).lower().replace(" ", "").split(",")
        response.closes = "close" in options or (response.version == "HTTP/1.0" and "keep-alive" not in options)
        if length and coding:
            raise ProtocolError("both Content-Length and Transfer-Encoding")
        if len(length) > 1 or len(coding) > 1:
            raise ProtocolError(f"framing fields came twice: {length} {coding}")
        if method == "HEAD" or response.status in (101, 204, 304):
            return response
        if coding:
            if coding[0].lower() != "chunked":
                raise ProtocolError(f"transfer coding {coding[0]!r}")
            response.chunked = True
            pieces = []
            while True:
                size = int(self.until(b"\r\n").split(b";")[0], 16)
                if size == 0:
                    break
                pieces.append(self.exactly(size))
                if self.exactly(2) != b"\r\n":
                    raise ProtocolError("chunk without CRLF")
            response.body = b"".join(pieces)
            while line := self.until(b"\r\n"):
                response.trailers += self._fields(line)
        elif length:
            response.body = self.exactly(int(length[0]))
        else:
            response.body = self.rest()
            response.closes = True
        return response

    def request(self, method: str, target: str, headers: dict | list | None = None, body: bytes | None = None) -> Response:
        self.send(compose(method, target, headers, body))
        return self.read(method)


def compose(method: str, target: str, headers: dict | list | None = None, body: bytes | None = None) -> bytes:
    fields = list(headers.items()) if isinstance(headers, dict) else list(headers or [])
    names = {name.lower() for name, _ in fields}
    if "host" not in names:
        fields.insert(0, ("Host", "gateway.test"))
    if body is not None and not names & {"content-length", "transfer-encoding"}:
        fields.append(("Content-Length", str(len(body))))
    head = f"{method} {target} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields) + "\r\n"
    return head.encode("latin-1") + (body or b"")


def address_of(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname, parts.port or 80


def fetch(url: str, method: str = "GET", headers=None, body: bytes | None = None, timeout: float = 20) -> Response:
    """One request on a connection of its own."""
    parts = urlsplit(url)
    target = (parts.path or "/") + ("?" + parts.query if parts.query else "")
    with Connection(address_of(url), timeout) as connection:
        return connection.request(method, target, headers, body)


def wait_until(condition, seconds: float = 10, what: str = "condition"):
    """Polls until `condition` gives something true, and returns it."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.01)


def trusting(ca_file) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(ca_file))

"""Reads a server's events (WHATWG HTML, 9.2) one by one as they come, over raw HTTP/1.1."""

import json
from dataclasses import dataclass

from .http import Connection, ProtocolError, Response


@dataclass
class Event:
    data: str
    id: str | None = None
    type: str | None = None

    @property
    def message(self) -> dict:
        return json.loads(self.data)


class Pieces:
    """A body as it arrives, whatever its framing. A time-out loses nothing: the next call goes on."""

    def __init__(self, connection: Connection, response: Response):
        self.connection = connection
        self.is_chunked = response.header("Transfer-Encoding") is not None
        length = response.header("Content-Length")
        self.left = int(length) if length else None
        self.has_ended = response.status in (204, 304)

    def __iter__(self):
        return self

    def __next__(self) -> bytes:
        if self.has_ended or self.left == 0:
            raise StopIteration
        return self._chunk() if self.is_chunked else self._rest()

    def _have(self, is_enough):
        while not is_enough(self.connection.pending):
            if not self.connection.more():
                raise ProtocolError(f"closed within a chunk; had {self.connection.pending[:200]!r}")

    def _chunk(self) -> bytes:
        self._have(lambda pending: b"\r\n" in pending)
        line = self.connection.pending.split(b"\r\n")[0]
        size = int(line.split(b";")[0], 16)
        if size == 0:
            self._have(lambda pending: b"\r\n\r\n" in pending)
            self.has_ended = True
            raise StopIteration
        whole = len(line) + 2 + size + 2
        self._have(lambda pending: len(pending) >= whole)
        chunk = self.connection.exactly(whole)
        if not chunk.endswith(b"\r\n"):
            raise ProtocolError("chunk without CRLF")
        return chunk[len(line) + 2 : -2]

    def _rest(self) -> bytes:
        if not self.connection.pending and not self.connection.more():
            if self.left:
                raise ProtocolError(f"closed with {self.left} bytes missing")
            self.has_ended = True
            raise StopIteration
        piece, self.connection.pending = self.connection.pending, b""
        if self.left is not None:
            self.left -= len(piece)
        return piece


class EventStream:
    """The events of one answer. Comments are passed over; a priming event (an id, no data) is given like any other."""

    def __init__(self, connection: Connection, response: Response):
        self.connection, self.response = connection, response
        self.pieces, self._buffer = Pieces(connection, response), b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def __iter__(self):
        while event := self.next():
            yield event

    def next(self, seconds: float = 20) -> Event | None:
        """The next event; None at the stream's end. TimeoutError where none comes in time."""
        self.connection.socket.settimeout(seconds)
        while True:
            block = self._block()
            if block is None:
                piece = next(self.pieces, None)
                if piece is None:
                    assert not self._buffer.strip(), f"the stream ended within an event: {self._buffer[-200:]!r}"
                    return None
                self._buffer += piece
                continue
            fields: dict[str, list[str]] = {}
            for line in block.decode("utf-8").split("\n"):
                name, _, value = line.partition(":")
                fields.setdefault(name, []).append(value.removeprefix(" "))
            if "data" in fields:
                return Event("\n".join(fields["data"]), *(fields.get(name, [None])[-1] for name in ("id", "event")))

    def body(self) -> bytes:
        """What is left of an answer that is no stream of events."""
        return b"".join(self.pieces)

    def silent(self, seconds: float) -> bool:
        """Whether nothing comes for so long, and the stream stays open."""
        try:
            event = self.next(seconds)
        except TimeoutError:
            return True
        raise AssertionError(f"came: {event}")

    def _block(self) -> bytes | None:
        """What stands before the first empty line, its lines ended by LF."""
        whole = self._buffer.replace(b"\r\n", b"\n")
        block, mark, rest = whole.partition(b"\n\n")
        if not mark:
            return None
        self._buffer = rest
        return block

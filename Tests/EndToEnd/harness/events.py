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


def pieces(connection: Connection, response: Response):
    """A body as it arrives, whatever its framing; what came last may be partial where the framing has an end."""
    coding, length = response.header("Transfer-Encoding"), response.header("Content-Length")
    if coding:
        while size := int(connection.until(b"\r\n").split(b";")[0], 16):
            yield connection.exactly(size)
            if connection.exactly(2) != b"\r\n":
                raise ProtocolError("chunk without CRLF")
        while connection.until(b"\r\n"):
            pass
    elif length:
        yield connection.exactly(int(length))
    else:
        while connection.pending or connection.more():
            taken, connection.pending = connection.pending, b""
            yield taken


class EventStream:
    """The events of one answer. Comments are passed over; a priming event (an id, no data) is given like any other."""

    def __init__(self, connection: Connection, response: Response):
        self.connection, self.response = connection, response
        self._pieces, self._buffer = pieces(connection, response), b""

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
                piece = next(self._pieces, None)
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

    def silent(self, seconds: float) -> bool:
        """Whether nothing comes for so long, and the stream stays open."""
        try:
            event = self.next(seconds)
        except TimeoutError:
            # A generator that has raised is over; what came is in the connection.
            self._pieces = pieces(self.connection, self.response)
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

"""Everything has a bound: heads, bodies, connections, deadlines."""

import time
from pathlib import Path

import pytest
from harness.http import ProtocolError, compose, wait_until


def test_head_deadline(start):
    gateway = start(limits={"head_timeout": "1s"})
    with gateway.connect() as connection:
        connection.send("GET /free/x HTTP/1.1\r\nHost: a\r\nX-Slow: ")
        response = connection.read()
        assert response.status == 408 and response.closes and connection.closed_by_peer()


def test_head_deadline_is_not_renewed_by_each_byte(start):
    gateway = start(limits={"head_timeout": "1s"})
    with gateway.connect() as connection:
        sent = 0
        try:
            for _ in range(100):
                connection.send(b"x")
                sent += 1
                time.sleep(0.1)
        except OSError:
            pass
        assert sent < 60, "one byte at a time kept it open"


def test_body_deadline(start, upstream):
    gateway = start(limits={"body_timeout": "1s"})
    for path in ("/any/x", "/after/x"):
        with gateway.connect() as connection:
            connection.send(compose("POST", path, {"Content-Length": "10"}) + b"hell")
            try:
                response = connection.read()
                assert response.status in (408, 402, 502) and (response.status == 402 or response.closes)
            except (ProtocolError, ConnectionError):
                pass
            assert connection.closed_by_peer()


def test_idle_connections_are_closed(start):
    gateway = start(limits={"keep_alive": "1s"})
    with gateway.connect() as connection:
        assert connection.request("GET", "/free/x").status == 200
        assert connection.closed_by_peer(10)


def test_free_body_limit(start, upstream):
    gateway = start(limits={"body_bytes": "64KiB"})
    assert gateway.fetch("/any/x", "POST", body=b"x" * 65536).status == 200
    response = gateway.fetch("/any/x", "POST", body=b"x" * 65537)
    assert response.status == 413 and response.closes
    with gateway.connect() as connection:
        connection.send(compose("POST", "/any/x", {"Transfer-Encoding": "chunked"}))
        try:
            for _ in range(10):
                connection.send(b"4000\r\n" + b"x" * 0x4000 + b"\r\n")
            connection.send(b"0\r\n\r\n")
            assert connection.read().status in (413, 502)
        except (ProtocolError, OSError):
            pass


def test_smaller_heads_by_config(start):
    gateway = start(limits={"head_bytes": "2KiB", "head_fields": 10, "target_bytes": 100})
    assert gateway.fetch("/free/" + "x" * 50).status == 200
    assert gateway.fetch("/free/" + "x" * 100).status == 414
    assert gateway.fetch("/free/x", headers={f"X-{n}": "v" for n in range(12)}).status == 431
    assert gateway.fetch("/free/x", headers={"X": "v" * 2048}).status == 431


def test_connections_are_bounded(start):
    """Above the bound a caller waits or is turned away; the others are served."""
    gateway = start(limits={"connections": 20})
    kept = [gateway.connect() for _ in range(20)]
    for connection in kept:
        assert connection.request("GET", "/free/x").status == 200
    with gateway.connect(timeout=1) as extra:
        with pytest.raises((ProtocolError, OSError)):
            extra.send(compose("GET", "/free/x"))
            response = extra.read()
            assert response.status == 503
            raise ProtocolError("turned away with 503")
    for connection in kept:
        assert connection.request("GET", "/free/x").status == 200
        connection.close()

    def served():
        try:
            return gateway.fetch("/free/x", timeout=1).status == 200
        except (ProtocolError, OSError):
            return False

    wait_until(served, 10, "places are given back")


def test_a_connection_flood_leaks_nothing(gateway):
    def churn():
        for n in range(300):
            connection = gateway.connect()
            if n % 3:
                connection.send(b"GET /free/x HTTP/1.1\r\nHo")
            connection.reset() if n % 2 else connection.close()

    def descriptors():
        return len(list(Path(f"/proc/{gateway.pid}/fd").iterdir()))

    gateway.fetch("/free/x")
    before = descriptors()
    churn()
    wait_until(lambda: descriptors() <= before + 2, 10, "descriptors are given back")
    memory = gateway.resident_kib
    for _ in range(5):
        churn()
    wait_until(lambda: descriptors() <= before + 2, 10, "descriptors are given back")
    assert gateway.resident_kib - memory < 4096


def test_a_body_slower_than_body_rate_is_408(start, upstream):
    """Bytes that come all the time do not keep a request open: after the first `body_timeout` their rate counts."""
    gateway = start(limits={"body_timeout": "1s", "body_rate": "64KiB"})
    with gateway.connect() as connection:
        connection.send(compose("POST", "/any/slow", {"Content-Length": "100000"}))
        sent = 0
        try:
            for _ in range(150):
                connection.send(b"x" * 100)
                sent += 1
                time.sleep(0.05)
        except OSError:
            pass
        assert sent < 150, "a few bytes at a time kept it open"


def test_a_body_as_fast_as_body_rate_passes(start, upstream):
    gateway = start(limits={"body_timeout": "1s", "body_rate": "1KiB"})
    with gateway.connect() as connection:
        connection.send(compose("POST", "/any/fair", {"Content-Length": "10000"}))
        for _ in range(20):
            connection.send(b"x" * 500)
            time.sleep(0.1)
        assert connection.read("POST").status == 200

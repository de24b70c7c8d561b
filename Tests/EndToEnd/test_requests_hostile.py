"""Raw requests: what has two readings is refused and the connection closed; nothing of it reaches the upstream."""

import random

import pytest
from harness.farebox import Farebox, standard
from harness.http import ProtocolError, compose
from harness.upstream import Upstream

GET = "GET /free/x HTTP/1.1\r\n"
POST = "POST /any/x HTTP/1.1\r\nHost: a\r\n"

REFUSED = {
    # Request line
    "bare LF after the request line": ("GET /free/x HTTP/1.1\nHost: a\r\n\r\n", 400),
    "bare LF after a field": (GET + "Host: a\nX: y\r\n\r\n", 400),
    "bare CR in a field": (GET + "Host: a\r\nX: a\rb\r\n\r\n", 400),
    "two spaces": ("GET  /free/x HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "a tab between": ("GET\t/free/x HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "space in the target": ("GET /free/ x HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "no version": ("GET /free/x\r\nHost: a\r\n\r\n", 400),
    "version 2.0": ("GET /free/x HTTP/2.0\r\nHost: a\r\n\r\n", 505),
    "version 1.2": ("GET /free/x HTTP/1.2\r\nHost: a\r\n\r\n", 505),
    "version 0.9": ("GET /free/x HTTP/0.9\r\nHost: a\r\n\r\n", 505),
    "version in lower case": ("GET /free/x http/1.1\r\nHost: a\r\n\r\n", 400),
    "version 1.10": ("GET /free/x HTTP/1.10\r\nHost: a\r\n\r\n", 400),
    "HTTP/2 preface": ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", (400, 505)),
    "TLS hello": ("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + "\0" * 40 + "\r\n\r\n", 400),
    "method with a colon": ("GE:T /free/x HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "no method": (" /free/x HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "control in the target": ("GET /free/\x01 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "8-bit in the target": ("GET /free/\xe4 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "fragment": ("GET /free/x#y HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "target without a slash": ("GET free/x HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "target too long": ("GET /free/" + "a" * 9000 + " HTTP/1.1\r\nHost: a\r\n\r\n", 414),
    "white space before the method": ("\r\n \r\n" + GET + "Host: a\r\n\r\n", 400),
    # Host
    "no Host": (GET + "\r\n", 400),
    "two Hosts": (GET + "Host: a\r\nHost: a\r\n\r\n", 400),
    "two Hosts in other cases": (GET + "Host: a\r\nhOST: b\r\n\r\n", 400),
    "empty Host": (GET + "Host:\r\n\r\n", 400),
    "Host with a path": (GET + "Host: a/b\r\n\r\n", 400),
    "Host with user information": (GET + "Host: u@a\r\n\r\n", 400),
    "Host with a space": (GET + "Host: a b\r\n\r\n", 400),
    "Host with a bad port": (GET + "Host: a:99999\r\n\r\n", 400),
    "Host with a comma": (GET + "Host: a, b\r\n\r\n", 400),
    "absolute form of another host": ("GET http://b/free/x HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "absolute form with user information": ("GET http://u@a/free/x HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    # Fields
    "space before the colon": (GET + "Host : a\r\n\r\n", 400),
    "tab before the colon": (GET + "Host: a\r\nX\t: y\r\n\r\n", 400),
    "no colon": (GET + "Host: a\r\nnonsense\r\n\r\n", 400),
    "empty name": (GET + "Host: a\r\n: y\r\n\r\n", 400),
    "first field folded": (GET + " Host: a\r\n\r\n", 400),
    "folded field": (GET + "Host: a\r\nX: y\r\n z\r\n\r\n", 400),
    "NUL in a value": (GET + "Host: a\r\nX: \0\r\n\r\n", 400),
    "DEL in a value": (GET + "Host: a\r\nX: \x7f\r\n\r\n", 400),
    "NUL in a name": (GET + "Host: a\r\nX\0: y\r\n\r\n", 400),
    "bracket in a name": (GET + "Host: a\r\nX[]: y\r\n\r\n", 400),
    "8-bit in a name": (GET + "Host: a\r\nX\xe4: y\r\n\r\n", 400),
    "head too large": (GET + "Host: a\r\n" + "".join(f"X-{n}: {'v' * 900}\r\n" for n in range(40)) + "\r\n", 431),
    "one field too large": (GET + "Host: a\r\nX: " + "v" * 40000 + "\r\n\r\n", 431),
    "too many fields": (GET + "Host: a\r\n" + "".join(f"X-{n}: v\r\n" for n in range(150)) + "\r\n", 431),
    # Framing
    "length and chunked": (POST + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "chunked and length": (POST + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400),
    "two lengths": (POST + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", 400),
    "two equal lengths": (POST + "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 400),
    "a list of lengths": (POST + "Content-Length: 5, 5\r\n\r\nhello", 400),
    "length with a sign": (POST + "Content-Length: +5\r\n\r\nhello", 400),
    "negative length": (POST + "Content-Length: -5\r\n\r\nhello", 400),
    "length in hex": (POST + "Content-Length: 0x5\r\n\r\nhello", 400),
    "empty length": (POST + "Content-Length:\r\n\r\nhello", 400),
    "length with a space within": (POST + "Content-Length: 5 5\r\n\r\nhello", 400),
    "length above 2^64": (POST + "Content-Length: 18446744073709551621\r\n\r\nhello", 400),
    "chunked twice": (POST + "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", (400, 501)),
    "chunked in two fields": (POST + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "gzip, chunked": (POST + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", (400, 501)),
    "identity": (POST + "Transfer-Encoding: identity\r\n\r\n", (400, 501)),
    "xchunked": (POST + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", (400, 501)),
    "chunked with a vertical tab": (POST + "Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", 400),
    "empty Transfer-Encoding": (POST + "Transfer-Encoding:\r\n\r\n0\r\n\r\n", (400, 501)),
    "chunked on HTTP/1.0": ("POST /any/x HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "Transfer-Encoding named by Connection": (POST + "Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "Host named by Connection": (GET + "Host: a\r\nConnection: Host\r\n\r\n", 400),
    # Chunks
    "chunk size not hex": (POST + "Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n0\r\n\r\n", 400),
    "chunk size with 0x": (POST + "Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n", 400),
    "chunk size with a sign": (POST + "Transfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n", 400),
    "chunk size above 2^64": (POST + "Transfer-Encoding: chunked\r\n\r\n10000000000000005\r\nhello\r\n0\r\n\r\n", 400),
    "chunk ended by LF": (POST + "Transfer-Encoding: chunked\r\n\r\n5\nhello\n0\n\n", 400),
    "chunk longer than its size": (POST + "Transfer-Encoding: chunked\r\n\r\n5\r\nhelloXX\r\n0\r\n\r\n", 400),
    "space before the size": (POST + "Transfer-Encoding: chunked\r\n\r\n 5\r\nhello\r\n0\r\n\r\n", 400),
    "bare CR in an extension": (POST + "Transfer-Encoding: chunked\r\n\r\n5;a\rb\r\nhello\r\n0\r\n\r\n", 400),
    "bad trailer": (POST + "Transfer-Encoding: chunked\r\n\r\n0\r\nbad trailer\r\n\r\n", 400),
    # What a gateway does not do
    "CONNECT": ("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", (400, 405, 501)),
    "TRACE": ("TRACE /free/x HTTP/1.1\r\nHost: a\r\n\r\n", (400, 405, 501)),
    "unknown expectation": (POST + "Content-Length: 1\r\nExpect: 200-ok\r\n\r\nx", 417),
}


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    upstream = Upstream()
    gateway = Farebox(tmp_path_factory.mktemp("hostile"), standard(upstream.url)).start()
    yield gateway, upstream
    gateway.stop()
    upstream.close()


@pytest.mark.parametrize("case", REFUSED)
def test_refused_and_closed(shared, case):
    gateway, upstream = shared
    data, statuses = REFUSED[case]
    before = len([r for r in upstream.asked() if r.complete])
    smuggled = compose("GET", "/free/smuggled")
    with gateway.connect() as connection:
        try:
            connection.send(data.encode("latin-1") + smuggled)
        except OSError:
            pass  # it answered and closed while we were sending
        response = connection.read()
        assert response.status in (statuses if isinstance(statuses, tuple) else (statuses,)), response.body
        assert response.closes, "the answer says close"
        assert connection.closed_by_peer(), "and it closes"
    assert upstream.asked("/free/smuggled") == []
    assert len([r for r in upstream.asked() if r.complete]) == before, "the upstream saw a whole request"


def test_it_still_serves(shared):
    gateway, _ = shared
    assert gateway.fetch("/free/after-all").status == 200


TAKEN = {
    "one empty line before": "\r\n" + GET + "Host: a\r\n\r\n",
    "absolute form": "GET http://a/free/x HTTP/1.1\r\nHost: a\r\n\r\n",
    "odd white space around a value": GET + "Host: \t a \t\r\n\r\n",
    "no space after the colon": GET + "Host:a\r\n\r\n",
    "8-bit in a value": GET + "Host: a\r\nX: \xe4\r\n\r\n",
    "empty value": GET + "Host: a\r\nX:\r\n\r\n",
    "IPv6 host": GET + "Host: [::1]:8402\r\n\r\n",
    "HTTP/1.0 without Host": "GET /free/x HTTP/1.0\r\n\r\n",
    "chunked in capitals": POST + "Transfer-Encoding: CHUNKED\r\n\r\n5;a=\"b\"\r\nhello\r\n0\r\n\r\n",
    "zeros before a size": POST + "Transfer-Encoding: chunked\r\n\r\n0005\r\nhello\r\n000\r\n\r\n",
    "zeros before a length": POST + "Content-Length: 005\r\n\r\nhello",
}


@pytest.mark.parametrize("case", TAKEN)
def test_odd_but_right(shared, case):
    gateway, _ = shared
    with gateway.connect() as connection:
        connection.send(TAKEN[case])
        assert connection.read().status == 200


@pytest.mark.parametrize("data", [GET + "Host: a\r\nX-Long: " + "y" * 300 + "\r\n\r\n", TAKEN["chunked in capitals"]])
def test_one_byte_at_a_time(shared, data):
    gateway, _ = shared
    with gateway.connect() as connection:
        for byte in data.encode("latin-1"):
            connection.send(bytes([byte]))
        assert connection.read().status == 200


def test_garbage_never_stops_it(shared):
    gateway, _ = shared
    choose = random.Random(402)
    seed = compose("POST", "/any/x?y=z", {"Transfer-Encoding": "chunked", "Connection": "keep-alive"}, None) + b"5\r\nhello\r\n0\r\n\r\n"
    for _ in range(300):
        data = bytearray(seed)
        for _ in range(choose.randrange(1, 6)):
            data[choose.randrange(len(data))] = choose.randrange(256)
        with gateway.connect(timeout=0.05) as connection:
            try:
                connection.send(bytes(data))
                connection.read()
            except (ProtocolError, OSError):
                pass
    assert gateway.alive() and gateway.fetch("/free/x").status == 200

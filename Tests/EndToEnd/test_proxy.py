"""The proxy under the paywall, on free routes: RFC 9110 and 9112 both ways."""

import hashlib
import threading
import time

import pytest
from harness.farebox import standard
from harness.http import compose, wait_until
from harness.upstream import Gate

BIG = bytes(range(256)) * 4096  # 1 MiB


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def chunked(pieces, trailers: str = "") -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n" + trailers.encode() + b"\r\n"


# Bodies


@pytest.mark.parametrize("size", [0, 1, 1024, 4096, 65536, 1 << 20])
def test_bodies_with_a_length(gateway, upstream, size):
    body = BIG[:size]
    response = gateway.fetch("/any/x", "POST", body=body)
    assert response.json()["length"] == size and response.json()["sha256"] == digest(body)
    upstream.on("/any/down", lambda exchange: exchange.answer(200, body))
    response = gateway.fetch("/any/down")
    assert response.body == body and response.header("Content-Length") == str(size)


def test_chunked_bodies_both_ways(gateway, upstream):
    pieces = [BIG[:1], BIG[:100], BIG[:70000], BIG[:65536]]
    with gateway.connect() as connection:
        connection.send(compose("POST", "/any/x", {"Transfer-Encoding": "chunked"}) + chunked(pieces))
        response = connection.read()
        assert response.json()["sha256"] == digest(b"".join(pieces))
        upstream.on("/any/down", lambda exchange: exchange.chunks(pieces))
        response = connection.request("GET", "/any/down")
        assert response.chunked and response.body == b"".join(pieces)
        assert connection.request("GET", "/any/again").status == 200


def test_an_answer_that_ends_with_the_connection(gateway, upstream):
    def handler(exchange):
        exchange.send("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        exchange.send(BIG[:100000])
        exchange.close()

    upstream.on("/any/x", handler)
    with gateway.connect() as connection:
        response = connection.request("GET", "/any/x")
        assert response.body == BIG[:100000] and response.chunked, "keep-alive is kept by chunks"
        assert connection.request("GET", "/any/y").status == 200


@pytest.mark.parametrize("whole", [1 << 26])
def test_a_large_body_streams_both_ways(gateway, upstream, whole):
    """64 MiB up and down in bounded memory."""
    seen = hashlib.sha256()

    def sink(exchange):
        left = int(exchange.request.header("Content-Length"))
        while left:
            if not exchange.pending:
                exchange.more()
            seen.update(exchange.pending)
            left -= len(exchange.pending)
            exchange.pending = b""
        exchange.request.complete = True
        exchange.answer(200, b"", {"Content-Length": str(whole)})
        for _ in range(whole // len(BIG)):
            exchange.send(BIG)

    upstream.on("/any/x", sink)
    gateway.fetch("/any/warm")
    before = gateway.resident_kib
    with gateway.connect(timeout=60) as connection:
        connection.send(compose("POST", "/any/x", {"Content-Length": str(whole)}))
        sent = hashlib.sha256()
        for _ in range(whole // len(BIG)):
            connection.send(BIG)
            sent.update(BIG)
        head = connection.read_head()
        assert head.status == 200
        got = hashlib.sha256(connection.exactly(whole))
    assert seen.digest() == sent.digest() == got.digest()
    assert gateway.resident_kib - before < 8192, "memory does not grow with the body"


def test_a_slow_reader_keeps_memory_flat(gateway, upstream):
    """Sixteen readers who take nothing of endless answers: the gateway stops reading the upstream."""
    sent = [0]

    def endless(exchange):
        exchange.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            exchange.send(b"10000\r\n" + BIG[:65536] + b"\r\n")
            sent[0] += 65536

    upstream.on("/any/endless", endless)
    gateway.fetch("/any/warm")
    before = gateway.resident_kib
    connections = [gateway.connect(receive_buffer=4096) for _ in range(16)]
    for connection in connections:
        connection.send(compose("GET", "/any/endless"))
    last = -1
    while last != sent[0]:
        last = sent[0]
        time.sleep(0.5)
    assert gateway.resident_kib - before < 16 * 1024
    for connection in connections:
        connection.close()


def test_a_slow_upstream_reader_keeps_memory_flat(gateway, upstream):
    gate = threading.Event()

    def lazy(exchange):
        gate.wait(20)
        exchange.close()

    upstream.on("/any/lazy", lazy)
    gateway.fetch("/any/warm")
    before = gateway.resident_kib
    with gateway.connect(timeout=1) as connection:
        connection.send(compose("POST", "/any/lazy", {"Content-Length": str(1 << 30)}))
        with pytest.raises(TimeoutError):
            for _ in range(256):
                connection.send(BIG)
        assert gateway.resident_kib - before < 8192
    gate.set()


def test_bytes_flow_as_they_come(gateway, upstream):
    """No waiting for the whole: each chunk reaches the caller while the upstream still holds the next."""
    gate = threading.Semaphore(0)

    def handler(exchange):
        exchange.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for n in range(5):
            exchange.send(f"2\r\n#{n}\r\n")
            assert gate.acquire(timeout=10)
        exchange.send("0\r\n\r\n")

    upstream.on("/any/events", handler)
    with gateway.connect() as connection:
        connection.send(compose("GET", "/any/events"))
        assert connection.read_head().status == 200
        for n in range(5):
            assert connection.until(b"\r\n") == b"2" and connection.until(b"\r\n") == f"#{n}".encode()
            gate.release()
        assert connection.until(b"\r\n\r\n") == b"0"


# Connections


def test_keep_alive_both_sides(gateway, upstream):
    with gateway.connect() as connection:
        numbers = {connection.request("GET", f"/any/{n}").json()["connection"] for n in range(20)}
    assert len(numbers) == 1, "one upstream connection served them all"


def test_pipelined_requests_are_answered_in_order(gateway, upstream):
    upstream.on("/any/0", lambda exchange: (time.sleep(0.3), exchange.answer(200, "slow"))[1])
    with gateway.connect() as connection:
        requests = [compose("GET", "/any/0"), compose("POST", "/any/1", body=b"one"), compose("GET", "/nowhere")]
        requests += [compose("GET", f"/any/{n}") for n in range(3, 30)]
        connection.send(b"".join(requests))
        assert connection.read().body == b"slow"
        assert connection.read().json()["length"] == 3
        assert connection.read().status == 404
        for n in range(3, 30):
            assert connection.read().json()["target"] == f"/any/{n}"
    times = [request.target for request in upstream.asked()]
    assert times == sorted(times, key=lambda target: int(target.rsplit("/", 1)[1])), "served one after another"


def test_connection_close_is_honoured(gateway):
    with gateway.connect() as connection:
        response = connection.request("GET", "/any/x", {"Connection": "close"})
        assert response.status == 200 and response.closes and connection.closed_by_peer()


@pytest.mark.parametrize("keep", [False, True])
def test_http_1_0(gateway, upstream, keep):
    upstream.on("/any/x", lambda exchange: exchange.chunks([b"one", b"two"]))
    with gateway.connect() as connection:
        connection.send("GET /any/x HTTP/1.0\r\nHost: a\r\n" + ("Connection: keep-alive\r\n" if keep else "") + "\r\n")
        response = connection.read()
        assert response.status == 200 and response.body == b"onetwo"
        assert not response.chunked, "1.0 knows no chunks"
    assert upstream.asked("/any/x")[0].version == "HTTP/1.1"


def test_http_1_0_keep_alive_with_a_length(gateway):
    with gateway.connect() as connection:
        for n in range(3):
            connection.send(f"GET /any/{n} HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n")
            response = connection.read()
            assert response.status == 200 and not response.closes


def test_a_half_closed_caller_is_answered(gateway, upstream):
    gate = Gate()
    upstream.on("/any/x", gate)
    threading.Timer(0.5, gate.open).start()
    with gateway.connect() as connection:
        connection.send(compose("GET", "/any/x"))
        connection.half_close()
        assert connection.read().status == 200
        assert connection.closed_by_peer()


def test_a_caller_that_leaves_frees_the_upstream(gateway, upstream):
    closed = threading.Event()

    def handler(exchange):
        if exchange.peer_closed(10):
            closed.set()
        exchange.close()

    upstream.on("/any/x", handler)
    connection = gateway.connect()
    connection.send(compose("GET", "/any/x"))
    wait_until(lambda: upstream.asked("/any/x"), 5)
    connection.reset()
    assert closed.wait(10), "the upstream connection of a free exchange is closed with its caller's"


def test_an_idle_upstream_connection_that_closed_is_not_noticed_by_callers(gateway, upstream):
    upstream.on("/any/x", lambda exchange: (exchange.answer(200, "ok"), exchange.close())[0])
    with gateway.connect() as connection:
        for _ in range(20):
            assert connection.request("GET", "/any/x").status == 200
            time.sleep(0.01)


# Messages


def test_head(gateway, upstream):
    with gateway.connect() as connection:
        response = connection.request("HEAD", "/any/x")
        assert response.status == 200 and response.body == b"" and int(response.header("Content-Length")) > 0
        upstream.on("/any/c", lambda exchange: exchange.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"))
        assert connection.request("HEAD", "/any/c").status == 200
        assert connection.request("GET", "/any/y").status == 200
    assert upstream.asked("/any/x")[0].method == "HEAD"


@pytest.mark.parametrize("status", [204, 304])
def test_answers_without_a_body(gateway, upstream, status):
    upstream.on("/any/x", lambda exchange: exchange.send(f"HTTP/1.1 {status} X\r\nETag: \"1\"\r\n\r\n"))
    with gateway.connect() as connection:
        response = connection.request("GET", "/any/x")
        assert response.status == status and response.header("ETag") == '"1"'
        assert connection.request("GET", "/any/y").status == 200


def test_interim_answers(gateway, upstream):
    def handler(exchange):
        exchange.send("HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n")
        exchange.send("HTTP/1.1 102 Processing\r\n\r\n")
        exchange.answer(200, "done")

    upstream.on("/any/x", handler)
    with gateway.connect() as connection:
        response = connection.request("GET", "/any/x")
        assert response.status == 200 and response.body == b"done" and set(response.interim) <= {102, 103}
        connection.send("GET /any/x HTTP/1.0\r\nHost: a\r\n\r\n")
        response = connection.read()
        assert response.interim == [] and response.body == b"done"


def test_expect_100_continue(gateway, upstream):
    with gateway.connect() as connection:
        connection.send(compose("POST", "/any/x", {"Expect": "100-continue", "Content-Length": "5"}))
        assert connection.read_head().status == 100
        connection.send(b"hello")
        assert connection.read().json()["length"] == 5
    with gateway.connect() as connection:
        connection.send(compose("POST", "/any/x", {"Expect": "100-continue", "Content-Length": "5"}) + b"hello")
        assert connection.read().json()["length"] == 5


def test_expect_100_continue_before_a_402(gateway):
    """The price is known from the head: no body is asked for."""
    with gateway.connect() as connection:
        connection.send(compose("POST", "/after/x", {"Expect": "100-continue", "Content-Length": "500000"}))
        response = connection.read()
        assert response.status == 402 and response.interim == []


def test_trailers(gateway, upstream):
    upstream.on("/any/down", lambda exchange: exchange.chunks([b"x"], trailers=[("X-Checksum", "abc")]))
    with gateway.connect() as connection:
        connection.send(compose("POST", "/any/up", {"Transfer-Encoding": "chunked"}) + chunked([b"x"], "X-Checksum: abc\r\n"))
        assert connection.read().status == 200
        response = connection.request("GET", "/any/down", {"TE": "trailers"})
        assert response.body == b"x" and response.trailers in ([], [("X-Checksum", "abc")])
        assert connection.request("GET", "/any/next").status == 200
    assert upstream.asked("/any/up")[0].trailers in ([], [("X-Checksum", "abc")])


@pytest.mark.parametrize("name", ["Content-Length", "Transfer-Encoding", "Host", "Authorization", "X-Farebox-Payer", "PAYMENT-SIGNATURE"])
def test_forbidden_trailers_never_pass(gateway, upstream, name):
    with gateway.connect() as connection:
        connection.send(compose("POST", "/any/up", {"Transfer-Encoding": "chunked"}) + chunked([b"x"], f"{name}: 1\r\n"))
        assert connection.read().status in (200, 400)
    for request in upstream.asked("/any/up"):
        assert request.trailers == []


def test_an_early_answer(gateway, upstream):
    """The upstream answers before the body is over; the caller gets that answer."""

    def handler(exchange):
        exchange.answer(413, "too much", {"Connection": "close"}, reason="Content Too Large")
        time.sleep(0.2)
        exchange.close()

    upstream.on("/any/x", handler)
    with gateway.connect() as connection:
        connection.send(compose("POST", "/any/x", {"Content-Length": "1000000"}) + b"x" * 1000)
        response = connection.read()
        assert response.status == 413 and response.body == b"too much"
        assert response.closes, "what is left of the body cannot be another request"


def test_an_upgrade_is_not_passed_by_accident(gateway, upstream):
    response = gateway.fetch("/any/x", headers={"Connection": "Upgrade", "Upgrade": "h2c", "HTTP2-Settings": "AAAA"})
    assert response.status == 200
    assert upstream.asked("/any/x")[0].header("Upgrade") in (None, "websocket")


# Fields


def test_hop_by_hop_fields_stay_here(gateway, upstream):
    gateway.fetch(
        "/any/x",
        headers={
            "Connection": "X-Private, keep-alive",
            "X-Private": "1",
            "Keep-Alive": "timeout=5",
            "Proxy-Authorization": "Basic eA==",
            "Proxy-Connection": "keep-alive",
            "TE": "trailers",
            "Upgrade": "websocket",
            "X-Public": "kept",
            "Accept-Encoding": "gzip",
        },
    )
    (request,) = upstream.asked("/any/x")
    for name in ("X-Private", "Keep-Alive", "Proxy-Authorization", "Proxy-Connection", "Upgrade"):
        assert request.all(name) == [], name
    assert request.header("X-Public") == "kept" and request.header("Accept-Encoding") == "gzip"

    def handler(exchange):
        exchange.answer(
            200,
            "x",
            [("Connection", "X-Inner"), ("X-Inner", "1"), ("Keep-Alive", "timeout=5"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")],
        )

    upstream.on("/any/y", handler)
    response = gateway.fetch("/any/y")
    assert response.all("X-Inner") == [] and response.all("Keep-Alive") == []
    assert response.all("Set-Cookie") == ["a=1", "b=2"]


def test_forwarded_fields(gateway, upstream):
    gateway.fetch("/any/x", headers={"Host": "api.test"})
    gateway.fetch("/any/y", headers={"Host": "api.test", "X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.test"})
    (plain,), (spoofed,) = upstream.asked("/any/x"), upstream.asked("/any/y")
    assert plain.header("X-Forwarded-For") == "127.0.0.1"
    assert plain.header("X-Forwarded-Proto") == "http" and plain.header("X-Forwarded-Host") == "api.test"
    assert spoofed.header("X-Forwarded-For").split(",")[-1].strip() == "127.0.0.1"
    assert spoofed.header("X-Forwarded-Proto") == "http" and spoofed.header("X-Forwarded-Host") == "api.test"


def test_our_own_names_cannot_be_spoofed(gateway, upstream):
    forged = {
        "X-Farebox-Payer": "0x1",
        "x-farebox-amount": "1",
        "X-FAREBOX-ANYTHING": "1",
        "PAYMENT-SIGNATURE": "e30=",
        "PAYMENT-RESPONSE": "e30=",
    }
    assert gateway.fetch("/any/x", headers=forged).status == 200
    (request,) = upstream.asked("/any/x")
    names = {name.lower() for name, _ in request.headers}
    assert not {name for name in names if name.startswith(("x-farebox", "payment-", "x-payment"))}


def test_an_upstream_cannot_forge_a_receipt(gateway, upstream):
    forged = {"PAYMENT-RESPONSE": "e30=", "X-PAYMENT-RESPONSE": "e30=", "PAYMENT-REQUIRED": "e30="}
    upstream.default = lambda exchange: exchange.answer(200, "x", forged)
    response = gateway.fetch("/any/x")
    assert response.receipt is None and response.header("PAYMENT-REQUIRED") is None


@pytest.mark.parametrize("host,seen", [("preserve", "api.test"), ("upstream", None), ("inner.example", "inner.example")])
def test_host(start, upstream, host, seen):
    config = standard(upstream.url)
    config["upstreams"]["legacy"]["host"] = host
    start(config).fetch("/any/x", headers={"Host": "api.test"})
    assert upstream.asked("/any/x")[0].header("Host") == (seen or f"127.0.0.1:{upstream.port}")


def test_upstream_headers_replace_the_callers(start, upstream):
    config = standard(upstream.url)
    config["upstreams"]["legacy"]["headers"] = {"Authorization": {"env": "LEGACY_KEY"}, "X-Tenant": "agents"}
    gateway = start(config, environment={"LEGACY_KEY": "Bearer very-secret"})
    gateway.fetch("/any/x", headers=[("Authorization", "Bearer mine"), ("X-Tenant", "a"), ("x-tenant", "b")])
    (request,) = upstream.asked("/any/x")
    assert request.all("Authorization") == ["Bearer very-secret"] and request.all("X-Tenant") == ["agents"]
    assert not any("very-secret" in line for line in gateway.errors)
    checked = gateway.command("check", "--config", str(gateway.config_directory))
    assert checked.returncode == 0 and "LEGACY_KEY" in checked.stdout + checked.stderr, "a missing secret is a warning"


def test_an_upstream_with_a_base_path(start, upstream):
    config = standard(upstream.url)
    config["upstreams"]["legacy"]["url"] = upstream.url + "/base"
    assert start(config).fetch("/any/x?y=1").json()["target"] == "/base/any/x?y=1"

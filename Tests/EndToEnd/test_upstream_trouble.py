"""Upstreams that are down, late, broken or false: an answer in JSON that says whose fault it is."""

import subprocess
import ssl
import threading

import pytest
from harness.farebox import standard
from harness.http import ProtocolError
from harness.pay import Buyer
from harness.upstream import Upstream


def says_upstream(response, status: int):
    assert response.status == status, response.body
    assert response.header("Content-Type").startswith("application/json")
    answer = response.json()
    assert answer["error"] and "upstream" in response.body.decode().lower(), answer


def with_timeouts(start, upstream, **timeouts):
    config = standard(upstream.url)
    config["upstreams"]["legacy"]["timeouts"] = timeouts
    return start(config)


def test_down(gateway, upstream):
    upstream.close()
    says_upstream(gateway.fetch("/free/x"), 502)


def test_a_name_that_does_not_resolve(start, upstream):
    config = standard("http://no-such-name.invalid:80")
    says_upstream(start(config).fetch("/free/x"), 502)


def test_a_connect_that_hangs(start, upstream):
    """A listener whose queue is full drops SYNs, as an unreachable host does."""
    import socket

    full = socket.socket()
    full.bind(("127.0.0.1", 0))
    full.listen(0)
    fillers = []
    for _ in range(4):
        filler = socket.socket()
        filler.setblocking(False)
        filler.connect_ex(full.getsockname())
        fillers.append(filler)
    config = standard(f"http://127.0.0.1:{full.getsockname()[1]}")
    config["upstreams"]["legacy"]["timeouts"] = {"connect": "300ms", "first_byte": "1s"}
    says_upstream(start(config).fetch("/free/x"), 504)


def test_no_first_byte(start, upstream):
    gate = threading.Event()
    upstream.on("/free/x", lambda exchange: gate.wait(20))
    says_upstream(with_timeouts(start, upstream, first_byte="300ms").fetch("/free/x"), 504)
    gate.set()


def test_an_answer_that_stops(start, upstream):
    """The head has gone out: the caller must see a cut, never a whole answer."""
    gate = threading.Event()

    def stall(exchange):
        exchange.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        gate.wait(20)

    upstream.on("/free/x", stall)
    gateway = with_timeouts(start, upstream, idle="300ms")
    with pytest.raises((ProtocolError, ConnectionError)):
        gateway.fetch("/free/x")
    gate.set()
    assert gateway.fetch("/free/y").status == 200


def test_a_total_time_out(start, upstream):
    def drip(exchange):
        exchange.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(200):
            exchange.send("1\r\nx\r\n")
            threading.Event().wait(0.05)

    upstream.on("/free/x", drip)
    with pytest.raises((ProtocolError, ConnectionError)):
        with_timeouts(start, upstream, total="1s").fetch("/free/x")


BROKEN = {
    "closes at once": "",
    "garbage": "hello there\r\n\r\n",
    "length and chunked": "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    "bad length": "HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\nhello",
    "unknown coding": "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nx",
    "bare LF": "HTTP/1.1 200 OK\nContent-Length: 0\n\n",
    "NUL in a field": "HTTP/1.1 200 OK\r\nX: \0\r\nContent-Length: 0\r\n\r\n",
    "status of two digits": "HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n",
    "status 999": "HTTP/1.1 999 X\r\nContent-Length: 0\r\n\r\n",
    "version 2": "HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
    "half a head": "HTTP/1.1 200 OK\r\nContent-Le",
    "head too large": "HTTP/1.1 200 OK\r\nX: " + "v" * 200_000 + "\r\n\r\n",
    "101 unasked": "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n",
    "endless interim": "HTTP/1.1 103 X\r\n\r\n" * 2000,
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_answer_is_502(gateway, upstream, case):
    def handler(exchange):
        exchange.read_body()
        exchange.send(BROKEN[case])
        exchange.close()

    upstream.on("/free/x", handler)
    response = gateway.fetch("/free/x")
    if case == "status 999":
        assert response.status in (502, 999)
    else:
        says_upstream(response, 502)
    assert gateway.fetch("/free/y").status == 200


@pytest.mark.parametrize("case", ["chunked", "length"])
def test_a_truncated_answer_is_never_whole(gateway, upstream, case):
    def handler(exchange):
        framing = "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n" if case == "chunked" else "Content-Length: 10\r\n\r\nhello"
        exchange.send("HTTP/1.1 200 OK\r\n" + framing)
        exchange.close()

    upstream.on("/free/x", handler)
    with pytest.raises((ProtocolError, ConnectionError)):
        gateway.fetch("/free/x")


def test_bytes_after_an_answer_are_no_answer(gateway, upstream):
    """What an upstream sends unasked must never be taken for the next request's answer."""

    def handler(exchange):
        exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")

    upstream.on("/free/x", handler)
    with gateway.connect() as connection:
        assert connection.request("GET", "/free/x").body == b"ok"
        for n in range(5):
            assert connection.request("GET", f"/free/{n}").json()["target"] == f"/free/{n}"


# TLS


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """An authority, a certificate of it for 127.0.0.1 and localhost, and one of nobody's."""
    place = tmp_path_factory.mktemp("tls")

    def run(*arguments):
        subprocess.run(["openssl", *arguments], cwd=place, check=True, capture_output=True)

    new = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    run("req", "-x509", *new, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=Test authority",
        "-addext", "basicConstraints=critical,CA:TRUE")
    for name, subject in (("good", "IP:127.0.0.1,DNS:localhost"), ("other", "DNS:elsewhere.test")):
        (place / f"{name}.ext").write_text(f"subjectAltName={subject}\n")
        run("req", *new, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        run("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
            "-out", f"{name}.pem", "-extfile", f"{name}.ext")
    return place


def tls_upstream(certificates, name: str = "good", **versions) -> Upstream:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / f"{name}.pem", certificates / f"{name}.key")
    for key, value in versions.items():
        setattr(context, key, value)
    return Upstream(tls=context)


def https_config(url: str, ca_file=None) -> dict:
    config = standard(url)
    if ca_file:
        config["upstreams"]["legacy"]["ca_file"] = str(ca_file)
    return config


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_https_with_an_authority_of_ones_own(start, certificates, host):
    server = tls_upstream(certificates)
    gateway = start(https_config(f"https://{host}:{server.port}", certificates / "ca.pem"))
    big = b"0123456789abcdef" * 65536
    server.on("/any/big", lambda exchange: exchange.answer(200, big))
    with gateway.connect() as connection:
        numbers = {connection.request("GET", f"/free/{n}").json()["connection"] for n in range(10)}
        assert len(numbers) == 1, "keep-alive over TLS"
        assert connection.request("POST", "/any/x", body=big).json()["length"] == len(big)
        assert connection.request("GET", "/any/big").body == big
    assert Buyer(gateway).pay("/after/x").status == 200
    server.close()


@pytest.mark.parametrize("certificate,trusted", [("good", False), ("other", True)])
def test_https_that_cannot_be_trusted_is_502(start, certificates, certificate, trusted):
    server = tls_upstream(certificates, certificate)
    gateway = start(https_config(server.url, certificates / "ca.pem" if trusted else None))
    says_upstream(gateway.fetch("/free/x"), 502)
    assert server.asked() == [], "not a byte of the request was sent"
    server.close()


def test_https_to_a_plain_server_is_502(start, certificates, upstream):
    gateway = start(https_config(f"https://127.0.0.1:{upstream.port}", certificates / "ca.pem"))
    # A server that waits for the end of a line answers no ClientHello at all: then time runs out.
    response = gateway.fetch("/free/x")
    says_upstream(response, response.status)
    assert response.status in (502, 504)


def test_a_tls_answer_cut_without_close_notify_is_not_whole(start, certificates):
    server = tls_upstream(certificates)

    def handler(exchange):
        exchange.send("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhalf of it")
        exchange.reset()  # Python sends no close_notify then

    server.on("/free/x", handler)
    gateway = start(https_config(server.url, certificates / "ca.pem"))
    try:
        response = gateway.fetch("/free/x")
        assert response.status == 502
    except (ProtocolError, ConnectionError):
        pass
    server.close()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_passed_on_and_never_followed(gateway, upstream, status):
    upstream.on(
        "/any/moved",
        lambda exchange: exchange.answer(status, b"", {"Location": f"{upstream.url}/any/secret"}, reason="Moved"),
    )
    response = gateway.fetch("/any/moved")
    assert response.status == status and response.header("Location") == f"{upstream.url}/any/secret"
    assert not upstream.asked("/any/secret")

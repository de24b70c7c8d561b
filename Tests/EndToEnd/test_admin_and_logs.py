"""Health, readiness, draining, and the access log."""

import json
import os
import re
import signal
import time

import pytest
from harness.http import compose, wait_until
from harness.pay import Buyer, paid
from harness.upstream import Gate


def test_health_and_readiness(gateway):
    for path in ("/healthz", "/readyz"):
        response = gateway.admin(path)
        assert response.status == 200 and response.header("Content-Type").startswith("application/json")
        json.loads(response.body)
        head = gateway.admin(path, "HEAD")
        assert head.status == 200 and head.body == b""
        assert gateway.admin(path, "POST").status == 405
    assert gateway.admin("/nowhere").status == 404
    assert gateway.fetch("/healthz").status == 404, "not on the public listener"


@pytest.mark.parametrize("order", ["after", "first"])
def test_sigterm_drains(gateway, upstream, order):
    """Readiness goes, listeners close, exchanges finish, and what was paid is delivered."""
    gate = Gate()
    upstream.on(f"/{order}/x", gate)
    buyer = Buyer(gateway)
    payment = buyer.sign(f"/{order}/x")
    idle = gateway.connect()
    idle.request("GET", "/free/x")
    with gateway.connect() as connection:
        connection.send(compose("GET", f"/{order}/x", paid(payment)))
        wait_until(lambda: gate.waiting, 5)
        os.kill(gateway.pid, signal.SIGTERM)

        def draining():
            try:
                response = gateway.admin("/readyz")
                return response.status == 503 and b"drain" in response.body
            except OSError:
                return False

        wait_until(draining, 5, "/readyz says that it drains")
        wait_until(lambda: refuses(gateway), 5, "the listener is closed")
        assert idle.closed_by_peer(10), "idle connections are closed"
        gate.open()
        response = connection.read()
        assert response.status == 200 and response.receipt["success"] and response.closes
    assert gateway.process.wait(10) == 0
    assert gateway.claim(payment)["state"] == "delivered"


def refuses(gateway) -> bool:
    try:
        gateway.connect(timeout=1).close()
        return False
    except ConnectionRefusedError:
        return True


def test_the_drain_is_bounded(start, upstream):
    gateway = start(limits={"drain": "1s"})
    upstream.on("/free/x", Gate())
    connection = gateway.connect()
    connection.send(compose("GET", "/free/x"))
    wait_until(lambda: upstream.asked("/free/x"), 5)
    os.kill(gateway.pid, signal.SIGTERM)
    gateway.process.wait(15)


def test_a_second_gateway_on_the_same_address_is_told(start, gateway):
    second = start(name="second", listen=f"127.0.0.1:{gateway.port}", ready=False)
    try:
        code = second.process.wait(3)
        assert code != 0 and second.log_has(str(gateway.port))
    except Exception:
        pytest.skip("SO_REUSEPORT lets a second process of the same user listen beside the first")


def test_free_line(gateway):
    gateway.fetch("/free/x?y=1", headers={"User-Agent": "test"})
    line = gateway.access_line("/free/x?y=1")
    assert line["method"] == "GET" and line["status"] == 200
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"])
    assert line["route"] == "GET /free/**" and isinstance(line["revision"], int)
    assert "payer" not in line or not line["payer"]


def test_paid_line(gateway):
    buyer = Buyer(gateway)
    response = buyer.pay("/after/paid")
    line = wait_until(
        lambda: next((l for l in gateway.access() if l["target"] == "/after/paid" and l["status"] == 200), None), 5
    )
    assert line["payer"].lower() == buyer.wallet.address.lower()
    assert str(line["amount"]) == "20000" and line["network"] == "eip155:84532"
    assert line["transaction"] == response.receipt["transaction"] and line["outcome"] == "delivered"
    unpaid = next(l for l in gateway.access() if l["target"] == "/after/paid" and l["status"] == 402)
    assert not unpaid.get("transaction")


def test_every_exchange_has_one_line(gateway, upstream):
    upstream.on("/free/cut", lambda exchange: exchange.close())
    wanted = 0
    for n in range(50):
        gateway.fetch(f"/free/{n}")
        gateway.fetch(f"/after/{n}")
        gateway.fetch(f"/nowhere/{n}")
        wanted += 3
    gateway.fetch("/free/cut")
    with gateway.connect() as connection:
        connection.send("nonsense\r\n\r\n")
        connection.read()
    connection = gateway.connect()
    gate = Gate()
    upstream.on("/free/left", gate)
    connection.send(compose("GET", "/free/left"))
    wait_until(lambda: gate.waiting, 5)
    connection.reset()
    gate.open()
    wanted += 3
    wait_until(lambda: len(gateway.access()) >= wanted, 10, f"{wanted} lines")
    time.sleep(0.3)
    assert len(gateway.access()) == wanted


def test_hostile_bytes_cannot_forge_a_line(gateway):
    gateway.fetch("/free/x?%0a%22,{}", headers={"User-Agent": 'a"\\\x80\xff', "Host": "gateway.test"})
    for line in wait_until(lambda: gateway.access(), 5):
        assert isinstance(line, dict) and "status" in line


def test_the_log_never_holds_a_signature(gateway):
    buyer = Buyer(gateway)
    payment = buyer.sign("/after/1")
    buyer.present("/after/1", payment)
    gateway.access_line("/after/1")
    text = gateway.access_path.read_text() + "\n".join(gateway.errors)
    assert payment["payload"]["signature"][2:] not in text


def test_sighup_reopens_the_log(gateway):
    gateway.fetch("/free/1")
    gateway.access_line("/free/1")
    moved = gateway.access_path.with_suffix(".1")
    gateway.access_path.rename(moved)
    gateway.hang_up()
    wait_until(gateway.access_path.exists, 5, "the file is made anew")
    gateway.fetch("/free/2")
    assert gateway.access_line("/free/2")
    assert "/free/2" not in moved.read_text()


def test_the_sandbox_says_so(gateway):
    assert gateway.log_has("sandbox")

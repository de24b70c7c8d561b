"""kill -9 wherever a claim can stand, restart, replay: nothing charged twice, delivered unpaid, or lost."""

import random
import threading
import time

import pytest
from harness.http import ProtocolError, compose, wait_until
from harness.pay import Buyer, paid
from harness.strace import Call, calls, killing_at, synced_before_first_upstream_byte, tracing
from harness.upstream import Gate, echo

USED = "invalid_exact_evm_nonce_already_used"


def send(gateway, target, payment, **options):
    connection = gateway.connect(**options)
    connection.send(compose("GET", target, paid(payment)))
    return connection


# Killed while the upstream holds the request


def test_killed_while_the_upstream_works_after(gateway, buyer, upstream):
    gate = Gate()
    upstream.on("/after/x", gate)
    payment = buyer.sign("/after/x")
    send(gateway, "/after/x", payment)
    wait_until(lambda: gate.waiting, 5)
    gateway.kill()
    gate.open()
    gateway.restart()
    assert gateway.claim(payment)["state"] == "void"
    response = buyer.present("/after/x", payment)
    assert response.status == 200 and response.receipt["success"], "never charged: it may come again"
    assert gateway.wait_state(payment, "delivered")
    assert buyer.present("/after/x", payment).error == USED


def test_killed_within_the_answer_after(gateway, buyer, upstream):
    gate = threading.Event()

    def half(exchange):
        exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
        gate.wait(20)

    upstream.on("/after/x", half)
    payment = buyer.sign("/after/x")
    send(gateway, "/after/x", payment)
    wait_until(lambda: upstream.asked("/after/x"), 5)
    time.sleep(0.2)
    gateway.kill()
    gate.set()
    upstream.on("/after/x", echo)
    gateway.restart()
    assert gateway.claim(payment)["state"] == "void"
    assert buyer.present("/after/x", payment).status == 200


def test_killed_while_the_upstream_works_first(gateway, buyer, upstream):
    gate = Gate()
    upstream.on("/first/x", gate)
    payment = buyer.sign("/first/x")
    send(gateway, "/first/x", payment)
    wait_until(lambda: gate.waiting, 5)
    gateway.kill()
    gate.open()
    gateway.restart()
    claim = gateway.claim(payment)
    assert claim["state"] == "owed" and claim["transaction"].startswith("sandbox-")
    assert buyer.present("/first/x", payment).error == USED
    response = buyer.pay("/first/x")
    assert response.status == 200 and response.receipt["transaction"] == claim["transaction"]
    assert len(gateway.claims()) == 1 and gateway.wait_state(payment, "delivered")


@pytest.mark.parametrize("order", ["after", "first"])
def test_killed_while_the_caller_reads(gateway, buyer, upstream, order):
    """Settled, and the caller has a part of the answer."""
    upstream.on(f"/{order}/x", lambda exchange: exchange.answer(200, b"z" * (8 << 20)))
    payment = buyer.sign(f"/{order}/x")
    connection = send(gateway, f"/{order}/x", payment, receive_buffer=4096)
    head = connection.read_head()
    assert head.status == 200
    gateway.kill()
    with pytest.raises((ProtocolError, OSError)):
        connection.exactly(8 << 20)
    gateway.restart()
    claim = gateway.claim(payment)
    assert claim["state"] == "owed" and claim["transaction"] == head.receipt["transaction"]
    response = buyer.pay(f"/{order}/x")
    assert response.status == 200 and len(response.body) == 8 << 20
    assert response.receipt["transaction"] == claim["transaction"] and len(gateway.claims()) == 1


def test_killed_after_delivery_stays_paid(gateway, buyer):
    payment = buyer.sign("/after/x")
    response = buyer.present("/after/x", payment)
    assert response.status == 200
    gateway.kill()
    gateway.restart()
    claim = gateway.claim(payment)
    assert claim["state"] in ("delivered", "owed") and claim["transaction"] == response.receipt["transaction"]
    assert buyer.present("/after/x", payment).error == USED


def test_a_void_claim_and_a_redeemed_one_survive(gateway, buyer, upstream):
    upstream.on("/after/x", lambda exchange: exchange.answer(500, "no"))
    payment = buyer.sign("/after/x")
    assert buyer.present("/after/x", payment).status == 500
    gateway.wait_state(payment, "void")
    gateway.kill()
    gateway.restart()
    assert gateway.claim(payment)["state"] == "void"
    assert buyer.present("/after/y", payment).error == USED


# Killed at the n-th sync of the ledger: each state that reaches the disk, from both sides


def settle_accounts(gateway, buyer, upstream, order, payment, response):
    """After a crash and a restart: the books must agree with what the caller saw, and the caller must get what it paid for."""
    target = f"/{order}/x"
    claim = gateway.claim(payment)
    if response is not None and response.status == 200:
        assert claim and claim["state"] in ("delivered", "owed"), f"delivered unpaid: {claim}"
        assert claim["transaction"] == response.receipt["transaction"]
    if order == "after" and claim is None:
        assert upstream.asked(target) == [], "the upstream ran with no claim on disk"
    if claim:
        assert claim["state"] in ("void", "owed", "delivered", "failed"), f"not taken up again: {claim['state']}"
    replay = buyer.present(target, payment)
    if claim is None or claim["state"] == "void":
        assert replay.status == 200 and replay.receipt["success"], "never charged: the same payment is good"
    else:
        assert replay.status == 402 and replay.error == USED
        if claim["state"] == "owed":
            redeemed = buyer.pay(target)
            assert redeemed.status == 200 and redeemed.receipt["transaction"] == claim["transaction"]
    wait_until(lambda: all(c["state"] in ("delivered", "owed", "void", "failed") for c in gateway.claims()), 5)
    paid_for = [c for c in gateway.claims() if c["state"] in ("delivered", "owed")]
    assert len(paid_for) == 1, f"charged {len(paid_for)} times: {paid_for}"


@pytest.mark.parametrize("order", ["after", "first"])
def test_killed_at_each_sync(start, upstream, order):
    """Counts up until a run is no longer killed; every crash point on the way must be sound."""
    killed = 0
    for count in range(1, 40):
        upstream.requests.clear()
        first = start(name=f"{order}-{count}")  # makes the ledger, so that only this payment's syncs count
        buyer = Buyer(first)
        payment = buyer.sign(f"/{order}/x")
        first.terminate()
        first.wrapper = killing_at("fdatasync,fsync", count)
        response = None
        try:
            first.start()
            response = buyer.present(f"/{order}/x", payment)
            time.sleep(0.2)
        except (AssertionError, OSError, ProtocolError):
            pass  # killed at start, or within the exchange
        was_killed = not first.alive()
        first.kill()
        first.restart()
        settle_accounts(first, buyer, upstream, order, payment, response)
        first.stop()
        if not was_killed:
            break
        killed += 1
    assert killed >= 3, f"only {killed} crash points: the injection did not work"


@pytest.mark.parametrize("seed", range(3))
def test_killed_at_random_under_load(start, upstream, seed):
    """Eight wallets pay as fast as they can; the gateway is killed at random and started again."""
    choose = random.Random(seed)
    gateway = start()
    buyers = [Buyer(gateway) for _ in range(8)]
    terms = {order: gateway.terms(f"/{order}/0") for order in ("after", "first")}
    seen: list[tuple[str, dict, object]] = []
    stopping = threading.Event()

    def shop(index: int):
        buyer, number = buyers[index], 0
        while not stopping.is_set():
            number += 1
            order = ("after", "first")[number % 2]
            target = f"/{order}/{index}-{number}"
            payment = buyer.wallet.payment_v2(terms[order])
            response = None
            try:
                response = buyer.present(target, payment, timeout=5)
            except (OSError, ProtocolError):
                time.sleep(0.05)
            seen.append((target, payment, response))

    threads = [threading.Thread(target=shop, args=(index,)) for index in range(len(buyers))]
    for thread in threads:
        thread.start()
    for _ in range(3):
        time.sleep(choose.uniform(0.2, 0.6))
        gateway.kill()
        gateway.restart()
    stopping.set()
    for thread in threads:
        thread.join()
    wait_until(
        lambda: all(c["state"] in ("delivered", "owed", "void", "failed") for c in gateway.claims()), 10, "all at rest"
    )
    claims = {c["nonce"].lower(): c for c in gateway.claims()}
    delivered = 0
    for target, payment, response in seen:
        claim = claims.get(payment["payload"]["authorization"]["nonce"].lower())
        if response is not None and response.status == 200:
            delivered += 1
            if claim is None:  # a redemption: its receipt names the old transaction
                claim = next(c for c in claims.values() if c.get("transaction") == response.receipt["transaction"])
            assert claim["state"] in ("delivered", "owed"), (target, claim)
        if claim and claim["state"] == "delivered":
            assert response is not None or claim["transaction"], (target, claim)
        if claim is None and response is None:
            assert target.startswith("/first") or upstream.asked(target) == [], "ran with no claim on disk"
    assert delivered > 20, delivered
    transactions = [c["transaction"] for c in claims.values() if c["state"] in ("delivered", "owed")]
    assert len(set(transactions)) == len(transactions)
    for target, payment, response in choose.sample(seen, min(20, len(seen))):
        buyer = next(b for b in buyers if b.wallet.address == payment["payload"]["authorization"]["from"])
        claim = claims.get(payment["payload"]["authorization"]["nonce"].lower())
        if claim and claim["state"] == "owed":
            assert buyer.pay(target).receipt["transaction"] == claim["transaction"]
        elif claim and claim["state"] == "delivered":
            assert buyer.present(target, payment).error == USED


# The order of things on disk and on the wire


@pytest.mark.parametrize("order", ["after", "first"])
def test_a_sync_completes_between_the_claim_and_the_first_upstream_byte(start, upstream, tmp_path, order):
    trace = tmp_path / "trace"
    gateway = start(wrapper=tracing(trace))
    buyer = Buyer(gateway)
    mark = len(trace.read_text())
    response = buyer.pay(f"/{order}/x")
    assert response.status == 200
    gateway.terminate()
    text = trace.read_text()
    trace.write_text(text[mark:])
    wrong = synced_before_first_upstream_byte(calls(trace), upstream.port)
    assert wrong is None, wrong


def test_the_trace_reader_sees_a_missing_sync():
    """The guard itself: each thing that may be missing is noticed."""
    port = 9000
    write = Call("pwrite64", "9</x/farebox.db-wal>, ...", 10, 1, 1)
    sync = Call("fdatasync", "9</x/farebox.db-wal>", 0, 2, 3)
    late = Call("fdatasync", "9</x/farebox.db-wal>", 0, 2, 9)
    failed = Call("fdatasync", "9</x/farebox.db-wal>", -5, 2, 3)
    byte = Call("sendto", "12<TCP:[127.0.0.1:5->127.0.0.1:9000]>, ...", 10, 5, 5)
    assert synced_before_first_upstream_byte([write, sync, byte], port) is None
    assert "no sync" in synced_before_first_upstream_byte([write, byte], port)
    assert "no sync" in synced_before_first_upstream_byte([write, late, byte], port)
    assert "no sync" in synced_before_first_upstream_byte([write, failed, byte], port)
    assert "no sync" in synced_before_first_upstream_byte([sync, Call("pwrite64", write.arguments, 1, 4, 4), byte], port)
    assert "nothing was written" in synced_before_first_upstream_byte([sync, byte], port)
    assert "no byte" in synced_before_first_upstream_byte([write, sync], port)

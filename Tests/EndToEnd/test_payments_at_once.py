"""Many payments at the same moment: copies run once, a poor wallet never runs twice, a rich one is served in full."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness.farebox import standard
from harness.http import compose, wait_until
from harness.pay import Buyer, paid
from harness.upstream import Gate

COPIES = 64
USED = "invalid_exact_evm_nonce_already_used"


def at_once(gateway, requests: list[bytes], timeout: float = 60):
    """Sends each on a connection of its own, all at the same moment, and gives the answers in order."""
    barrier = threading.Barrier(len(requests))

    def one(request: bytes):
        with gateway.connect(timeout=timeout) as connection:
            connection.send(request[:-2])
            barrier.wait()
            connection.send(request[-2:])
            return connection.read()

    with ThreadPoolExecutor(len(requests)) as pool:
        return list(pool.map(one, requests))


@pytest.mark.parametrize("order", ["after", "first"])
def test_copies_of_one_payment_run_once(gateway, buyer, upstream, order):
    gate = Gate()
    upstream.on(f"/{order}/one", gate)
    threading.Timer(1, gate.open).start()
    payment = buyer.sign(f"/{order}/one")
    answers = at_once(gateway, [compose("GET", f"/{order}/one", paid(payment))] * COPIES)
    good = [answer for answer in answers if answer.status == 200]
    assert len(good) == 1 and good[0].receipt["success"]
    for answer in answers:
        if answer is not good[0]:
            assert answer.status == 402 and answer.error == USED, (answer.status, answer.body)
            assert answer.required["accepts"]
    assert len(upstream.asked(f"/{order}/one")) == 1
    (claim,) = gateway.claims()
    assert claim["state"] == "delivered"


def test_copies_for_another_request_are_refused(gateway, buyer, upstream):
    payment = buyer.sign("/after/one")
    answers = at_once(gateway, [compose("GET", f"/after/{n}", paid(payment)) for n in range(COPIES)])
    assert sorted(answer.status for answer in answers) == [200] + [402] * (COPIES - 1)
    assert {answer.error for answer in answers if answer.status == 402} == {USED}
    assert len(upstream.asked()) == 1 and len(gateway.claims()) == 1


@pytest.mark.parametrize("order,price", [("after", "$6"), ("first", "$6")])
def test_money_for_one_runs_once(start, upstream, order, price):
    """64 payments of one wallet with money for one: at most one run and delivered."""
    config = standard(upstream.url)
    for route in config["routes"]:
        if "price" in route:
            route["price"] = price
    gateway = start(config)
    gate = Gate()
    upstream.default = gate
    threading.Timer(0.5, gate.open).start()
    buyer = Buyer(gateway)
    terms = gateway.terms(f"/{order}/0")
    payments = [buyer.wallet.payment_v2(terms) for _ in range(COPIES)]
    answers = at_once(
        gateway, [compose("GET", f"/{order}/{n}", paid(payment)) for n, payment in enumerate(payments)]
    )
    good = [answer for answer in answers if answer.status == 200]
    assert len(good) == 1 and len(upstream.asked()) == 1 and gate.most == 1
    for answer in answers:
        if answer is not good[0]:
            assert answer.status in (402, 429), (answer.status, answer.body)
            if answer.status == 402:
                assert answer.error == "invalid_exact_evm_insufficient_balance"
    assert [claim["state"] for claim in gateway.claims() if claim["state"] != "void"] == ["delivered"]


def test_a_rich_wallet_is_served_in_full_under_first(gateway, buyer, upstream):
    terms = gateway.terms("/first/0")
    payments = [buyer.wallet.payment_v2(terms) for _ in range(COPIES)]
    answers = at_once(
        gateway, [compose("GET", f"/first/{n}", paid(payment)) for n, payment in enumerate(payments)]
    )
    assert [answer.status for answer in answers] == [200] * COPIES
    assert len({answer.receipt["transaction"] for answer in answers}) == COPIES
    assert len(upstream.asked()) == COPIES
    claims = gateway.claims()
    assert len(claims) == COPIES and {claim["state"] for claim in claims} == {"delivered"}


def test_leases_under_after_are_one_a_wallet(gateway, upstream):
    """Eight wallets run beside each other, the payments of each one after another."""
    busy, most, lock = {}, {}, threading.Lock()

    def handler(exchange):
        payer = exchange.request.header("X-Farebox-Payer")
        with lock:
            busy[payer] = busy.get(payer, 0) + 1
            most[payer] = max(most.get(payer, 0), busy[payer])
        threading.Event().wait(0.05)
        with lock:
            busy[payer] -= 1
        exchange.answer(200, "done")

    upstream.default = handler
    terms = gateway.terms("/after/0")
    buyers = [Buyer(gateway) for _ in range(8)]
    answers = at_once(
        gateway,
        [
            compose("GET", f"/after/{n}", paid(buyers[n % 8].wallet.payment_v2(terms)))
            for n in range(64)
        ],
    )
    assert {answer.status for answer in answers} == {200}
    assert len(most) == 8 and set(most.values()) == {1}


def test_lease_queue_and_wait_are_bounded(start, upstream):
    policies = {"default": {"in_flight_per_wallet": 1, "lease_wait": "1s", "lease_queue": 2}}
    gateway = start(policies=policies)
    gate = Gate()
    upstream.default = gate
    buyer = Buyer(gateway)
    terms = gateway.terms("/after/0")
    threading.Timer(4, gate.open).start()
    answers = at_once(
        gateway, [compose("GET", f"/after/{n}", paid(buyer.wallet.payment_v2(terms))) for n in range(6)]
    )
    assert sorted(answer.status for answer in answers) == [200, 429, 429, 429, 429, 429]
    for answer in answers:
        if answer.status == 429:
            assert answer.header("Retry-After") and answer.json()["charged"] is False
    reasons = [answer.error for answer in answers if answer.status == 429]
    assert sorted(reasons) == ["lease_queue_full"] * 3 + ["lease_timeout"] * 2
    assert len(upstream.asked()) == 1


def test_two_gateways_on_one_ledger_never_both_take_payments(start, gateway, upstream):
    """The second serves free routes and 402s, queues paid requests, and takes over when the lock is free."""
    second = start(name="second", ledger=str(gateway.ledger), ready=False)

    def reached():
        try:
            return second.fetch("/free/1").status == 200
        except OSError:
            return False

    wait_until(reached, 10, "the second gateway serves free routes")
    buyer = Buyer(second)
    payment = buyer.sign("/after/1")
    with second.connect(timeout=40) as connection:
        connection.send(compose("GET", "/after/1", paid(payment)))
        threading.Event().wait(0.5)
        assert upstream.asked("/after/1") == []
        gateway.terminate()
        response = connection.read()
    assert response.status in (200, 503), response.body
    if response.status == 503:
        assert wait_until(lambda: buyer.present("/after/1", payment).status == 200, 10, "the lock is handed over")
    assert len(upstream.asked("/after/1")) == 1

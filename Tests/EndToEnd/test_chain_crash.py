"""kill -9 at every step from claim to delivery, with the chain running on: chain, ledger, upstream and callers agree."""

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from chain.scripted import ScriptedFacilitator
from harness.http import ProtocolError, compose, wait_until
from harness.market import PRICES, Sale
from harness.pay import Buyer, paid
from harness.strace import killing_at
from harness.upstream import Gate

ORDERS = tuple(PRICES)


def reckon(market, buyer, target: str, payment: dict):
    """After the crash: restart, everything comes to rest, the books agree, and the buyer gets what it wants for one price."""
    market.gateway.restart()
    market.audit(market.rest(60))
    market.buy_again(buyer, target, payment)
    market.audit(market.rest(60))
    charges = [p for p in market.on_chain() if p["payer"] == buyer.wallet.address.lower()]
    assert len(charges) == 1, f"charged {len(charges)} times"
    assert market.gateway.claims()[0]["state"] in ("delivered", "owed")


# At a step of the conversation with the chain

STEPS = {
    "verifying, not read": ("eth_call", {"kind": "hang"}),
    "verified, not told": ("eth_call", {"kind": "hang", "effect": True}),
    "signed, not sent": ("eth_sendRawTransaction", {"kind": "hang"}),
    "sent, not told": ("eth_sendRawTransaction", {"kind": "hang", "effect": True}),
    "mined, not seen": ("eth_getLogs", {"kind": "hang"}),
}


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("step", STEPS)
def test_killed_at_a_step_of_the_chain(market, order, step):
    market = market(mining=0.1)
    gateway = market.open()
    buyer, target = market.buyer(), f"/{order}/x"
    payment = buyer.sign(target)
    method, options = STEPS[step]
    options = dict(options)
    market.node.fault(method, options.pop("kind"), times=1, then=gateway.kill, **options)
    market.present(buyer, target, payment, timeout=20)
    wait_until(lambda: not gateway.alive(), 20, "it was killed")
    market.node.clear()
    time.sleep(0.3)  # the chain runs on
    reckon(market, buyer, target, payment)


@pytest.mark.parametrize("order", ORDERS)
def test_killed_when_sent_and_the_window_passes_before_the_restart(market, order):
    """Sent and mined by the time that anybody looks again."""
    market = market(mining=0.1)
    gateway = market.open()
    buyer, target = market.buyer(), f"/{order}/x"
    payment = buyer.sign(target)
    market.node.fault("eth_sendRawTransaction", "hang", effect=True, times=1, then=gateway.kill)
    market.present(buyer, target, payment, timeout=20)
    wait_until(lambda: market.on_chain(), 20, "mined while it is down")
    market.node.clear()
    market.node.set(clock_offset=400)
    time.sleep(0.3)
    reckon(market, buyer, target, payment)


# At a step of the conversation with the upstream and the caller


@pytest.mark.parametrize("order", ORDERS)
def test_killed_while_the_upstream_works(market, order):
    market = market(mining=0.1)
    gateway = market.open()
    buyer, target = market.buyer(), f"/{order}/x"
    gate = Gate(then=market._execute)
    market.upstream.on(target, gate)
    payment = buyer.sign(target)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(market.present, buyer, target, payment)
        wait_until(lambda: gate.waiting, 20)
        gateway.kill()
        gate.open()
        assert answer.result(20) is None
    reckon(market, buyer, target, payment)


@pytest.mark.parametrize("order", ORDERS)
def test_killed_within_the_upstreams_answer(market, order):
    market = market(mining=0.1)
    gateway = market.open()
    buyer, target = market.buyer(), f"/{order}/x"
    held = threading.Event()

    def half(exchange):
        exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
        held.wait(20)

    market.upstream.on(target, half)
    payment = buyer.sign(target)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(market.present, buyer, target, payment)
        wait_until(lambda: market.upstream.asked(target), 20)
        time.sleep(0.2)
        gateway.kill()
        held.set()
        answer.result(20)
    market.upstream.handlers.clear()
    reckon(market, buyer, target, payment)


@pytest.mark.parametrize("order", ORDERS)
def test_killed_while_the_caller_reads(market, order):
    market = market(mining=0.1)
    gateway = market.open()
    buyer, target = market.buyer(), f"/{order}/x"
    market.upstream.on(target, lambda exchange: exchange.answer(200, b"z" * (8 << 20)))
    payment = buyer.sign(target)
    connection = gateway.connect(receive_buffer=4096, timeout=30)
    connection.send(compose("GET", target, paid(payment)))
    head = connection.read_head()
    assert head.status == 200
    gateway.kill()
    with pytest.raises((ProtocolError, OSError)):
        connection.exactly(8 << 20)
    reckon(market, buyer, target, payment)


# At each sync of the ledger


@pytest.mark.parametrize("order", ORDERS)
def test_killed_at_each_sync(market, order):
    """Counts up until a run is no longer killed; every crash point on the way must be sound."""
    killed, make = 0, market
    for count in range(1, 40):
        market = make(mining=0.05)
        gateway = market.open(name=f"{order}-{count}")
        buyer, target = market.buyer(), f"/{order}/x"
        payment = buyer.sign(target)
        gateway.terminate()
        gateway.wrapper = killing_at("fdatasync,fsync", count)
        try:
            gateway.start()
            market.present(buyer, target, payment, timeout=20)
            time.sleep(0.2)
        except AssertionError:
            pass  # killed at start
        was_killed = not gateway.alive()
        gateway.kill()
        reckon(market, buyer, target, payment)
        gateway.stop()
        if not was_killed:
            break
        killed += 1
    assert killed >= 4, f"only {killed} crash points: the injection did not work"


# With a remote facilitator


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("path,effect", [("/verify", False), ("/verify", True), ("/settle", False), ("/settle", True)])
def test_killed_at_a_step_of_the_facilitator(market, order, path, effect):
    market = market(mining=0.1)
    scripted = ScriptedFacilitator(market.node)
    gateway = market.open(facilitator="hosted", facilitators={"hosted": {"url": scripted.url}})
    buyer, target = market.buyer(), f"/{order}/x"
    payment = buyer.sign(target)
    scripted.fault(path, "hang", effect=effect, times=1, then=gateway.kill)
    market.present(buyer, target, payment, timeout=20)
    wait_until(lambda: not gateway.alive(), 20, "it was killed")
    if path == "/settle" and not effect:
        # Nobody knows whether it was asked: the claim waits for the window's end or for a person.
        gateway.restart()
        assert gateway.claim(payment)["state"] in ("unknown", "sent")
        assert market.on_chain() == []
    else:
        reckon(market, buyer, target, payment)
    scripted.stop()


# At random, under load


@pytest.mark.parametrize("seed", range(2))
def test_killed_at_random_under_load(market, seed):
    """Eight wallets pay as fast as they can on two chains; the gateway is killed at random and started again."""
    choose = random.Random(seed)
    market = market("base-sepolia", "polygon", mining=0.1)
    gateway = market.open()
    buyers = [market.buyer(10_000_000) for _ in range(8)]
    terms = {order: gateway.fetch(f"/{order}/0").required["accepts"] for order in ORDERS}
    stopping, lock = threading.Event(), threading.Lock()

    def shop(index: int):
        buyer, number = buyers[index], 0
        while not stopping.is_set():
            number += 1
            order = ORDERS[number % 2]
            target = f"/{order}/{index}-{number}"
            payment = buyer.wallet.payment_v2(terms[order][(index + number) % 2])
            response = None
            try:
                response = Buyer(gateway, buyer.wallet).present(target, payment, timeout=10)
            except (OSError, ProtocolError):
                time.sleep(0.05)
            with lock:
                market.sales.append(Sale(target, payment, response))

    threads = [threading.Thread(target=shop, args=(index,)) for index in range(len(buyers))]
    for thread in threads:
        thread.start()
    for _ in range(3):
        time.sleep(choose.uniform(0.4, 1.2))
        gateway.kill()
        time.sleep(choose.uniform(0, 0.3))
        gateway.restart()
    time.sleep(0.5)
    stopping.set()
    for thread in threads:
        thread.join()
    claims = market.audit(market.rest(90))
    delivered = [sale for sale in market.sales if sale.response is not None and sale.response.status == 200]
    assert len(delivered) > 20 and {claim["network"] for claim in claims} == {"eip155:84532", "eip155:137"}
    owed = {claim["nonce"].lower() for claim in claims if claim["state"] == "owed"}
    for sale in [sale for sale in market.sales if sale.nonce in owed][:10]:
        buyer = next(b for b in buyers if b.wallet.address == sale.payment["payload"]["authorization"]["from"])
        index = [t["network"] for t in terms[ORDERS[0]]].index(sale.payment["accepted"]["network"])
        fresh = buyer.wallet.payment_v2(gateway.fetch(sale.target).required["accepts"][index])
        assert market.present(buyer, sale.target, fresh).status == 200, "what is owed is had for no second charge"
    market.audit()

"""200 wallets, 50 calls of each at once, with nonces and budgets that overlap: every bound held, sums equal to the unit."""

import asyncio
import threading

from harness.http import Response, compose
from harness.market import PRICES, USED, Sale
from harness.pay import Buyer, paid
from harness.wallet import Wallet

WALLETS, NONCES, AFFORDS = 200, 10, 6
# Of each nonce: four times for its own target, once for another.
COPIES, STRAYS = 4, 1
CALLS = NONCES * (COPIES + STRAYS)
IN_FLIGHT = {"after": 1, "first": 4}
# Connections open at the same time; each wallet's calls come together.
WALLETS_AT_ONCE = 10


class Book:
    """What the upstream saw: how many of a wallet's requests ran at the same time."""

    def __init__(self, market):
        self.market, self.lock = market, threading.Lock()
        self.running: dict[str, int] = {}
        self.most: dict[str, int] = {}

    def __call__(self, exchange):
        wallet = "-".join(exchange.request.path.split("-")[:1])
        with self.lock:
            self.running[wallet] = self.running.get(wallet, 0) + 1
            self.most[wallet] = max(self.most.get(wallet, 0), self.running[wallet])
        self.market._execute(exchange)
        with self.lock:
            self.running[wallet] -= 1


async def ask(address, target: str, payment: dict) -> Response:
    reader, writer = await asyncio.open_connection(*address)
    try:
        writer.write(compose("GET", target, paid(payment) | {"Connection": "close"}))
        raw = await asyncio.wait_for(reader.read(), 120)
    finally:
        writer.close()
    assert raw, f"{target}: closed without an answer"
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    version, status, reason = (first.split(" ", 2) + [""])[:3]
    headers = [tuple(part.strip() for part in line.split(":", 1)) for line in lines]
    return Response(int(status), reason, version, headers, body)


def calls_of(index: int, wallet: Wallet, terms: dict) -> list[tuple[str, dict]]:
    """In an order that differs from wallet to wallet; a stray may be first to bind its nonce."""
    order = list(PRICES)[index % 2]
    calls = []
    for nonce in range(NONCES):
        payment = wallet.payment_v2(terms[order])
        own, stray = f"/{order}/{index}-{nonce}", f"/{order}/{index}-{nonce}-stray"
        calls += [(own, payment)] * COPIES + [(stray, payment)] * STRAYS
    return [calls[at * 7 % len(calls)] for at in range(index, index + len(calls))]


async def storm(address, wallets: list[list[tuple[str, dict]]]) -> list[Sale]:
    gate, sales = asyncio.Semaphore(WALLETS_AT_ONCE), []

    async def one(target, payment):
        sales.append(Sale(target, payment, await ask(address, target, payment)))

    async def shop(calls):
        async with gate:
            await asyncio.gather(*(one(target, payment) for target, payment in calls))

    await asyncio.gather(*(shop(calls) for calls in wallets))
    return sales


def test_200_wallets_and_50_calls_of_each_at_once(market):
    market = market(mining=0.1)
    book = Book(market)
    market.upstream.default = book
    gateway = market.open(
        policies={"default": {"in_flight_per_wallet": IN_FLIGHT, "lease_wait": "60s", "lease_queue": CALLS}},
        limits={"connections": 20_000},
    )
    wallets = [Wallet.fresh() for _ in range(WALLETS)]
    prices = [list(PRICES.values())[index % 2] for index in range(WALLETS)]
    for wallet, price in zip(wallets, prices):
        # Enough for six of ten, and nearly for a seventh.
        market.endow(wallet.address, price * (AFFORDS + 1) - 1)
    terms = {order: gateway.terms(f"/{order}/x", "GET") for order in PRICES}
    calls = [calls_of(index, wallet, terms) for index, wallet in enumerate(wallets)]
    assert all(len(each) == CALLS == 50 for each in calls)
    market.sales = asyncio.run(storm(gateway.address, calls))
    assert len(market.sales) == WALLETS * 50

    claims = market.audit(market.rest(60))
    assert {sale.response.status for sale in market.sales} <= {200, 402, 409, 429, 503}
    # Each wallet paid for as many as it could afford, each nonce once, and has the rest: to the unit.
    charged: dict[str, int] = {}
    for payment in market.on_chain():
        charged[payment["payer"]] = charged.get(payment["payer"], 0) + 1
    delivered: dict[str, set] = {}
    for sale in market.sales:
        if sale.response.status == 200:
            served = delivered.setdefault(sale.payment["payload"]["authorization"]["from"].lower(), set())
            assert sale.nonce not in served, "one payment was honoured twice"
            served.add(sale.nonce)
    for wallet, price in zip(wallets, prices):
        address = wallet.address.lower()
        count = charged.get(address, 0)
        assert count == AFFORDS, f"{address} paid {count} times"
        assert len(delivered[address]) == count
        assert market.node.balance(address) == price * (AFFORDS + 1) - 1 - price * count
    assert market.revenue() == sum(price * AFFORDS for price in prices)
    assert len(market.executed) == len(set(market.executed)), "an answer was made twice for one payment"
    # Who paid for a nonce is told that it is used, wherever it is shown again.
    refused = {sale.response.error for sale in market.sales if sale.response.status == 402}
    assert USED in refused
    # No wallet had more running than it may.
    for wallet, most in book.most.items():
        assert most <= IN_FLIGHT[wallet.split("/")[1]], f"{wallet}: {most} at once"
    states = [claim["state"] for claim in claims]
    assert states.count("delivered") == WALLETS * AFFORDS and "owed" not in states


def test_200_wallets_at_their_spending_bounds(market):
    """Rich wallets, each with a bound of its own, all with one together: what is charged never passes either, and reaches both."""
    market = market(mining=0.1)
    mine, everyone = 100_000, 15_000_000
    policy = {
        "in_flight_per_wallet": IN_FLIGHT, "lease_wait": "60s", "lease_queue": CALLS,
        "per_wallet": {"spend": "$0.10/day"}, "everyone": {"spend": "$15/day"},
    }  # fmt: skip
    gateway = market.open(policies={"default": policy}, limits={"connections": 20_000})
    wallets = [Wallet.fresh() for _ in range(WALLETS)]
    for wallet in wallets:
        market.endow(wallet.address, 10_000_000)
    terms = {order: gateway.terms(f"/{order}/x", "GET") for order in PRICES}
    calls = [calls_of(index, wallet, terms) for index, wallet in enumerate(wallets)]
    market.sales = asyncio.run(storm(gateway.address, calls))

    claims = market.audit(market.rest(60))
    spent: dict[str, int] = {wallet.address.lower(): 0 for wallet in wallets}
    for payment in market.on_chain():
        spent[payment["payer"]] += payment["value"]
    assert max(spent.values()) == mine, "a wallet reached its bound, and none went beyond"
    assert everyone - max(PRICES.values()) < market.revenue() <= everyone, "all together reached theirs"
    assert market.revenue() == sum(spent.values()) == sum(int(c["amount"]) for c in claims if c["state"] == "delivered")
    bounded = [sale.response for sale in market.sales if sale.response.status == 429]
    assert {response.error for response in bounded} == {"wallet_spend", "everyone_spend"}
    assert all(response.json()["charged"] is False and response.header("Retry-After") for response in bounded)

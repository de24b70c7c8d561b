"""Random kills under load, each followed by replays of every payment seen. SOAK_KILLS sets how many, SOAK_SEED which."""

import os
import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness.http import ProtocolError
from harness.market import PRICES, USED, Sale
from harness.pay import Buyer

ORDERS, METHODS = tuple(PRICES), ("GET", "POST")
KILLS = int(os.environ.get("SOAK_KILLS", "50"))
SEED = int(os.environ.get("SOAK_SEED", "1"))
# Each with a ledger and a chain of its own, so that judging stays quick however many there are.
KILLS_PER_MARKET = 10
WALLETS = 6


class Soak:
    def __init__(self, market, seed: int):
        self.market, self.choose = market, random.Random(seed)
        self.gateway = market.open()
        self.buyers = [market.buyer(100_000_000) for _ in range(WALLETS)]
        self.terms = {order: self.gateway.terms(f"/{order}/0") for order in ORDERS}
        self.targets, self.lock = 0, threading.Lock()

    def present(self, buyer: Buyer, method: str, target: str, payment: dict) -> Sale:
        response = None
        try:
            response = buyer.present(target, payment, method, b"{}" if method == "POST" else None, timeout=30)
        except (OSError, ProtocolError):
            pass
        sale = Sale(target, payment, response)
        with self.lock:
            self.market.sales.append(sale)
        return sale

    def shop(self, buyer: Buyer, stopping: threading.Event, seen: list):
        choose = random.Random(self.choose.random())
        while not stopping.is_set():
            order, method = choose.choice(ORDERS), choose.choice(METHODS)
            with self.lock:
                self.targets += 1
                target = f"/{order}/{self.targets}"
            payment = buyer.wallet.payment_v2(self.terms[order])
            sale = self.present(buyer, method, target, payment)
            seen.append((buyer, method, target, payment, sale))
            if sale.response is None:
                stopping.wait(0.05)

    def round(self):
        """Load, a kill at any moment, a restart, and every payment of the round once more, by its old nonce and by a new one."""
        stopping, seen = threading.Event(), []
        with ThreadPoolExecutor(WALLETS) as pool:
            for buyer in self.buyers:
                pool.submit(self.shop, buyer, stopping, seen)
            time.sleep(self.choose.uniform(0.05, 0.6))
            self.gateway.kill()
            stopping.set()
        time.sleep(self.choose.uniform(0, 0.2))
        self.gateway.restart()
        self.market.rest(60)
        with ThreadPoolExecutor(WALLETS) as pool:
            for replay in [pool.submit(self.replay, *each) for each in seen]:
                replay.result()
        self.judge(self.market.audit(self.market.rest(60)))

    def replay(self, buyer: Buyer, method: str, target: str, payment: dict, sale: Sale):
        old = self.present(buyer, method, target, payment)
        assert old.response is not None, "it lives"
        if sale.response is not None and sale.response.status == 200:
            assert old.response.status == 402 and old.response.error == USED, (target, old.response)
            return
        if old.response.status == 200:
            return
        new = self.present(buyer, method, target, buyer.wallet.payment_v2(self.terms[target.split("/")[1]]))
        assert new.response.status in (200, 502), (target, new.response)
        if new.response.status == 502:
            # It ran, perhaps, and a POST may not run again: a person sees to it, and nobody was charged twice.
            assert method == "POST" and new.response.error == "outcome_unknown", (target, new.response)

    def judge(self, claims: list[dict]):
        """No claim was executed to the end more often than it was attempted, and one that was paid first never twice for a POST."""
        runs = Counter(self.market.executed)
        for claim in claims:
            assert runs[claim["id"]] <= claim["attempts"], (runs[claim["id"]], claim)
            if claim["request"].startswith("POST /first/"):
                assert runs[claim["id"]] <= 1, (runs[claim["id"]], claim)


@pytest.mark.parametrize("part", range((KILLS + KILLS_PER_MARKET - 1) // KILLS_PER_MARKET))
def test_killed_at_random(market, part):
    soak = Soak(market(mining=0.05), SEED * 1_000_003 + part)
    for _ in range(min(KILLS_PER_MARKET, KILLS - part * KILLS_PER_MARKET)):
        soak.round()
    sold = [sale for sale in soak.market.sales if sale.response is not None and sale.response.status == 200]
    assert len(sold) > 10, "there was load"

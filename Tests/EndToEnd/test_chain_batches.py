"""Settlements that share a transaction: each claim ends by its own events, whatever becomes of the others and of the process."""

import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from chain.genesis import MULTICALL3
from harness.http import wait_until
from harness.market import PRICES
from harness.strace import killing_at
from harness.upstream import Gate
from harness.wallet import Wallet
from test_chain_outcomes import drain, submit

ORDERS = tuple(PRICES)
# An endless loop: JUMPDEST, PUSH1 0, JUMP.
BURNER = "0x00000000000000000000000000000000000b0b0b"
BURNS = "0x5b600056"


class Crowd:
    """Buyers that present their payments at the same moment."""

    def __init__(self, market, count: int, orders=ORDERS):
        self.market = market
        self.buyers = [market.buyer() for _ in range(count)]
        self.targets = [f"/{orders[index % len(orders)]}/{index}" for index in range(count)]
        terms = {order: market.gateway.terms(f"/{order}/x") for order in orders}
        self.payments = [
            buyer.wallet.payment_v2(terms[target.split("/")[1]]) for buyer, target in zip(self.buyers, self.targets)
        ]
        self.pool = ThreadPoolExecutor(count)

    def present(self, timeout: float = 40):
        start = threading.Barrier(len(self.buyers))

        def one(index: int):
            start.wait()
            return self.market.present(self.buyers[index], self.targets[index], self.payments[index], timeout=timeout)

        self.answers = [self.pool.submit(one, index) for index in range(len(self.buyers))]

    def results(self) -> list:
        return [answer.result(60) for answer in self.answers]

    def index(self, payer: str) -> int:
        return [buyer.wallet.address.lower() for buyer in self.buyers].index(payer.lower())


def batches(market) -> list[dict]:
    """Transactions in the node's pool that carry several payments."""
    return [sent for sent in market.node.pending() if sent["to"] == MULTICALL3]


def carried(market, sent: dict) -> list[str]:
    """Payers whose money a transaction moves, in its order."""
    data = sent["input"].lower()
    payers = [address for address in market.minted if address[2:] in data]
    return sorted(payers, key=lambda address: data.index(address[2:]))


def all_waiting(market, count: int) -> list[dict]:
    """Once everything is in the pool: the batches."""

    def sent():
        return sum(max(1, len(carried(market, one))) for one in market.node.pending()) == count

    wait_until(sent, 20, "all of it is sent")
    found = batches(market)
    assert found, "nothing was sent together"
    return found


def gas(gateway) -> list[tuple]:
    """(transaction, what its settlement cost) of every claim that cost something."""
    with sqlite3.connect(f"file:{gateway.ledger}?mode=ro", uri=True) as ledger:
        return ledger.execute("SELECT transaction_id, gas_wei FROM claims WHERE gas_wei IS NOT NULL").fetchall()


def test_many_at_once_share_transactions(market):
    market = market(mining=0.3)
    market.open()
    crowd = Crowd(market, 40)
    crowd.present()
    assert [response.status for response in crowd.results()] == [200] * 40
    claims = market.audit()
    transactions = {claim["transaction"] for claim in claims}
    assert len(claims) == 40 and len(transactions) <= 12, f"{len(transactions)} transactions"
    # What they cost is told, and sums to what the relayer spent.
    spent = sum(
        int(receipt["gasUsed"], 16) * int(receipt["effectiveGasPrice"], 16)
        for receipt in map(market.node.receipt, transactions)
    )
    told = gas(market.gateway)
    assert len(told) == 40 and sum(int(wei) for _, wei in told) == spent
    assert 10**18 - market.node.wei(market.relayer.address) == spent


def test_one_by_one_where_the_operator_wants_it(market):
    market = market(mining=0.3)
    market.open(relayer={"key": {"env": "FAREBOX_RELAYER_KEY"}, "batch": 1})
    crowd = Crowd(market, 12)
    crowd.present()
    assert [response.status for response in crowd.results()] == [200] * 12
    assert len({claim["transaction"] for claim in market.audit()}) == 12


def test_without_multicall_one_by_one(market):
    market = market(mining=0.3)
    market.node.code(MULTICALL3, "0x00")
    market.open()
    crowd = Crowd(market, 12)
    crowd.present()
    assert [response.status for response in crowd.results()] == [200] * 12
    assert len({claim["transaction"] for claim in market.audit()}) == 12
    assert market.gateway.log_has("no Multicall3")


def test_a_member_that_is_front_run_and_one_that_is_drained(market):
    """Both in the same block before the batch: the stranger's settles, the drained one fails, the others are as ever."""
    market = market(mining="manual")
    market.open()
    crowd = Crowd(market, 16)
    crowd.present()
    batch = all_waiting(market, 16)[0]
    ahead, poor = [crowd.index(payer) for payer in carried(market, batch)[:2]]
    stranger = submit(market.node, crowd.payments[ahead])
    drain(market.node, crowd.buyers[poor])
    # Who takes the payer's money pays gas for it, which is no payer's gas.
    market.node.mine()
    market.node.mining(0.2)
    results = crowd.results()
    for index, response in enumerate(results):
        assert response.status == (402 if index == poor else 200), (index, response.status, response.error)
    assert results[ahead].receipt["transaction"] == stranger
    assert results[poor].error == "transaction_failed"
    claims = {claim["nonce"].lower(): claim for claim in market.gateway.claims()}
    states = [claims[payment["payload"]["authorization"]["nonce"].lower()]["state"] for payment in crowd.payments]
    assert states == ["failed" if index == poor else "delivered" for index in range(16)]
    assert len(market.on_chain()) == 15


@pytest.mark.parametrize("early", [True, False], ids=["before it is run", "after it was run"])
def test_a_member_that_burns_all_gas(market, early):
    """It delegates its account to an endless loop: nobody is delivered unpaid or charged undelivered, and sharing stops."""
    market = market(mining="manual")
    market.node.code(BURNER, BURNS)
    market.open()
    crowd = Crowd(market, 16, orders=("after",) if early else ("first",))
    if early:
        # Found good, and the chain says otherwise when they are run together.
        gate = Gate(then=market._execute)
        for target in crowd.targets:
            market.upstream.on(target, gate)
        crowd.present()
        wait_until(lambda: gate.waiting == 16, 20, "all are at work")
        market.node.delegate(crowd.buyers[7].wallet.address, BURNER)
        gate.open()
        wait_until(lambda: len(market.node.pending()) > 0, 20)
        time.sleep(1)
    else:
        crowd.present()
        batch = all_waiting(market, 16)[0]
        market.node.delegate(crowd.buyers[crowd.index(carried(market, batch)[0])].wallet.address, BURNER)
    market.node.mine()
    market.node.mining(0.2)
    results = crowd.results()
    assert {response.status for response in results} <= {200, 402}
    claims = market.rest(60)
    market.audit(claims)
    assert sum(response.status == 200 for response in results) == len(market.on_chain())
    assert [claim["state"] for claim in claims].count("failed") == sum(response.status == 402 for response in results) >= 1
    if early:
        assert sum(response.status == 200 for response in results) >= 12, "the others are not tied to it"
        return
    assert market.gateway.log_has("one by one for a while")
    # Who was failed pays anew, and alone.
    failed = [index for index, response in enumerate(results) if response.status == 402]
    again = [index for index in failed if index != crowd.index(carried(market, batch)[0])]
    before = {payment["transaction"] for payment in market.on_chain()}
    with ThreadPoolExecutor(len(again)) as pool:
        assert all(
            response.status == 200
            for response in pool.map(lambda index: market.pay(crowd.buyers[index], crowd.targets[index]), again)
        )
    market.audit()
    assert len({payment["transaction"] for payment in market.on_chain()} - before) == len(again)


@pytest.mark.parametrize("readd", [True, False])
def test_a_batch_whose_block_is_taken_back(market, readd):
    """The same bytes go out again, once for all of them."""
    market = market(mining=0.2)
    market.open()
    crowd = Crowd(market, 16)
    crowd.present()
    assert [response.status for response in crowd.results()] == [200] * 16
    before = {claim["id"]: (claim["state"], claim["transaction"]) for claim in market.audit()}
    lowest = min(payment["block"] for payment in market.on_chain())
    depth = market.node.head()["number"] - lowest + 1
    market.node.reorg(depth, readd, blocks=depth)
    wait_until(lambda: len(market.on_chain()) == 16, 30, "they are on chain again")
    assert {claim["id"]: (claim["state"], claim["transaction"]) for claim in market.audit()} == before


def test_a_batch_that_is_stuck_is_replaced_whole(market):
    """The base fee jumps above what was offered: the same nonce and the same calls, for more."""
    market = market(mining="manual")
    market.node.set(base_fee=10**9)
    market.open(
        networks={"base-sepolia": {"rpc": market.node.url(), "settle_timeout": "60s"}},
        relayer={"key": {"env": "FAREBOX_RELAYER_KEY"}, "max_fee_gwei": 100},
    )
    crowd = Crowd(market, 12)
    crowd.present(timeout=60)
    all_waiting(market, 12)
    market.node.set(base_fee=3 * 10**9)
    market.node.mining(0.5)
    assert [response.status for response in crowd.results()] == [200] * 12
    claims = market.audit()
    replaced = [claim for claim in claims if len(claim["transactions"]) > 1]
    assert len(replaced) >= 5
    for claim in claims:
        assert len({sent["nonce"] for sent in claim["transactions"]}) == 1
        assert claim["transaction"] in {sent["hash"] for sent in claim["transactions"]}


# Keys


def test_several_keys_share_the_work_and_a_poor_one_is_passed_over(market):
    market = market(mining=0.3)
    other, poor = Wallet.fresh(), Wallet.fresh()
    market.node.fund(other.address)
    market.node.fund(poor.address, 1000)
    keys = [{"env": f"KEY_{index}"} for index in range(3)]
    market.open(
        relayer={"key": keys},
        environment={"KEY_0": market.relayer.hex_key, "KEY_1": poor.hex_key, "KEY_2": other.hex_key},
    )
    wait_until(lambda: "low_balance" in market.gateway.admin("/readyz").body.decode(), 10)
    ready = market.gateway.admin("/readyz")
    assert ready.json()["status"] == "degraded" and poor.address.lower() in ready.body.decode().lower()
    assert market.gateway.log_has("less than low_balance")
    for _ in range(2):
        crowd = Crowd(market, 24)
        crowd.present()
        assert [response.status for response in crowd.results()] == [200] * 24
    market.audit()
    relayers = {payment["relayer"] for payment in market.on_chain()}
    assert relayers == {market.relayer.address.lower(), other.address.lower()}
    assert market.node.nonce(poor.address) == 0
    # Filled up, it is used, and nothing is degraded any more.
    market.node.fund(poor.address, 10**18)
    wait_until(lambda: market.gateway.admin("/readyz").json()["status"] != "degraded", 15, "it is well again")


# kill -9


def reckon(market, crowd: Crowd):
    """After the crash: everything comes to rest, the books agree, and everybody gets what he wants for one price."""
    market.gateway.restart()
    market.audit(market.rest(60))
    for buyer, target, payment in zip(crowd.buyers, crowd.targets, crowd.payments):
        market.buy_again(buyer, target, payment)
    claims = market.audit(market.rest(60))
    charged = [payment["payer"] for payment in market.on_chain()]
    assert sorted(charged) == sorted(buyer.wallet.address.lower() for buyer in crowd.buyers)
    assert {claim["state"] for claim in claims} <= {"delivered", "owed"}


STEPS = {
    "gathered, not run": ("eth_estimateGas", {"kind": "hang"}),
    "run, not told": ("eth_estimateGas", {"kind": "hang", "effect": True}),
    "signed, not sent": ("eth_sendRawTransaction", {"kind": "hang", "matching": MULTICALL3[2:]}),
    "sent, not told": ("eth_sendRawTransaction", {"kind": "hang", "effect": True, "matching": MULTICALL3[2:]}),
    "mined, not seen": ("eth_getTransactionReceipt", {"kind": "hang"}),
}


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_a_step_with_a_batch(market, step):
    market = market(mining=0.2)
    gateway = market.open()
    crowd = Crowd(market, 12)
    method, options = STEPS[step]
    options = dict(options)
    market.node.fault(method, options.pop("kind"), times=1, then=gateway.kill, **options)
    crowd.present(timeout=20)
    wait_until(lambda: not gateway.alive(), 20, "it was killed")
    crowd.results()
    market.node.clear()
    time.sleep(0.5)  # the chain runs on
    reckon(market, crowd)


def test_killed_at_each_sync_with_a_batch(market):
    """Counts up until a run is no longer killed; every crash point on the way must be sound."""
    killed, make = 0, market
    for count in range(4, 40):
        market = make(mining=0.1)
        gateway = market.open(name=f"batch-{count}")
        crowd = Crowd(market, 8)
        gateway.terminate()
        gateway.wrapper = killing_at("fdatasync,fsync", count)
        try:
            gateway.start()
            crowd.present(timeout=20)
            crowd.results()
            time.sleep(0.2)
        except AssertionError:
            pass  # killed at start
        was_killed = not gateway.alive()
        gateway.kill()
        reckon(market, crowd)
        gateway.stop()
        if not was_killed:
            break
        killed += 1
    assert killed >= 4, f"only {killed} crash points: the injection did not work"

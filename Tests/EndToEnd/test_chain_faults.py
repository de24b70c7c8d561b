"""RPCs and facilitators that fail, lie or stall: nothing delivered unpaid, nobody invited to pay twice, nothing lost."""

import threading
import time

import pytest
from chain.scripted import ScriptedFacilitator
from harness.http import wait_until
from harness.market import AT_REST, PRICES, USED

ORDERS = tuple(PRICES)
SEND = "eth_sendRawTransaction"
REDIRECT = {"status": 308, "headers": [["Location", "http://127.0.0.1:9/"]]}

# What goes wrong, how often, and whether the call is run all the same.
WAYS = {
    "hang": ("hang", {}),
    "hang, done": ("hang", {"effect": True}),
    "cut": ("close", {}),
    "cut, done": ("close", {"effect": True}),
    "308": ("status", REDIRECT),
    "308, done": ("status", REDIRECT | {"effect": True}),
    "500": ("status", {"status": 500}),
    "500, done": ("status", {"status": 500, "effect": True}),
    "garbage": ("garbage", {}),
    "garbage, done": ("garbage", {"effect": True}),
    "drip": ("drip", {"seconds": 0.2}),
}
# Each way in one order; of a way and its twin that is done, one in each.
IN_TURN = [(way, ORDERS[(at + at // 2) % 2]) for at, way in enumerate(WAYS)]
# Of a chain's clock: longer than any window that a buyer signs.
AGES = 400


def networks(market, doors=(0,), timeout="2s") -> dict:
    return {"base-sepolia": {"rpc": [market.node.url(door) for door in doors], "settle_timeout": timeout}}


def settle_up(market, buyer, target: str, response, ages: bool = False):
    """After the trouble: what was answered was sound, all comes to rest, and the buyer gets what it wants for one price.

    `ages`: nobody will send what was signed; the chain goes on until its window is over.
    """
    assert response is not None and response.status in (200, 402, 503), response
    if response.status == 503:
        assert response.header("Retry-After") and market.gateway.claims() == []
    if response.status == 402 and response.error == "settlement_pending":
        assert not response.all("PAYMENT-REQUIRED") and response.header("Retry-After")
        assert b"accepts" not in response.body
    if ages:
        market.node.set(clock_offset=AGES, finality_depth=2)
    claims = market.rest(60)
    market.audit(claims)
    if response.status != 200:
        payment = buyer.sign(target, validBefore=str(int(time.time()) + 2 * AGES))
        again = market.present(buyer, target, payment, timeout=60)
        assert again.status == 200, (again.status, again.error, claims)
    claims = market.audit()
    assert len(market.on_chain()) == 1 and market.revenue() == PRICES[target.split("/")[1]]
    assert [claim["state"] for claim in claims if claim["state"] not in ("void", "failed")] == ["delivered"]


# RPCs


@pytest.mark.parametrize("way,order", IN_TURN)
def test_sending_fails_once(market, order, way):
    market = market(mining=0.1)
    market.open(networks=networks(market))
    buyer, target = market.buyer(), f"/{order}/x"
    kind, options = WAYS[way]
    market.node.fault(SEND, kind, times=1, **options)
    settle_up(market, buyer, target, market.pay(buyer, target, timeout=40))


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("effect", [False, True])
def test_sending_fails_until_the_deadline(market, order, effect):
    """No word of what was sent: pending, and never an invitation to pay again; then the truth is found."""
    market = market(mining="manual")
    market.open(networks=networks(market))
    buyer, target = market.buyer(), f"/{order}/x"
    market.node.fault(SEND, "hang", effect=effect)
    payment = buyer.sign(target)
    response = market.present(buyer, target, payment, timeout=40)
    assert (response.status, response.error) == (402, "settlement_pending")
    assert response.receipt["transaction"].startswith("0x") and not response.all("PAYMENT-REQUIRED")
    again = market.present(buyer, target, payment, timeout=60)
    assert not again.all("PAYMENT-REQUIRED"), "still not known"
    market.node.clear()
    market.node.mining(0.1)
    settle_up(market, buyer, target, response)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(
    "method,kind,options",
    [
        ("eth_call", "hang", {}),
        ("eth_call", "status", REDIRECT),
        ("eth_call", "garbage", {}),
        ("eth_getCode", "error", {"code": -32005, "message": "limit exceeded"}),
        ("eth_getCode", "result", {"value": 7}),
        ("*", "status", {"status": 500}),
    ],
    ids=["hang", "308", "garbage", "limit", "wrong type", "500"],
)
def test_reading_fails_before_the_claim(market, order, method, kind, options):
    """503, nothing claimed, nothing charged."""
    market = market(mining=0.1)
    market.open(networks=networks(market))
    buyer, target = market.buyer(), f"/{order}/x"
    market.node.fault(method, kind, **options)
    response = market.pay(buyer, target, timeout=40)
    assert response.status == 503 and response.header("Retry-After") and market.gateway.claims() == []
    market.node.clear()
    wait_until(lambda: market.pay(buyer, target).status == 200, 30, "it is well again")
    market.audit()


@pytest.mark.parametrize("method", ["eth_getLogs", "eth_getBlockByNumber", "eth_getTransactionReceipt"])
@pytest.mark.parametrize("kind,options", [("status", {"status": 500}), ("garbage", {}), ("hang", {})], ids=["500", "garbage", "hang"])
def test_watching_fails_until_the_deadline(market, method, kind, options):
    market = market(mining=0.1)
    market.open(networks=networks(market))
    buyer = market.buyer()
    assert market.pay(buyer, "/first/warm").status == 200
    for sale in list(market.sales):
        market.sales.remove(sale)
    before = market.revenue()
    market.node.fault(method, kind, **options)
    response = market.pay(buyer, "/after/x", timeout=40)
    assert response.status in (200, 402, 503)
    assert response.status == 200 or not response.all("PAYMENT-REQUIRED")
    market.node.clear()
    claims = market.rest(60)
    if response.status != 200:
        assert market.pay(buyer, "/after/x", timeout=40).status == 200
    assert market.revenue() == before + PRICES["after"], claims
    market.audit()


@pytest.mark.parametrize("order", ORDERS)
def test_a_hash_that_is_not_ours(market, order):
    """The RPC names another hash for what it took: ours counts."""
    market = market(mining=0.1)
    market.open(networks=networks(market))
    market.node.fault(SEND, "result", rewrite=lambda params, right: "0x" + "77" * 32)
    buyer, target = market.buyer(), f"/{order}/x"
    response = market.pay(buyer, target)
    assert response.status == 200 and response.receipt["transaction"] != "0x" + "77" * 32
    market.audit()


@pytest.mark.parametrize(
    "bad,since,order",
    [
        ("down", "the start", "after"),
        ("down", "a sale", "first"),
        ("500", "the start", "first"),
        ("500", "a sale", "after"),
        ("slow", "the start", "after"),
        ("slow", "a sale", "first"),
        ("frozen", "the start", "first"),
        ("frozen", "a sale", "after"),
        ("frozen", "a sale", "first"),
    ],
)
def test_one_of_two_rpcs_is_bad(market, bad, since, order):
    """The other one carries on, though the bad one comes first in the configuration."""
    market = market(mining=0.1)
    good = market.node.open_door()
    worsen = {
        "down": lambda: market.node.close_door(0),
        "frozen": lambda: market.node.freeze(0),
        "slow": lambda: market.node.latency(5, 0),
        "500": lambda: market.node.fault("*", "status", status=500),
    }[bad]
    if since == "the start":
        worsen()
    market.open(networks=networks(market, (0, good), "20s"))
    buyer, target = market.buyer(), f"/{order}/x"
    if since == "a sale":
        assert market.pay(buyer, target + "1", timeout=40).status == 200
        worsen()
    wait_until(lambda: is_sold(market.pay(buyer, target + "2", timeout=40)), 30, "it is sold")
    assert market.pay(buyer, target + "3", timeout=40).status == 200, "and from now on at once"
    market.audit()


def is_sold(response) -> bool:
    """One that is not sold was not charged either: a frozen node sees no money yet that its payer has."""
    assert response is not None and response.error != "settlement_pending", response
    return response.status == 200


@pytest.mark.parametrize("ours_first", [True, False])
def test_two_rpcs_on_two_branches(market, ours_first):
    """Each mines what we sent on a branch of its own: the first one's word is enough, and nothing is charged twice on either."""
    market = market(mining=0.1)
    apart = market.node.open_door(split=True)
    market.open(networks=networks(market, (0, apart) if ours_first else (apart, 0), "10s"))
    buyer = market.buyer()
    twin = market.node.twin(apart)
    market.node._there(lambda: twin.mint(buyer.wallet.address, 1_000_000))
    response = market.pay(buyer, "/after/x", timeout=40)
    assert response.status == 200 and response.receipt["success"]
    (claim,) = market.audit()
    assert claim["state"] == "delivered"
    (there,) = [p for p in market.node._there(twin.payments) if p["to"] == market.payee.address.lower()]
    assert there["transaction"] == claim["transaction"], "the same bytes on both"


# Remote facilitators


@pytest.fixture
def remote(market):
    """A market whose payments a scripted facilitator settles; the chain is read by us too."""
    opened = []

    def make(with_rpc: bool = True, **changes):
        made = market(mining=0.1)
        scripted = ScriptedFacilitator(made.node)
        scripted.bearer = "s3cret"
        opened.append(scripted)
        facilitators = {"hosted": {"url": scripted.url, "bearer": {"env": "TOKEN"}, "timeout": "2s"}}
        extra = {"networks": networks(made)} if with_rpc else {"networks": {"base-sepolia": {"settle_timeout": "2s"}}}
        made.open(facilitator="hosted", facilitators=facilitators, environment={"TOKEN": "s3cret"}, **(extra | changes))
        made.facilitator = scripted
        return made

    yield make
    for scripted in opened:
        scripted.stop()


@pytest.mark.parametrize("order", ORDERS)
def test_a_remote_settles(remote, order):
    market = remote()
    buyer, target = market.buyer(), f"/{order}/x"
    response = market.pay(buyer, target)
    assert response.status == 200, response.error
    (claim,) = market.audit()
    assert claim["facilitator"] == "remote:hosted" and claim["state"] == "delivered"
    (verified,) = market.facilitator.asked("/verify")
    # While it says that the transaction is pending it is asked the same again.
    for asked in [verified, *market.facilitator.asked("/settle")]:
        assert asked == verified
        assert asked["x402Version"] == 2 and asked["paymentRequirements"]["payTo"].lower() == market.payee.address.lower()


@pytest.mark.parametrize("way,order", IN_TURN)
def test_settling_fails_once(remote, order, way):
    market = remote()
    buyer, target = market.buyer(), f"/{order}/x"
    kind, options = WAYS[way]
    market.facilitator.fault("/settle", kind, times=1, **options)
    response = market.pay(buyer, target, timeout=40)
    settle_up(market, buyer, target, response, ages=not market.on_chain())


@pytest.mark.parametrize("way,order", IN_TURN)
def test_verifying_fails(remote, order, way):
    market = remote()
    buyer, target = market.buyer(), f"/{order}/x"
    kind, options = WAYS[way]
    market.facilitator.fault("/verify", kind, **options)
    response = market.pay(buyer, target, timeout=40)
    assert response.status == 503 and market.gateway.claims() == [] and market.facilitator.asked("/settle") == []


@pytest.mark.parametrize("order", ORDERS)
def test_success_for_nothing(remote, order):
    """It says success and names a transaction that is not there: nothing is delivered for that."""
    market = remote()
    buyer, target = market.buyer(), f"/{order}/x"
    lie = {"success": True, "transaction": "0x" + "77" * 32, "network": "eip155:84532", "payer": buyer.wallet.address}
    market.facilitator.fault("/settle", "result", value=lie, times=1)
    response = market.pay(buyer, target, timeout=40)
    assert response.status == 402 and not response.all("PAYMENT-REQUIRED") and b'"target"' not in response.body
    assert market.on_chain() == []


@pytest.mark.parametrize("order", ORDERS)
def test_a_lying_hash_for_a_true_settlement(remote, order):
    market = remote()
    buyer, target = market.buyer(), f"/{order}/x"
    market.facilitator.fault("/settle", "result", rewrite=lambda _, right: right | {"transaction": "0x" + "77" * 32}, times=1)
    response = market.pay(buyer, target, timeout=40)
    settle_up(market, buyer, target, response)


@pytest.mark.parametrize("order", ORDERS)
def test_pending_is_followed_up(remote, order):
    market = remote()
    market.node.mining("manual")
    buyer, target = market.buyer(), f"/{order}/x"
    threading.Timer(1.0, market.node.mining, (0.1,)).start()
    response = market.pay(buyer, target, timeout=40)
    settle_up(market, buyer, target, response)
    assert len({str(body) for body in market.facilitator.asked("/settle")}) == 1, "the same question"


@pytest.mark.parametrize("status", [200, 400, 402])
@pytest.mark.parametrize(
    "path,value,reason",
    [
        ("/verify", {"isValid": False, "invalidReason": "invalid_exact_evm_insufficient_balance"}, "invalid_exact_evm_insufficient_balance"),
        ("/settle", {"success": False, "errorReason": "invalid_exact_evm_insufficient_balance", "transaction": "", "network": "eip155:84532"},
         "invalid_exact_evm_insufficient_balance"),
    ],
    ids=["verify", "settle"],
)  # fmt: skip
def test_a_refusal_in_a_body_whatever_the_status(remote, path, value, reason, status):
    market = remote()
    buyer = market.buyer()
    market.facilitator.fault(path, "result", value=value, status=status)
    response = market.pay(buyer, "/after/x", timeout=40)
    assert (response.status, response.error) == (402, reason) and market.on_chain() == []


def test_garbage_never_reaches_it(remote):
    """Local checks come first."""
    market = remote()
    buyer, target = market.buyer(), "/after/x"
    payment = buyer.sign(target)
    payment["payload"]["signature"] = "0x" + "11" * 65
    assert market.present(buyer, target, payment).status == 402
    poor = buyer.sign(target, value="1")
    assert market.present(buyer, target, poor).status == 402
    assert market.facilitator.asked("/verify") == [] and market.facilitator.asked("/settle") == []


@pytest.mark.parametrize("order", ORDERS)
def test_without_an_rpc_a_time_out_waits_for_a_person(remote, order):
    market = remote(with_rpc=False)
    buyer, target = market.buyer(), f"/{order}/x"
    market.facilitator.fault("/settle", "hang", effect=True)
    payment = buyer.sign(target)
    response = market.present(buyer, target, payment, timeout=40)
    assert (response.status, response.error) == (402, "settlement_pending") and not response.all("PAYMENT-REQUIRED")
    claim = market.gateway.wait_state(payment, "unknown")
    assert [c["id"] for c in market.gateway.read_claims("pending")] == [claim["id"]]
    again = market.present(buyer, target, payment, timeout=60)
    assert not again.all("PAYMENT-REQUIRED") and again.error != USED
    assert claim["state"] not in AT_REST


def test_a_facilitator_that_does_not_support_the_kind_is_told(remote):
    """/supported is read and compared with the config."""
    market = remote()
    gateway = market.gateway
    assert market.facilitator.asked("/supported"), "asked at start"
    gateway.stop()
    market.facilitator.kinds = [{"x402Version": 2, "scheme": "exact", "network": "eip155:1"}]
    gateway.start(ready=False)
    wait_until(lambda: gateway.log_has("hosted"), 15, "the operator is told")

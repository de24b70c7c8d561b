"""The published attacks on paywalls: each succeeds against a gateway as they were found, and fails against this one."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import eth_abi
import pytest
from attacks.naive import Naive
from chain import abi
from chain.authorizations import MAGIC_6492, authorization, cancel_call, transfer_call
from chain.genesis import MISLEADING_TOKEN
from harness.http import ProtocolError, wait_until
from harness.pay import Buyer
from harness.wallet import Wallet, high_s

THIEF = "0x" + "e1" * 20
# Says yes to every call, and moves nothing.
YES_CONTRACT = "0x600160005260206000f3"


@dataclass
class Shop:
    """What is attacked, with its market: the same upstream, chain, payee and relayer for both gateways."""

    market: object
    gateway: object
    naive: Naive | None = None
    others: list = field(default_factory=list)

    @property
    def node(self):
        return self.market.node

    def buyer(self, units: int = 1_000_000) -> Buyer:
        buyer = Buyer(self.gateway)
        self.market.endow(buyer.wallet.address, units)
        return buyer

    def present(self, buyer: Buyer, target: str, payment: dict, at=None, **options):
        try:
            return Buyer(at or self.gateway, buyer.wallet).present(target, payment, **options)
        except (OSError, ProtocolError):
            return None

    def grants(self, *responses) -> int:
        return sum(response is not None and response.status == 200 for response in responses)

    def charged(self) -> int:
        return len(self.market.on_chain())

    def worked(self) -> int:
        return len([request for request in self.market.upstream.asked() if request.complete])

    def meanwhile(self, act):
        """`act` while the upstream works."""

        def handler(exchange):
            act()
            self.market._execute(exchange)

        self.market.upstream.default = handler

    def by_stranger(self, to: str, data: bytes):
        stranger = Wallet.fresh()
        self.node.fund(stranger.address)
        return self.node.transact(stranger.hex_key, to, "0x" + data.hex(), priority_fee=10**10, max_fee=10**11, gas=300_000)

    def chain_calls(self) -> int:
        return self.naive.calls if self.naive else sum(n for name, n in self.node.counts().items() if name.startswith("eth_call"))


def call_of(payment: dict) -> bytes:
    return transfer_call(payment["payload"]["authorization"], payment["payload"]["signature"])


# Each attack tells whether it did harm.


def many_grants_at_once(shop):
    buyer = shop.buyer()
    payment = buyer.sign("/after/x")
    shop.meanwhile(lambda: time.sleep(0.3))
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: shop.present(buyer, "/after/x", payment), range(8)))
    return shop.grants(*answers) > shop.charged()


def granted_again_after_the_settlement(shop):
    """A settlement that says "done already" is no second one."""
    buyer = shop.buyer()
    payment = buyer.sign("/after/x")
    shop.present(buyer, "/after/x", payment)
    shop.present(buyer, "/after/x", payment | {"extensions": {}})
    again = shop.present(buyer, "/after/x?again", payment)
    return shop.grants(again) > 0


def worked_again_after_a_time_out(shop):
    """A nonce whose settlement timed out is not free again."""
    buyer = shop.buyer()
    payment = buyer.sign("/after/x")
    shop.node.mining("manual")
    for _ in range(2):
        shop.present(buyer, "/after/x", payment)
    shop.node.mining("auto")
    return shop.worked() > 1


def one_payment_for_two_resources(shop):
    buyer = shop.buyer()
    payment = buyer.sign("/after/cheap")
    answers = [shop.present(buyer, target, payment) for target in ("/after/cheap", "/after/dear")]
    return shop.grants(*answers) > shop.charged()


def one_payment_at_two_instances(shop):
    buyer = shop.buyer()
    payment = buyer.sign("/after/x")
    shop.meanwhile(lambda: time.sleep(0.3))
    with ThreadPoolExecutor(2) as pool:
        answers = pool.map(
            lambda at: shop.present(buyer, "/after/x", payment, at, timeout=5), [shop.gateway, *shop.others]
        )
        return shop.grants(*answers) > shop.charged()


def drained_after_verification(shop):
    buyer = shop.buyer()
    shop.node.fund(buyer.wallet.address)
    everything = abi.call("transfer(address,uint256)", THIEF, 1_000_000)
    shop.meanwhile(lambda: shop.node.transact(buyer.wallet.hex_key, shop.node.usdc, "0x" + everything.hex()))
    answer = shop.present(buyer, "/after/x", buyer.sign("/after/x"))
    return shop.grants(answer) > shop.charged()


def cancelled_after_verification(shop):
    """`authorizationState` is true for what was cancelled, too."""
    buyer = shop.buyer()
    payment = buyer.sign("/after/x")
    terms, nonce = payment["accepted"], payment["payload"]["authorization"]["nonce"]
    shop.by_stranger(shop.node.usdc, cancel_call(buyer.wallet, terms, nonce))
    answer = shop.present(buyer, "/after/x", payment)
    return shop.grants(answer) > shop.charged()


def served_though_the_settlement_failed(shop):
    """The relayer's account cannot send."""
    buyer = shop.buyer()
    payment = buyer.sign("/after/x")
    wei, away = shop.node.wei(shop.market.relayer.address), "0x" + "aa" * 20
    shop.meanwhile(
        lambda: shop.node.transact(
            shop.market.relayer.hex_key, away, value=wei - 21_000 * 10**10, gas=21_000, max_fee=10**10, priority_fee=10**10
        )
    )
    answer = shop.present(buyer, "/after/x", payment)
    return shop.grants(answer) > shop.charged()


def charged_for_an_error(shop):
    def fails(exchange):
        exchange.read_body()
        exchange.answer(500, "broken")

    shop.market.upstream.default = fails
    buyer = shop.buyer()
    answer = shop.present(buyer, "/after/x", buyer.sign("/after/x"))
    return shop.charged() > shop.grants(answer)


def invited_to_pay_twice(shop):
    """A stock client that does as it is told: it pays again whenever it is shown terms."""
    buyer = shop.buyer()
    shop.node.mining("manual")
    answer = shop.present(buyer, "/after/x", buyer.sign("/after/x"))
    if answer is not None and answer.header("PAYMENT-REQUIRED"):
        shop.present(buyer, "/after/x", buyer.wallet.payment_v2(answer.required["accepts"][0]))
    shop.node.mining("auto")
    wait_until(lambda: not shop.node.pending(), 10)
    return shop.charged() > 1


def paid_with_a_token_that_lies(shop):
    """The token takes every call for good, and moves nothing."""
    buyer = shop.buyer()
    payment = buyer.sign("/after/x")
    shop.meanwhile(lambda: shop.node.code(shop.node.usdc, YES_CONTRACT))
    return shop.grants(shop.present(buyer, "/after/x", payment)) > 0


def overtaken_by_a_stranger(shop):
    """Anyone may submit an authorization: the payer has paid, whoever sent it."""
    buyer = shop.buyer()
    payment = buyer.sign("/after/x")
    shop.meanwhile(lambda: shop.by_stranger(shop.node.usdc, call_of(payment)))
    answer = shop.present(buyer, "/after/x", payment)
    return shop.charged() > shop.grants(answer)


def taken_back_by_a_reorganization(shop):
    buyer = shop.buyer()
    payment = buyer.sign("/after/x")
    shop.node.mining("manual")
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(shop.present, buyer, "/after/x", payment)
        wait_until(shop.node.pending, 10)
        shop.node.mine()
        time.sleep(0.5)
        delivered = answer.done() and shop.grants(answer.result())
        shop.node.reorg(1, readd=False, blocks=2)
        harm = bool(delivered) and shop.charged() == 0
        shop.node.mining("auto")
        shop.node.mine(3, empty=True)
        answer.result(30)
    return harm


def signed_twice_by_one_signature(shop):
    """(r, n - s) is as good for the curve, and another text."""
    buyer = shop.buyer()
    payment = buyer.sign("/after/x")
    twin = payment | {"payload": payment["payload"] | {"signature": high_s(payment["payload"]["signature"])}}
    answers = [shop.present(buyer, "/after/x", each) for each in (payment, twin)]
    return shop.grants(*answers) > shop.charged()


def any_call_by_the_relayer(shop):
    """ERC-6492 names a contract and a call: here, what gives the relayer's own tokens away."""
    shop.node.mint(shop.market.relayer.address, 1_000)
    buyer = shop.buyer()
    payment = buyer.sign("/after/x", **{"from": "0x" + "a7" * 20})
    theft = abi.call("transfer(address,uint256)", THIEF, 1_000)
    inner = bytes.fromhex(payment["payload"]["signature"][2:])
    wrapped = eth_abi.encode(["address", "bytes", "bytes"], [shop.node.usdc.lower(), theft, inner]) + MAGIC_6492
    payment["payload"]["signature"] = "0x" + wrapped.hex()
    shop.present(buyer, "/after/x", payment)
    return shop.node.balance(THIEF) > 0


def paid_with_another_token(shop):
    """Money of the payer's own making, under the right name."""
    buyer = shop.buyer()
    shop.node.mint(buyer.wallet.address, 1_000_000, MISLEADING_TOKEN)
    payment = buyer.wallet.payment_v2(shop.gateway.terms("/after/x") | {"asset": MISLEADING_TOKEN})
    return shop.grants(shop.present(buyer, "/after/x", payment)) > 0 and shop.market.revenue() == 0


def paid_too_little(shop):
    buyer, answers = shop.buyer(), []
    terms = shop.gateway.terms("/after/x")
    for amount in ("1", "0", "19999", str(2**256)):
        answers.append(shop.present(buyer, "/after/x", buyer.wallet.payment_v2(terms | {"amount": str(int(amount) % 2**256)})))
    for amount in ("-20000", "0x4e20", "2e4", "20000.0", " 20000", "020000", "9" * 79):
        payment = buyer.wallet.payment_v2(terms)
        payment["accepted"] = terms | {"amount": amount}
        payment["payload"]["authorization"]["value"] = amount
        answers.append(shop.present(buyer, "/after/x", payment))
    return shop.grants(*answers) > 0


def settlement_denied(shop):
    """More settlements than a node lets one account have waiting: what ran must come to be paid for."""
    shop.node.pool(account_slots=4)
    buyers = [shop.buyer() for _ in range(12)]
    payments = [buyer.sign("/after/x") for buyer in buyers]
    shop.node.mining("manual")
    with ThreadPoolExecutor(12) as pool:
        sales = [pool.submit(shop.present, buyer, "/after/x", payment) for buyer, payment in zip(buyers, payments)]
        time.sleep(1.5)
        shop.node.mining("auto")
        for sale in sales:
            sale.result(40)
    end = time.monotonic() + 10
    while shop.charged() < shop.worked() and time.monotonic() < end:
        time.sleep(0.1)
    return shop.worked() > shop.charged()


def gas_burnt_for_nothing(shop):
    """Payers who own nothing cost the relayer its gas."""
    for _ in range(3):
        buyer = shop.buyer(units=0)
        shop.present(buyer, "/after/x", buyer.sign("/after/x"))
    return shop.node.nonce(shop.market.relayer.address) > shop.charged()


def garbage_that_costs_the_chain(shop):
    """Wrong payee, amount, window: all of it shows without asking anybody."""
    buyer = shop.buyer()
    terms, now = shop.gateway.terms("/after/x"), int(time.time())
    garbage = [{"to": THIEF}, {"value": "1"}, {"validBefore": str(now - 10)}, {"validAfter": str(now + 3600)}]
    before = shop.chain_calls()
    answers = [shop.present(buyer, "/after/x", buyer.wallet.payment_v2(terms, **wrong)) for wrong in garbage]
    assert shop.grants(*answers) == 0 or shop.naive
    return shop.chain_calls() > before


def taken_with_the_hot_key(shop):
    """Whoever has the relayer's key takes what the relayer's account holds, and redirects what it has seen."""
    buyer = shop.buyer()
    payment = buyer.sign("/after/x")
    shop.present(buyer, "/after/x", payment)
    key = shop.market.relayer
    unused, signature = authorization(buyer.wallet, payment["accepted"])
    redirected = transfer_call(unused | {"to": THIEF}, signature)
    loot = abi.call("transfer(address,uint256)", THIEF, shop.node.balance(key.address))
    for data in (redirected, loot):
        shop.node.transact(key.hex_key, shop.node.usdc, "0x" + data.hex(), gas=200_000, priority_fee=10**9)
    return shop.node.balance(THIEF) > 0


# Attack, and what the gateway that it was found at believes.
ATTACKS = [
    (many_grants_at_once, "anything"),
    (granted_again_after_the_settlement, "state"),
    (worked_again_after_a_time_out, "receipt"),
    (one_payment_for_two_resources, "state"),
    (one_payment_at_two_instances, "anything"),
    (drained_after_verification, "anything"),
    (cancelled_after_verification, "state"),
    (served_though_the_settlement_failed, "anything"),
    (charged_for_an_error, "receipt"),
    (invited_to_pay_twice, "receipt"),
    (paid_with_a_token_that_lies, "receipt"),
    (overtaken_by_a_stranger, "receipt"),
    (taken_back_by_a_reorganization, "receipt"),
    (signed_twice_by_one_signature, "state"),
    (any_call_by_the_relayer, "anything"),
    (paid_with_another_token, "receipt"),
    (paid_too_little, "receipt"),
    (settlement_denied, "anything"),
    (gas_burnt_for_nothing, "anything"),
    (garbage_that_costs_the_chain, "receipt"),
    (taken_with_the_hot_key, "receipt"),
]
BY_NAME = pytest.mark.parametrize("attack,believes", ATTACKS, ids=[attack.__name__ for attack, _ in ATTACKS])


@BY_NAME
def test_the_attack_succeeds_where_it_was_found(market, attack, believes):
    market = market()
    # The naive shop is paid where its key is: the hot key's attack needs no more.
    pay_to = market.relayer.address if attack is taken_with_the_hot_key else None
    shops = [Naive(market, believes, pay_to) for _ in range(2)]
    assert attack(Shop(market, shops[0], shops[0], shops[1:])), "this attack proves nothing"


@BY_NAME
def test_the_attack_fails_here(market, attack, believes):
    market = market()
    network = {"rpc": market.node.url(), "settle_timeout": "4s"}
    if attack is taken_back_by_a_reorganization:
        network["confirmations"] = {"default": 2}
    gateway = market.open(networks={"base-sepolia": network})
    shop = Shop(market, gateway)
    if attack is one_payment_at_two_instances:
        shop.others.append(market.open("other", ready=False, ledger=str(gateway.ledger)))
        wait_until(lambda: shop.others[0].log_has("waitingForLock"), 10)
        market.gateway = gateway
    assert not attack(shop)

"""What becomes of a payment, chain by chain event: each case with its answer, its claim and its money."""

import json
import os
import time

import pytest
from chain import abi
from chain.authorizations import (
    authorization, cancel_call, deploy_call, fresh_nonce, together, transfer_call, wallet_address, wrapped_6492,
)
from chain.genesis import FACTORY, INTERRUPTED_TOKEN, MISLEADING_TOKEN, WALLET_CODE
from harness.http import wait_until
from harness.market import PRICES
from harness.pay import Buyer
from harness.wallet import Wallet

USED = "invalid_exact_evm_nonce_already_used"
POOR = "invalid_exact_evm_insufficient_balance"
UNSIGNED = "invalid_exact_evm_payload_signature"
ORDERS = tuple(PRICES)


def call_of(payment: dict) -> bytes:
    return transfer_call(payment["payload"]["authorization"], payment["payload"]["signature"])


def submit(node, payment: dict, by: Wallet | None = None) -> str:
    """Somebody else settles the payment."""
    stranger = by or Wallet.fresh()
    node.fund(stranger.address)
    return node.transact(stranger.hex_key, node.usdc, "0x" + call_of(payment).hex(), priority_fee=10**9)


def drain(node, buyer: Buyer, fee: int = 10**15):
    """The payer's money goes elsewhere, by a transaction of its own."""
    node.fund(buyer.wallet.address, fee)
    everything = abi.call("transfer(address,uint256)", "0x" + "e1" * 20, node.balance(buyer.wallet.address))
    node.transact(buyer.wallet.hex_key, node.usdc, "0x" + everything.hex(), priority_fee=10**9)


# Refused before anything is claimed


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(
    "spoil,code",
    [
        (lambda market, buyer, payment: market.node.transact(buyer_gas(market, buyer), market.node.usdc, "0x" + abi.call(
            "transfer(address,uint256)", "0x" + "e1" * 20, 1_000_000).hex()), POOR),
        (lambda market, buyer, payment: submit(market.node, payment), USED),
        (lambda market, buyer, payment: cancel(market, buyer, payment), USED),
    ],
    ids=["poor", "used before", "cancelled"],
)  # fmt: skip
def test_refused_by_the_chain_before_a_claim(market, order, spoil, code):
    market = market()
    market.open()
    buyer, target = market.buyer(), f"/{order}/x"
    payment = buyer.sign(target)
    spoil(market, buyer, payment)
    response = market.present(buyer, target, payment)
    assert (response.status, response.error) == (402, code)
    assert response.required["accepts"], "fresh terms"
    assert market.gateway.claims() == [] and market.upstream.asked(target) == []


def buyer_gas(market, buyer: Buyer) -> str:
    market.node.fund(buyer.wallet.address, 10**15)
    return buyer.wallet.hex_key


def cancel(market, buyer: Buyer, payment: dict):
    stranger = Wallet.fresh()
    market.node.fund(stranger.address)
    terms = payment["accepted"]
    data = cancel_call(buyer.wallet, terms, payment["payload"]["authorization"]["nonce"])
    assert market.node.receipt(market.node.transact(stranger.hex_key, market.node.usdc, "0x" + data.hex()))["status"] == "0x1"


# Contract wallets


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("tail", ["", "c0ffee"], ids=["65 bytes", "longer"])
def test_a_contract_wallet_pays_by_1271(market, order, tail):
    market = market()
    market.open()
    owner, address, target = Wallet.fresh(), "0x" + "a5" * 20, f"/{order}/x"
    market.node.wallet(address, owner.address)
    market.endow(address, 100_000)
    terms = market.gateway.terms(target)
    made, signature = authorization(owner, terms, **{"from": address})
    payment = {"x402Version": 2, "accepted": terms, "payload": {"authorization": made, "signature": signature + tail}}
    response = market.present(Buyer(market.gateway, owner), target, payment)
    assert response.status == 200, response.error
    assert market.node.balance(address) == 100_000 - PRICES[order]
    assert market.audit()[0]["state"] == "delivered"


@pytest.mark.parametrize("order", ORDERS)
def test_a_strangers_signature_for_a_contract_wallet(market, order):
    market = market()
    market.open()
    owner, stranger, address, target = Wallet.fresh(), Wallet.fresh(), "0x" + "a5" * 20, f"/{order}/x"
    market.node.wallet(address, owner.address)
    market.endow(address, 100_000)
    terms = market.gateway.terms(target)
    made, signature = authorization(stranger, terms, **{"from": address})
    for text in (signature, signature + "00"):
        payment = {"x402Version": 2, "accepted": terms, "payload": {"authorization": made, "signature": text}}
        response = market.present(Buyer(market.gateway, stranger), target, payment)
        assert (response.status, response.error) == (402, UNSIGNED)
    assert market.gateway.claims() == [] and market.audit() == []


def test_an_account_that_delegates_pays_only_by_1271(market):
    """EIP-7702: its own key recovers, and no longer counts."""
    market = market()
    market.open()
    buyer, owner = market.buyer(), Wallet.fresh()
    market.node.delegate(buyer.wallet.address, WALLET_CODE, owner.address)
    response = market.pay(buyer, "/after/x")
    assert (response.status, response.error) == (402, UNSIGNED) and market.gateway.claims() == []
    terms = market.gateway.terms("/after/x")
    made, signature = authorization(owner, terms, **{"from": buyer.wallet.address})
    payment = {"x402Version": 2, "accepted": terms, "payload": {"authorization": made, "signature": signature}}
    assert market.present(buyer, "/after/x", payment).status == 200
    market.audit()


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("allowed", [True, False])
def test_a_wallet_that_is_not_deployed_yet(market, order, allowed):
    market = market()
    payment_options = {"factories": [FACTORY]} if allowed else {}
    usdc = {"network": "base-sepolia", "asset": "USDC", "pay_to": market.payee.address, "facilitator": "self"}
    market.open(payments={"usdc-base-sepolia": usdc | payment_options})
    owner, salt, target = Wallet.fresh(), bytes(32), f"/{order}/x"
    address = wallet_address(owner.address, salt)
    market.endow(address, 100_000)
    terms = market.gateway.terms(target)
    made, inner = authorization(owner, terms, **{"from": address})
    wrapped = wrapped_6492(owner.address, salt, inner)
    payment = {"x402Version": 2, "accepted": terms, "payload": {"authorization": made, "signature": wrapped}}
    response = market.present(Buyer(market.gateway, owner), target, payment)
    if not allowed:
        assert (response.status, response.error) == (402, "eip6492_factory_not_allowed")
        assert market.gateway.claims() == []
        return
    assert response.status == 200, response.error
    assert market.node.balance(address) == 100_000 - PRICES[order] and market.audit()[0]["state"] == "delivered"
    # It stands there now, and pays as any other contract wallet.
    terms = market.gateway.terms(target + "2")
    made, inner = authorization(owner, terms, **{"from": address})
    for signature in (inner, wrapped_6492(owner.address, salt, inner)):
        payment = {"x402Version": 2, "accepted": terms, "payload": {"authorization": made, "signature": signature}}
        response = market.present(Buyer(market.gateway, owner), target + "2", payment)
        assert response.status == 200 or response.error == USED


def test_no_code_and_no_factory(market):
    market = market()
    market.open()
    owner, address = Wallet.fresh(), "0x" + "a6" * 20
    market.endow(address, 100_000)
    terms = market.gateway.terms("/after/x")
    made, signature = authorization(owner, terms, **{"from": address})
    payment = {"x402Version": 2, "accepted": terms, "payload": {"authorization": made, "signature": signature + "00"}}
    response = market.present(Buyer(market.gateway, owner), "/after/x", payment)
    assert (response.status, response.error) == (402, "invalid_exact_evm_payload_undeployed_smart_wallet")
    assert market.gateway.claims() == []


# Between verification and settlement


def during_upstream(market, act):
    """`act` while the upstream works: after verification, and under `after` before settlement."""

    def handler(exchange):
        act()
        market._execute(exchange)

    market.upstream.default = handler


def test_drained_between_verify_and_settle(market):
    market = market()
    market.open()
    buyer = market.buyer()
    during_upstream(market, lambda: drain(market.node, buyer))
    payment = buyer.sign("/after/x")
    response = market.present(buyer, "/after/x", payment)
    assert response.status == 402 and response.error in (POOR, "transaction_failed")
    assert b"target" not in response.body, "withheld"
    assert market.gateway.wait_state(payment, "failed") and market.on_chain() == []
    assert market.present(buyer, "/after/x", payment).error == USED, "failed is final"


def test_cancelled_between_verify_and_settle(market):
    market = market()
    market.open()
    buyer = market.buyer()
    payment = buyer.sign("/after/x")
    during_upstream(market, lambda: cancel(market, buyer, payment))
    response = market.present(buyer, "/after/x", payment)
    assert response.status == 402 and b"target" not in response.body
    assert market.gateway.wait_state(payment, "failed") and market.on_chain() == []


@pytest.mark.parametrize("order", ORDERS)
def test_settled_by_a_stranger_first(market, order):
    """The receipt names the transaction that moved the money, and that was not ours."""
    market = market(mining="manual" if order == "first" else "auto")
    market.open()
    buyer, target = market.buyer(), f"/{order}/x"
    payment = buyer.sign(target)
    theirs = []
    if order == "after":
        during_upstream(market, lambda: theirs.append(submit(market.node, payment)))
        response = market.present(buyer, target, payment)
    else:
        # Ours waits; a stranger reads it, and pays more for its own.
        def overtake():
            theirs.append(submit(market.node, payment))
            market.node.mine()
            market.node.mining("auto")

        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(market.present, buyer, target, payment)
            wait_until(lambda: market.node.pending(), 10, "ours waits")
            overtake()
            response = answer.result(30)
    assert response.status == 200 and response.receipt["transaction"] == theirs[0]
    (claim,) = market.audit()
    assert claim["transaction"] == theirs[0] and claim["state"] == "delivered"
    again = market.pay(market.buyer(), target + "2")
    assert again.status == 200, "the relayer's nonces go on"


def test_the_evil_payer_with_two_nonces_in_one_transaction(market):
    """One nonce to itself and one to the payee in one transaction: what was claimed did not pay."""
    market = market()
    market.open()
    buyer = market.buyer()
    terms = market.gateway.terms("/after/x")
    payment = buyer.wallet.payment_v2(terms)
    claimed_nonce = payment["payload"]["authorization"]["nonce"]

    def cheat():
        """The claimed nonce goes to the payer itself; another nonce pays the payee as much."""
        to_self, signed = authorization(buyer.wallet, terms, to=buyer.wallet.address, nonce=claimed_nonce)
        other, signed_other = authorization(buyer.wallet, terms, nonce=fresh_nonce())
        stranger = Wallet.fresh()
        market.node.fund(stranger.address)
        to, data = together(
            (market.node.usdc, transfer_call(to_self, signed)), (market.node.usdc, transfer_call(other, signed_other))
        )
        assert market.node.receipt(market.node.transact(stranger.hex_key, to, "0x" + data.hex(), gas=500_000))["status"] == "0x1"

    during_upstream(market, cheat)
    response = market.present(buyer, "/after/x", payment)
    assert response.status == 402 and b"target" not in response.body, "not paid by this authorization"
    assert market.gateway.wait_state(payment, "failed")


@pytest.mark.parametrize("token,paid", [(MISLEADING_TOKEN, False), (INTERRUPTED_TOKEN, True)])
def test_tokens_whose_events_mislead(market, token, paid):
    """Evidence is the token's own next log; another contract's log in between changes nothing."""
    market = market()
    asset = {"address": token, "name": "USDC", "version": "2", "decimals": 6}
    market.open(
        payments={"usdc-base-sepolia": {
            "network": "base-sepolia", "asset": asset, "pay_to": market.payee.address, "facilitator": "self"}},
        networks={"base-sepolia": {"rpc": market.node.url(), "settle_timeout": "3s"}},
    )  # fmt: skip
    buyer = market.buyer()
    market.node.mint(buyer.wallet.address, 100_000, token)
    payment = buyer.sign("/after/x")
    response = market.present(buyer, "/after/x", payment)
    assert (response.status == 200) == paid, (response.status, response.error)
    if not paid:
        assert "PAYMENT-REQUIRED" not in dict(response.headers) or response.error != "settlement_pending"
        assert market.gateway.claim(payment)["state"] in ("failed", "unknown")


# Stuck, replaced, reorganized


def test_a_stuck_transaction_is_replaced_with_the_same_nonce(market):
    """The base fee jumps above what was offered: the same nonce goes out again, for more, until it is mined."""
    market = market(mining=0.2)
    market.node.set(base_fee=10**9)
    market.open(
        networks={"base-sepolia": {"rpc": market.node.url(), "settle_timeout": "60s"}},
        relayer={"key": {"env": "FAREBOX_RELAYER_KEY"}, "max_fee_gwei": 100},
    )
    buyer = market.buyer()
    during_upstream(market, lambda: market.node.set(base_fee=3 * 10**9))
    payment = buyer.sign("/after/x")
    response = market.present(buyer, "/after/x", payment, timeout=60)
    assert response.status == 200, response.error
    (claim,) = market.audit()
    nonces = {(sent["relayer"], sent["nonce"]) for sent in claim["transactions"]}
    assert len(nonces) == 1, "a second transaction only with the same nonce"
    assert claim["transaction"] in {sent["hash"] for sent in claim["transactions"]}


def test_a_dropped_transaction_is_sent_again(market):
    market = market(mining=0.1)
    market.open()
    market.node.set(drop_next=1)
    buyer = market.buyer()
    response = market.pay(buyer, "/after/x", timeout=40)
    assert response.status == 200, response.error
    assert market.node.dropped() == [response.receipt["transaction"]], "the same bytes"
    market.audit()


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("readd", [True, False])
def test_a_reorganization_after_the_settlement(market, order, readd):
    """The same bytes go out again, and the claim stays as it is."""
    market = market(mining=0.1)
    market.open()
    buyer, target = market.buyer(), f"/{order}/x"
    response = market.pay(buyer, target)
    assert response.status == 200
    (before,) = market.audit()
    depth = market.node.head()["number"] - before["block"] + 1
    assert market.node.reorg(depth, readd, blocks=depth) == [response.receipt["transaction"]]
    wait_until(lambda: len(market.on_chain()) == 1, 20, "it is on chain again")
    (after,) = market.audit()
    assert (after["state"], after["transaction"]) == (before["state"], before["transaction"])


def test_larger_amounts_wait_for_more_confirmations(market):
    market = market(mining="manual")
    market.open(
        networks={"base-sepolia": {"rpc": market.node.url(), "settle_timeout": "20s", "confirmations": {"default": 1, "above $0.03": 3}}}
    )
    from concurrent.futures import ThreadPoolExecutor

    buyer = market.buyer()
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(market.pay, buyer, "/first/x")
        wait_until(lambda: market.node.pending(), 10)
        market.node.mine()
        time.sleep(1)
        assert not answer.done() and market.upstream.asked("/first/x") == []
        market.node.mine(2, empty=True)
        assert answer.result(20).status == 200
    market.audit()


# At start


@pytest.mark.parametrize("genesis", [{"token_name": "USD Coin"}, {"token_version": "1"}])
def test_a_token_that_is_not_what_the_config_says_is_fatal(market, genesis):
    market = market(**genesis)
    gateway = market.open(ready=False)
    assert gateway.process.wait(15) != 0
    wait_until(lambda: gateway.errors, 5)
    text = "\n".join(gateway.errors)
    assert next(iter(genesis.values())) in text and "usdc-base-sepolia" in text, text


def test_an_unreachable_rpc_is_degraded_and_free_routes_work(market):
    market = market()
    market.node.close_door()
    routes = [
        {"match": "GET /free/*", "upstream": "legacy", "free": True},
        {"match": "GET /after/*", "upstream": "legacy", "price": "$0.02"},
    ]
    gateway = market.open(routes=routes)
    gateway.wait_ready()
    assert gateway.fetch("/free/x").status == 200
    readiness = gateway.admin("/readyz")
    assert readiness.status == 200 and readiness.json()["status"] == "degraded"
    assert "usdc-base-sepolia: rpc_unreachable" in readiness.json()["reasons"]
    buyer = market.buyer()
    response = market.pay(buyer, "/after/x")
    assert response.status == 503 and response.header("Retry-After") and gateway.claims() == []
    market.node.reopen_door()
    wait_until(lambda: market.pay(buyer, "/after/x").status == 200, 30, "it is well again")
    market.audit()


def test_the_wrong_chain_behind_a_url_is_never_used(market):
    market = market("base-sepolia", "polygon")
    networks = {
        "base-sepolia": {"rpc": [market.nodes["polygon"].url(), market.nodes["base-sepolia"].url()]},
        "polygon": {"rpc": market.nodes["polygon"].url()},
    }
    market.open(networks=networks)
    assert market.pay(market.buyer(), "/after/x").status == 200
    assert market.nodes["polygon"].counts().get("eth_sendRawTransaction", 0) == 0
    market.audit()


def test_a_deployed_wallet_is_known_by_its_code(market):
    """The factory's call may come from anybody, before or after."""
    market = market()
    market.open()
    owner, salt = Wallet.fresh(), bytes(32)
    stranger = Wallet.fresh()
    market.node.fund(stranger.address)
    market.node.transact(stranger.hex_key, FACTORY, "0x" + deploy_call(owner.address, salt).hex())
    address = wallet_address(owner.address, salt)
    market.endow(address, 50_000)
    terms = market.gateway.terms("/after/x")
    made, signature = authorization(owner, terms, **{"from": address})
    payment = {"x402Version": 2, "accepted": terms, "payload": {"authorization": made, "signature": signature}}
    assert market.present(Buyer(market.gateway, owner), "/after/x", payment).status == 200
    market.audit()


# The operator's look before the start


def test_wallet_check_says_whether_it_could_settle(market):
    market = market()
    gateway = market.open()
    environment = os.environ | gateway.environment

    def check(*more):
        return gateway.command("wallet", "check", *more, "--config", str(gateway.config_directory), env=environment)

    good = check()
    assert good.returncode == 0, good.stdout + good.stderr
    assert market.relayer.address in good.stdout and "as configured" in good.stdout
    assert market.relayer.hex_key.removeprefix("0x") not in good.stdout + good.stderr
    assert json.loads(check("--json").stdout)
    gateway.stop()
    market.node.close_door()
    unreachable = check()
    assert unreachable.returncode == 1 and "base-sepolia" in unreachable.stdout + unreachable.stderr

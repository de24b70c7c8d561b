"""The official clients, unmodified, pay on two chains of one route: by our own relayer, and by the reference facilitator."""

import asyncio
import json
import subprocess
from pathlib import Path

import pytest
import requests
from chain.facilitator import FacilitatorProcess
from chain.networks import NETWORKS
from eth_account import Account
from harness.market import PRICES
from harness.wallet import decode
from x402 import x402Client, x402ClientSync
from x402.http.clients import wrapHttpxWithPayment, wrapRequestsWithPayment
from x402.mechanisms.evm.exact import register_exact_evm_client

ROOT = Path(__file__).resolve().parents[2]
CHAINS = ("base-sepolia", "base")
LOW_BALANCE = 10**18


def preferring(network: str):
    """Picks the entry of `accepts` on one chain, as an agent does that holds money only there."""
    return lambda version, accepts: next(terms for terms in accepts if terms.network == NETWORKS[network].caip2)


def ask_with_requests(wallet, method, url, network):
    client = register_exact_evm_client(x402ClientSync(preferring(network)), Account.from_key(wallet.hex_key))
    answer = wrapRequestsWithPayment(requests.Session(), client).request(method, url, data=b"{}", timeout=30)
    return answer.status_code, answer.headers, answer.text


def ask_with_httpx(wallet, method, url, network):
    async def run():
        client = register_exact_evm_client(x402Client(preferring(network)), Account.from_key(wallet.hex_key))
        async with wrapHttpxWithPayment(client, timeout=30) as http:
            answer = await http.request(method, url, content=b"{}")
            return answer.status_code, answer.headers, answer.text

    return asyncio.run(run())


def check_books(shop, network, wallet, order, answer, header, payer_of_gas):
    """To the unit: what the payer paid, what the payee got, and who paid the gas."""
    status, headers, text = answer
    assert status == 200, text
    receipt, node = decode(headers[header]), shop.nodes[network]
    assert receipt["success"] is True and receipt["payer"].lower() == wallet.address.lower()
    (claim,) = shop.audit()
    assert claim["state"] == "delivered" and claim["network"] == NETWORKS[network].caip2
    (payment,) = node.payments()
    assert payment["transaction"] == receipt["transaction"] == claim["transaction"]
    assert payment["relayer"] == payer_of_gas.address.lower()
    price = PRICES[order]
    assert node.balance(wallet.address) == 1_000_000 - price and node.balance(shop.payee.address) == price
    burnt = int(node.receipt(receipt["transaction"])["gasUsed"], 16)
    assert burnt > 0 and node.wei(payer_of_gas.address) < LOW_BALANCE
    others = [n for name, n in shop.nodes.items() if name != network]
    assert all(other.payments() == [] and other.balance(wallet.address) == 1_000_000 for other in others)
    assert len(shop.executed) == 1


@pytest.fixture(params=["self", "remote"])
def shop(request, market):
    """Two chains on each route, and who pays the gas on them."""
    made = market(*CHAINS, mining=0.1)
    if request.param == "self":
        made.open()
        made.gas = made.relayer
        yield made
        return
    reference = FacilitatorProcess({name: node.url() for name, node in made.nodes.items()}, bearer="s3cret")
    for node in made.nodes.values():
        node.fund(reference.relayer.address)
    made.open(
        facilitator="reference", environment={"TOKEN": "s3cret"},
        facilitators={"reference": {"url": reference.url, "bearer": {"env": "TOKEN"}}},
    )
    made.gas = reference.relayer
    yield made
    reference.stop()


@pytest.mark.parametrize("network", CHAINS)
@pytest.mark.parametrize("order", PRICES)
@pytest.mark.parametrize("ask,method", [(ask_with_requests, "GET"), (ask_with_httpx, "POST")])
def test_x402_2_25_0(shop, network, order, ask, method):
    wallet = shop.buyer().wallet
    answer = ask(wallet, method, f"{shop.gateway.url}/{order}/7", network)
    check_books(shop, network, wallet, order, answer, "payment-response", shop.gas)


@pytest.mark.parametrize("order", PRICES)
@pytest.mark.parametrize("environment", [".venv-x402-100", ".venv-x402-021"])
def test_x402_v1(shop, order, environment):
    """V1 clients take the first entry that they know."""
    wallet = shop.buyer().wallet
    done = subprocess.run(
        [ROOT / environment / "bin/python", ROOT / "Tests/EndToEnd/clients/pay_v1.py", "requests", wallet.hex_key, "GET",
         f"{shop.gateway.url}/{order}/7"],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    got = json.loads(done.stdout)
    answer = (got["status"], got["headers"], got["text"])
    check_books(shop, "base-sepolia", wallet, order, answer, "x-payment-response", shop.gas)


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("order", PRICES)
def test_both_payload_versions_by_hand(shop, order, version):
    buyer, target = shop.buyer(), f"/{order}/7"
    terms = shop.gateway.terms(target)
    sign = buyer.wallet.payment_v2 if version == 2 else buyer.wallet.payment_v1
    response = shop.present(buyer, target, sign(terms | ({} if version == 2 else {"network": "base-sepolia"})))
    assert response.status == 200, response.body
    shop.audit()


def test_many_wallets_at_once_on_both_chains(shop):
    """Many transactions in flight from one relayer, in order of their nonces."""
    from concurrent.futures import ThreadPoolExecutor

    buyers = [shop.buyer() for _ in range(12)]

    def spree(number: int) -> list[int]:
        statuses = []
        for turn in range(4):
            order, chain = ("after", "first")[turn % 2], (number + turn) % 2
            target = f"/{order}/{number}-{turn}"
            terms = shop.gateway.fetch(target).required["accepts"][chain]
            statuses.append(shop.present(buyers[number], target, buyers[number].wallet.payment_v2(terms)).status)
        return statuses

    with ThreadPoolExecutor(12) as pool:
        statuses = [status for each in pool.map(spree, range(12)) for status in each]
    assert statuses == [200] * 48
    claims = shop.audit()
    assert len(claims) == len(shop.on_chain()) == 48 and {claim["state"] for claim in claims} == {"delivered"}
    for node in shop.nodes.values():
        payments = [payment for payment in node.payments() if payment["relayer"] == shop.gas.address.lower()]
        assert len(payments) == 24 and node.pending() == []
        # Some shared a transaction; no nonce was left out or spent on nothing.
        assert node.nonce(shop.gas.address) == len({payment["transaction"] for payment in payments})

"""The facilitators that tests ask: the reference one settles on the test chain, and the scripted one lies as told."""

import time

import pytest
import requests
from chain.authorizations import authorization, deploy_call, terms_of, wallet_address, wrapped_6492
from chain.facilitator import FacilitatorProcess
from chain.genesis import FACTORY
from chain.node import Node
from chain.scripted import ScriptedFacilitator
from harness.wallet import Wallet

V1_NAMES = {84532: "base-sepolia", 137: "polygon"}


@pytest.fixture(scope="module")
def nodes():
    nodes = [Node("base-sepolia"), Node("polygon")]
    yield nodes
    for node in nodes:
        node.stop()


@pytest.fixture(scope="module")
def reference(nodes):
    facilitator = FacilitatorProcess({n.network.name: n.url() for n in nodes}, [FACTORY], bearer="secret")
    for node in nodes:
        node.fund(facilitator.relayer.address)
    yield facilitator
    facilitator.stop()


@pytest.fixture
def scripted(nodes):
    facilitator = ScriptedFacilitator(*nodes)
    yield facilitator
    facilitator.stop()


def question(node, payer: Wallet, payee: Wallet, version: int, signature=None, **changes) -> dict:
    terms = terms_of(node.network, payee.address, 20_000)
    made, signed = authorization(payer, terms, **changes)
    inner = {"authorization": made, "signature": signature(signed) if signature else signed}
    if version == 2:
        payload = {"x402Version": 2, "accepted": terms, "payload": inner}
        return {"x402Version": 2, "paymentPayload": payload, "paymentRequirements": terms}
    name = V1_NAMES[node.network.chain_id]
    payload = {"x402Version": 1, "scheme": "exact", "network": name, "payload": inner}
    requirements = terms | {"network": name, "maxAmountRequired": terms["amount"], "resource": "http://a/", "description": "", "mimeType": ""}
    return {"x402Version": 1, "paymentPayload": payload, "paymentRequirements": requirements}


def ask(facilitator, path: str, body: dict | None = None, **options) -> requests.Response:
    headers = {"Authorization": "Bearer secret"}
    method = "POST" if body is not None else "GET"
    return requests.request(method, facilitator.url + path, json=body, headers=headers, timeout=20, **options)


@pytest.mark.parametrize("which", ["reference", "scripted"])
@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("chain", [0, 1])
def test_it_verifies_and_settles(request, nodes, which, version, chain):
    facilitator, node = request.getfixturevalue(which), nodes[chain]
    payer, payee = Wallet.fresh(), Wallet.fresh()
    node.mint(payer.address, 30_000)
    body = question(node, payer, payee, version)
    kinds = ask(facilitator, "/supported").json()["kinds"]
    assert {(k["x402Version"], k["network"]) for k in kinds} >= {(2, node.network.caip2), (1, V1_NAMES[node.network.chain_id])}
    assert ask(facilitator, "/verify", body).json()["isValid"] is True
    settled = ask(facilitator, "/settle", body).json()
    assert settled["success"] is True, settled
    (payment,) = [p for p in node.payments() if p["payer"] == payer.address.lower()]
    assert payment["transaction"] == settled["transaction"] and node.balance(payee.address) == 20_000
    assert payment["relayer"] == facilitator.relayer.address.lower()
    again = question(node, payer, payee, version)
    refused = ask(facilitator, "/verify", again).json()
    assert refused["isValid"] is False and refused["invalidReason"] == "invalid_exact_evm_insufficient_balance"


def test_the_reference_deploys_a_wallet_of_an_allowed_factory(nodes, reference):
    node, owner, payee, salt = nodes[0], Wallet.fresh(), Wallet.fresh(), bytes(32)
    wallet = wallet_address(owner.address, salt)
    node.mint(wallet, 20_000)
    node.pool(takes_unprotected=True)  # the reference deploys by a transaction that names no chain
    body = question(node, owner, payee, 2, lambda inner: wrapped_6492(owner.address, salt, inner), **{"from": wallet})
    assert ask(reference, "/verify", body).json() == {"isValid": True, "payer": wallet}
    settled = ask(reference, "/settle", body).json()
    assert settled["success"] is True and node.balance(payee.address) == 20_000, settled
    assert deploy_call(owner.address, salt)[4:].endswith(salt)


def test_a_token_is_asked_for(reference):
    assert requests.get(reference.url + "/supported", timeout=5).status_code == 401


@pytest.mark.parametrize("effect", [False, True])
def test_scripted_faults_with_and_without_effect(nodes, scripted, effect):
    node, payer, payee = nodes[0], Wallet.fresh(), Wallet.fresh()
    node.mint(payer.address, 20_000)
    body = question(node, payer, payee, 2)
    scripted.fault("/settle", "hang", effect=effect, times=1)
    with pytest.raises(requests.ReadTimeout):
        requests.post(scripted.url + "/settle", json=body, timeout=0.3)
    assert node.balance(payee.address) == (20_000 if effect else 0)
    settled = ask(scripted, "/settle", body).json()
    assert settled["success"] is True and node.balance(payee.address) == 20_000
    assert len(scripted.asked("/settle")) == 2


def test_scripted_answers(nodes, scripted):
    node, payer, payee = nodes[0], Wallet.fresh(), Wallet.fresh()
    node.mint(payer.address, 20_000)
    body = question(node, payer, payee, 2)
    scripted.fault("/verify", "result", value={"isValid": False, "invalidReason": "no"}, status=400, times=1)
    refused = ask(scripted, "/verify", body)
    assert refused.status_code == 400 and refused.json()["isValid"] is False
    scripted.fault("/settle", "result", rewrite=lambda _, right: right | {"transaction": "0x" + "77" * 32}, times=1)
    assert ask(scripted, "/settle", body).json() | {"payer": ""} == {
        "success": True, "transaction": "0x" + "77" * 32, "network": node.network.caip2, "payer": "",
    }
    scripted.fault("/settle", "status", status=308, headers=[["Location", "/elsewhere"]], times=1)
    assert ask(scripted, "/settle", body, allow_redirects=False).status_code == 308
    scripted.fault("/supported", "drip", seconds=0.001, times=1)
    assert ask(scripted, "/supported").json()["kinds"] == scripted.kinds


def test_a_settlement_that_is_pending_and_then_done(nodes, scripted):
    node, payer, payee = nodes[0], Wallet.fresh(), Wallet.fresh()
    node.mint(payer.address, 20_000)
    body = question(node, payer, payee, 2)
    node.mining("manual")
    pending = ask(scripted, "/settle", body).json()
    assert (pending["success"], pending["errorReason"]) == (False, "settlement_pending")
    node.mining("auto")
    settled = ask(scripted, "/settle", body).json()
    assert settled["success"] and settled["transaction"] == pending["transaction"]
    assert time.time() - node.head()["timestamp"] < 5

"""The token and wallets of the test chain behave as USDC v2.2 and its signature checker do."""

import time

import pytest
from chain import abi
from chain.authorizations import (
    SPLIT, WHOLE, authorization, cancel_call, deploy_call, terms_of, together, transfer_call, wallet_address, wrapped_6492,
)
from chain.genesis import FACTORY, INTERRUPTED_TOKEN, MISLEADING_TOKEN, WALLET_CODE, genesis_of
from chain.methods import Methods, RPCError
from chain.blockchain import Blockchain
from chain.networks import NETWORKS
from chain.node import Node
from harness.wallet import Wallet, domain_separator, high_s

PRICE = 20_000


class Shop:
    """A chain with a payer of money, a relayer with gas, and a payee."""

    def __init__(self, **genesis):
        self.node = Node("base-sepolia", genesis=genesis_of("base-sepolia", **genesis))
        self.payer, self.relayer, self.payee = Wallet.fresh(), Wallet.fresh(), Wallet.fresh()
        self.node.mint(self.payer.address, 1_000_000)
        self.node.fund(self.relayer.address)
        self.terms = terms_of(self.node.network, self.payee.address, PRICE)

    def transact(self, data: bytes, to: str | None = None) -> dict:
        """The receipt of the relayer's transaction."""
        return self.node.receipt(self.node.transact(self.relayer.hex_key, to or self.node.usdc, "0x" + data.hex()))

    def ask(self, data: bytes, to: str | None = None, sender: str | None = None) -> str:
        """eth_call's result, or the text of its error."""
        message = {"to": to or self.node.usdc, "data": "0x" + data.hex(), "from": sender or self.relayer.address}
        try:
            return self.node._there(lambda: self.node._node.doors[0].methods.call([message, "latest"]))
        except RPCError as fault:
            return fault.message


@pytest.fixture
def shop():
    shop = Shop()
    yield shop
    shop.node.stop()


def test_selectors_are_those_of_usdc():
    assert abi.selector(SPLIT).hex() == "e3ee160e" and abi.selector(WHOLE).hex() == "cf092995"


@pytest.mark.parametrize("network", NETWORKS)
def test_the_token_of_every_network_has_its_name_version_and_domain(network):
    methods = Methods(Blockchain(genesis_of(network)))
    token = NETWORKS[network]

    def read(signature, kind):
        answer = methods.call([{"to": token.usdc, "data": "0x" + abi.call(signature).hex()}, "latest"])
        return abi.value(kind, bytes.fromhex(answer[2:]))

    assert (read("name()", "string"), read("version()", "string")) == (token.domain_name, "2")
    assert (read("decimals()", "uint8"), read("symbol()", "string")) == (6, "USDC")
    separator = domain_separator(token.domain_name, "2", token.chain_id, token.usdc)
    assert read("DOMAIN_SEPARATOR()", "bytes32") == separator


@pytest.mark.parametrize("whole", [False, True])
def test_an_authorization_moves_the_money_once(shop, whole):
    made, signature = authorization(shop.payer, shop.terms)
    receipt = shop.transact(transfer_call(made, signature, whole))
    assert receipt["status"] == "0x1"
    used, transfer = receipt["logs"]
    assert used["topics"][0] == "0x98de503528ee59b575ef0c0a2576a82497bfc029a5685b209e9ec333479b10a5"
    assert used["topics"][2] == made["nonce"] and int(transfer["logIndex"], 16) == int(used["logIndex"], 16) + 1
    assert shop.node.balance(shop.payee.address) == PRICE and shop.node.balance(shop.payer.address) == 980_000
    (payment,) = shop.node.payments()
    assert payment["to"] == shop.payee.address.lower() and payment["value"] == PRICE
    assert payment["relayer"] == shop.relayer.address.lower()
    assert "used or canceled" in shop.ask(transfer_call(made, signature, whole))
    assert shop.transact(transfer_call(made, signature, not whole))["status"] == "0x0"
    assert shop.node.balance(shop.payee.address) == PRICE


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize(
    "changes,text",
    [
        ({"validBefore": str(int(time.time()) - 5)}, "FiatTokenV2: authorization is expired"),
        ({"validAfter": str(int(time.time()) + 900)}, "FiatTokenV2: authorization is not yet valid"),
        ({"value": "1000001"}, "ERC20: transfer amount exceeds balance"),
        ({"to": "0x" + "00" * 20}, "ERC20: transfer to the zero address"),
    ],
)
def test_refusals_in_the_words_of_usdc(shop, changes, text, whole):
    made, signature = authorization(shop.payer, shop.terms, **changes)
    assert shop.ask(transfer_call(made, signature, whole)) == f"execution reverted: {text}"


@pytest.mark.parametrize(
    "spoil,text",
    [
        (lambda s: high_s(s), "ECRecover: invalid signature 's' value"),
        (lambda s: s[:-2] + "05", "ECRecover: invalid signature 'v' value"),
        (lambda s: s[:-2] + {"1b": "1c", "1c": "1b"}[s[-2:]], "invalid signature"),
        (lambda s: s + "00", "ECRecover: invalid signature length"),
    ],
)
def test_signatures_are_checked_strictly(shop, spoil, text):
    made, signature = authorization(shop.payer, shop.terms)
    assert text in shop.ask(transfer_call(made, spoil(signature), True))


def test_a_changed_amount_is_not_what_was_signed(shop):
    made, signature = authorization(shop.payer, shop.terms)
    assert shop.ask(transfer_call(made | {"value": "1"}, signature)) == "execution reverted: FiatTokenV2: invalid signature"


def test_a_cancelled_authorization_is_used(shop):
    made, signature = authorization(shop.payer, shop.terms)
    assert shop.transact(cancel_call(shop.payer, shop.terms, made["nonce"]))["status"] == "0x1"
    assert shop.node.canceled() == [made["nonce"]] and shop.node.payments() == []
    assert "used or canceled" in shop.ask(transfer_call(made, signature))
    assert "invalid signature" in shop.ask(cancel_call(Wallet.fresh(), shop.terms, "0x" + "11" * 32, shop.payer.address))


@pytest.mark.parametrize("whole", [False, True])
def test_a_contract_wallet_signs_by_its_owner(shop, whole):
    wallet = "0x" + "a5" * 20
    shop.node.wallet(wallet, shop.payer.address)
    shop.node.mint(wallet, PRICE)
    made, signature = authorization(shop.payer, shop.terms, **{"from": wallet})
    assert "invalid signature" in shop.ask(transfer_call(made, shop.relayer.sign(shop.terms, made), whole))
    if whole:
        signature += "c0ffee"  # no key signs like that: only the wallet can know
    assert shop.transact(transfer_call(made, signature, whole))["status"] == "0x1"
    assert shop.node.balance(shop.payee.address) == PRICE


def test_a_delegated_account_has_code_and_only_that_counts(shop):
    """EIP-7702: its own key no longer signs, unless what it delegates to says so."""
    shop.node.delegate(shop.payer.address, WALLET_CODE, shop.relayer.address)
    methods = shop.node._node.doors[0].methods
    assert shop.node._there(lambda: methods.code([shop.payer.address, "latest"])) == "0xef0100" + WALLET_CODE[2:]
    made, signature = authorization(shop.payer, shop.terms)
    assert "invalid signature" in shop.ask(transfer_call(made, signature))
    assert shop.transact(transfer_call(made, shop.relayer.sign(shop.terms, made)))["status"] == "0x1"


def test_a_wallet_pays_in_the_transaction_that_deploys_it(shop):
    salt = bytes(31) + b"\7"
    wallet = wallet_address(shop.payer.address, salt)
    assert shop.ask(abi.call("walletOf(address,bytes32)", shop.payer.address.lower(), salt), FACTORY).endswith(wallet[2:].lower())
    shop.node.mint(wallet, PRICE)
    made, signature = authorization(shop.payer, shop.terms, **{"from": wallet})
    assert wrapped_6492(shop.payer.address, salt, signature).endswith("6492" * 16)
    pay = transfer_call(made, signature)
    assert "invalid signature" in shop.ask(pay)
    to, data = together((FACTORY, deploy_call(shop.payer.address, salt)), (shop.node.usdc, pay))
    receipt = shop.transact(data, to)
    assert receipt["status"] == "0x1" and int(receipt["gasUsed"], 16) < 500_000
    assert shop.node.balance(shop.payee.address) == PRICE


def test_multicall_tells_each_outcome(shop):
    calls = [(shop.node.usdc.lower(), abi.call("name()")), (shop.node.usdc.lower(), b"\1\2\3\4")]
    to = together()[0]
    answer = shop.ask(abi.call("tryAggregate(bool,(address,bytes)[])", False, calls), to)
    (named, name), (other, nothing) = abi.value("(bool,bytes)[]", bytes.fromhex(answer[2:]))
    assert named and abi.value("string", name) == "USDC" and not other and nothing == b""
    asked = abi.call("tryAggregate(bool,(address,bytes)[])", True, calls)
    assert shop.ask(asked, to) == "execution reverted: Multicall3: call failed"


def test_one_nonce_to_oneself_and_another_to_the_payee_in_one_transaction(shop):
    """The evil payer: its Transfer to the payee does not follow the nonce that was claimed."""
    claimed, to_self = authorization(shop.payer, shop.terms, to=shop.payer.address)
    other, to_payee = authorization(shop.payer, shop.terms)
    to, data = together(
        (shop.node.usdc, transfer_call(claimed, to_self)), (shop.node.usdc, transfer_call(other, to_payee))
    )
    assert shop.transact(data, to)["status"] == "0x1"
    by_nonce = {payment["nonce"]: payment["to"] for payment in shop.node.payments()}
    assert by_nonce == {claimed["nonce"]: shop.payer.address.lower(), other["nonce"]: shop.payee.address.lower()}


@pytest.mark.parametrize("token,receiver", [(MISLEADING_TOKEN, "payer"), (INTERRUPTED_TOKEN, "payee")])
def test_tokens_whose_events_mislead(shop, token, receiver):
    shop.node.mint(shop.payer.address, PRICE, token)
    terms = terms_of(shop.node.network, shop.payee.address, PRICE, token)
    made, signature = authorization(shop.payer, terms)
    receipt = shop.transact(transfer_call(made, signature), token)
    assert receipt["status"] == "0x1" and len(receipt["logs"]) == 3
    (payment,) = shop.node.payments(token)
    assert payment["to"] == getattr(shop, receiver).address.lower()


def test_a_name_of_its_own_changes_the_domain():
    shop = Shop(token_name="USD Coin")
    assert "invalid signature" in shop.ask(transfer_call(*authorization(shop.payer, shop.terms)))
    named = shop.terms | {"extra": {"name": "USD Coin", "version": "2"}}
    assert shop.ask(transfer_call(*authorization(shop.payer, named))) == "0x"
    shop.node.stop()

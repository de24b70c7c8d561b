"""A gateway that settles on test chains, with payers, a payee and a relayer; and the books of all of them."""

import json
from dataclasses import dataclass, field

from chain.networks import NETWORKS
from chain.node import Node

from .farebox import Farebox
from .http import ProtocolError, Response, wait_until
from .pay import Buyer
from .upstream import Exchange
from .wallet import Wallet

AT_REST = {"delivered", "owed", "void", "failed"}
PAID = {"settled", "delivered", "owed"}
USED = "invalid_exact_evm_nonce_already_used"
PRICES = {"after": 20_000, "first": 50_000}


def settling(upstream_url: str, pay_to: str, nodes: dict[str, Node], facilitator: str = "self", **changes) -> dict:
    """A config with one payment for each chain, all accepted by each priced route."""
    networks = {name: {"rpc": node.url(), "settle_timeout": "20s"} for name, node in nodes.items()}
    config = {
        "threads": 2,
        "networks": networks,
        "relayer": {"key": {"env": "FAREBOX_RELAYER_KEY"}},
        "payments": {
            f"usdc-{name}": {"network": name, "asset": "USDC", "pay_to": pay_to, "facilitator": facilitator}
            for name in nodes
        },
        "upstreams": {"legacy": {"url": upstream_url}},
        "routes": [
            {"match": f"{method} /{order}/*", "upstream": "legacy", "price": price, "settle": order}
            for order, price in (("after", "$0.02"), ("first", "$0.05"))
            for method in ("GET", "POST")
        ],
        "unmatched": "deny",
    }
    for key, value in changes.items():
        if isinstance(value, dict) and isinstance(config.get(key), dict):
            config[key] = config[key] | value
        else:
            config[key] = value
    return config


@dataclass
class Sale:
    """What one payment bought, as its buyer saw it."""

    target: str
    payment: dict
    response: Response | None

    @property
    def nonce(self) -> str:
        return self.payment["payload"]["authorization"]["nonce"].lower()


@dataclass
class Market:
    upstream: object
    nodes: dict[str, Node]
    begin: object
    payee: Wallet = field(default_factory=Wallet.fresh)
    relayer: Wallet = field(default_factory=Wallet.fresh)
    gateway: Farebox | None = None
    minted: dict[str, int] = field(default_factory=dict)
    sales: list[Sale] = field(default_factory=list)
    # Idempotency-Key of every request that the upstream answered in whole.
    executed: list[str] = field(default_factory=list)

    def __post_init__(self):
        for node in self.nodes.values():
            node.fund(self.relayer.address)
        self.upstream.default = self._execute

    def _execute(self, exchange: Exchange):
        exchange.read_body()
        exchange.answer(200, json.dumps({"target": exchange.request.target}), {"Content-Type": "application/json"})
        if not exchange.request.path.startswith("/free/"):
            self.executed.append(exchange.request.header("Idempotency-Key"))

    def open(self, name: str = "gateway", ready: bool = True, wrapper=None, environment=None, **changes) -> Farebox:
        config = settling(self.upstream.url, self.payee.address, self.nodes, **changes)
        environment = {"FAREBOX_RELAYER_KEY": self.relayer.hex_key} | (environment or {})
        self.gateway = self.begin(config, name=name, ready=ready, wrapper=wrapper, environment=environment)
        return self.gateway

    @property
    def node(self) -> Node:
        """The first chain, where there is one only."""
        return next(iter(self.nodes.values()))

    # Buying

    def buyer(self, units: int = 1_000_000) -> Buyer:
        """With so much on every chain."""
        buyer = Buyer(self.gateway)
        self.endow(buyer.wallet.address, units)
        return buyer

    def endow(self, address: str, units: int):
        for node in self.nodes.values():
            node.mint(address, units)
        self.minted[address.lower()] = self.minted.get(address.lower(), 0) + units

    def present(self, buyer: Buyer, target: str, payment: dict, **options) -> Response | None:
        """None where the connection broke."""
        response = None
        try:
            response = buyer.present(target, payment, **options)
        except (OSError, ProtocolError):
            pass
        self.sales.append(Sale(target, payment, response))
        return response

    def pay(self, buyer: Buyer, target: str, **options) -> Response | None:
        return self.present(buyer, target, buyer.sign(target), **options)

    # Books

    def on_chain(self) -> list[dict]:
        """Every authorization that was used for the payee."""
        return [
            payment | {"chain": NETWORKS[name].caip2}
            for name, node in self.nodes.items()
            for payment in node.payments()
            if payment["to"] == self.payee.address.lower()
        ]

    def revenue(self) -> int:
        return sum(node.balance(self.payee.address) for node in self.nodes.values())

    def rest(self, seconds: float = 20) -> list[dict]:
        """The ledger once every claim in it is at rest."""

        def rested():
            claims = self.gateway.claims()
            return (claims or [None]) if all(claim["state"] in AT_REST for claim in claims) else None

        found = wait_until(rested, seconds, "every claim is at rest")
        return [] if found == [None] else found

    def audit(self, claims: list[dict] | None = None) -> list[dict]:
        """The oracle: chain, ledger, upstream and callers agree. Gives the claims it judged."""
        claims = self.rest() if claims is None else claims
        by_nonce = {(claim["network"], claim["payer"].lower(), claim["nonce"].lower()): claim for claim in claims}
        assert len(by_nonce) == len(claims), "one authorization, two claims"
        moved = {(p["chain"], p["payer"], p["nonce"]): p for p in self.on_chain()}
        for key, payment in moved.items():
            claim = by_nonce.get(key)
            assert claim is not None, f"money moved for no claim: {payment}"
            assert claim["state"] in PAID, f"settled without being delivered or owed: {claim}"
            assert claim["transaction"] == payment["transaction"], f"{claim} names another transaction than {payment}"
            assert int(claim["amount"]) == payment["value"], (claim, payment)
        for key, claim in by_nonce.items():
            assert claim["state"] not in PAID or key in moved, f"called paid, and no money moved: {claim}"
        assert self.revenue() == sum(payment["value"] for payment in moved.values()), "the payee's balance"
        self._audit_callers(by_nonce, moved)
        self._audit_relayer()
        return claims

    def _audit_callers(self, by_nonce: dict, moved: dict):
        """Nothing delivered unpaid, no receipt for nothing, one charge for one target."""
        transactions = {payment["transaction"]: key for key, payment in moved.items()}
        for sale in self.sales:
            if sale.response is None or sale.response.status >= 300:
                continue
            receipt = sale.response.receipt
            assert receipt and receipt["success"], f"delivered without a receipt: {sale}"
            assert receipt["transaction"] in transactions, f"delivered unpaid: {sale.target} {receipt}"
        nonces = {nonce for _, _, nonce in moved}
        for sale in self.sales:
            invited = sale.response is not None and sale.response.header("PAYMENT-REQUIRED")
            assert not (invited and sale.nonce in nonces and sale.response.error != USED), f"invited to pay twice: {sale}"
        charged: dict[tuple, int] = {}
        for key in moved:
            bought = (by_nonce[key]["payer"], by_nonce[key]["request"])
            charged[bought] = charged.get(bought, 0) + 1
        twice = {bought: times for bought, times in charged.items() if times > 1}
        assert not twice, f"charged twice: {twice}"
        ids = {claim["id"] for claim in by_nonce.values()}
        strangers = [key for key in self.executed if key not in ids]
        assert not strangers, f"the upstream worked for no claim: {strangers}"

    def _audit_relayer(self):
        """The relayer holds no revenue, and nobody else paid gas for what it sent."""
        for node in self.nodes.values():
            assert node.balance(self.relayer.address) == 0, "the relayer holds revenue"
            for address in self.minted:
                assert node.wei(address) == 0 and node.nonce(address) == 0, "a payer paid gas"

    def buy_again(self, buyer: Buyer, target: str, first: dict) -> Response:
        """After trouble: the same payment once more, then a new one where the first is spent; never a second charge."""
        before = len(self.on_chain())
        claim = self.gateway.claim(first)
        response = self.present(buyer, target, first)
        if claim is None or claim["state"] == "void":
            assert response.status == 200, (claim, response)
            return response
        assert response.status == 402, (claim, response)
        if claim["state"] == "owed":
            response = self.pay(buyer, target)
            assert response.status == 200, (claim, response)
            assert response.receipt["transaction"] == claim["transaction"] and len(self.on_chain()) == before
        return response


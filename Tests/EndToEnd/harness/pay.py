"""A buyer on raw sockets: asks, signs, pays, and may present the same payment again."""

from .farebox import Farebox
from .http import Response
from .wallet import Wallet, encode


class Buyer:
    def __init__(self, gateway: Farebox, wallet: Wallet | None = None):
        self.gateway = gateway
        self.wallet = wallet or Wallet.fresh()

    def sign(self, target: str, method: str = "GET", body: bytes | None = None, **changes) -> dict:
        """A fresh V2 payment for what the gateway asks now."""
        return self.wallet.payment_v2(self.gateway.terms(target, method, body), **changes)

    def present(
        self, target: str, payment: dict, method: str = "GET", body: bytes | None = None, headers=None, **options
    ) -> Response:
        return self.gateway.fetch(target, method, paid(payment) | dict(headers or {}), body, **options)

    def pay(self, target: str, method: str = "GET", body: bytes | None = None, **options) -> Response:
        return self.present(target, self.sign(target, method, body), method, body, **options)


def paid(payment: dict) -> dict:
    """The header that carries a payment."""
    name = "PAYMENT-SIGNATURE" if payment["x402Version"] == 2 else "X-PAYMENT"
    return {name: encode(payment)}

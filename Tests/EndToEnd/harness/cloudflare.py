"""A client in the manner of Cloudflare's agents: it looks only at `_meta["x402/error"]`, takes the first entry of `accepts`
where its scheme is "exact", pays at most 0.10 dollars without asking, and sends its payment as base64."""

from .agent import PAYMENT, RECEIPT, TERMS, Agent
from .wallet import encode

MAXIMUM_UNITS = 100_000


class WouldNotPay(Exception):
    """The client turned the terms down."""


class CloudflareAgent:
    def __init__(self, agent: Agent):
        self.agent = agent
        self.receipts: list[dict] = []

    def call(self, tool: str, arguments: dict | None = None) -> dict:
        """The tool's result."""
        params = {"name": tool, "arguments": arguments or {}}
        result = self.agent.request("tools/call", params).result
        terms = (result.get("_meta") or {}).get(TERMS)
        if terms is None:
            return result
        if not terms["accepts"] or terms["accepts"][0]["scheme"] != "exact":
            raise WouldNotPay("no exact scheme first")
        if int(terms["accepts"][0]["amount"]) > MAXIMUM_UNITS:
            raise WouldNotPay("above the cap")
        token = encode(self.agent.wallet.payment_v2(terms["accepts"][0]))
        paid = self.agent.request("tools/call", params | {"_meta": {PAYMENT: token}}).result
        if receipt := (paid.get("_meta") or {}).get(RECEIPT):
            self.receipts.append(receipt)
        return paid

    def priced_tools(self) -> dict[str, float]:
        """As it reads them from the list: tools that want a payment, in dollars."""
        metas = {name: tool.get("_meta") or {} for name, tool in self.agent.tools().items()}
        return {n: m["agents-x402/priceUSD"] for n, m in metas.items() if m.get("agents-x402/paymentRequired")}

"""A paywall as the published attacks find it deployed: it checks, forwards, settles, and believes what it is told."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import eth_abi
from chain import abi
from chain.authorizations import MAGIC_6492, transfer_call
from harness.http import Connection, fetch, wait_until
from harness.wallet import decode, encode


class Naive:
    """`believes`: what it takes for a settlement: "anything", the token's "state", or its own "receipt"."""

    def __init__(self, market, believes: str = "anything", pay_to: str | None = None):
        self.market, self.believes, self.calls, self.seen = market, believes, 0, set()
        self.pay_to = pay_to or market.payee.address
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Handler,), {"naive": self}))
        self.address = self.server.server_address
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def terms(self, target: str, *_) -> dict:
        return self.fetch(target).required["accepts"][0]

    def fetch(self, target, method="GET", headers=None, body=None, **options):
        with Connection(self.address, **options) as connection:
            return connection.request(method, target, headers, body)

    def offer(self) -> dict:
        network = self.market.node.network
        return {
            "scheme": "exact", "network": network.caip2, "asset": network.usdc, "amount": "20000", "payTo": self.pay_to,
            "maxTimeoutSeconds": 60, "extra": {"name": network.domain_name, "version": network.domain_version},
        }  # fmt: skip

    def chain(self, name: str, *arguments, **options):
        self.calls += 1
        return getattr(self.market.node, name)(*arguments, **options)

    def transact(self, to: str, data: bytes) -> str:
        return self.chain("transact", self.market.relayer.hex_key, to, "0x" + data.hex(), gas=400_000, priority_fee=10**9)

    def is_used(self, token: str, authorization: dict) -> bool:
        data = abi.call("authorizationState(address,bytes32)", authorization["from"].lower(), bytes.fromhex(authorization["nonce"][2:]))
        asked = {"jsonrpc": "2.0", "id": 1, "method": "eth_call", "params": [{"to": token, "data": "0x" + data.hex()}, "latest"]}
        answer = fetch(self.chain("url"), "POST", {"Content-Type": "application/json"}, json.dumps(asked).encode())
        return answer.json()["result"].endswith("1")

    def sell(self, path: str, payment: dict) -> tuple[int, bytes]:
        terms, authorization, signature = payment["accepted"], *map(payment["payload"].get, ("authorization", "signature"))
        if (path, signature) in self.seen:
            return 402, b"used"
        if signature.endswith(MAGIC_6492.hex()):
            factory, deployment, signature = eth_abi.decode(["address", "bytes", "bytes"], bytes.fromhex(signature[2:])[:-32])
            self.transact(factory, deployment)
            return 402, b"no wallet there yet"
        call = transfer_call(authorization, signature)
        if self.believes != "anything":
            refusal = self.chain("simulate", terms["asset"], "0x" + call.hex(), self.market.relayer.address)
            if refusal and not (self.believes == "state" and self.is_used(terms["asset"], authorization)):
                return 402, refusal.encode()
        answer = fetch(self.market.upstream.url + path)
        try:
            transaction = self.transact(terms["asset"], call)
            receipt = wait_until(lambda: self.market.node.receipt(transaction), 2)
            if self.believes == "receipt" and receipt["status"] != "0x1":
                return 402, b"settlement failed"
        except (AssertionError, TimeoutError):
            return 402, b"settlement timed out"
        except Exception:  # noqa: BLE001 as found: the error is logged, the answer goes out
            pass
        self.seen.add((path, signature))
        return answer.status, answer.body


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        header = self.headers.get("PAYMENT-SIGNATURE")
        status, body = self.naive.sell(self.path, decode(header)) if header else (402, b"pay")
        self.send_response(status)
        if status == 402:
            required = {"x402Version": 2, "error": body.decode(), "accepts": [self.naive.offer()]}
            self.send_header("PAYMENT-REQUIRED", encode(required))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

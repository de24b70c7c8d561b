"""A facilitator on a thread of the test: it settles honestly on the test chain, and goes wrong as it is told.

Faults are those of an RPC (chain.faults), set by path: "/verify", "/settle", "/supported". `effect` says whether the money
moves although the answer fails.
"""

import asyncio
import json
import threading

from harness.wallet import Wallet

from .authorizations import transfer_call
from .faults import Faults
from .http import Answer, Request, Server, broken
from .node import Node


class ScriptedFacilitator:
    def __init__(self, *nodes: Node, tls=None):
        self.nodes = {node.network.caip2: node for node in nodes} | {node.network.name: node for node in nodes}
        self.relayer = Wallet.fresh()
        for node in nodes:
            node.fund(self.relayer.address)
        self.faults = Faults()
        # What /supported says.
        self.kinds = [
            {"x402Version": version, "scheme": "exact", "network": name}
            for node in nodes
            for version, name in ((2, node.network.caip2), (1, node.network.name))
        ]
        # (path, JSON body, the head's bytes) of each request.
        self.requests: list[tuple[str, dict | None, bytes]] = []
        self.bearer: str | None = None
        # Signature → hash of what was sent for it.
        self.sent: dict[str, str] = {}
        self._server = Server(self._handle, tls=tls)
        ready = threading.Event()
        threading.Thread(target=self._run, args=(ready,), daemon=True, name="facilitator").start()
        ready.wait(10)

    def _run(self, ready: threading.Event):
        async def main():
            self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
            await self._server.start()
            ready.set()
            await self._end.wait()
            self._server.stop()

        asyncio.run(main())

    @property
    def url(self) -> str:
        return self._server.url

    def stop(self):
        self._loop.call_soon_threadsafe(self._end.set)

    def fault(self, path: str, kind: str, **options):
        self.faults.set(path, kind, **options)

    def clear(self):
        self.faults.clear()

    def asked(self, path: str) -> list[dict | None]:
        return [body for target, body, _ in list(self.requests) if target == path]

    # Serving

    def _handle(self, request: Request) -> Answer:
        try:
            body = json.loads(request.body) if request.body else None
        except ValueError:
            body = None
        self.requests.append((request.target, body, request.head))
        if self.bearer is not None and request.header("Authorization") != f"Bearer {self.bearer}":
            return Answer(b'{"error":"unauthorized"}', 401)
        fault = self.faults.of(request.target, request.body.decode("latin-1").lower())
        if fault is not None and fault.whole and fault.kind not in ("slow", "drip") and not fault.effect:
            if fault.then is not None:
                fault.then()
            return broken(fault)
        if fault is not None and fault.kind == "result" and not fault.effect and not fault.rewrite:
            return Answer(json.dumps(fault.value).encode(), fault.status or 200)
        value = self._work(request, body)
        if fault is None:
            return Answer(json.dumps(value).encode())
        if fault.then is not None:
            fault.then()
        if fault.kind == "result":
            value = fault.rewrite(body, value) if fault.rewrite else fault.value
            return Answer(json.dumps(value).encode(), fault.status or 200)
        if fault.kind == "slow":
            return Answer(json.dumps(value).encode(), delay_seconds=fault.seconds)
        if fault.kind == "drip":
            return Answer(json.dumps(value).encode(), drip_seconds=fault.seconds)
        return broken(fault)

    def _work(self, request: Request, body: dict | None) -> dict:
        if request.target == "/supported":
            return {"kinds": self.kinds, "extensions": [], "signers": {"eip155:*": [self.relayer.address]}}
        requirements, paid = body["paymentRequirements"], body["paymentPayload"]["payload"]
        node = self.nodes[requirements["network"]]
        call = transfer_call(paid["authorization"], paid["signature"])
        payer = paid["authorization"]["from"]
        if request.target == "/verify":
            refused = self._simulate(node, requirements["asset"], call)
            if refused:
                return {"isValid": False, "invalidReason": refused, "payer": payer}
            return {"isValid": True, "payer": payer}
        answer = {"network": requirements["network"], "payer": payer}
        known = self.sent.get(paid["signature"])
        if known is None:
            refused = self._simulate(node, requirements["asset"], call)
            if refused:
                return answer | {"success": False, "errorReason": refused, "transaction": ""}
            known = node.transact(self.relayer.hex_key, requirements["asset"], "0x" + call.hex())
            self.sent[paid["signature"]] = known
        receipt = node.receipt(known)
        if receipt is None:
            return answer | {"success": False, "errorReason": "settlement_pending", "transaction": known}
        if receipt["status"] != "0x1":
            return answer | {"success": False, "errorReason": "transaction_failed", "transaction": known}
        return answer | {"success": True, "transaction": known}

    def _simulate(self, node: Node, asset: str, call: bytes) -> str | None:
        """The code for what the token would say; None where it would move the money."""
        said = node.simulate(asset, "0x" + call.hex(), self.relayer.address)
        if said is None:
            return None
        if "used" in said or "expired" in said or "not yet" in said:
            return "invalid_exact_evm_nonce_already_used"
        return "invalid_exact_evm_insufficient_balance" if "balance" in said else "invalid_exact_evm_payload_signature"

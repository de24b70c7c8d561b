"""An RPC endpoint: its own port, faults and counters, over a chain that it may share with others."""

import json
from collections import Counter, deque

from .blockchain import Blockchain
from .faults import Fault, Faults
from .http import Answer, Request, Server, broken
from .methods import Methods, RPCError

PARSE_ERROR = {"jsonrpc": "2.0", "id": None, "error": {"code": -32700, "message": "parse error"}}
MOST_CALLS = 1000
_encode = json.JSONEncoder(separators=(",", ":")).encode


class Door:
    def __init__(self, chain: Blockchain, port: int = 0, tls=None):
        self.chain, self.methods, self.faults = chain, Methods(chain), Faults()
        self.server = Server(self.handle, port, tls)
        self.counts: Counter[str] = Counter()
        self.requests = 0
        # (method, params) of the latest calls.
        self.seen: deque = deque(maxlen=5000)
        # Seconds every answer takes: the way to a real RPC and back.
        self.latency = 0.0
        # A header every request must carry, as (name, value); else 401.
        self.required_header: tuple[str, str] | None = None

    def freeze(self):
        """From now on this RPC sees no new block, and nothing of the pool."""
        self.methods.stopped_at = list(self.chain.blocks)

    def thaw(self):
        self.methods.stopped_at = None

    def handle(self, request: Request) -> Answer:
        self.requests += 1
        if request.method != "POST":
            return Answer(b"", 405)
        if self.required_header and request.header(self.required_header[0]) != self.required_header[1]:
            return Answer(b'{"error":"unauthorized"}', 401)
        try:
            asked = json.loads(request.body)
        except ValueError:
            return Answer(_encode(PARSE_ERROR).encode())
        calls = asked if isinstance(asked, list) else [asked]
        if not calls or len(calls) > MOST_CALLS:
            error = {"code": -32600, "message": "batch too large" if calls else "empty batch"}
            return Answer(_encode({"jsonrpc": "2.0", "id": None, "error": error}).encode())
        faults, whole = self._faults(calls) if self.faults.by_method else ([None] * len(calls), None)
        if whole is not None and whole.kind in ("status", "garbage", "hang", "close") and not whole.effect:
            for call in calls:
                self._count(call)
            self._strike(faults)
            return broken(whole)
        replies = [self._reply(call, fault) for call, fault in zip(calls, faults)]
        self._strike(faults)
        answer = Answer(_encode(replies if isinstance(asked, list) else replies[0]).encode(), delay_seconds=self.latency)
        if whole is None:
            return answer
        if whole.kind == "slow":
            answer.delay_seconds += whole.seconds
        elif whole.kind == "drip":
            answer.drip_seconds = whole.seconds
        else:
            return broken(whole)
        return answer

    def _faults(self, calls) -> tuple[list[Fault | None], Fault | None]:
        found = [
            self.faults.of(call.get("method", ""), json.dumps(call.get("params")).lower()) if isinstance(call, dict) else None
            for call in calls
        ]
        return found, next((fault for fault in found if fault is not None and fault.whole), None)

    @staticmethod
    def _strike(faults: list[Fault | None]):
        for fault in faults:
            if fault is not None and fault.then is not None:
                fault.then()

    def _count(self, call):
        if isinstance(call, dict):
            self.counts[call.get("method")] += 1
            self.seen.append((call.get("method"), call.get("params")))

    def _reply(self, call, fault: Fault | None) -> dict:
        if not isinstance(call, dict) or not isinstance(call.get("method"), str):
            return {"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": "invalid request"}}
        self._count(call)
        reply = {"jsonrpc": "2.0", "id": call.get("id")}
        try:
            if fault is not None and fault.kind == "error" and not fault.effect:
                raise RPCError(fault.code, fault.message, fault.data)
            params = call.get("params") or []
            result = self.methods.ask(call["method"], params)
            if fault is not None and fault.kind == "error":
                raise RPCError(fault.code, fault.message, fault.data)
            if fault is not None and fault.kind == "result":
                result = fault.rewrite(params, result) if fault.rewrite else fault.value
            reply["result"] = result
        except RPCError as error:
            reply["error"] = error.json()
        return reply

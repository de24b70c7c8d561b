"""What tests tell a node: every public method here, in process or as `POST /` of [name, arguments, options] in JSON."""

import json

from . import abi
from .blockchain import Blockchain
from .door import Door
from .http import Answer, Request
from .methods import RPCError
from .transactions import address_of, sign

USED = "0x98de503528ee59b575ef0c0a2576a82497bfc029a5685b209e9ec333479b10a5"
CANCELED = "0x1cdd46ff242716cdaa72d159d339a485b3438398348d68f09d7c8c0a59353d81"
TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
SETTINGS = {
    "finality_depth", "safe_depth", "base_fee", "base_fee_moves", "suggested_priority", "clock_offset", "drop_next",
}
POOL_SETTINGS = {"order", "account_slots", "takes_unprotected"}


class Control:
    """Runs on the node's loop. Addresses in any case; amounts in units, ether in wei; blocks by number."""

    def __init__(self, node):
        self._node = node
        self._chain: Blockchain = node.chain
        self._doors: list[Door] = node.doors

    def _handle(self, request: Request) -> Answer:
        try:
            name, arguments, options = json.loads(request.body)
            if name.startswith("_") or name not in dir(Control):
                raise ValueError(f"no such command: {name}")
            return Answer(json.dumps({"result": getattr(self, name)(*arguments, **options)}).encode())
        except Exception as fault:  # noqa: BLE001 the other side raises it again
            return Answer(json.dumps({"error": f"{type(fault).__name__}: {fault}"}).encode(), 400)

    # Chain

    def mining(self, mode: str | float):
        """"auto", "manual", or seconds from one block to the next."""
        self._node.set_mining(mode)

    def mine(self, blocks: int = 1, empty: bool = False) -> int:
        return self._chain.mine(blocks, empty).number

    def reorg(self, depth: int, readd: bool = True, blocks: int = 0) -> list[str]:
        """Takes back `depth` blocks, then mines `blocks` empty ones. Gives the transactions that were taken back."""
        removed = self._chain.reorg(depth, readd)
        self._chain.mine(blocks, empty=True)
        return [transaction.hash for transaction in removed]

    def delay(self, seconds: list[float]):
        """The next transactions are visible to the miner only so much later."""
        self._chain.delay_next.extend(seconds)

    def evict(self, transaction: str | None = None) -> int:
        """Forgets one waiting transaction, or all."""
        found = [t for t in self._chain.pool.by_hash.values() if transaction in (None, t.hash)]
        for waiting in found:
            self._chain.pool.remove(waiting)
        return len(found)

    def set(self, **settings):
        """finality_depth, safe_depth, base_fee, base_fee_moves, suggested_priority, clock_offset, drop_next."""
        for name, value in settings.items():
            if name not in SETTINGS:
                raise ValueError(f"no such setting: {name}")
            setattr(self._chain, name, value)

    def pool(self, **settings):
        """order ("fee", "arrival", "newest", "shuffled"), account_slots, takes_unprotected."""
        for name, value in settings.items():
            if name not in POOL_SETTINGS:
                raise ValueError(f"no such setting: {name}")
            setattr(self._chain.pool, name, value)

    # State

    def fund(self, address: str, wei: int = 10**18):
        self._chain.change({"do": "fund", "address": address.lower(), "wei": wei})

    def mint(self, address: str, units: int, token: str | None = None):
        self._chain.change({"do": "mint", "token": self._token(token), "address": address.lower(), "units": units})

    def wallet(self, address: str, owner: str):
        """An ERC-1271 wallet stands there from now on."""
        self._chain.change({"do": "wallet", "address": address.lower(), "owner": owner.lower()})

    def delegate(self, address: str, to: str, owner: str | None = None):
        """EIP-7702 code; `owner` for a delegation to the wallet's code."""
        self._chain.change(
            {"do": "delegate", "address": address.lower(), "to": to.lower(), "owner": owner and owner.lower()}
        )

    def code(self, address: str, code: str):
        self._chain.change({"do": "code", "address": address.lower(), "code": code})

    def balance(self, address: str, token: str | None = None) -> int:
        data = abi.call("balanceOf(address)", address.lower())
        return int.from_bytes(self._chain.state.read("0x" + "0" * 40, self._token(token), data, 0, 1_000_000).output, "big")

    def wei(self, address: str) -> int:
        return self._chain.state.balance(address.lower())

    def nonce(self, address: str, pending: bool = False) -> int:
        if pending:
            return self._chain.pool.pending_nonce(address.lower(), self._chain.state)
        return self._chain.state.nonce(address.lower())

    def simulate(self, to: str, data: str, sender: str) -> str | None:
        """The text of eth_call's error at the head; None where it succeeds."""
        try:
            self._doors[0].methods.call([{"from": sender, "to": to, "data": data}, "latest"])
        except RPCError as fault:
            return fault.message

    def _token(self, token: str | None) -> str:
        return self._chain.genesis.usdc if token is None else token.lower()

    # Transactions of others

    def send(self, raw: str) -> str:
        return self._chain.send(bytes.fromhex(raw[2:])).hash

    def transact(self, key: str, to: str, data: str = "0x", **options) -> str:
        """Signs with the next nonce that waits, and sends."""
        secret = bytes.fromhex(key[2:])
        options.setdefault("nonce", self._chain.pool.pending_nonce(address_of(secret), self._chain.state))
        raw = sign(secret, self._chain.chain_id, to=to.lower(), data=bytes.fromhex(data[2:]), **options)
        return self._chain.send(raw).hash

    # What happened

    def head(self) -> dict:
        block = self._chain.head
        return {"number": block.number, "hash": block.hash, "timestamp": block.timestamp}

    def pending(self) -> list[dict]:
        """What waits, each as eth_getTransactionByHash shows it."""
        return [transaction.json() for transaction in self._chain.pool.by_hash.values()]

    def dropped(self) -> list[str]:
        return [transaction.hash for transaction in self._chain.dropped]

    def receipt(self, transaction: str) -> dict | None:
        found = self._chain.mined.get(transaction.lower())
        return found and found[0].receipts[found[1]]

    def payments(self, token: str | None = None) -> list[dict]:
        """Each AuthorizationUsed of the token on the chain as it is, with the token's next log of the same transaction."""
        token, found = self._token(token), []
        for block in self._chain.blocks:
            for index, transaction in enumerate(block.transactions):
                logs = [log for log in block.receipts[index]["logs"] if log["address"] == token]
                for log, follower in zip(logs, [*logs[1:], None]):
                    if log["topics"][0] == USED:
                        found.append(self._payment(log, follower, block, transaction))
        return found

    @staticmethod
    def _payment(log: dict, follower: dict | None, block, transaction) -> dict:
        payment = {
            "payer": "0x" + log["topics"][1][-40:], "nonce": log["topics"][2], "transaction": transaction.hash,
            "block": block.number, "relayer": transaction.sender, "to": None, "value": None,
        }
        if follower is not None and follower["topics"][0] == TRANSFER:
            payment |= {"to": "0x" + follower["topics"][2][-40:], "value": int(follower["data"], 16)}
        return payment

    def canceled(self, token: str | None = None) -> list[str]:
        """The nonces of every AuthorizationCanceled."""
        return [
            log["topics"][2]
            for block in self._chain.blocks
            for log in block.logs
            if log["address"] == self._token(token) and log["topics"][0] == CANCELED
        ]

    # RPC endpoints

    def fault(self, method: str, kind: str, door: int = 0, **options):
        self._doors[door].faults.set(method, kind, **options)

    def clear(self, method: str | None = None, door: int | None = None):
        for index, found in enumerate(self._doors):
            if door in (None, index):
                found.faults.clear(method)

    def freeze(self, door: int = 0):
        self._doors[door].freeze()

    def thaw(self, door: int = 0):
        self._doors[door].thaw()

    def latency(self, seconds: float, door: int = 0):
        self._doors[door].latency = seconds

    def logs_range_limit(self, blocks: int | None, door: int = 0):
        self._doors[door].methods.logs_range_limit = blocks

    def counts(self, door: int = 0) -> dict:
        """Calls by method; "http": requests, "connections": connections."""
        found = self._doors[door]
        return dict(found.counts) | {"http": found.requests, "connections": found.server.connections}

    def reset_counts(self, door: int = 0):
        found = self._doors[door]
        found.counts.clear()
        found.requests = found.server.connections = 0

    def seen(self, method: str, door: int = 0) -> list:
        """The parameters of the latest calls of a method."""
        return [params for name, params in self._doors[door].seen if name == method]

    def url(self, door: int = 0) -> str:
        return self._doors[door].server.url

    def close_door(self, door: int = 0):
        """Connections are refused from now on, and those that there are end."""
        self._doors[door].server.stop()

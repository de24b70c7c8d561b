"""The JSON-RPC methods over one view of a chain: its head, or a head at which an RPC has stopped."""

import re

from . import abi
from .blockchain import Blockchain
from .blocks import Block
from .pool import Refused
from .state import BLOCK_GAS_LIMIT, CannotRun, Outcome, State
from .transactions import BadTransaction

HEX = re.compile(r"0x[0-9a-fA-F]*\Z")
QUANTITY = re.compile(r"0x(0|[1-9a-fA-F][0-9a-fA-F]*)\Z")
NOBODY = "0x" + "00" * 20
CLIENT = "FareboxTestNode/1 (geth's shapes)"


class RPCError(Exception):
    def __init__(self, code: int, message: str, data: str | None = None):
        super().__init__(message)
        self.code, self.message, self.data = code, message, data

    def json(self) -> dict:
        found = {"code": self.code, "message": self.message}
        return found | ({"data": self.data} if self.data is not None else {})


def invalid(index: int, why: str) -> RPCError:
    return RPCError(-32602, f"invalid argument {index}: {why}")


def hex_bytes(params: list, index: int, size: int | None = None) -> bytes:
    text = params[index] if index < len(params) else None
    if text is None:
        raise RPCError(-32602, f"missing value for required argument {index}")
    if not isinstance(text, str) or not HEX.match(text) or len(text) % 2:
        raise invalid(index, "json: cannot unmarshal into Go value of type hexutil.Bytes")
    raw = bytes.fromhex(text[2:])
    if size is not None and len(raw) != size:
        raise invalid(index, f"hex string has length {2 * len(raw)}, want {2 * size}")
    return raw


def quantity(text, index: int) -> int:
    if not isinstance(text, str) or not QUANTITY.match(text):
        raise invalid(index, "json: cannot unmarshal invalid hex string into Go value of type hexutil.Uint64")
    return int(text, 16)


class Methods:
    def __init__(self, chain: Blockchain):
        self.chain = chain
        # The blocks of a node that has stopped; None: the chain's own.
        self.stopped_at: list[Block] | None = None
        self.logs_range_limit: int | None = None
        self.table = {
            "eth_chainId": self.chain_id,
            "net_version": lambda params: str(self.chain.chain_id),
            "web3_clientVersion": lambda params: CLIENT,
            "eth_syncing": lambda params: False,
            "eth_blockNumber": lambda params: hex(self.blocks[-1].number),
            "eth_getBlockByNumber": self.block_by_number,
            "eth_getBlockByHash": self.block_by_hash,
            "eth_getBalance": self.balance,
            "eth_getCode": self.code,
            "eth_getStorageAt": self.storage,
            "eth_getTransactionCount": self.transaction_count,
            "eth_call": self.call,
            "eth_estimateGas": self.estimate_gas,
            "eth_gasPrice": lambda params: hex(self.chain.next_base_fee() + self.chain.suggested_priority),
            "eth_maxPriorityFeePerGas": lambda params: hex(self.chain.suggested_priority),
            "eth_feeHistory": self.fee_history,
            "eth_sendRawTransaction": self.send,
            "eth_getTransactionReceipt": self.receipt,
            "eth_getTransactionByHash": self.transaction,
            "eth_getLogs": self.logs,
        }

    @property
    def blocks(self) -> list[Block]:
        return self.chain.blocks if self.stopped_at is None else self.stopped_at

    def ask(self, method: str, params: list):
        """The result, or RPCError."""
        found = self.table.get(method)
        if found is None:
            raise RPCError(-32601, f"the method {method} does not exist/is not available")
        return found(params)

    # Blocks

    def chain_id(self, params):
        return hex(self.chain.chain_id)

    def number(self, tag, index: int) -> int | None:
        """The number that a tag names; None: no such block."""
        head = self.blocks[-1].number
        if tag is None or tag in ("latest", "pending"):
            return head
        if tag == "finalized":
            return max(0, head - self.chain.finality_depth)
        if tag == "safe":
            return max(0, head - self.chain.safe_depth)
        if tag == "earliest":
            return 0
        if isinstance(tag, dict):
            if "blockHash" in tag:
                block = self.chain.by_hash.get(tag["blockHash"])
                return block.number if block else None
            tag = tag.get("blockNumber")
        number = quantity(tag, index)
        return number if number <= head else None

    def block_by_number(self, params):
        if len(params) < 2 or not isinstance(params[1], bool):
            raise RPCError(-32602, "missing value for required argument 1")
        number = self.number(params[0], 0)
        return None if number is None else self.blocks[number].json(params[1])

    def block_by_hash(self, params):
        if len(params) < 2 or not isinstance(params[1], bool):
            raise RPCError(-32602, "missing value for required argument 1")
        wanted = "0x" + hex_bytes(params, 0, 32).hex()
        block = self.chain.by_hash.get(wanted)
        if self.stopped_at is not None:
            block = next((b for b in self.stopped_at if b.hash == wanted), None)
        return None if block is None else block.json(params[1])

    # State

    def state(self, params: list, index: int) -> tuple[State, Block]:
        number = self.number(params[index] if index < len(params) else None, index)
        if number is None:
            raise RPCError(-32000, "header not found")
        return self.chain.state_at(self.blocks, number), self.blocks[number]

    def address(self, params: list, index: int) -> str:
        return "0x" + hex_bytes(params, index, 20).hex()

    def balance(self, params):
        address = self.address(params, 0)
        return hex(self.state(params, 1)[0].balance(address))

    def code(self, params):
        address = self.address(params, 0)
        return "0x" + self.state(params, 1)[0].code(address).hex()

    def storage(self, params):
        address, slot = self.address(params, 0), int.from_bytes(hex_bytes(params, 1), "big")
        return "0x%064x" % self.state(params, 2)[0].storage(address, slot)

    def transaction_count(self, params):
        address = self.address(params, 0)
        if len(params) > 1 and params[1] == "pending" and self.stopped_at is None:
            return hex(self.chain.pool.pending_nonce(address, self.chain.state))
        return hex(self.state(params, 1)[0].nonce(address))

    # Calls

    def _run(self, params: list, gas_if_unsaid: int) -> Outcome:
        message = params[0] if params else None
        if not isinstance(message, dict):
            raise RPCError(-32602, "missing value for required argument 0")
        to = message.get("to")
        if to is None:
            raise RPCError(-32000, "contract creation is not supported by this node")
        sender = self.address([message.get("from") or NOBODY], 0)
        data = hex_bytes([message.get("input") or message.get("data") or "0x"], 0)
        value = quantity(message.get("value") or "0x0", 0)
        gas = min(quantity(message["gas"], 0), gas_if_unsaid) if message.get("gas") else gas_if_unsaid
        state, block = self.state(params, 1)
        timestamp = block.timestamp
        if block is self.chain.head and not isinstance(self.chain.mining, (int, float)):
            # No block comes while nothing is sent: time passes all the same.
            timestamp = self.chain.next_timestamp()
        state.enter(block.number, timestamp, block.base_fee)
        try:
            return state.read(sender, self.address([to], 0), data, value, gas)
        except CannotRun as fault:
            text = str(fault)
            if "LackOfFund" in text:
                have = state.balance(sender)
                text = f"err: insufficient funds for transfer: address {sender} have {have} want {value}"
            elif "CallGasCostMoreThanGasLimit" in text:
                text = f"err: intrinsic gas too low: have {gas}, want 21000 (supplied gas {gas})"
            raise RPCError(-32000, text) from None

    @staticmethod
    def _failed(outcome: Outcome) -> RPCError:
        if outcome.halt is not None:
            text = {"OutOfGas": "out of gas", "InvalidJump": "invalid jump destination"}.get(outcome.halt.split("(")[0])
            return RPCError(-32000, text or outcome.halt)
        if not outcome.output:
            return RPCError(-32000, "execution reverted")
        why = abi.reason(outcome.output)
        return RPCError(3, "execution reverted" + (f": {why}" if why is not None else ""), "0x" + outcome.output.hex())

    def call(self, params):
        outcome = self._run(params, 50_000_000)
        if not outcome.success:
            raise self._failed(outcome)
        return "0x" + outcome.output.hex()

    def estimate_gas(self, params):
        """What it used and a quarter more, in the place of geth's search: enough where a callee gets 63/64 of the rest."""
        outcome = self._run(params, BLOCK_GAS_LIMIT)
        if not outcome.success:
            raise self._failed(outcome)
        return hex(outcome.gas_used if outcome.gas_used == 21000 else outcome.gas_used * 5 // 4)

    # Fees

    def fee_history(self, params):
        count = params[0] if isinstance(params[0], int) else quantity(params[0], 0)
        newest = self.number(params[1], 1)
        if newest is None:
            raise RPCError(-32000, "request beyond head block")
        count = max(1, min(count, newest + 1, 1024))
        span = self.blocks[newest - count + 1 : newest + 1]
        after = self.blocks[newest + 1].base_fee if newest + 1 < len(self.blocks) else self.chain.next_base_fee()
        found = {
            "oldestBlock": hex(span[0].number),
            "baseFeePerGas": [hex(b.base_fee) for b in span] + [hex(after)],
            "gasUsedRatio": [b.gas_used / BLOCK_GAS_LIMIT for b in span],
        }
        if len(params) > 2 and params[2]:
            found["reward"] = [[hex(self.chain.suggested_priority)] * len(params[2]) for _ in span]
        return found

    # Transactions

    def send(self, params):
        try:
            return self.chain.send(hex_bytes(params, 0)).hash
        except (BadTransaction, Refused) as fault:
            raise RPCError(-32000, str(fault)) from None

    def _mined(self, params) -> tuple[Block, int] | None:
        wanted = "0x" + hex_bytes(params, 0, 32).hex()
        if self.stopped_at is None:
            return self.chain.mined.get(wanted)
        for block in reversed(self.stopped_at):
            for index, transaction in enumerate(block.transactions):
                if transaction.hash == wanted:
                    return block, index
        return None

    def receipt(self, params):
        found = self._mined(params)
        return found and found[0].receipts[found[1]]

    def transaction(self, params):
        found = self._mined(params)
        if found:
            return found[0].transactions[found[1]].json(*found)
        waiting = self.chain.pool.by_hash.get(params[0].lower()) if self.stopped_at is None else None
        return waiting and waiting.json()

    # Logs

    def logs(self, params):
        wanted = params[0] if params and isinstance(params[0], dict) else {}
        if wanted.get("blockHash"):
            block = next((b for b in reversed(self.blocks) if b.hash == wanted["blockHash"].lower()), None)
            if block is None:
                raise RPCError(-32000, "unknown block")
            span = [block]
        else:
            span = self._span(wanted)
        addresses = wanted.get("address") or None
        if addresses is not None:
            addresses = {a.lower() for a in ([addresses] if isinstance(addresses, str) else addresses)}
        topics = []
        for position, choice in enumerate(wanted.get("topics") or []):
            choice = [choice] if isinstance(choice, str) else choice
            if choice:
                topics.append((position, {t.lower() for t in choice}))
        least = max([position for position, _ in topics], default=-1) + 1
        return [
            log
            for block in span
            for log in block.logs
            if (addresses is None or log["address"] in addresses)
            and len(log["topics"]) >= least
            and all([log["topics"][position] in choice for position, choice in topics])
        ]

    def _span(self, wanted: dict) -> list[Block]:
        head = self.blocks[-1].number

        def edge(tag) -> int:
            number = self.number(tag, 0)
            return quantity(tag, 0) if number is None else number

        low, high = edge(wanted.get("fromBlock")), edge(wanted.get("toBlock"))
        if low > high:
            raise RPCError(-32000, "invalid block range params")
        if self.logs_range_limit is not None and high - low + 1 > self.logs_range_limit:
            raise RPCError(-32005, f"query exceeds max block range {self.logs_range_limit}")
        return self.blocks[low : min(high, head) + 1]

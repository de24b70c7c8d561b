"""Blocks with what they hold, as JSON-RPC shows them."""

from dataclasses import dataclass, field

from harness.wallet import keccak256

from .state import BLOCK_GAS_LIMIT, COINBASE
from .transactions import Transaction

ZERO = "0x" + "00" * 32
NO_BLOOM = "0x" + "00" * 256


@dataclass(slots=True)
class Block:
    number: int
    hash: str
    parent: str
    timestamp: int
    base_fee: int
    gas_used: int = 0
    transactions: list[Transaction] = field(default_factory=list)
    receipts: list[dict] = field(default_factory=list)
    # As eth_getLogs gives them, in order.
    logs: list[dict] = field(default_factory=list)

    def json(self, full: bool) -> dict:
        return {
            "number": hex(self.number),
            "hash": self.hash,
            "parentHash": self.parent,
            "timestamp": hex(self.timestamp),
            "baseFeePerGas": hex(self.base_fee),
            "gasUsed": hex(self.gas_used),
            "gasLimit": hex(BLOCK_GAS_LIMIT),
            "transactions": [
                t.json(self, i) if full else t.hash for i, t in enumerate(self.transactions)
            ],
            "miner": COINBASE,
            "difficulty": "0x0",
            "extraData": "0x",
            "logsBloom": NO_BLOOM,
            "mixHash": ZERO,
            "nonce": "0x0000000000000000",
            "receiptsRoot": ZERO,
            "sha3Uncles": ZERO,
            "size": "0x400",
            "stateRoot": ZERO,
            "transactionsRoot": ZERO,
            "uncles": [],
        }


def block_hash(parent: str, number: int, timestamp: int, base_fee: int, fork: int, transactions: list[Transaction]) -> str:
    """Not a real header's hash, but as unlike for unlike blocks; `fork` tells twins of two branches apart."""
    head = b"%d %d %d %d %d" % (number, timestamp, base_fee, fork, len(transactions))
    return "0x" + keccak256(head + parent.encode() + b"".join([t.hash.encode() for t in transactions])).hex()


def seal(block: Block, outcomes: list):
    """Receipts and logs, once the block's hash is known."""
    number, gas_so_far, log_index = hex(block.number), 0, 0
    for index, (transaction, outcome) in enumerate(zip(block.transactions, outcomes)):
        gas_so_far += outcome.gas_used
        logs = []
        for event in outcome.logs:
            logs.append(
                {
                    "address": event.address.lower(),
                    "topics": event.topics,
                    "data": "0x" + event.data[1].hex(),
                    "blockNumber": number,
                    "blockHash": block.hash,
                    "transactionHash": transaction.hash,
                    "transactionIndex": hex(index),
                    "logIndex": hex(log_index),
                    "removed": False,
                }
            )
            log_index += 1
        block.logs += logs
        block.receipts.append(
            {
                "transactionHash": transaction.hash,
                "transactionIndex": hex(index),
                "blockHash": block.hash,
                "blockNumber": number,
                "from": transaction.sender,
                "to": transaction.to,
                "cumulativeGasUsed": hex(gas_so_far),
                "gasUsed": hex(outcome.gas_used),
                "effectiveGasPrice": hex(transaction.price(block.base_fee)),
                "contractAddress": None,
                "logs": logs,
                "logsBloom": NO_BLOOM,
                "status": "0x1" if outcome.success else "0x0",
                "type": hex(transaction.type),
            }
        )
    block.gas_used = gas_so_far

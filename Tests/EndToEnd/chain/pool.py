"""Transactions that wait: admission by geth's rules and in its words, gaps held, replacement by +10 % of both fees."""

import heapq
import itertools
import random
import time

from .state import BLOCK_GAS_LIMIT, State
from .transactions import Transaction


class Refused(Exception):
    """Its text is geth's; the code is -32000."""


class Pool:
    def __init__(self, chain_id: int):
        self.chain_id = chain_id
        self.senders: dict[str, dict[int, Transaction]] = {}
        self.by_hash: dict[str, Transaction] = {}
        self.arrivals = itertools.count()
        self.arrived: dict[str, int] = {}
        # How blocks are filled: "fee", "arrival", "newest" first, or "shuffled". A sender's nonces stay in order.
        self.order = "fee"
        self.random = random.Random(1)
        # Legacy transactions that name no chain, which geth refuses by default.
        self.takes_unprotected = False
        # A sender may have this many waiting; None: any number.
        self.account_slots: int | None = None

    def check(self, transaction: Transaction, state: State):
        """Raises Refused, in the order of geth's checks."""
        if transaction.hash in self.by_hash:
            raise Refused("already known")
        if transaction.chain_id == 0 and not self.takes_unprotected:
            raise Refused("only replay-protected (EIP-155) transactions allowed over RPC")
        if transaction.chain_id not in (0, self.chain_id):
            raise Refused(f"invalid chain id for signer: have {transaction.chain_id} want {self.chain_id}")
        if transaction.to is None:
            raise Refused("contract creation is not supported by this node")
        if transaction.gas_limit > BLOCK_GAS_LIMIT:
            raise Refused("exceeds block gas limit")
        if transaction.priority_fee > transaction.max_fee:
            raise Refused(
                f"max priority fee per gas higher than max fee per gas: address {transaction.sender}, "
                f"maxPriorityFeePerGas: {transaction.priority_fee}, maxFeePerGas: {transaction.max_fee}"
            )
        if transaction.gas_limit < transaction.intrinsic_gas:
            raise Refused(
                f"intrinsic gas too low: gas {transaction.gas_limit}, minimum needed {transaction.intrinsic_gas}"
            )
        next_nonce = state.nonce(transaction.sender)
        if transaction.nonce < next_nonce:
            raise Refused(f"nonce too low: next nonce {next_nonce}, tx nonce {transaction.nonce}")
        waiting = self.senders.get(transaction.sender, {})
        old = waiting.get(transaction.nonce)
        balance = state.balance(transaction.sender)
        if balance < transaction.most_cost:
            raise Refused(
                f"insufficient funds for gas * price + value: balance {balance}, tx cost {transaction.most_cost}, "
                f"overshot {transaction.most_cost - balance}"
            )
        queued = sum([t.most_cost for t in waiting.values() if t is not old])
        if balance < queued + transaction.most_cost:
            raise Refused(
                f"insufficient funds for gas * price + value: balance {balance}, queued cost {queued}, "
                f"tx cost {transaction.most_cost}, overshot {queued + transaction.most_cost - balance}"
            )
        if old is None and self.account_slots is not None and len(waiting) >= self.account_slots:
            raise Refused("account limit exceeded: pooled %d txs" % len(waiting))
        if old is not None and (
            transaction.max_fee * 10 < old.max_fee * 11 or transaction.priority_fee * 10 < old.priority_fee * 11
        ):
            raise Refused("replacement transaction underpriced")

    def put(self, transaction: Transaction):
        """Without a check; in the place of one with the same nonce."""
        waiting = self.senders.setdefault(transaction.sender, {})
        old = waiting.get(transaction.nonce)
        if old is not None:
            self.remove(old)
            waiting = self.senders.setdefault(transaction.sender, {})
        waiting[transaction.nonce] = transaction
        self.by_hash[transaction.hash] = transaction
        self.arrived[transaction.hash] = next(self.arrivals)

    def remove(self, transaction: Transaction):
        waiting = self.senders.get(transaction.sender, {})
        if waiting.get(transaction.nonce) is transaction:
            del waiting[transaction.nonce]
            if not waiting:
                del self.senders[transaction.sender]
        self.by_hash.pop(transaction.hash, None)
        self.arrived.pop(transaction.hash, None)

    def pending_nonce(self, sender: str, state: State) -> int:
        """The nonce after all that could be mined one after the other."""
        nonce, waiting = state.nonce(sender), self.senders.get(sender, {})
        while nonce in waiting:
            nonce += 1
        return nonce

    def _rank(self, transaction: Transaction, base_fee: int):
        match self.order:
            case "arrival":
                return self.arrived[transaction.hash]
            case "newest":
                return -self.arrived[transaction.hash]
            case "shuffled":
                return self.random.random()
        return (base_fee - transaction.price(base_fee), self.arrived[transaction.hash])

    def drain(self, state: State, base_fee: int):
        """What may go into the next block, in order; removed from the pool as it is taken. The caller executes each before
        asking for the next, and may stop."""
        now, heap = time.monotonic(), []

        def offer(sender: str):
            waiting = self.senders.get(sender, {})
            next_nonce = state.nonce(sender)
            for stale in [n for n in waiting if n < next_nonce]:
                self.remove(waiting[stale])
            found = waiting.get(next_nonce)
            if found is not None and found.visible_at <= now and found.max_fee >= base_fee:
                heapq.heappush(heap, (self._rank(found, base_fee), found.hash, found))

        for sender in list(self.senders):
            offer(sender)
        while heap:
            _, _, found = heapq.heappop(heap)
            self.remove(found)
            if state.balance(found.sender) < found.most_cost:
                continue
            yield found
            offer(found.sender)

"""One chain: blocks, the state at its head, the pool; mining, reorganizations, and the state at former blocks."""

import time
from collections import deque

from . import genesis as first
from .blocks import ZERO, Block, block_hash, seal
from .genesis import Genesis
from .pool import Pool, Refused
from .state import BLOCK_GAS_LIMIT, State
from .transactions import Transaction, decode

LOWEST_BASE_FEE = 7


class Blockchain:
    """Nothing here knows threads or sockets; time is the wall clock's."""

    def __init__(self, genesis: Genesis, base_fee: int = 10_000_000):
        self.genesis = genesis
        self.chain_id = genesis.network.chain_id
        self.pool = Pool(self.chain_id)
        # "auto": a block for each transaction that comes; "manual": only by `mine`; a number: a block each so many seconds.
        self.mining: str | float = "auto"
        self.finality_depth, self.safe_depth = 64, 32
        # The base fee of every block until `base_fee_moves`; then it follows EIP-1559, never below this.
        self.base_fee, self.base_fee_moves = base_fee, False
        self.suggested_priority = 1_000_000
        # Added to the wall clock for every block from now on.
        self.clock_offset = 0
        self.fork = 0
        # (number of the block after which it was made, change): see genesis.apply.
        self.changes: list[tuple[int, dict]] = []
        # The next transactions are answered as if taken, and forgotten, or become visible to the miner later.
        self.drop_next, self.delay_next = 0, deque()
        self.dropped: list[Transaction] = []
        # Called with the seconds after which `mine_what_waits` will find what it does not see yet.
        self.when_visible = lambda seconds: None
        self.mined: dict[str, tuple[Block, int]] = {}
        self.state = genesis.state()
        now = int(time.time())
        self.blocks = [Block(0, block_hash(ZERO, 0, now, base_fee, 0, []), ZERO, now, base_fee)]
        self.by_hash = {self.blocks[0].hash: self.blocks[0]}
        self._former: tuple[str, State] | None = None

    @property
    def head(self) -> Block:
        return self.blocks[-1]

    # Sending

    def send(self, raw: bytes) -> Transaction:
        """Raises BadTransaction and Refused."""
        transaction = decode(raw)
        if transaction.hash in self.mined:
            raise Refused("already known")
        self.pool.check(transaction, self.state)
        if self.drop_next > 0:
            self.drop_next -= 1
            self.dropped.append(transaction)
            return transaction
        if self.delay_next:
            transaction.visible_at = time.monotonic() + self.delay_next.popleft()
        self.pool.put(transaction)
        if self.mining == "auto":
            self.mine_what_waits()
            if transaction.visible_at:
                self.when_visible(transaction.visible_at - time.monotonic())
        return transaction

    # Mining

    def mine_what_waits(self):
        """Blocks until nothing more can go into one."""
        while self._mine(False, one_only=True):
            pass

    def mine(self, blocks: int = 1, empty: bool = False) -> Block:
        """`empty`: the pool stays as it is."""
        for _ in range(blocks):
            self._mine(empty)
        return self.head

    def next_base_fee(self) -> int:
        if not self.base_fee_moves:
            return self.base_fee
        parent, target = self.head, BLOCK_GAS_LIMIT // 2
        change = parent.base_fee * abs(parent.gas_used - target) // target // 8
        if parent.gas_used > target:
            return parent.base_fee + max(change, 1)
        return max(parent.base_fee - change, self.base_fee, LOWEST_BASE_FEE)

    def next_timestamp(self) -> int:
        """Close to the wall clock. Rising, where blocks are a second apart; else never falling, as on Arbitrum."""
        now, rises = int(time.time()) + self.clock_offset, isinstance(self.mining, (int, float)) and self.mining >= 1
        return max(now, self.head.timestamp + rises)

    def _mine(self, empty: bool, one_only: bool = False) -> bool:
        number, timestamp, base_fee = self.head.number + 1, self.next_timestamp(), self.next_base_fee()
        taken, outcomes, gas = [], [], 0
        if not empty and self.pool.senders:
            self.state.enter(number, timestamp, base_fee)
            for transaction in self.pool.drain(self.state, base_fee):
                if gas + transaction.gas_limit > BLOCK_GAS_LIMIT:
                    self.pool.put(transaction)
                    break
                outcome = self.state.execute(transaction, base_fee)
                gas += outcome.gas_used
                taken.append(transaction)
                outcomes.append(outcome)
                if one_only:
                    break
        if one_only and not taken:
            return False
        self._append(number, timestamp, base_fee, taken, outcomes)
        return True

    def _append(self, number, timestamp, base_fee, transactions, outcomes):
        found = block_hash(self.head.hash, number, timestamp, base_fee, self.fork, transactions)
        block = Block(number, found, self.head.hash, timestamp, base_fee, transactions=transactions)
        seal(block, outcomes)
        self.blocks.append(block)
        self.by_hash[found] = block
        for index, transaction in enumerate(transactions):
            self.mined[transaction.hash] = (block, index)

    # Going back

    def reorg(self, depth: int, readd: bool = True) -> list[Transaction]:
        """Takes back the last blocks. Their transactions wait again, or are gone; given in the order they had."""
        depth = min(depth, self.head.number)
        removed = self.blocks[len(self.blocks) - depth :]
        del self.blocks[len(self.blocks) - depth :]
        self.fork += 1
        for block in removed:
            del self.by_hash[block.hash]
        transactions = [t for block in removed for t in block.transactions]
        for transaction in transactions:
            del self.mined[transaction.hash]
        self.changes = [(min(number, self.head.number), change) for number, change in self.changes]
        self.state = self.replay(self.blocks)
        if readd:
            for transaction in transactions:
                waiting = self.pool.senders.get(transaction.sender, {})
                if transaction.nonce not in waiting:
                    self.pool.put(transaction)
        else:
            self.dropped += transactions
        return transactions

    def change(self, change: dict):
        """Alters the state by hand, at the head; kept when blocks are taken back."""
        self.state.enter(self.head.number, self.head.timestamp, self.head.base_fee)
        first.apply(self.state, change)
        self.changes.append((self.head.number, change))
        self._former = None

    # Former states

    def replay(self, blocks: list[Block], state: State | None = None, after: int = -1) -> State:
        """The state at the end of `blocks`: everything once more, from genesis or from `state`, which is that of `after`."""
        state = state or self.genesis.state()
        changes = {}
        for number, change in self.changes:
            changes.setdefault(number, []).append(change)
        for block in blocks[after + 1 :]:
            state.enter(block.number, block.timestamp, block.base_fee)
            for transaction in block.transactions:
                state.execute(transaction, block.base_fee)
            for change in changes.get(block.number, ()):
                first.apply(state, change)
        return state

    def state_at(self, blocks: list[Block], number: int) -> State:
        """The state of a former block; the last one asked for is kept, and moved forward where that is what is asked."""
        wanted = blocks[: number + 1]
        if wanted[-1] is self.head:
            return self.state
        if self._former is not None:
            kept_hash, kept = self._former
            at = next((b.number for b in reversed(wanted) if b.hash == kept_hash), None)
            if at is not None:
                self._former = (wanted[-1].hash, self.replay(wanted, kept, at))
                return self._former[1]
        self._former = (wanted[-1].hash, self.replay(wanted))
        return self._former[1]

    def split(self) -> "Blockchain":
        """A chain of its own that shares the past: from here on the two disagree."""
        twin = Blockchain(self.genesis, self.base_fee)
        twin.blocks, twin.by_hash, twin.mined = list(self.blocks), dict(self.by_hash), dict(self.mined)
        twin.changes = list(self.changes)
        twin.mining, twin.fork = self.mining, self.fork + 1000
        twin.finality_depth, twin.safe_depth = self.finality_depth, self.safe_depth
        twin.state = twin.replay(twin.blocks)
        return twin

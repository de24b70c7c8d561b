"""The state of the chain at one block: pyrevm, with the nonces and fees that it does not keep by itself.

Met on the way: `commit()` must pair with `snapshot()` (a lone one makes every later call fail with CallTooDeep), so effects
are kept by calling without a snapshot, and reads are undone by `revert`. Storage stays warm from one transaction to the
next, so gas is somewhat below a real chain's. EIP-7702 code is not executed: see `delegate`.
"""

from dataclasses import dataclass

import pyrevm

from .transactions import Transaction

SPEC = "CANCUN"
COINBASE = "0x00000000000000000000000000000000000c0feb"
BLOCK_GAS_LIMIT = 60_000_000
REVERT = "Revert { gas_used: "
# EIP-1167: runs another contract's code on this account's storage, which is what an EIP-7702 delegation does.
MINIMAL_PROXY = "363d3d373d3d3d363d73%s5af43d82803e903d91602b57fd5bf3"


@dataclass(slots=True)
class Outcome:
    success: bool
    output: bytes
    gas_used: int
    logs: list
    # Why it failed, other than by REVERT: "OutOfGas", "InvalidJump".
    halt: str | None = None


class CannotRun(Exception):
    """The call never started: intrinsic gas, or no money for the value."""


class State:
    def __init__(self, chain_id: int):
        self.evm = pyrevm.EVM(spec_id=SPEC, env=pyrevm.Env(cfg=pyrevm.CfgEnv(chain_id=chain_id)))
        self.nonces: dict[str, int] = {}
        # What eth_getCode says where it is not what runs.
        self.shown_codes: dict[str, bytes] = {}

    # Block

    def enter(self, number: int, timestamp: int, base_fee: int):
        """What follows runs in this block."""
        self.evm.set_block_env(
            pyrevm.BlockEnv(
                number=number, timestamp=timestamp, basefee=base_fee, gas_limit=BLOCK_GAS_LIMIT, coinbase=COINBASE
            )
        )

    # Reads

    def nonce(self, address: str) -> int:
        return self.nonces.get(address, 0)

    def balance(self, address: str) -> int:
        return self.evm.get_balance(address)

    def code(self, address: str) -> bytes:
        return self.shown_codes.get(address) or self.evm.get_code(address) or b""

    def storage(self, address: str, slot: int) -> int:
        return self.evm.storage(address, slot)

    # Calls

    def read(self, sender: str, to: str, data: bytes, value: int, gas: int) -> Outcome:
        """Runs and takes everything back."""
        checkpoint = self.evm.snapshot()
        try:
            return self.run(sender, to, data, value, gas)
        finally:
            self.evm.revert(checkpoint)
            self.evm.reset_transient_storage()

    def run(self, sender: str, to: str, data: bytes, value: int, gas: int) -> Outcome:
        """Runs and keeps what was done; a call that fails keeps nothing."""
        evm = self.evm
        try:
            output = evm.message_call(caller=sender, to=to, calldata=data, value=value, gas=gas)
        except RuntimeError as fault:
            text = str(fault)
            if text.startswith(REVERT):
                output = bytes.fromhex(text.rsplit("0x", 1)[1].rstrip(" }"))
                return Outcome(False, output, evm.result.gas_used, [])
            if text.startswith("Halt"):
                return Outcome(False, b"", evm.result.gas_used, [], text.split("reason: ")[1].split(",")[0])
            raise CannotRun(text) from None
        return Outcome(True, output, evm.result.gas_used, evm.result.logs)

    def execute(self, transaction: Transaction, base_fee: int) -> Outcome:
        """A transaction with its fees. The caller has checked nonce and balance."""
        sender, evm = transaction.sender, self.evm
        price = transaction.price(base_fee)
        self.nonces[sender] = transaction.nonce + 1
        bought = transaction.gas_limit * price
        evm.set_balance(sender, evm.get_balance(sender) - bought)
        try:
            outcome = self.run(sender, transaction.to, transaction.data, transaction.value, transaction.gas_limit)
        except CannotRun as fault:
            outcome = Outcome(False, b"", transaction.gas_limit, [], str(fault))
        evm.reset_transient_storage()
        evm.set_balance(sender, evm.get_balance(sender) + bought - outcome.gas_used * price)
        evm.set_balance(COINBASE, evm.get_balance(COINBASE) + outcome.gas_used * (price - base_fee))
        return outcome

    # What genesis and tests put there by hand

    def set_balance(self, address: str, wei: int):
        self.evm.set_balance(address, wei)

    def set_storage(self, address: str, slot: int, value: int):
        self.evm.insert_account_storage(address, slot, value)

    def put_code(self, address: str, code: bytes):
        self.evm.insert_account_info(
            address, pyrevm.AccountInfo(balance=self.balance(address), nonce=self.nonce(address), code=code)
        )

    def delegate(self, address: str, to: str):
        """EIP-7702: eth_getCode says 0xef0100‖to; a minimal proxy runs, since pyrevm does not follow delegations."""
        self.put_code(address, bytes.fromhex(MINIMAL_PROXY % to[2:]))
        self.shown_codes[address] = b"\xef\x01\x00" + bytes.fromhex(to[2:])

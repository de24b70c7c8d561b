"""Signed transactions: EIP-1559 (type 2) and legacy with EIP-155. Decoding recovers the sender; signing is for tests."""

from dataclasses import dataclass

import coincurve
from harness.wallet import CURVE_ORDER, keccak256

from . import rlp


class BadTransaction(ValueError):
    """Its text is what geth would answer."""


@dataclass(slots=True)
class Transaction:
    raw: bytes
    hash: str
    type: int
    chain_id: int
    nonce: int
    priority_fee: int
    max_fee: int
    gas_limit: int
    to: str | None
    value: int
    data: bytes
    y_parity: int
    r: int
    s: int
    sender: str
    # Set by the pool: not mined before this moment of time.monotonic().
    visible_at: float = 0.0

    def price(self, base_fee: int) -> int:
        """Effective wei per gas."""
        return min(self.max_fee, base_fee + self.priority_fee)

    @property
    def most_cost(self) -> int:
        return self.gas_limit * self.max_fee + self.value

    @property
    def intrinsic_gas(self) -> int:
        zeros = self.data.count(0)
        return 21000 + 4 * zeros + 16 * (len(self.data) - zeros)

    def json(self, block=None, index: int | None = None) -> dict:
        price = self.max_fee if block is None else self.price(block.base_fee)
        found = {
            "blockHash": block and block.hash,
            "blockNumber": hex(block.number) if block else None,
            "from": self.sender,
            "gas": hex(self.gas_limit),
            "gasPrice": hex(price),
            "hash": self.hash,
            "input": "0x" + self.data.hex(),
            "nonce": hex(self.nonce),
            "to": self.to,
            "transactionIndex": None if index is None else hex(index),
            "value": hex(self.value),
            "type": hex(self.type),
            "chainId": hex(self.chain_id),
            "r": hex(self.r),
            "s": hex(self.s),
        }
        if self.type == 2:
            return found | {
                "maxFeePerGas": hex(self.max_fee), "maxPriorityFeePerGas": hex(self.priority_fee),
                "accessList": [], "v": hex(self.y_parity), "yParity": hex(self.y_parity),
            }
        return found | {"v": hex(self.y_parity + (35 + 2 * self.chain_id if self.chain_id else 27))}


def address_of(key: coincurve.PrivateKey | bytes) -> str:
    """In lower case."""
    return _address(_private(key).public_key)


def _private(key) -> coincurve.PrivateKey:
    return key if isinstance(key, coincurve.PrivateKey) else coincurve.PrivateKey(key)


def _address(public: coincurve.PublicKey) -> str:
    return "0x" + keccak256(public.format(compressed=False)[1:])[12:].hex()


def _recover(digest: bytes, y_parity: int, r: int, s: int) -> str:
    if not (0 < r < CURVE_ORDER and 0 < s <= CURVE_ORDER // 2 and y_parity in (0, 1)):
        raise BadTransaction("invalid transaction v, r, s values")
    signature = r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([y_parity])
    try:
        return _address(coincurve.PublicKey.from_signature_and_message(signature, digest, hasher=None))
    except Exception:  # noqa: BLE001 libsecp256k1 says no more than that
        raise BadTransaction("invalid transaction v, r, s values") from None


def decode(raw: bytes) -> Transaction:
    try:
        if raw[:1] == b"\x02":
            return _decode_fee_market(raw)
        if raw[:1] >= b"\xc0":
            return _decode_legacy(raw)
    except rlp.BadRLP as fault:
        raise BadTransaction(f"rlp: {fault}") from None
    except (ValueError, IndexError) as fault:
        if isinstance(fault, BadTransaction):
            raise
        raise BadTransaction("rlp: input list has the wrong shape") from None
    raise BadTransaction("transaction type not supported")


def _to(item: bytes) -> str | None:
    if len(item) not in (0, 20):
        raise rlp.BadRLP("input string too short for common.Address")
    return "0x" + item.hex() if item else None


def _decode_fee_market(raw: bytes) -> Transaction:
    fields = rlp.decode(raw[1:])
    chain_id, nonce, priority, most, gas, to, value, data, access, parity, r, s = fields
    if access != []:
        raise BadTransaction("transaction type not supported: this node takes no access lists")
    number = rlp.integer
    parity, r, s = number(parity), number(r), number(s)
    digest = keccak256(b"\x02" + rlp.encode(fields[:9]))
    return Transaction(
        raw, "0x" + keccak256(raw).hex(), 2, number(chain_id), number(nonce), number(priority), number(most), number(gas),
        _to(to), number(value), data, parity, r, s, _recover(digest, parity, r, s),
    )


def _decode_legacy(raw: bytes) -> Transaction:
    fields = rlp.decode(raw)
    nonce, price, gas, to, value, data, v, r, s = fields
    number = rlp.integer
    v, r, s = number(v), number(r), number(s)
    # Before EIP-155 a transaction named no chain: 0 here, which no chain has.
    chain_id, parity = divmod(v - 35, 2) if v >= 35 else (0, v - 27)
    digest = keccak256(rlp.encode([*fields[:6], chain_id, b"", b""] if chain_id else fields[:6]))
    price = number(price)
    return Transaction(
        raw, "0x" + keccak256(raw).hex(), 0, chain_id, number(nonce), price, price, number(gas), _to(to), number(value), data,
        parity, r, s, _recover(digest, parity, r, s),
    )


def sign(
    key: coincurve.PrivateKey | bytes, chain_id: int, nonce: int, to: str | None, data: bytes = b"", value: int = 0,
    gas: int = 300_000, max_fee: int = 2_000_000_000, priority_fee: int = 1_000_000,
) -> bytes:
    """A type 2 transaction, ready to be sent."""
    fields = [chain_id, nonce, priority_fee, max_fee, gas, bytes.fromhex(to[2:]) if to else b"", value, data, []]
    signature = _private(key).sign_recoverable(keccak256(b"\x02" + rlp.encode(fields)), hasher=None)
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")
    return b"\x02" + rlp.encode([*fields, signature[64], r, s])


def sign_legacy(
    key, chain_id: int, nonce: int, to: str | None, data: bytes = b"", value: int = 0, gas: int = 300_000,
    price: int = 2_000_000_000,
) -> bytes:
    """`chain_id` 0: as before EIP-155, good for any chain."""
    fields = [nonce, price, gas, bytes.fromhex(to[2:]) if to else b"", value, data]
    digest = keccak256(rlp.encode([*fields, chain_id, b"", b""] if chain_id else fields))
    signature = _private(key).sign_recoverable(digest, hasher=None)
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")
    return rlp.encode([*fields, signature[64] + (35 + 2 * chain_id if chain_id else 27), r, s])

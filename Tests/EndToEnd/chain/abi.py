"""Calls and answers of contracts, encoded by eth_abi; selectors kept."""

from functools import cache

import eth_abi
from harness.wallet import keccak256


@cache
def selector(signature: str) -> bytes:
    return keccak256(signature.encode())[:4]


def _split(signature: str) -> list[str]:
    """The types between the outer brackets."""
    inner, parts, depth = signature[signature.index("(") + 1 : -1], [""], 0
    for letter in inner:
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return [part for part in parts if part]


_types = cache(_split)


def call(signature: str, *arguments) -> bytes:
    """Call data: call("transfer(address,uint256)", to, 5)."""
    return selector(signature) + eth_abi.encode(_types(signature), arguments)


def value(kind: str, raw: bytes):
    return eth_abi.decode([kind], raw)[0]


def reverted(reason: str) -> bytes:
    return call("Error(string)", reason)


PANIC = selector("Panic(uint256)")
ERROR = selector("Error(string)")


def reason(data: bytes) -> str | None:
    """The text of a revert, as geth unpacks it."""
    try:
        if data[:4] == ERROR:
            return value("string", data[4:])
        if data[:4] == PANIC:
            return f"panic code: 0x{value('uint256', data[4:]):x}"
    except Exception:  # noqa: BLE001 anything may be in the data of a revert
        pass
    return None

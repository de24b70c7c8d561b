"""Signs payments beforehand, so that the load generator only sends them."""

import json
import multiprocessing
import secrets
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "EndToEnd"))

import coincurve  # noqa: E402
from harness.wallet import (  # noqa: E402
    TRANSFER_TYPE, Wallet, address_word, chain_id_of, domain_separator, encode, keccak256, word,
)

WALLETS = 256


def _sign(job) -> list[str]:
    keys, terms, count, first = job
    separator = domain_separator(
        terms["extra"]["name"], terms["extra"]["version"], chain_id_of(terms["network"]), terms["asset"]
    )
    wallets = [Wallet(key) for key in keys]
    now = int(time.time())
    after, before = now - 600, now + 3600
    # Everything but the signature and the nonce is the same for one wallet: prepared once.
    prepared = []
    for wallet in wallets:
        head = TRANSFER_TYPE + address_word(wallet.address) + address_word(terms["payTo"]) + word(int(terms["amount"]))
        prepared.append((coincurve.PrivateKey(wallet.key), head + word(after) + word(before), wallet.address))
    lines = []
    for number in range(count):
        private, head, address = prepared[number % len(prepared)]
        nonce = secrets.token_bytes(32)
        signature = private.sign_recoverable(keccak256(b"\x19\x01" + separator + keccak256(head + nonce)), hasher=None)
        payment = {
            "x402Version": 2,
            "accepted": terms,
            "payload": {
                "signature": "0x" + (signature[:64] + bytes([signature[64] + 27])).hex(),
                "authorization": {
                    "from": address, "to": terms["payTo"], "value": terms["amount"],
                    "validAfter": str(after), "validBefore": str(before), "nonce": "0x" + nonce.hex(),
                },
            },
        }
        lines.append(f"/paid/{first + number} {encode(payment)}")
    return lines


def write(path: Path, terms: dict, count: int, keys: list[bytes] | None = None) -> float:
    """`count` lines 'target header', the wallets of `keys`, else fresh ones, taking turns; gives the seconds it took."""
    began = time.monotonic()
    keys = keys or [Wallet.fresh().key for _ in range(WALLETS)]
    half, parts = len(keys) // 2, []
    with multiprocessing.Pool(2) as pool:
        parts = pool.map(_sign, [(keys[:half], terms, count // 2, 0), (keys[half:], terms, count // 2, count // 2)])
    with path.open("w") as file:
        for pair in zip(*parts):
            file.write("\n".join(pair) + "\n")
    return time.monotonic() - began


if __name__ == "__main__":
    output, terms_json, count = sys.argv[1:]
    print(f"{write(Path(output), json.loads(terms_json), int(count)):.1f} s")

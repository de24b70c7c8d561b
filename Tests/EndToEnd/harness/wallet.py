"""A wallet that signs EIP-3009 authorizations: an implementation of its own, so that both sides are never wrong alike."""

import base64
import json
import secrets
import time
from dataclasses import dataclass

import coincurve
from Crypto.Hash import keccak

CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


def keccak256(data: bytes) -> bytes:
    return keccak.new(digest_bits=256, data=data).digest()


DOMAIN_TYPE = keccak256(b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
TRANSFER_TYPE = keccak256(
    b"TransferWithAuthorization(address from,address to,uint256 value,"
    b"uint256 validAfter,uint256 validBefore,bytes32 nonce)"
)


def word(number: int) -> bytes:
    return number.to_bytes(32, "big")


def address_word(address: str) -> bytes:
    return bytes(12) + bytes.fromhex(address[2:])


def domain_separator(name: str, version: str, chain_id: int, contract: str) -> bytes:
    return keccak256(
        DOMAIN_TYPE
        + keccak256(name.encode())
        + keccak256(version.encode())
        + word(chain_id)
        + address_word(contract)
    )


def checksummed(address: str) -> str:
    """EIP-55."""
    lower = address[2:].lower()
    digest = keccak256(lower.encode()).hex()
    return "0x" + "".join(c.upper() if int(digest[i], 16) >= 8 else c for i, c in enumerate(lower))


V1_NAMES = {"eip155:84532": "base-sepolia", "eip155:8453": "base", "eip155:43113": "avalanche-fuji"}
CHAIN_IDS = {"base-sepolia": 84532, "base": 8453, "avalanche-fuji": 43113}


def chain_id_of(network: str) -> int:
    return int(network.split(":")[1]) if network.startswith("eip155:") else CHAIN_IDS[network]


def encode(message: dict | bytes) -> str:
    raw = message if isinstance(message, bytes) else json.dumps(message, separators=(",", ":")).encode()
    return base64.b64encode(raw).decode()


def decode(header: str) -> dict:
    return json.loads(base64.b64decode(header, validate=True))


@dataclass
class Wallet:
    key: bytes

    @classmethod
    def fresh(cls) -> "Wallet":
        return cls(coincurve.PrivateKey().secret)

    def __post_init__(self):
        self._private = coincurve.PrivateKey(self.key)
        public = self._private.public_key.format(compressed=False)[1:]
        self.address = checksummed("0x" + keccak256(public)[12:].hex())

    @property
    def hex_key(self) -> str:
        return "0x" + self.key.hex()

    def sign_digest(self, digest: bytes) -> bytes:
        signature = self._private.sign_recoverable(digest, hasher=None)
        return signature[:64] + bytes([signature[64] + 27])

    def authorization(self, terms: dict, **changes) -> dict:
        """An unsigned authorization for one entry of `accepts` (V1 or V2); `changes` replace fields."""
        now = int(time.time())
        authorization = {
            "from": self.address,
            "to": terms["payTo"],
            "value": terms.get("amount") or terms["maxAmountRequired"],
            "validAfter": str(now - 600),
            "validBefore": str(now + int(terms["maxTimeoutSeconds"])),
            "nonce": "0x" + secrets.token_hex(32),
        }
        authorization.update(changes)
        return authorization

    def sign(self, terms: dict, authorization: dict, domain: dict | None = None) -> str:
        names = {
            "name": terms["extra"]["name"],
            "version": terms["extra"]["version"],
            "chain_id": chain_id_of(terms["network"]),
            "contract": terms["asset"],
        } | (domain or {})
        struct = keccak256(
            TRANSFER_TYPE
            + address_word(authorization["from"])
            + address_word(authorization["to"])
            + word(int(authorization["value"]))
            + word(int(authorization["validAfter"]))
            + word(int(authorization["validBefore"]))
            + bytes.fromhex(authorization["nonce"][2:])
        )
        digest = keccak256(b"\x19\x01" + domain_separator(**names) + struct)
        return "0x" + self.sign_digest(digest).hex()

    def payment_v2(self, terms: dict, signed: dict | None = None, **changes) -> dict:
        authorization = self.authorization(terms, **changes)
        return {
            "x402Version": 2,
            "accepted": terms,
            "payload": {"signature": self.sign(terms, signed or authorization), "authorization": authorization},
        }

    def payment_v1(self, terms: dict, **changes) -> dict:
        authorization = self.authorization(terms, **changes)
        return {
            "x402Version": 1,
            "scheme": terms["scheme"],
            "network": terms["network"],
            "payload": {"signature": self.sign(terms, authorization), "authorization": authorization},
        }


def high_s(signature: str) -> str:
    """The other signature of the same digest, which EIP-2 forbids."""
    raw = bytes.fromhex(signature[2:])
    s = CURVE_ORDER - int.from_bytes(raw[32:64], "big")
    return "0x" + (raw[:32] + word(s) + bytes([55 - raw[64]])).hex()

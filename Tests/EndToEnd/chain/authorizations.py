"""EIP-3009 authorizations as the token takes them: signed by a key, by a wallet's owner, or cancelled."""

import secrets

from harness.wallet import Wallet, address_word, checksummed, domain_separator, keccak256

from . import abi
from .genesis import FACTORY, MULTICALL3, WALLET_CODE
from .networks import Network
from .state import MINIMAL_PROXY

CANCEL_TYPE = keccak256(b"CancelAuthorization(address authorizer,bytes32 nonce)")
SPLIT = "transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,uint8,bytes32,bytes32)"
WHOLE = "transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,bytes)"
MAGIC_6492 = bytes.fromhex("6492" * 16)


def terms_of(network: Network, pay_to: str, units: int, token: str | None = None, **extra) -> dict:
    """An entry of `accepts`, for tests that have no gateway to ask."""
    return {
        "scheme": "exact", "network": network.caip2, "asset": token or network.usdc, "amount": str(units),
        "payTo": pay_to, "maxTimeoutSeconds": 60,
        "extra": {"name": network.domain_name, "version": network.domain_version} | extra,
    }


def authorization(wallet: Wallet, terms: dict, **changes) -> tuple[dict, str]:
    """An authorization with its signature; `from` may be changed to a contract that `wallet` owns."""
    made = wallet.authorization(terms, **changes)
    return made, wallet.sign(terms, made)


def _fields(authorization: dict) -> list:
    return [
        authorization["from"].lower(), authorization["to"].lower(), int(authorization["value"]),
        int(authorization["validAfter"]), int(authorization["validBefore"]), bytes.fromhex(authorization["nonce"][2:]),
    ]


def transfer_call(authorization: dict, signature: str, whole: bool | None = None) -> bytes:
    """Call data; the overload with v, r, s where the signature has 65 bytes, unless told."""
    raw = bytes.fromhex(signature[2:])
    if whole or (whole is None and len(raw) != 65):
        return abi.call(WHOLE, *_fields(authorization), raw)
    return abi.call(SPLIT, *_fields(authorization), raw[64], raw[:32], raw[32:64])


def cancel_call(wallet: Wallet, terms: dict, nonce: str, authorizer: str | None = None) -> bytes:
    authorizer = (authorizer or wallet.address).lower()
    separator = domain_separator(
        terms["extra"]["name"], terms["extra"]["version"], int(terms["network"].split(":")[1]), terms["asset"]
    )
    struct = keccak256(CANCEL_TYPE + address_word(authorizer) + bytes.fromhex(nonce[2:]))
    signature = wallet.sign_digest(keccak256(b"\x19\x01" + separator + struct))
    return abi.call(
        "cancelAuthorization(address,bytes32,uint8,bytes32,bytes32)", authorizer, bytes.fromhex(nonce[2:]),
        signature[64], signature[:32], signature[32:64],
    )


# Wallets that are contracts


def _salt(owner: str, salt: bytes) -> bytes:
    return keccak256(address_word(owner.lower()) + salt)


def wallet_address(owner: str, salt: bytes) -> str:
    """Where the factory will put, or has put, the wallet of `owner`."""
    code = bytes.fromhex("602d3d8160093d39f3" + MINIMAL_PROXY % WALLET_CODE[2:])
    made = keccak256(b"\xff" + bytes.fromhex(FACTORY[2:]) + _salt(owner, salt) + keccak256(code))
    return checksummed("0x" + made[12:].hex())


def deploy_call(owner: str, salt: bytes) -> bytes:
    return abi.call("deploy(address,bytes32)", owner.lower(), salt)


def wrapped_6492(owner: str, salt: bytes, signature: str, factory: str = FACTORY) -> str:
    """A signature of a wallet that is not deployed yet: (factory, its call data, inner signature) ‖ the magic."""
    import eth_abi

    inner = eth_abi.encode(
        ["address", "bytes", "bytes"], [factory.lower(), deploy_call(owner, salt), bytes.fromhex(signature[2:])]
    )
    return "0x" + (inner + MAGIC_6492).hex()


# Several calls in one transaction


def together(*calls: tuple[str, bytes], allow_failure: bool = False) -> tuple[str, bytes]:
    """(to, call data) of a Multicall3 aggregate3 over (target, call data)s."""
    return MULTICALL3, abi.call(
        "aggregate3((address,bool,bytes)[])", [(to.lower(), allow_failure, data) for to, data in calls]
    )



def fresh_nonce() -> str:
    return "0x" + secrets.token_hex(32)

# pragma version 0.4.3
"""
An EIP-3009 token as payers know USDC. Vyper cannot overload by type: what is not here, the overloads that take `bytes`,
runs from token_bytes.vy, on this contract's storage.
"""

import fiat

initializes: fiat
exports: (
    fiat.name, fiat.version, fiat.balanceOf, fiat.totalSupply, fiat.authorizationState, fiat.misleading,
)

# Only genesis and tests speak as this account.
MINTER: constant(address) = 0x000000000000000000000000000000000000dEaD
OTHER_HALF: constant(address) = 0x00000000000000000000000000000000000f1A70


@external
def initialize(name: String[32], version: String[8], misleading: uint256, noise: address):
    assert msg.sender == MINTER
    fiat.name = name
    fiat.version = version
    fiat.misleading = misleading
    fiat.noise = noise


@external
def mint(receiver: address, amount: uint256):
    assert msg.sender == MINTER
    fiat.balanceOf[receiver] += amount
    fiat.totalSupply += amount
    log fiat.Transfer(sender=empty(address), receiver=receiver, value=amount)


@external
@pure
def decimals() -> uint8:
    return 6


@external
@pure
def symbol() -> String[8]:
    return "USDC"


@external
@view
def DOMAIN_SEPARATOR() -> bytes32:
    return fiat._domain_separator()


@external
def transfer(receiver: address, amount: uint256) -> bool:
    fiat._move(msg.sender, receiver, amount)
    return True


@external
def transferWithAuthorization(
    sender: address, receiver: address, amount: uint256, validAfter: uint256, validBefore: uint256, nonce: bytes32,
    v: uint8, r: bytes32, s: bytes32,
):
    fiat._transfer_with_authorization(sender, receiver, amount, validAfter, validBefore, nonce, fiat._packed(v, r, s))


@external
def cancelAuthorization(authorizer: address, nonce: bytes32, v: uint8, r: bytes32, s: bytes32):
    fiat._cancel_authorization(authorizer, nonce, fiat._packed(v, r, s))


@external
def __default__():
    raw_call(OTHER_HALF, msg.data, is_delegate_call=True)

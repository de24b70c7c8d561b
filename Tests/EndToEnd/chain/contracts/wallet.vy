# pragma version 0.4.3
"""
An ERC-1271 wallet: its owner's 65-byte ECDSA signature, with any bytes behind it, is the wallet's.
"""

owner: public(address)

VALID: constant(bytes4) = 0x1626ba7e


@external
def initialize(owner: address):
    assert self.owner == empty(address), "Wallet: has an owner"
    self.owner = owner


@external
def setOwner(owner: address):
    assert msg.sender == self.owner, "Wallet: not the owner"
    self.owner = owner


@external
@view
def isValidSignature(digest: bytes32, signature: Bytes[2048]) -> bytes4:
    if len(signature) < 65 or self.owner == empty(address):
        return 0xffffffff
    v: uint256 = convert(slice(signature, 64, 1), uint256)
    r: uint256 = convert(extract32(signature, 0), uint256)
    s: uint256 = convert(extract32(signature, 32), uint256)
    if ecrecover(digest, v, r, s) != self.owner:
        return 0xffffffff
    return VALID


@external
@payable
def __default__():
    pass

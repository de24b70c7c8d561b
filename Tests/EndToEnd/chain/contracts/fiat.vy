# pragma version 0.4.3
"""
What both halves of the token share: balances, the state of authorizations, EIP-3009 with USDC's checks, their order and
their texts. A module, so that token.vy and token_bytes.vy have one layout of storage and the second may run in the place
of the first by DELEGATECALL.
"""

event Transfer:
    sender: indexed(address)
    receiver: indexed(address)
    value: uint256

event AuthorizationUsed:
    authorizer: indexed(address)
    nonce: indexed(bytes32)

event AuthorizationCanceled:
    authorizer: indexed(address)
    nonce: indexed(bytes32)

name: public(String[32])
version: public(String[8])
balanceOf: public(HashMap[address, uint256])
totalSupply: public(uint256)
authorizationState: public(HashMap[address, HashMap[bytes32, bool]])
# Test-only behaviour of the events; see `_move`.
misleading: public(uint256)
noise: address

LONGEST_SIGNATURE: constant(uint256) = 2048
HALF_ORDER: constant(uint256) = 57896044618658097711785492504343953926418782139537452191302581570759080747168
VALID_SIGNATURE: constant(bytes32) = 0x1626ba7e00000000000000000000000000000000000000000000000000000000

DOMAIN_TYPE: constant(bytes32) = keccak256(
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
TRANSFER_TYPE: constant(bytes32) = keccak256(
    "TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
)
CANCEL_TYPE: constant(bytes32) = keccak256("CancelAuthorization(address authorizer,bytes32 nonce)")


@internal
@view
def _domain_separator() -> bytes32:
    return keccak256(abi_encode(DOMAIN_TYPE, keccak256(self.name), keccak256(self.version), chain.id, self))


@internal
@view
def _digest(struct_hash: bytes32) -> bytes32:
    return keccak256(concat(b"\x19\x01", self._domain_separator(), struct_hash))


@internal
def _move(sender: address, receiver: address, amount: uint256):
    assert sender != empty(address), "ERC20: transfer from the zero address"
    assert receiver != empty(address), "ERC20: transfer to the zero address"
    assert amount <= self.balanceOf[sender], "ERC20: transfer amount exceeds balance"
    if self.misleading == 1:
        # Another Transfer comes first: the one that was paid for is no longer the next log of the token.
        log Transfer(sender=sender, receiver=sender, value=amount)
    if self.misleading == 2:
        # A stranger's log in between: the Transfer still is the token's own next log.
        raw_call(self.noise, b"")
    self.balanceOf[sender] -= amount
    self.balanceOf[receiver] += amount
    log Transfer(sender=sender, receiver=receiver, value=amount)


@internal
@view
def _valid_signature(signer: address, digest: bytes32, signature: Bytes[LONGEST_SIGNATURE]) -> bool:
    if signer.is_contract:
        success: bool = False
        answer: Bytes[32] = b""
        success, answer = raw_call(
            signer,
            abi_encode(digest, signature, method_id=method_id("isValidSignature(bytes32,bytes)")),
            max_outsize=32,
            is_static_call=True,
            revert_on_failure=False,
        )
        return success and len(answer) == 32 and convert(answer, bytes32) == VALID_SIGNATURE
    assert len(signature) == 65, "ECRecover: invalid signature length"
    r: bytes32 = extract32(signature, 0)
    s: uint256 = convert(extract32(signature, 32), uint256)
    v: uint256 = convert(slice(signature, 64, 1), uint256)
    assert s <= HALF_ORDER, "ECRecover: invalid signature 's' value"
    assert v == 27 or v == 28, "ECRecover: invalid signature 'v' value"
    recovered: address = ecrecover(digest, v, convert(r, uint256), s)
    assert recovered != empty(address), "ECRecover: invalid signature"
    return recovered == signer


@internal
def _transfer_with_authorization(
    sender: address, receiver: address, amount: uint256, valid_after: uint256, valid_before: uint256, nonce: bytes32,
    signature: Bytes[LONGEST_SIGNATURE],
):
    assert block.timestamp > valid_after, "FiatTokenV2: authorization is not yet valid"
    assert block.timestamp < valid_before, "FiatTokenV2: authorization is expired"
    assert not self.authorizationState[sender][nonce], "FiatTokenV2: authorization is used or canceled"
    digest: bytes32 = self._digest(
        keccak256(abi_encode(TRANSFER_TYPE, sender, receiver, amount, valid_after, valid_before, nonce))
    )
    assert self._valid_signature(sender, digest, signature), "FiatTokenV2: invalid signature"
    self.authorizationState[sender][nonce] = True
    log AuthorizationUsed(authorizer=sender, nonce=nonce)
    self._move(sender, receiver, amount)


@internal
def _cancel_authorization(authorizer: address, nonce: bytes32, signature: Bytes[LONGEST_SIGNATURE]):
    assert not self.authorizationState[authorizer][nonce], "FiatTokenV2: authorization is used or canceled"
    digest: bytes32 = self._digest(keccak256(abi_encode(CANCEL_TYPE, authorizer, nonce)))
    assert self._valid_signature(authorizer, digest, signature), "FiatTokenV2: invalid signature"
    self.authorizationState[authorizer][nonce] = True
    log AuthorizationCanceled(authorizer=authorizer, nonce=nonce)


@internal
@pure
def _packed(v: uint8, r: bytes32, s: bytes32) -> Bytes[65]:
    return concat(r, s, convert(v, bytes1))

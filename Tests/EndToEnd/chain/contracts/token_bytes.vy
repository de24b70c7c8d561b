# pragma version 0.4.3
"""
The overloads of token.vy that take the signature as `bytes`. It only ever runs by DELEGATECALL, in the token's storage.
"""

import fiat

initializes: fiat


@external
def transferWithAuthorization(
    sender: address, receiver: address, amount: uint256, validAfter: uint256, validBefore: uint256, nonce: bytes32,
    signature: Bytes[fiat.LONGEST_SIGNATURE],
):
    fiat._transfer_with_authorization(sender, receiver, amount, validAfter, validBefore, nonce, signature)


@external
def cancelAuthorization(authorizer: address, nonce: bytes32, signature: Bytes[fiat.LONGEST_SIGNATURE]):
    fiat._cancel_authorization(authorizer, nonce, signature)

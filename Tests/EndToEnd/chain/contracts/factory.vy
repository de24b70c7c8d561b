# pragma version 0.4.3
"""
Deploys wallets by CREATE2, so that their addresses are known (and may be paid, and may sign by ERC-6492) before they exist.
"""

interface Wallet:
    def initialize(owner: address): nonpayable

IMPLEMENTATION: constant(address) = 0x000000000000000000000000000000000000A11E


@internal
@pure
def _salt(owner: address, salt: bytes32) -> bytes32:
    return keccak256(abi_encode(owner, salt))


@internal
@view
def _address(owner: address, salt: bytes32) -> address:
    code: Bytes[54] = concat(
        0x602d3d8160093d39f3363d3d373d3d3d363d73, convert(IMPLEMENTATION, bytes20), 0x5af43d82803e903d91602b57fd5bf3
    )
    whole: bytes32 = keccak256(concat(0xff, convert(self, bytes20), self._salt(owner, salt), keccak256(code)))
    return convert(convert(whole, uint256) & convert(max_value(uint160), uint256), address)


@external
@view
def walletOf(owner: address, salt: bytes32) -> address:
    return self._address(owner, salt)


@external
def deploy(owner: address, salt: bytes32) -> address:
    there: address = self._address(owner, salt)
    if there.is_contract:
        return there
    made: address = create_minimal_proxy_to(IMPLEMENTATION, salt=self._salt(owner, salt))
    extcall Wallet(made).initialize(owner)
    return made

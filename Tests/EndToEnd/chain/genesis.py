"""What stands on a chain before its first block, and what tests put there later without a transaction."""

from dataclasses import dataclass, field

from . import abi
from .compiled import runtime_codes
from .networks import NETWORKS, Network
from .state import MINIMAL_PROXY, State

MULTICALL3 = "0xca11bde05977b3631167028862be2a173976ca11"
MINTER = "0x000000000000000000000000000000000000dead"
TOKEN_OTHER_HALF = "0x00000000000000000000000000000000000f1a70"
WALLET_CODE = "0x000000000000000000000000000000000000a11e"
FACTORY = "0x0000000000000000000000000000000000000fac"
NOISE = "0x0000000000000000000000000000000000000e01"
# A token that emits another Transfer before the one that was paid for, and one with a stranger's log in between.
MISLEADING_TOKEN = "0x000000000000000000000000000000000bad0001"
INTERRUPTED_TOKEN = "0x000000000000000000000000000000000bad0002"


@dataclass
class Genesis:
    """`token_name` stands in for the name that belongs to the network: a token whose name does not match."""

    network: Network
    token_name: str | None = None
    token_version: str | None = None
    # Applied in this order, on top of the contracts; see `apply`.
    changes: list[dict] = field(default_factory=list)

    @property
    def usdc(self) -> str:
        return self.network.usdc.lower()

    def state(self) -> State:
        codes, state = runtime_codes(), State(self.network.chain_id)
        state.enter(0, 0, 0)
        state.put_code(TOKEN_OTHER_HALF, codes["token_bytes"])
        state.put_code(WALLET_CODE, codes["wallet"])
        # Its owner is none of ours: the code that others run is nobody's wallet.
        state.set_storage(WALLET_CODE, 0, 1)
        state.put_code(FACTORY, codes["factory"])
        state.put_code(NOISE, codes["noise"])
        state.put_code(MULTICALL3, codes["multicall"])
        name = self.network.domain_name if self.token_name is None else self.token_name
        version = self.network.domain_version if self.token_version is None else self.token_version
        for address, misleading in ((self.usdc, 0), (MISLEADING_TOKEN, 1), (INTERRUPTED_TOKEN, 2)):
            state.put_code(address, codes["token"])
            call(
                state, MINTER, address,
                abi.call("initialize(string,string,uint256,address)", name, version, misleading, NOISE),
            )
        for change in self.changes:
            apply(state, change)
        return state


def genesis_of(network: str, **options) -> Genesis:
    return Genesis(NETWORKS[network], **options)


def call(state: State, sender: str, to: str, data: bytes):
    outcome = state.run(sender, to, data, 0, 5_000_000)
    assert outcome.success, (to, data.hex(), outcome)


def apply(state: State, change: dict):
    """{"do": "fund" | "mint" | "wallet" | "delegate" | "code" | "call", …}; addresses in lower case."""
    match change["do"]:
        case "fund":
            state.set_balance(change["address"], state.balance(change["address"]) + change["wei"])
        case "mint":
            call(state, MINTER, change["token"], abi.call("mint(address,uint256)", change["address"], change["units"]))
        case "wallet":
            # An ERC-1271 wallet of `owner`, as the factory would deploy it.
            state.put_code(change["address"], bytes.fromhex(MINIMAL_PROXY % WALLET_CODE[2:]))
            state.set_storage(change["address"], 0, int(change["owner"], 16))
        case "delegate":
            state.delegate(change["address"], change["to"])
            if change.get("owner"):
                state.set_storage(change["address"], 0, int(change["owner"], 16))
        case "code":
            state.put_code(change["address"], bytes.fromhex(change["code"][2:]))
        case "call":
            call(state, change["sender"], change["to"], bytes.fromhex(change["data"][2:]))
        case other:
            raise ValueError(f"no such change: {other}")

"""The test chain keeps a real chain's rules, answers in geth's words, and goes wrong only as it is told."""

import json
import time

import pytest
import requests
from chain import rlp
from chain.authorizations import authorization, terms_of, transfer_call
from chain.node import Node, NodeProcess
from chain.transactions import BadTransaction, address_of, decode, sign, sign_legacy
from eth_account import Account
from harness.http import wait_until
from harness.wallet import Wallet

ELSEWHERE = "0x" + "e1" * 20
GWEI = 10**9


class RPC:
    def __init__(self, url: str):
        self.url, self.session = url, requests.Session()

    def post(self, body, **options) -> requests.Response:
        return self.session.post(self.url, json=body, timeout=5, **options)

    def __call__(self, method: str, *params):
        """The result; an error as (code, message, data)."""
        reply = self.post({"jsonrpc": "2.0", "id": 7, "method": method, "params": list(params)}).json()
        assert reply["id"] == 7 and reply["jsonrpc"] == "2.0"
        if "error" in reply:
            return reply["error"]["code"], reply["error"]["message"], reply["error"].get("data")
        return reply["result"]


@pytest.fixture
def node():
    node = Node("base-sepolia", mining="manual")
    yield node
    node.stop()


@pytest.fixture
def rpc(node):
    return RPC(node.url())


@pytest.fixture
def sender(node):
    wallet = Wallet.fresh()
    node.fund(wallet.address)
    return wallet


def signed(wallet: Wallet, nonce: int = 0, **options) -> str:
    return "0x" + sign(wallet.key, options.pop("chain_id", 84532), nonce, options.pop("to", ELSEWHERE), **options).hex()


# Transactions


@pytest.mark.parametrize("kind", [0, 2])
def test_what_eth_account_signs_is_read_alike(kind):
    wallet = Wallet.fresh()
    fields = {"nonce": 5, "gas": 60000, "to": wallet.address, "value": 1, "data": b"\x01\x00", "chainId": 84532}
    fields |= {"gasPrice": 7} if kind == 0 else {"maxFeePerGas": 9, "maxPriorityFeePerGas": 2, "type": 2}
    theirs = Account.sign_transaction(fields, wallet.hex_key)
    found = decode(bytes(theirs.raw_transaction))
    assert found.hash == "0x" + theirs.hash.hex().removeprefix("0x") and found.sender == wallet.address.lower()
    assert (found.nonce, found.gas_limit, found.value, found.data, found.chain_id) == (5, 60000, 1, b"\x01\x00", 84532)
    ours = sign_legacy if kind == 0 else sign
    prices = {"price": 7} if kind == 0 else {"max_fee": 9, "priority_fee": 2}
    assert ours(wallet.key, 84532, 5, wallet.address.lower(), b"\1\0", 1, 60000, **prices) == bytes(theirs.raw_transaction)
    assert address_of(wallet.key) == wallet.address.lower()


@pytest.mark.parametrize(
    "raw", ["", "02", "02c0", "01c0", "c0", "02f8", "b801", "02c1c0", "8100", "c3808080", "f80102", "02" + "c4" + "80808080"]
)
def test_what_is_no_transaction_is_refused(raw):
    with pytest.raises(BadTransaction):
        decode(bytes.fromhex(raw))


@pytest.mark.parametrize("item", [b"", b"\0", b"\x7f", b"\x80", b"a" * 55, b"a" * 56, [], [b"a", [b"b" * 300, []]]])
def test_rlp_round_trip(item):
    assert rlp.decode(rlp.encode(item)) == item


def test_admission_in_the_words_of_geth(rpc, node, sender):
    poor = Wallet.fresh()
    send = lambda raw: rpc("eth_sendRawTransaction", raw)  # noqa: E731
    table = [
        (signed(sender, chain_id=1), "invalid chain id for signer: have 1 want 84532"),
        (signed(sender, gas=20999), "intrinsic gas too low: gas 20999, minimum needed 21000"),
        (signed(sender, data=b"\0\1", gas=21019), "intrinsic gas too low: gas 21019, minimum needed 21020"),
        (signed(sender, gas=10**8), "exceeds block gas limit"),
        (signed(sender, max_fee=1, priority_fee=2), "max priority fee per gas higher than max fee per gas"),
        (signed(poor), "insufficient funds for gas * price + value: balance 0"),
        (signed(sender, value=10**18), "insufficient funds for gas * price + value"),
        ("0x02c0", "rlp"),
        (signed(sender, to=None), "contract creation is not supported"),
        ("0x" + sign_legacy(sender.key, 0, 0, ELSEWHERE).hex(), "only replay-protected (EIP-155) transactions allowed"),
    ]
    for raw, text in table:
        code, message, data = send(raw)
        assert code == -32000 and text in message and data is None, message
    first = signed(sender)
    assert send(first) == decode(bytes.fromhex(first[2:])).hash
    assert send(first) == (-32000, "already known", None)
    for fees in ({"max_fee": 2199 * 10**6, "priority_fee": 10**7}, {"max_fee": 4 * GWEI, "priority_fee": 1_099_999}):
        assert send(signed(sender, **fees)) == (-32000, "replacement transaction underpriced", None)
    better = send(signed(sender, max_fee=2200 * 10**6, priority_fee=1_100_000))
    assert node.pending()[0]["hash"] == better and len(node.pending()) == 1
    node.mine()
    assert send(signed(sender)) == (-32000, "nonce too low: next nonce 1, tx nonce 0", None)
    assert send(signed(sender, max_fee=2200 * 10**6, priority_fee=1_100_000)) == (-32000, "already known", None)


def test_what_waits_counts_against_the_balance(rpc, node, sender):
    rpc("eth_sendRawTransaction", signed(sender, 0, value=6 * 10**17))
    code, message, _ = rpc("eth_sendRawTransaction", signed(sender, 1, value=6 * 10**17))
    assert code == -32000 and "queued cost" in message and message.startswith("insufficient funds for gas * price + value")


def test_gaps_are_held(rpc, node, sender):
    for nonce in (2, 1):
        assert rpc("eth_sendRawTransaction", signed(sender, nonce)).startswith("0x")
    node.mine()
    assert rpc("eth_getTransactionCount", sender.address, "pending") == "0x0" and len(node.pending()) == 2
    rpc("eth_sendRawTransaction", signed(sender, 0))
    assert rpc("eth_getTransactionCount", sender.address, "pending") == "0x3"
    assert rpc("eth_getTransactionCount", sender.address, "latest") == "0x0"
    node.mine()
    assert rpc("eth_getTransactionCount", sender.address, "latest") == "0x3" and node.pending() == []
    assert [t["nonce"] for t in rpc("eth_getBlockByNumber", "latest", True)["transactions"]] == ["0x0", "0x1", "0x2"]


def test_fees_are_paid_to_the_wei(rpc, node, sender):
    before, value = node.wei(sender.address), 12345
    sent = rpc("eth_sendRawTransaction", signed(sender, value=value, max_fee=3 * GWEI, priority_fee=GWEI))
    node.mine()
    receipt = rpc("eth_getTransactionReceipt", sent)
    base = int(rpc("eth_getBlockByNumber", "latest", False)["baseFeePerGas"], 16)
    assert int(receipt["effectiveGasPrice"], 16) == base + GWEI and receipt["gasUsed"] == hex(21000)
    assert node.wei(sender.address) == before - value - 21000 * (base + GWEI) and node.wei(ELSEWHERE) == value
    assert node.wei("0x00000000000000000000000000000000000c0feb") == 21000 * GWEI


def test_a_fee_below_the_base_fee_waits(rpc, node, sender):
    sent = rpc("eth_sendRawTransaction", signed(sender, max_fee=9_999_999, priority_fee=1))
    node.mine()
    assert rpc("eth_getTransactionReceipt", sent) is None
    assert rpc("eth_getTransactionByHash", sent)["blockNumber"] is None
    node.set(base_fee=9_000_000)
    node.mine()
    assert rpc("eth_getTransactionReceipt", sent)["status"] == "0x1"
    assert rpc("eth_getTransactionByHash", sent)["blockNumber"] == "0x2"


def test_the_base_fee_follows_the_blocks_where_it_is_told_to(node, sender, rpc):
    node.set(base_fee_moves=True, base_fee=7)
    fees = []
    for _ in range(3):
        node.mine()
        fees.append(int(rpc("eth_getBlockByNumber", "latest", False)["baseFeePerGas"], 16))
    assert fees == [8_750_000, 7_656_250, 6_699_219]
    assert int(rpc("eth_gasPrice"), 16) - int(rpc("eth_maxPriorityFeePerGas"), 16) == 5_861_817


@pytest.mark.parametrize("order,expected", [("fee", [1, 2, 0]), ("arrival", [0, 1, 2]), ("newest", [2, 1, 0])])
def test_blocks_are_filled_in_the_order_told(node, order, expected):
    wallets = [Wallet.fresh() for _ in range(3)]
    for wallet, tip in zip(wallets, (1, 3, 2)):
        node.fund(wallet.address)
        node.send(signed(wallet, priority_fee=tip))
    node.pool(order=order)
    node.mine()
    mined = node._there(lambda: [t.sender for t in node._node.chain.head.transactions])
    assert mined == [wallets[i].address.lower() for i in expected]


# Contracts


@pytest.fixture
def payment(node, sender):
    payer, payee = Wallet.fresh(), Wallet.fresh()
    node.mint(payer.address, 50_000)
    terms = terms_of(node.network, payee.address, 20_000)
    made, signature = authorization(payer, terms)
    return made, "0x" + transfer_call(made, signature).hex()


def test_calls_revert_in_geths_shape_and_change_nothing(rpc, node, sender, payment):
    made, data = payment
    message = {"from": sender.address, "to": node.usdc, "data": data}
    assert rpc("eth_call", message, "latest") == "0x" and node.balance(made["to"]) == 0
    assert 50_000 < int(rpc("eth_estimateGas", message), 16) < 200_000
    late = {"to": node.usdc, "data": data[:-2] + "ff"}
    code, text, revert = rpc("eth_call", late, "latest")
    assert code == 3 and text.startswith("execution reverted: ") and revert.startswith("0x08c379a0")
    assert rpc("eth_estimateGas", late)[0] == 3
    assert rpc("eth_call", {"to": node.usdc, "data": "0x01020304"}, "latest") == (-32000, "execution reverted", None)
    assert rpc("eth_call", message | {"gas": hex(30_000)}, "latest")[:2] == (-32000, "out of gas")
    assert rpc("eth_call", {"to": ELSEWHERE, "data": data}, "latest") == "0x"
    code, text, _ = rpc("eth_call", {"to": ELSEWHERE, "value": "0x1", "from": ELSEWHERE}, "latest")
    assert code == -32000 and "insufficient funds for transfer" in text


def test_a_transaction_that_reverts_costs_its_gas_and_has_a_receipt(rpc, node, sender, payment):
    node.mining("auto")
    made, data = payment
    assert node.receipt(node.transact(sender.hex_key, node.usdc, data))["status"] == "0x1"
    before = node.wei(sender.address)
    receipt = node.receipt(node.transact(sender.hex_key, node.usdc, data))
    assert receipt["status"] == "0x0" and receipt["logs"] == [] and node.wei(sender.address) < before
    assert node.nonce(sender.address) == 2 and node.balance(made["to"]) == 20_000


def test_logs_are_found_by_address_topics_and_range(rpc, node, sender, payment):
    made, data = payment
    sent = node.transact(sender.hex_key, node.usdc, data)
    node.mine()
    node.mine(2)
    used = "0x98de503528ee59b575ef0c0a2576a82497bfc029a5685b209e9ec333479b10a5"
    payer = "0x" + "00" * 12 + made["from"][2:].lower()
    everything = {"fromBlock": "0x0", "toBlock": "latest"}

    def found(**wanted):
        return [log["logIndex"] for log in rpc("eth_getLogs", everything | wanted)]

    assert found() == found(address=[node.usdc.upper().replace("X", "x"), ELSEWHERE]) == ["0x0", "0x1"]
    assert found(address=ELSEWHERE) == [] and found(topics=[[used]]) == ["0x0"]
    assert found(topics=[[used, "0x" + "11" * 32], [payer], made["nonce"]]) == ["0x0"]
    assert found(topics=[None, payer]) == ["0x0", "0x1"] and found(topics=[[], [payer, used]]) == ["0x0", "0x1"]
    assert found(fromBlock="0x2") == [] and found(toBlock="0x0") == [] and found(fromBlock="0x1", toBlock="0x99") != []
    assert found(topics=[None, None, None, None]) == ["0x0", "0x1"]
    assert rpc("eth_getLogs", {"fromBlock": "0x3", "toBlock": "0x1"})[1] == "invalid block range params"
    log = rpc("eth_getLogs", everything)[1]
    assert log == rpc("eth_getTransactionReceipt", sent)["logs"][1] and log["transactionHash"] == sent
    block = rpc("eth_getBlockByNumber", "0x1", False)
    assert log["blockHash"] == block["hash"] and block["transactions"] == [sent]
    assert rpc("eth_getLogs", {"blockHash": block["hash"]}) == rpc("eth_getLogs", everything)
    node.logs_range_limit(2)
    assert rpc("eth_getLogs", everything)[0] == -32005


def test_tags_and_former_states(rpc, node, sender, payment):
    made, data = payment
    balance = {"to": node.usdc, "data": "0x70a08231" + "00" * 12 + made["to"][2:].lower()}
    node.set(finality_depth=3, safe_depth=1)
    node.transact(sender.hex_key, node.usdc, data)
    node.mine()
    expected = hex(20_000)[2:].rjust(64, "0")
    for _ in range(3):
        assert int(rpc("eth_call", balance, "finalized"), 16) == 0
        assert rpc("eth_call", balance, "latest")[2:] == expected
        node.mine()
    assert rpc("eth_call", balance, "finalized")[2:] == rpc("eth_call", balance, "0x1")[2:] == expected
    assert int(rpc("eth_call", balance, "0x0"), 16) == 0 and rpc("eth_getTransactionCount", sender.address, "0x0") == "0x0"
    numbers = [rpc("eth_getBlockByNumber", tag, False)["number"] for tag in ("finalized", "safe", "latest", "earliest")]
    assert numbers == ["0x1", "0x3", "0x4", "0x0"] and rpc("eth_blockNumber") == "0x4"
    assert rpc("eth_getBlockByNumber", "0x5", False) is None
    assert rpc("eth_getBalance", sender.address, "0x9") == (-32000, "header not found", None)
    history = rpc("eth_feeHistory", "0x2", "latest", [50])
    assert len(history["baseFeePerGas"]) == 3 and history["oldestBlock"] == "0x3" and len(history["reward"]) == 2


# Time


def test_blocks_come_by_themselves_close_to_the_clock(rpc, node, sender):
    node.mining(0.05)
    sent = rpc("eth_sendRawTransaction", signed(sender))
    wait_until(lambda: rpc("eth_getTransactionReceipt", sent), 5)
    wait_until(lambda: int(rpc("eth_blockNumber"), 16) > 5, 5)
    assert abs(node.head()["timestamp"] - time.time()) <= 2
    node.mining("manual")
    head = node.head()
    time.sleep(0.2)
    assert node.head() == head


def test_timestamps_rise_where_blocks_are_a_second_apart(node):
    node.mining(2)
    times = [node.mine() and node.head()["timestamp"] for _ in range(3)]
    assert times[0] < times[1] < times[2]


# Things that go wrong on a chain


def test_dropped_delayed_and_evicted(rpc, node, sender):
    node.mining("auto")
    node.set(drop_next=1)
    lost = rpc("eth_sendRawTransaction", signed(sender))
    assert node.dropped() == [lost] and rpc("eth_getTransactionByHash", lost) is None
    node.delay([0.2])
    late = rpc("eth_sendRawTransaction", signed(sender))
    assert late == lost and rpc("eth_getTransactionReceipt", late) is None
    wait_until(lambda: rpc("eth_getTransactionReceipt", late), 5)
    node.mining("manual")
    rpc("eth_sendRawTransaction", signed(sender, 1))
    assert node.evict() == 1 and node.mine() and node.pending() == []


@pytest.mark.parametrize("readd", [True, False])
def test_a_reorganization_takes_blocks_back(rpc, node, sender, payment, readd):
    made, data = payment
    sent = node.transact(sender.hex_key, node.usdc, data)
    node.mine(3)
    old = rpc("eth_getBlockByNumber", "0x1", False)
    assert node.balance(made["to"]) == 20_000
    assert node.reorg(3, readd, blocks=2) == [sent]
    new = rpc("eth_getBlockByNumber", "0x1", False)
    assert new["hash"] != old["hash"] and new["transactions"] == [] and rpc("eth_getBlockByHash", old["hash"], False) is None
    assert rpc("eth_getTransactionReceipt", sent) is None and node.balance(made["to"]) == 0
    assert rpc("eth_getLogs", {"fromBlock": "0x0"}) == [] and node.wei(sender.address) == 10**18
    assert node.balance(made["from"]) == 50_000, "what tests put there by hand stays"
    node.mine()
    assert (rpc("eth_getTransactionReceipt", sent) is not None) == readd
    if not readd:
        assert rpc("eth_sendRawTransaction", signed(sender, 0)).startswith("0x")


def test_rpcs_that_disagree(rpc, node, sender, payment):
    made, data = payment
    other = RPC(node.url(node.open_door()))
    assert other("eth_getBlockByNumber", "0x0", False) == rpc("eth_getBlockByNumber", "0x0", False)
    node.freeze(1)
    sent = node.transact(sender.hex_key, node.usdc, data)
    node.mine()
    assert rpc("eth_blockNumber") == "0x1" and other("eth_blockNumber") == "0x0"
    balance = {"to": node.usdc, "data": "0x70a08231" + "00" * 12 + made["to"][2:].lower()}
    assert int(rpc("eth_call", balance, "latest"), 16) == 20_000 and int(other("eth_call", balance, "latest"), 16) == 0
    assert other("eth_getTransactionReceipt", sent) is None and other("eth_getTransactionByHash", sent) is None
    assert other("eth_getLogs", {"fromBlock": "0x0"}) == []
    node.thaw(1)
    assert other("eth_getTransactionReceipt", sent)["status"] == "0x1"
    split = node.open_door(split=True)
    apart = RPC(node.url(split))
    node.mine()
    node.twin(split).mine()
    assert apart("eth_getBlockByNumber", "0x1", False) == rpc("eth_getBlockByNumber", "0x1", False)
    assert apart("eth_getBlockByNumber", "0x2", False)["hash"] != rpc("eth_getBlockByNumber", "0x2", False)["hash"]


# Things that go wrong on the way


def test_faults_by_method(rpc, node, sender):
    node.fault("eth_chainId", "error", code=-32005, message="limit exceeded", times=1)
    assert rpc("eth_chainId") == (-32005, "limit exceeded", None) and rpc("eth_chainId") == "0x14a34"
    node.fault("eth_getCode", "result", value="0x60", matching=ELSEWHERE)
    assert rpc("eth_getCode", ELSEWHERE, "latest") == "0x60" and len(rpc("eth_getCode", node.usdc, "latest")) > 100
    node.fault("eth_blockNumber", "result", rewrite=lambda params, result: hex(int(result, 16) + 5))
    assert rpc("eth_blockNumber") == "0x5"
    node.clear()
    node.fault("*", "status", status=308, headers=[["Location", "http://127.0.0.1:1/"]])
    answer = rpc.post({"jsonrpc": "2.0", "id": 1, "method": "eth_chainId"}, allow_redirects=False)
    assert answer.status_code == 308 and answer.headers["Location"] == "http://127.0.0.1:1/"
    node.clear()
    node.fault("*", "garbage", times=1)
    with pytest.raises(ValueError):
        rpc("eth_chainId")
    assert rpc("eth_chainId") == "0x14a34"


@pytest.mark.parametrize("kind", ["hang", "close", "status", "garbage"])
@pytest.mark.parametrize("effect", [False, True])
def test_a_transaction_may_be_taken_though_the_answer_fails(rpc, node, sender, kind, effect):
    node.fault("eth_sendRawTransaction", kind, effect=effect)
    body = {"jsonrpc": "2.0", "id": 1, "method": "eth_sendRawTransaction", "params": [signed(sender)]}
    if kind == "hang":
        with pytest.raises(requests.ReadTimeout):
            requests.post(rpc.url, json=body, timeout=0.3)
    elif kind == "close":
        with pytest.raises(requests.ConnectionError):
            requests.post(rpc.url, json=body)
    else:
        assert requests.post(rpc.url, json=body).status_code == (500 if kind == "status" else 200)
    assert len(node.pending()) == effect and node.counts()["eth_sendRawTransaction"] == 1


def test_slow_dripping_and_closed_doors(rpc, node):
    node.fault("eth_chainId", "slow", seconds=0.2)
    node.fault("net_version", "drip", seconds=0.001)
    started = time.monotonic()
    assert rpc("eth_chainId") == "0x14a34" and time.monotonic() - started >= 0.2
    assert rpc("net_version") == "84532"
    node.latency(0.1)
    started = time.monotonic()
    assert rpc("eth_blockNumber") == "0x0" and time.monotonic() - started >= 0.1
    node.close_door()
    with pytest.raises(requests.ConnectionError):
        rpc("eth_blockNumber")
    node.reopen_door()
    assert rpc("eth_blockNumber") == "0x0"


# The wire


def test_batches_and_counts(rpc, node):
    node.reset_counts()
    calls = [{"jsonrpc": "2.0", "id": str(i), "method": m} for i, m in enumerate(["eth_chainId", "eth_nothing", "eth_chainId"])]
    first, second, third = rpc.post(calls).json()
    assert first == {"jsonrpc": "2.0", "id": "0", "result": "0x14a34"} and third["id"] == "2"
    assert second["error"] == {"code": -32601, "message": "the method eth_nothing does not exist/is not available"}
    assert node.counts() == {"eth_chainId": 2, "eth_nothing": 1, "http": 1, "connections": 1}
    assert rpc.session.post(rpc.url, data=b"{").json()["error"]["code"] == -32700
    assert rpc.post([]).json()["error"]["code"] == -32600
    assert rpc("eth_getBalance", "0x12", "latest")[0] == -32602 and rpc("eth_getBalance")[0] == -32602
    assert node.counts()["connections"] == 1, "kept alive"


def test_a_node_of_its_own_process():
    wallet = Wallet.fresh()
    changes = [{"do": "fund", "address": wallet.address.lower(), "wei": 10**18}]
    node = NodeProcess("polygon", 0.05, "--genesis", json.dumps(changes))
    try:
        rpc = RPC(node.urls["rpc"])
        assert rpc("eth_chainId") == "0x89"
        node.mint(wallet.address, 5)
        assert node.balance(wallet.address) == 5 and node.wei(wallet.address) == 10**18
        sent = rpc("eth_sendRawTransaction", signed(wallet, chain_id=137))
        assert wait_until(lambda: node.receipt(sent), 5)["status"] == "0x1"
        with pytest.raises(RuntimeError, match="nonce too low"):
            node.send(signed(wallet, chain_id=137, max_fee=3 * GWEI))
        with pytest.raises(AttributeError):
            node.nothing()
    finally:
        node.stop()

"""Payments settled on the test EVM: Farebox with its own relayer, beside the reference stack settling by its own."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import presigned
from measure import median
from servers import CORE_MEASURED, CORE_OTHERS, Gateway, free_port, gateway_config, has_gateway, origin, pinned

from chain.node import NodeProcess
from harness.http import fetch, wait_until
from harness.pay import Buyer
from harness.upstream import Upstream, echo
from harness.wallet import Wallet

HERE = Path(__file__).parent
NETWORK = "base-sepolia"
# "auto": a block for each transaction; or seconds from block to block. The same for both sides.
MINING = os.environ.get("MINING", "auto")
SECONDS = float(os.environ.get("CHAIN_SECONDS", 8))
RATE_TARGET, CPU_TARGET, METHOD_TARGET, TRIP_TARGET = 300, 400, 4, 1.0
TRIP_SECONDS = 0.2


def chain_node() -> NodeProcess:
    return NodeProcess(NETWORK, MINING, wrapper=pinned(CORE_OTHERS, []))


def chain_config(upstream_port: int, node: NodeProcess, place: str, order: str = "after") -> tuple[dict, Wallet]:
    """Settles on `node`; the relayer's key lies in `place`."""
    relayer = Wallet.fresh()
    node.fund(relayer.address, 10**20)
    key = Path(place, "relayer.key")
    key.touch(0o600)
    key.write_text(relayer.hex_key)
    config = gateway_config(upstream_port, False, limits={"connections": 20000, "upstream_keep_alive": presigned.WALLETS})
    config["networks"] = {NETWORK: {"rpc": node.urls["rpc"]}}
    config["relayer"] = {"key": {"file": str(key)}, "max_fee_gwei": 5}
    config["payments"]["test-usdc"]["facilitator"] = "self"
    config["routes"] = [{"match": "GET /paid/*", "upstream": "origin", "price": "$0.0001", "settle": order}]
    return config, relayer


def endow(node: NodeProcess, count: int) -> list[bytes]:
    """Keys of wallets that hold enough."""
    keys = [Wallet.fresh().key for _ in range(count)]
    for key in keys:
        node.mint(Wallet(key).address, 10**9)
    return keys


def settled(title, verdict, pay_all):
    title(f"Paid GET settled on the test EVM: {presigned.WALLETS} wallets, mining: {MINING}")
    reference_rate = reference(pay_all)
    if not has_gateway():
        return
    for order in ("after", "first"):
        farebox(order, reference_rate, verdict, pay_all)
    gas_of_batches(pay_all)
    round_trips(verdict)


def farebox(order: str, reference_rate: float, verdict, pay_all):
    node = chain_node()
    source, files = origin()
    place = tempfile.TemporaryDirectory()
    config, relayer = chain_config(source.port, node, place.name, order)
    gateway = Gateway(config, core=None)
    try:
        terms = fetch(gateway.url + "/paid/1").required["accepts"][0]
        book = Path(gateway.place.name) / "payments"
        presigned.write(book, terms, int(SECONDS * 2500), keys=endow(node, presigned.WALLETS))
        before = node.counts()
        load = pay_all(gateway.pid, gateway.url, book, SECONDS)
        after = node.counts()
        good = load.requests - load.failed
        rate, each = good / load.seconds, load.nanoseconds / 1000 / max(1, good)
        asked = {name: count - before.get(name, 0) for name, count in after.items()}
        http = asked.pop("http")
        asked.pop("connections")
        methods = sum(asked.values()) / max(1, good)
        print(
            f"farebox, {order:5} {rate:6.0f} a second ({good} in {load.seconds:.1f} s, {load.failed} failed);"
            f" target ≥ {RATE_TARGET}: {verdict(rate >= RATE_TARGET and load.failed == 0)}; {rate / reference_rate:.1f} × the reference"
        )
        print(f"  {each:6.0f} µs of CPU a settled payment; target ≤ {CPU_TARGET}: {verdict(each <= CPU_TARGET)}")
        print(
            f"  {methods:6.2f} RPC methods and {http / max(1, good):.2f} HTTP requests a payment;"
            f" target ≤ {METHOD_TARGET} methods: {verdict(methods <= METHOD_TARGET)}   "
            + " ".join(f"{name} {count / max(1, good):.2f}" for name, count in sorted(asked.items(), key=lambda i: -i[1]) if count),
            flush=True,
        )
        books(node, gateway, relayer, good)
    finally:
        gateway.stop()
        source.stop()
        node.stop()
        place.cleanup()


def gas_of_batches(pay_all):
    """What the relayer spends on a payment under the same load: sharing transactions, and one by one."""
    each = {}
    for batch in (32, 1):
        node = chain_node()
        source, files = origin()
        place = tempfile.TemporaryDirectory()
        config, relayer = chain_config(source.port, node, place.name, "first")
        config["relayer"]["batch"] = batch
        gateway = Gateway(config, core=None)
        try:
            terms = fetch(gateway.url + "/paid/1").required["accepts"][0]
            book = Path(gateway.place.name) / "payments"
            presigned.write(book, terms, 5000, keys=endow(node, presigned.WALLETS))
            load = pay_all(gateway.pid, gateway.url, book, 3)
            books(node, gateway, relayer, load.requests - load.failed)
            payments = node.payments()
            transactions = {payment["transaction"] for payment in payments}
            gas = sum(int(node.receipt(transaction)["gasUsed"], 16) for transaction in transactions)
            each[batch] = gas / len(payments)
            print(f"gas, batch {batch:2}: {each[batch]:.0f} a payment, {len(payments) / len(transactions):.1f} payments a transaction")
        finally:
            gateway.stop()
            source.stop()
            node.stop()
            place.cleanup()
    print(f"gas a payment, batched against one by one: {each[32] / each[1]:.2f}", flush=True)


def books(node: NodeProcess, gateway: Gateway, relayer: Wallet, good: int):
    """A rate counts only if the money is there: what was under way when the load ended has come to rest, and books agree."""
    for _ in range(200):
        claims = gateway.claims()
        if all(claim["state"] in ("delivered", "owed", "void", "failed") for claim in claims):
            break
        time.sleep(0.1)
    moved = {payment["nonce"].lower() for payment in node.payments()}
    paid = {claim["nonce"].lower() for claim in claims if claim["state"] in ("delivered", "owed")}
    assert moved == paid, f"{len(moved - paid)} on chain alone, {len(paid - moved)} in the ledger alone"
    assert len(moved) >= good, f"{good} answers and {len(moved)} payments on chain"
    assert all(payment["relayer"] == relayer.address.lower() for payment in node.payments())
    print(f"  {len(moved)} payments on chain, the same in the ledger", flush=True)


def reference(pay_all) -> float:
    """The SDK's FastAPI middleware with the SDK's facilitator in the same process, settling on a chain of the same kind."""
    node, port, relayer = chain_node(), free_port(), Wallet.fresh()
    node.fund(relayer.address, 10**20)
    server = subprocess.Popen(
        pinned(CORE_MEASURED, [sys.executable, str(HERE / "reference.py"), str(port), node.urls["rpc"]]),
        env=os.environ | {"REFERENCE_KEY": relayer.hex_key},
    )
    try:
        def up():
            try:
                return fetch(f"http://127.0.0.1:{port}/paid/1")
            except OSError:
                return None

        terms = wait_until(up, 30, "the reference listens").required["accepts"][0]
        with tempfile.TemporaryDirectory() as place:
            book = Path(place) / "payments"
            presigned.write(book, terms, 4_000, keys=endow(node, presigned.WALLETS))
            before = node.counts()
            # Few at a time: its facilitator blocks its event loop, so that 256 of them would all be verified before one is settled.
            load = pay_all(server.pid, f"http://127.0.0.1:{port}", book, SECONDS, connections=8)
            after = node.counts()
        good = max(1, load.requests - load.failed)
        calls = sum(count - before.get(name, 0) for name, count in after.items() if "_" in name) / good
        rate = good / load.seconds
        print(
            f"reference      {rate:6.0f} a second ({good} in {load.seconds:.1f} s, {load.failed} failed),"
            f" {load.nanoseconds / 1000 / good:.0f} µs of CPU and {calls:.1f} RPC methods a payment;"
            f" FastAPI middleware and facilitator of x402 2.25.0",
            flush=True,
        )
        return rate
    finally:
        server.kill()
        server.wait(10)
        node.stop()


def round_trips(verdict):
    """How much later the upstream is asked when the RPC is far away, in round trips to it."""
    node = chain_node()
    reached = []

    def note(exchange):
        reached.append(time.monotonic())
        echo(exchange)

    upstream = Upstream()
    upstream.default = note
    place = tempfile.TemporaryDirectory()
    config, _ = chain_config(upstream.port, node, place.name)
    gateway = Gateway(config, core=None)
    try:
        def until_asked(number: int) -> float:
            buyer = Buyer(gateway)
            node.mint(buyer.wallet.address, 10**6)
            payment = buyer.sign(f"/paid/{number}")
            began = time.monotonic()
            response = buyer.present(f"/paid/{number}", payment)
            assert response.status == 200, (response.status, response.body)
            return reached[-1] - began

        until_asked(0)
        near = median(until_asked(number) for number in range(1, 8))
        node.latency(TRIP_SECONDS)
        far = median(until_asked(number) for number in range(10, 17))
        trips = (far - near) / TRIP_SECONDS
        print(
            f"round trips to the RPC before the upstream is asked: {trips:.2f}"
            f" ({near * 1000:.1f} ms, and {far * 1000:.1f} ms with an RPC {TRIP_SECONDS * 1000:.0f} ms away);"
            f" target ≤ {TRIP_TARGET:.0f}: {verdict(trips <= TRIP_TARGET + 0.1)}"
        )
    finally:
        gateway.stop()
        upstream.close()
        node.stop()
        place.cleanup()

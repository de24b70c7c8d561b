"""What the agent door costs: a free message that is read, a tool call that is paid for, an event that passes."""

import base64
import json
import os
import subprocess
import time
from pathlib import Path

import presigned
from measure import median, wrk
from servers import CORE_OTHERS, Gateway, Nginx, free_port, gateway_config

from harness.agent import RECEIPT, Agent
from harness.streams import Script, result
from harness.upstream import Upstream

HERE = Path(__file__).parent
FREE_TARGET_RATIO, READING_TARGET_MICROSECONDS = 1.25, 5
PAID_TARGET = 4000
DELAY_TARGET_MILLISECONDS = 1
EVENTS, SECONDS_BETWEEN = 500, 0.002

ANSWER = '{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"ticket 1001"}],"isError":false}}'
ORIGIN = """
    server {
        listen 127.0.0.1:%(port)d backlog=4096;
        location / { default_type application/json; return 200 '%(answer)s'; }
    }
"""


def origin() -> Nginx:
    """Gives one JSON-RPC answer to everything."""
    port = free_port()
    return Nginx("origin", ORIGIN % {"port": port, "answer": ANSWER}, port, CORE_OTHERS)


def config(origin_port: int, **changes) -> dict:
    made = gateway_config(origin_port, False, **changes)
    made["routes"] = [
        {"match": "POST /free", "upstream": "origin", "free": True},
        {"match": "/mcp", "upstream": "origin", "mcp": {"tools": {"search_kb": "free", "create_ticket": "$0.0001"}}},
    ]
    return made


def call(tool: str, arguments: dict, id: int = 1, **params) -> str:
    message = {"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": {"name": tool, "arguments": arguments} | params}
    return json.dumps(message, separators=(",", ":"))


def bench(title, verdict):
    free(title, verdict)
    paid(title, verdict)
    events(title, verdict)


def message_of(size: int) -> str:
    """A free call of so many bytes, in many small members as arguments have them."""
    members = {}
    while len(text := call("search_kb", {"query": "", **members})) < size - 40:
        members[f"field{len(members)}"] = ["text", len(members), True]
    return text.replace('"query":""', '"query":"' + "x" * (size - len(text)) + '"')


def of_texts(count: int) -> str:
    """A free call of about 1 KiB with so many arguments."""
    room = (1024 - len(call("search_kb", {f"field{at}": "" for at in range(count)}))) // count
    return call("search_kb", {f"field{at}": "x" * room for at in range(count)})


def reading(message: str) -> float:
    """CPU microseconds of one reading, outside the gateway."""
    program = os.environ.get("READING_COST", ".build/release/reading-cost")
    return float(subprocess.run([program], input=message, text=True, capture_output=True, check=True).stdout)


def free(title, verdict):
    rounds, seconds = int(os.environ.get("ROUNDS", 5)), float(os.environ.get("SECONDS_PER_ROUND", 3))
    title(f"A free tool call of 1 KiB, beside the same POST on a free route: {rounds} interleaved rounds of {seconds:g} s")
    source = origin()
    gateway = Gateway(config(source.port))
    try:
        place = Path(gateway.place.name)
        works = {"free route": "/free", "tool": "/mcp"}
        found = {work: [] for work in works}
        book = place / "message"
        book.write_text(message_of(1024) + "\n")
        assert len(message_of(1024)) == 1024
        for turn in range(rounds + 1):
            for work in works if turn % 2 else reversed(works):
                load = wrk(
                    gateway.pid, gateway.url + works[work], seconds if turn else 1, 32, HERE / "post.lua", (str(book), "again")
                )
                assert load.failed == 0, f"{work}: {load.failed} of {load.requests} answers were wrong"
                if turn:
                    found[work].append(load.microseconds_each)
        ratios = [read / passed for read, passed in zip(found["tool"], found["free route"])]
        print("CPU a request: " + ", ".join(f"{work} {median(each):.2f} µs" for work, each in found.items()))
        print(
            f"  tool beside free route {median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f});"
            f" target ≤ {FREE_TARGET_RATIO}: {verdict(median(ratios) <= FREE_TARGET_RATIO)}"
        )
        for text, message in (
            ("one long text", of_texts(1)), ("ten texts", of_texts(10)), ("all small members", message_of(1024)),
        ):
            each = median(reading(message) for _ in range(5))
            print(
                f"  reading and judging 1 KiB, {text}: {each:.2f} µs;"
                f" target ≤ {READING_TARGET_MICROSECONDS} µs: {verdict(each <= READING_TARGET_MICROSECONDS)}",
                flush=True,
            )
    finally:
        gateway.stop()
        source.stop()


def paid(title, verdict):
    count = int(os.environ.get("PAYMENTS", 60_000))
    title(f"Paid tool calls: {presigned.WALLETS} wallets, {count} pre-signed payments with distinct nonces, one loop")
    source = origin()
    limits = {"connections": 20000, "upstream_keep_alive": presigned.WALLETS}
    gateway = Gateway(config(source.port, limits=limits), core=None)
    try:
        terms = Agent(gateway.url + "/mcp").call("create_ticket").terms
        book = Path(gateway.place.name) / "payments"
        presigned.write(book, terms, count)
        bodies = Path(gateway.place.name) / "messages"
        with book.open() as lines, bodies.open("w") as file:
            for number, line in enumerate(lines):
                payment = json.loads(base64.b64decode(line.split()[1]))
                file.write(call("create_ticket", {"n": number}, 1, _meta={"x402/payment": payment}) + "\n")
        load = wrk(gateway.pid, gateway.url + "/mcp", max(3, min(10, count / 8000)), presigned.WALLETS, HERE / "post.lua", (str(bodies), "once"))
        charged = sum(claim["state"] in ("delivered", "owed", "settled") for claim in gateway.claims())
        rate = charged / load.seconds
        good = load.failed == 0 and abs(charged - load.requests) <= presigned.WALLETS
        print(
            f"farebox    {rate:8.0f} a second ({charged} charged of {load.requests} calls in {load.seconds:.1f} s, {load.failed} failed,"
            f" durable claims); target ≥ {PAID_TARGET}: {verdict(rate >= PAID_TARGET and good)}"
        )
        for name, spent in sorted(load.threads.items(), key=lambda item: -item[1])[:3]:
            print(f"  {name:24} {spent / 1000 / max(1, charged):8.1f} µs of CPU a call, {spent / 1e9 / load.seconds:5.0%} of a core", flush=True)
    finally:
        gateway.stop()
        source.stop()


def events(title, verdict):
    title(f"Progress events of a paid call, {1 / SECONDS_BETWEEN:.0f} a second: from the server's write to the client's read")
    upstream = Upstream()
    script = Script(upstream)

    def report(call):
        call.begin()
        for step in range(EVENTS):
            params = {"progressToken": 1, "progress": step, "message": str(time.perf_counter_ns())}
            call.say({"jsonrpc": "2.0", "method": "notifications/progress", "params": params})
            time.sleep(SECONDS_BETWEEN)
        call.say(result(call.id))
        call.end()

    script.on("create_ticket", report)
    gateway = Gateway(config(upstream.port))
    try:
        took = {"direct": [], "farebox": []}
        for _ in range(3):
            took["direct"] += delays(Agent(upstream.url + "/mcp"), None)
            agent = Agent(gateway.url + "/mcp")
            took["farebox"] += delays(agent, agent.sign("create_ticket"))
        direct, ours = (sorted(took[name]) for name in ("direct", "farebox"))
        added = median(ours) - median(direct)
        print(
            f"median {median(direct):.3f} ms direct, {median(ours):.3f} ms through Farebox: {added:.3f} ms added;"
            f" target ≤ {DELAY_TARGET_MILLISECONDS} ms: {verdict(added <= DELAY_TARGET_MILLISECONDS)};"
            f" 99th percentile {direct[int(len(direct) * 0.99)]:.3f} and {ours[int(len(ours) * 0.99)]:.3f} ms",
            flush=True,
        )
    finally:
        gateway.stop()
        upstream.close()


def delays(agent: Agent, payment: dict | None) -> list[float]:
    """Milliseconds of each event of one call on its way."""
    found = []
    with agent.open(agent.tool_call("create_ticket", {}, payment)) as stream:
        while "method" in (message := stream.next().message):
            found.append((time.perf_counter_ns() - int(message["params"]["message"])) / 1e6)
    assert len(found) == EVENTS and (payment is None or message["result"]["_meta"][RECEIPT]["success"])
    return found

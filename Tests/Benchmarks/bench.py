"""make bench: Farebox beside nginx in one run; CPU a request, counts, paid requests, idle connections, many routes.

Every figure is printed beside its target; the exit status says nothing of speed.
"""

import os
import platform
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import bounds
import presigned
import tools
from measure import (
    Clients, callgrind_command, counted, cpu_by_thread, median, resident_bytes, system_calls, wrk,
)
from servers import (
    CORE_MEASURED, Gateway, challenge_of, free_port, front, gateway_config, has_gateway, open_many_files, origin, pinned,
)
from settled import settled

import harness.farebox
from harness.http import Connection, compose, fetch, wait_until

ROUNDS = int(os.environ.get("ROUNDS", 5))
SECONDS = float(os.environ.get("SECONDS_PER_ROUND", 3))
ONLY = set(filter(None, os.environ.get("ONLY", "").split(",")))
HERE = Path(__file__).parent

WORKS = {"402": "/priced/1", "1 KiB": "/1k", "64 KiB": "/64k"}
CPU_TARGETS = {"402": 0.95, "1 KiB": 0.90, "64 KiB": 0.85}
INSTRUCTION_TARGETS = {"402": 4000, "1 KiB": 10000, "64 KiB": 14000}
CALL_TARGETS = {"402": 2, "1 KiB": 4, "64 KiB": 5}
PAID_TARGET = 6000


def title(text: str):
    print(f"\n{text}\n{'-' * len(text)}", flush=True)


def verdict(good: bool) -> str:
    return "met" if good else "MISSED"


def proxy(log: bool):
    """CPU a request, interleaved rounds."""
    title(f"CPU a request, access log {'on' if log else 'off'}: {ROUNDS} interleaved rounds of {SECONDS:g} s, 32 connections")
    source, files = origin()
    gateway = Gateway(gateway_config(source.port, log)) if has_gateway() else None
    peer = front(source.port, challenge_of(gateway) if gateway else None, log=log)
    servers = [peer] + ([gateway] if gateway else [])
    try:
        for server in servers:
            for target in WORKS.values():
                wrk(server.pid, server.url + target, 1)
        found = {(work, server.name): [] for work in WORKS for server in servers}
        for turn in range(ROUNDS):
            for work, target in WORKS.items():
                for server in servers if turn % 2 else reversed(servers):
                    load = wrk(server.pid, server.url + target, SECONDS)
                    wrong = load.failed if work != "402" else abs(load.requests - load.failed)
                    assert wrong <= 32, f"{server.name}, {work}: {wrong} of {load.requests} answers were wrong"
                    found[work, server.name].append(load)
        print(f"{'work':8}{'nginx µs':>10}{'req/s':>9}{'farebox µs':>12}{'req/s':>9}{'ratio':>8}{'spread':>14}{'target':>8}")
        for work in WORKS:
            ours, theirs = found.get((work, "farebox"), []), found[work, "nginx"]
            each = median(load.microseconds_each for load in theirs)
            row = f"{work:8}{each:10.2f}{median(load.rate for load in theirs):9.0f}"
            if ours:
                ratios = [mine.microseconds_each / other.microseconds_each for mine, other in zip(ours, theirs)]
                ratio, target = median(ratios), CPU_TARGETS[work]
                row += f"{median(load.microseconds_each for load in ours):12.2f}{median(load.rate for load in ours):9.0f}"
                row += f"{ratio:8.2f}{f'{min(ratios):.2f}-{max(ratios):.2f}':>14}{'≤ %.2f' % target:>8} {verdict(ratio <= target)}"
            print(row, flush=True)
    finally:
        for server in (*servers, source):
            server.stop()


def counts():
    """Instructions and allocations by callgrind, system calls by strace; logs off."""
    count = int(os.environ.get("COUNTED_REQUESTS", 2000))
    title(f"User-space instructions, allocations and system calls a request ({count} and {2 * count} requests; instructions one request at a time)")
    source, files = origin()
    native = Gateway(gateway_config(source.port, False)) if has_gateway() else None
    challenge = challenge_of(native) if native else None
    table: dict[tuple[str, str], list] = {}

    def calls(server):
        for work, target in WORKS.items():
            clients = Clients(server.port, compose("GET", target))
            found = system_calls(server.pid, clients, count)
            clients.close()
            waits = sum(found.pop(name, 0) for name in ("epoll_wait", "epoll_pwait"))
            table[work, server.name] = [None, None, sum(found.values()), waits, found]

    peer = front(source.port, challenge)
    servers = list(filter(None, (peer, native)))
    try:
        for server in servers:
            calls(server)
    finally:
        for server in servers:
            server.stop()

    def traced(make):
        place = Path(tempfile.mkdtemp(prefix="farebox-callgrind-"))
        # Debian's valgrind reads no debug data of this compiler's: it counts the same program without them.
        stripped = place / "farebox"
        subprocess.run(["strip", "--strip-debug", "-o", stripped, harness.farebox.BINARY], check=True)
        harness.farebox.BINARY, built = str(stripped), harness.farebox.BINARY
        server = make(callgrind_command(place))
        try:
            for work, target in WORKS.items():
                # One at a time: how many requests share a turn of a server's loop depends on what else the machine does.
                clients = Clients(server.port, compose("GET", target), connections=1)
                table[work, server.name][:2] = counted(server.pid, place, clients, count)
                clients.close()
        finally:
            server.stop()
            harness.farebox.BINARY = built
            subprocess.run(["rm", "-rf", str(place)])

    traced(lambda wrapper: front(source.port, challenge, core=None, wrapper=wrapper, single=True))
    if native:
        traced(lambda wrapper: Gateway(gateway_config(source.port, False), core=None, wrapper=wrapper))
    print(f"{'work':8}{'server':10}{'instructions':>13}{'target':>9}{'allocations':>13}{'target':>8}{'system calls':>14}{'target':>8}{'epoll_wait':>12}")
    for work in WORKS:
        for name in ("nginx", "farebox"):
            if (work, name) not in table:
                continue
            instructions, allocations, system, waits, names = table[work, name]
            ours = name == "farebox"
            row = f"{work:8}{name:10}{instructions:13.0f}{f'≤ {INSTRUCTION_TARGETS[work]}' if ours else '':>9}"
            row += f"{allocations:13.2f}{'0' if ours else '':>8}{system:14.2f}{f'≤ {CALL_TARGETS[work]}' if ours else '':>8}{waits:12.2f}"
            if ours:
                good = instructions <= INSTRUCTION_TARGETS[work] and allocations < 0.01 and system < CALL_TARGETS[work] + 0.05
                row += "  " + verdict(good)
            print(row + "   " + " ".join(f"{n} {c:.2f}" for n, c in sorted(names.items())), flush=True)
    source.stop()


def paid():
    """Pre-signed payments with distinct nonces through durable claims, one loop."""
    count = int(os.environ.get("PAYMENTS", 100_000))
    title(f"Paid GET: {presigned.WALLETS} wallets, pre-signed payments with distinct nonces, one loop")
    reference_rate = reference()
    if not has_gateway():
        return
    source, files = origin()
    # As many kept upstream connections as wallets, else every burst beyond them connects anew.
    limits = {"connections": 20000, "upstream_keep_alive": presigned.WALLETS}
    gateway = Gateway(gateway_config(source.port, False, limits=limits), core=None)
    try:
        terms = fetch(gateway.url + "/paid/1").required["accepts"][0]
        book = Path(gateway.place.name) / "payments"
        seconds = presigned.write(book, terms, count)
        load = pay_all(gateway.pid, gateway.url, book, max(3, min(10, count / 8000)))
        good = load.requests - load.failed
        rate = good / load.seconds
        print(
            f"farebox    {rate:8.0f} a second ({good} in {load.seconds:.1f} s, {load.failed} failed, durable claims);"
            f" target ≥ {PAID_TARGET}: {verdict(rate >= PAID_TARGET and load.failed == 0)}; {rate / reference_rate:.1f} × the reference"
        )
        for name, spent in sorted(load.threads.items(), key=lambda item: -item[1])[:5]:
            if spent > 1_000_000:
                each = spent / 1000 / max(1, good)
                print(f"  {name:24} {each:8.1f} µs of CPU a request, {spent / 1e9 / load.seconds:5.0%} of a core")
        claims = gateway.claims()
        charged = sum(claim["state"] in ("delivered", "owed", "settled") for claim in claims)
        print(
            f"  {len(claims)} claims listed, {charged} of them charged; {count} payments were signed in {seconds:.1f} s;"
            f" one write and sync of 4 KiB takes {sync_milliseconds(gateway.place.name):.2f} ms here"
        )
    finally:
        gateway.stop()
        source.stop()


def pay_all(pid: int, url: str, book: Path, seconds: float, connections: int = presigned.WALLETS):
    return wrk(pid, url + "/paid/1", seconds, connections, HERE / "paid.lua", (str(book), "gateway.test"))


def reference() -> float:
    """Paid requests a second of the SDK's FastAPI middleware, which checks and keeps nothing here."""
    port = free_port()
    server = subprocess.Popen(pinned(CORE_MEASURED, [sys.executable, str(HERE / "reference.py"), str(port)]))
    try:
        def up():
            try:
                return fetch(f"http://127.0.0.1:{port}/paid/1")
            except OSError:
                return None

        terms = wait_until(up, 30, "the reference listens").required["accepts"][0]
        with tempfile.TemporaryDirectory() as place:
            book = Path(place) / "payments"
            presigned.write(book, terms, 20_000)
            load = pay_all(server.pid, f"http://127.0.0.1:{port}", book, 5)
        rate = (load.requests - load.failed) / load.seconds
        print(
            f"reference  {rate:8.0f} a second ({load.requests} in {load.seconds:.1f} s, {load.failed} failed);"
            f" FastAPI middleware of x402 2.25.0, a facilitator in process that says yes, nothing kept",
            flush=True,
        )
        return rate
    finally:
        server.terminate()
        server.wait(10)


def sync_milliseconds(directory: str) -> float:
    """The disk's own figure, beside which the rate is to be read."""
    took = []
    with tempfile.TemporaryFile(dir=directory) as file:
        for _ in range(50):
            began = time.perf_counter()
            os.write(file.fileno(), bytes(4096))
            os.fdatasync(file.fileno())
            took.append((time.perf_counter() - began) * 1000)
    return median(took)


def idle():
    """Resident memory of 10,000 idle keep-alive connections, each of which has made a request."""
    wanted = 10_000
    title(f"{wanted} idle keep-alive connections")
    source, files = origin()
    makers = [lambda: front(source.port, None)]
    if has_gateway():
        makers.append(lambda: Gateway(gateway_config(source.port, False)))
    for make in makers:
        for work in ("402", "1 KiB"):
            server = make()
            request, kept = compose("GET", WORKS[work]), []
            warm = Clients(server.port, request)
            warm.send(800)
            warm.close()
            before = resident_bytes(server.pid)
            while len(kept) < wanted:
                batch = [Connection(("127.0.0.1", server.port)) for _ in range(100)]
                for connection in batch:
                    connection.send(request)
                for connection in batch:
                    connection.read()
                kept += batch
            each = (resident_bytes(server.pid) - before) / wanted / 1024
            mark = f"; target ≤ 8: {verdict(each <= 8)}" if server.name == "farebox" else ""
            print(f"{server.name:8} after a {work:6} {each:6.2f} KiB of RSS each{mark}", flush=True)
            for connection in kept:
                connection.close()
            server.stop()
    source.stop()


def routes():
    """10,000 routes: start, matching, reload."""
    title("10,000 routes beside 10")
    if not has_gateway():
        print("no farebox to measure")
        return
    source, files = origin()

    def many(count: int) -> dict:
        config = gateway_config(source.port, False)
        for n in range(count):
            config["routes"].append(
                {"match": f"GET /api/v{n % 10}/resource-{n}/*/items/{{item}}", "upstream": "origin", "price": "$0.02"}
            )
        return config

    few, lots = Gateway(many(10)), Gateway(many(10_000))
    try:
        print(f"start to ready: {few.seconds_to_ready:.2f} s with 10, {lots.seconds_to_ready:.2f} s with 10,000;"
              f" target ≤ 1.5 s: {verdict(lots.seconds_to_ready <= 1.5)}")
        each = {few.name: [], "lots": []}
        for _ in range(ROUNDS):
            for key, server, number in ((few.name, few, 7), ("lots", lots, 7007)):
                url = f"{server.url}/api/v{number % 10}/resource-{number}/abc/items/5"
                each[key].append(wrk(server.pid, url, SECONDS).microseconds_each)
        ratio = median(b / a for a, b in zip(each[few.name], each["lots"]))
        print(f"a 402 of a template route: {median(each[few.name]):.2f} µs with 10, {median(each['lots']):.2f} µs with 10,000: ratio {ratio:.2f}")
        quiet, reloading = pauses(lots, None), pauses(lots, lambda turn: many(10_000 + turn))
        print(f"longest answer of 8 callers in 5 s (ms): {quiet[0]:.2f} quiet, {reloading[0]:.2f} while reloading;"
              f" 99.9th percentile {quiet[1]:.2f} and {reloading[1]:.2f} (the machine's own hiccups included)")
        longest = max(reload_milliseconds(lots, many(10_100 + turn)) for turn in range(3))
        print(f"the loop's CPU in one reload of 10,000 routes, without callers: {longest:.2f} ms;"
              f" target ≤ 1 ms: {verdict(longest <= 1)}")
    finally:
        few.stop()
        lots.stop()
        source.stop()


def reload_milliseconds(gateway: Gateway, config: dict) -> float:
    """What the loop itself spends on one reload: as long it serves nobody."""

    def loaded() -> int:
        return sum("is loaded" in line for line in gateway.errors)

    def spent() -> int:
        return sum(cpu for name, cpu in cpu_by_thread(gateway.pid).items() if name.startswith("loop-"))

    known, before = loaded(), spent()
    gateway.write(gateway.config | {"routes": config["routes"]})
    wait_until(lambda: loaded() > known, 60, "the reload")
    time.sleep(0.5)
    return (spent() - before) / 1e6


def pauses(gateway: Gateway, edit) -> tuple[float, float]:
    """Longest and 99.9th percentile of round trips in milliseconds, while `edit` (if any) is written again and again."""
    took, ending = [], time.monotonic() + 5
    clients = Clients(gateway.port, compose("GET", "/priced/1"), 1)

    def edits():
        turn = 0
        while time.monotonic() < ending:
            turn += 1
            gateway.write(gateway.config | {"routes": edit(turn)["routes"]})
            time.sleep(1.5)

    writer = threading.Thread(target=edits) if edit else None
    if writer:
        writer.start()
    while time.monotonic() < ending:
        began = time.perf_counter()
        clients.send(1)
        took.append((time.perf_counter() - began) * 1000)
    if writer:
        writer.join()
    took.sort()
    return took[-1], took[int(len(took) * 0.999)]


def main():
    open_many_files()
    nginx = subprocess.run(["nginx", "-v"], capture_output=True, text=True).stderr.strip().split(": ")[-1]
    print(f"{platform.machine()}, {os.cpu_count()} cores, Linux {platform.release()}; {nginx};"
          f" {'farebox ' + os.environ['FAREBOX_BIN'] if has_gateway() else 'no farebox: nginx alone'}")
    if os.cpu_count() < 2:
        sys.exit("two cores are needed: one for the measured server, one for load and origin")
    parts = {
        "proxy": lambda: (proxy(log=False), proxy(log=True)),
        "counts": counts,
        "paid": paid,
        "bounds": lambda: bounds.added(title, verdict),
        "recovery": lambda: bounds.recovery(title, verdict),
        "mcp": lambda: tools.bench(title, verdict),
        "chain": lambda: settled(title, verdict, pay_all),
        "idle": idle,
        "routes": routes,
    }
    unknown = ONLY - parts.keys()
    if unknown:
        sys.exit(f"ONLY: {', '.join(unknown)} is none of {', '.join(parts)}")
    for name, part in parts.items():
        if not ONLY or name in ONLY:
            part()


if __name__ == "__main__":
    main()

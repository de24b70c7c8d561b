"""What bounds add to a paid request, and how long a ledger of a million claims takes from start to ready."""

import os
import sqlite3
import time
from pathlib import Path

import presigned
from measure import median, resident_bytes, wrk
from servers import Gateway, gateway_config, origin

from harness.http import fetch
from harness.pay import Buyer

HERE = Path(__file__).parent
ADDED_TARGET_MICROSECONDS = 10
RECOVERY_TARGET_SECONDS = 2
CLAIMS = int(os.environ.get("CLAIMS", 1_000_000))

# Every kind there is, and none that the load reaches.
POLICIES = {
    "default": {
        "per_wallet": {"rate": "1000000/h", "spend": "$1000000/day"},
        "per_address": {"unpaid": "100000000/h", "free": "100000000/h"},
        "everyone": {"rate": "100000000/h", "spend": "$10000000/day"},
        "deny": ["0x000000000000000000000000000000000000dEaD"],
    },
    "proven": {"requires": {"failed_ratio": "100%"}, "otherwise": "deny"},
    "leases": {"in_flight_per_wallet": 1},
    "breaker": {"trip": {"or_status": [422], "over": "50%", "of_last": 200}, "then": "deny", "for": "1m"},
}


def config(origin_port: int, **changes) -> dict:
    made = gateway_config(
        origin_port, False, policies=POLICIES,
        limits={"connections": 20000, "upstream_keep_alive": presigned.WALLETS}, **changes,
    )
    for route in made["routes"]:
        if route["match"] == "GET /paid/*":
            route["policies"] = ["leases"]
    made["routes"].append({
        "match": "GET /bound/*", "upstream": "origin", "price": "$0.0001", "policies": ["default", "proven", "breaker"],
    })
    return made


def added(title, verdict):
    """The same payments on two routes of one gateway, one of them with every kind of bound, in turns."""
    rounds, count = int(os.environ.get("ROUNDS", 5)), int(os.environ.get("PAYMENTS", 24_000))
    title(f"What bounds add to a paid GET: {rounds} interleaved rounds of {count} payments")
    source, files = origin()
    gateway = Gateway(config(source.port), core=None)
    found = {"paid": [], "bound": []}
    try:
        terms = fetch(gateway.url + "/paid/1").required["accepts"][0]
        for turn in range(rounds + 1):
            for kind in ("paid", "bound") if turn % 2 else ("bound", "paid"):
                book = Path(gateway.place.name) / f"payments-{kind}"
                presigned.write(book, terms, count)
                if kind == "bound":
                    book.write_text(book.read_text().replace("/paid/", "/bound/"))
                load = wrk(
                    gateway.pid, gateway.url + f"/{kind}/1", count / 12_000, presigned.WALLETS, HERE / "paid.lua",
                    (str(book), "gateway.test"),
                )
                assert load.failed == 0 and load.requests < count, f"{kind}: {load.failed} of {load.requests} failed"
                if turn:
                    found[kind].append(load)
        ours = [load.microseconds_each for load in found["bound"]]
        others = [load.microseconds_each for load in found["paid"]]
        more = [one - other for one, other in zip(ours, others)]
        print(
            f"farebox    {median(others):.1f} µs of CPU a paid request without bounds, {median(ours):.1f} µs with;"
            f" {median(more):+.1f} µs ({min(more):+.1f} to {max(more):+.1f});"
            f" target ≤ {ADDED_TARGET_MICROSECONDS}: {verdict(median(more) <= ADDED_TARGET_MICROSECONDS)}"
        )
    finally:
        gateway.stop()
        source.stop()


def multiply(ledger: Path, count: int):
    """`count` claims like the one that is there: of 10,000 wallets, counted over the last day, a thousand of them left in flight."""
    database = sqlite3.connect(ledger)
    columns = [row[1] for row in database.execute("PRAGMA table_info(claims)") if row[1] != "id"]
    now = int(time.time())
    spread = f"{now} - 86000 + counter.n * 86000 / {count}"
    new = {
        "payer": "wallets.payer", "nonce": "randomblob(32)", "binding": "randomblob(32)", "counted_at": spread,
        "created_at": spread, "updated_at": spread,
        "state": f"CASE WHEN counter.n % {max(1, count // 1000)} = 0 THEN 'running' ELSE state END",
        "paid": f"CASE WHEN counter.n % {max(1, count // 1000)} = 0 THEN 0 ELSE paid END",
        "at_rest": f"CASE WHEN counter.n % {max(1, count // 1000)} = 0 THEN 0 ELSE at_rest END",
    }
    database.executescript(
        f"""
        PRAGMA synchronous = OFF;
        CREATE TEMP TABLE wallets (n INTEGER PRIMARY KEY, payer BLOB);
        WITH RECURSIVE counter(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM counter WHERE n < 9999)
            INSERT INTO wallets SELECT n, randomblob(20) FROM counter;
        WITH RECURSIVE counter(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counter WHERE n < {count})
            INSERT INTO claims ({', '.join(columns)})
            SELECT {', '.join(new.get(column, 'claims.' + column) for column in columns)}
            FROM counter JOIN wallets ON wallets.n = counter.n % 10000, claims WHERE claims.id = 1;
        PRAGMA wal_checkpoint(TRUNCATE);
        """
    )
    assert database.execute("SELECT count(*) FROM claims").fetchone()[0] == count + 1
    database.close()


def recovery(title, verdict):
    """From the process's start until it takes payments, every claim within a bound's window."""
    title(f"Recovery of {CLAIMS:,} claims, all within the windows of bounds, 1,000 of them in flight")
    source, files = origin()
    gateway = Gateway(config(source.port), core=None)
    try:
        buyer = Buyer(gateway)
        assert buyer.present("/bound/1", buyer.sign("/bound/1")).status == 200

        def starts() -> list[float]:
            took = []
            for _ in range(3):
                gateway.terminate()
                began = time.monotonic()
                gateway.start(ready=False)
                gateway.wait_ready(120)
                took.append(time.monotonic() - began)
            return took

        empty = median(starts())
        gateway.terminate()
        multiply(gateway.ledger, CLAIMS)
        # What another program wrote is taken only when a person says so.
        gateway.command("ledger", "accept-loss", "--ledger", str(gateway.ledger), timeout=300, check=True)
        gateway.start(ready=False)
        gateway.wait_ready(120)
        taken_up = [line for line in gateway.errors if "taken up" in line or "recovered" in line][-1:]
        took = starts()
        print(
            f"farebox    {median(took):.2f} s to ready ({min(took):.2f} to {max(took):.2f}), with one claim {empty:.2f} s;"
            f" target ≤ {RECOVERY_TARGET_SECONDS}: {verdict(median(took) <= RECOVERY_TARGET_SECONDS)};"
            f" {gateway.ledger.stat().st_size / 1e6:.0f} MB of ledger, {resident_bytes(gateway.pid) / 1e6:.0f} MB resident"
        )
        for line in taken_up:
            print(f"  {line}")
    finally:
        gateway.stop()
        source.stop()

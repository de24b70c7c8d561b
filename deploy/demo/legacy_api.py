"""A small legacy API, as many teams have one: sales reports and an e-mail outbox over SQLite. It knows nothing of payments.

usage: legacy_api.py [--port 9000] [--database legacy.db]

    GET  /v1/status          how it is
    GET  /v1/reports         the names of the reports
    GET  /v1/reports/NAME    one report
    POST /v1/emails          {"to": ..., "subject": ..., "report": NAME}: queues a report for sending; an Idempotency-Key
                             that was seen before gives the same answer and queues nothing
"""

import argparse
import json
import re
import signal
import sqlite3
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SCHEMA = """
CREATE TABLE IF NOT EXISTS sales (quarter TEXT, region TEXT, product TEXT, units INTEGER, cents INTEGER);
CREATE TABLE IF NOT EXISTS outbox (
    id INTEGER PRIMARY KEY, recipient TEXT, subject TEXT, report TEXT, queued_at INTEGER, idempotency_key TEXT UNIQUE
);
"""

SALES = [
    (f"{year}-q{quarter}", region, product, units := 40 + (year * 7 + quarter * 13 + place * 5 + item * 11) % 60, units * cents)
    for year in (2024, 2025)
    for quarter in (1, 2, 3, 4)
    for place, region in enumerate(("north", "south", "overseas"))
    for item, (product, cents) in enumerate((("ticket", 290), ("day pass", 880), ("month pass", 7900)))
]

ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
MAX_BODY = 64 * 1024


class Refusal(Exception):
    def __init__(self, status: int, message: str):
        self.status, self.message = status, message


class Store:
    """One SQLite connection, shared under a lock: the load of a legacy API is small."""

    def __init__(self, path: str):
        self.lock = threading.Lock()
        self.database = sqlite3.connect(path, check_same_thread=False)
        self.database.executescript(SCHEMA)
        if not self.database.execute("SELECT 1 FROM sales").fetchone():
            self.database.executemany("INSERT INTO sales VALUES (?, ?, ?, ?, ?)", SALES)
        self.database.commit()

    def reports(self) -> list[str]:
        with self.lock:
            return [row[0] for row in self.database.execute("SELECT DISTINCT quarter FROM sales ORDER BY quarter")]

    def report(self, name: str) -> dict:
        with self.lock:
            rows = self.database.execute(
                "SELECT region, product, units, cents FROM sales WHERE quarter = ? ORDER BY region, product", (name,)
            ).fetchall()
        if not rows:
            raise Refusal(404, f"there is no report '{name}'")
        return {
            "report": name,
            "lines": [dict(zip(("region", "product", "units", "cents"), row)) for row in rows],
            "units": sum(row[2] for row in rows),
            "cents": sum(row[3] for row in rows),
        }

    def queue(self, recipient: str, subject: str, report: str, key: str | None) -> dict:
        self.report(report)
        with self.lock:
            if key:
                row = self.database.execute(
                    "SELECT id, recipient, report FROM outbox WHERE idempotency_key = ?", (key,)
                ).fetchone()
                if row:
                    return dict(zip(("id", "to", "report"), row)) | {"queued": True}
            cursor = self.database.execute(
                "INSERT INTO outbox (recipient, subject, report, queued_at, idempotency_key) VALUES (?, ?, ?, ?, ?)",
                (recipient, subject, report, int(time.time()), key),
            )
            self.database.commit()
        return {"id": cursor.lastrowid, "to": recipient, "report": report, "queued": True}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "LegacyReports/3.2"
    disable_nagle_algorithm = True
    timeout = 120
    store: Store

    def answer(self, status: int, value: dict):
        body = (json.dumps(value, indent=2) + "\n").encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def body(self) -> dict:
        length = int(self.headers.get("Content-Length") or 0)
        if length > MAX_BODY:
            self.close_connection = True
            raise Refusal(413, "at most 64 KiB")
        try:
            value = json.loads(self.rfile.read(length))
        except ValueError:
            raise Refusal(400, "the body is not JSON") from None
        if not isinstance(value, dict):
            raise Refusal(400, "the body is not an object")
        return value

    def route(self):
        path = self.path.split("?")[0]
        reading = self.command in ("GET", "HEAD")
        if reading and path == "/v1/status":
            return 200, {"status": "ok", "version": "3.2", "reports": len(self.store.reports())}
        if reading and path == "/v1/reports":
            return 200, {"reports": self.store.reports()}
        if reading and path.startswith("/v1/reports/"):
            return 200, self.store.report(path.removeprefix("/v1/reports/"))
        if self.command == "POST" and path == "/v1/emails":
            value = self.body()
            to, subject, report = (str(value.get(name, "")) for name in ("to", "subject", "report"))
            if not ADDRESS.fullmatch(to):
                raise Refusal(422, "'to' is no address")
            return 202, self.store.queue(to, subject, report, self.headers.get("Idempotency-Key"))
        raise Refusal(404, "no such page")

    def serve(self):
        try:
            status, value = self.route()
        except Refusal as refusal:
            status, value = refusal.status, {"error": refusal.message}
        self.answer(status, value)

    do_GET = do_HEAD = do_POST = serve

    def log_message(self, form, *arguments):
        """Method, path and status only: a query or a header may hold what is nobody's business."""
        sys.stderr.write(f"{time.strftime('%H:%M:%S')} {self.command} {self.path.split('?')[0]} {arguments[1] if len(arguments) > 1 else ''}\n")


def main():
    options = argparse.ArgumentParser(description="A small legacy API: reports and e-mails.")
    options.add_argument("--port", type=int, default=9000)
    options.add_argument("--database", default="legacy.db")
    chosen = options.parse_args()
    Handler.store = Store(chosen.database)
    server = ThreadingHTTPServer(("127.0.0.1", chosen.port), Handler)
    server.daemon_threads = True
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    print(f"legacy API on http://127.0.0.1:{server.server_port}", file=sys.stderr)
    server.serve_forever()


if __name__ == "__main__":
    main()

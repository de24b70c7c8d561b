"""Starts and watches a Farebox of its own for a test: config directory, ledger, logs, process."""

import copy
import json
import os
import random
import resource
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import yaml

from .http import Connection, Response, fetch, wait_until

BINARY = os.path.abspath(os.environ.get("FAREBOX_BIN", ".build/release/farebox"))
PAY_TO = "0x209693Bc6afc0C5328bA36FaF03C514EF312287C"


def own_ports():
    """Ports of this test process alone, each given out once a round, below the range the kernel hands out by itself."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    share = range(12000 + worker % 4 * 4500, 12000 + worker % 4 * 4500 + 4500)
    start = random.randrange(len(share))
    while True:
        yield from share[start:]
        yield from share[:start]


PORTS = own_ports()


def free_port() -> int:
    """A port that was free a moment ago, and that no other test process will take."""
    while True:
        port = next(PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def standard(upstream_url: str, **changes) -> dict:
    """The set of the README with one upstream: free, `after` and `first` routes."""
    config = {
        "threads": 2,
        "payments": {
            "test-usdc": {"network": "base-sepolia", "asset": "USDC", "pay_to": PAY_TO, "facilitator": "sandbox"}
        },
        "upstreams": {"legacy": {"url": upstream_url}},
        "routes": [
            {"match": "GET /free/**", "upstream": "legacy", "free": True},
            {"match": "/any/**", "upstream": "legacy", "free": True},
            {
                "match": "GET /after/*",
                "upstream": "legacy",
                "price": "$0.02",
                "description": "One report",
                "mime_type": "application/json",
            },
            {"match": "POST /after/*", "upstream": "legacy", "price": "$0.02"},
            {"match": "GET /first/*", "upstream": "legacy", "price": "$0.05", "settle": "first"},
            {"match": "POST /first/*", "upstream": "legacy", "price": "$0.05", "settle": "first"},
        ],
        "unmatched": "deny",
        "cors": True,
    }
    config.update(changes)
    return config


IN_FLIGHT = {"claimed", "running", "answered", "sent", "settled"}


class Farebox:
    def __init__(self, directory: Path, config: dict, wrapper: list[str] | None = None, environment: dict | None = None):
        self.directory = Path(directory)
        self.config_directory = self.directory / "gateway.conf.d"
        self.config_directory.mkdir(parents=True, exist_ok=True)
        self.port, self.admin_port = free_port(), free_port()
        self.ledger = self.directory / "farebox.db"
        self.access_path = self.directory / "access.log"
        self.wrapper = wrapper or []
        self.environment = environment or {}
        self.process: subprocess.Popen | None = None
        self.errors: list[str] = []
        self.config = {
            "listen": f"127.0.0.1:{self.port}",
            "admin": f"127.0.0.1:{self.admin_port}",
            "public_url": f"http://127.0.0.1:{self.port}",
            "ledger": str(self.ledger),
            "access_log": str(self.access_path),
        } | copy.deepcopy(config)
        self.write(self.config)

    # Config

    def write(self, config: dict, name: str = "10-all.yaml"):
        self.write_text(yaml.safe_dump(config, sort_keys=False), name)

    def write_text(self, text: str, name: str = "10-all.yaml"):
        """As an editor saves: a temporary file, renamed over the old one."""
        temporary = self.config_directory / ("." + name + ".tmp")
        temporary.write_text(text)
        temporary.rename(self.config_directory / name)

    def route(self, match: str) -> dict:
        return next(route for route in self.config["routes"] if route["match"] == match)

    # Process

    def start(self, ready: bool = True) -> "Farebox":
        self.process = subprocess.Popen(
            # A file above the limit of `fill_disk` is then an error, as a full disk is, and no signal.
            [*self.wrapper, "env", "--ignore-signal=XFSZ", BINARY, "run", "--config", str(self.config_directory)],
            cwd=self.directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=os.environ | self.environment,
            start_new_session=True,
        )
        threading.Thread(target=self._drain, args=(self.process.stderr,), daemon=True).start()
        if ready:
            self.wait_ready()
        return self

    def _drain(self, stream):
        for line in stream:
            self.errors.append(line.decode("utf-8", "replace").rstrip("\n"))

    def wait_ready(self, seconds: float = 15):
        def ready():
            if self.process.poll() is not None:
                time.sleep(0.1)
                raise AssertionError(f"farebox ended with {self.process.returncode}:\n" + "\n".join(self.errors[-30:]))
            try:
                return self.admin("/readyz").status == 200
            except OSError:
                return False

        wait_until(ready, seconds, "/readyz is 200")

    @property
    def pid(self) -> int:
        """The gateway's own process, also below a wrapper such as strace."""
        if not self.wrapper:
            return self.process.pid
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return int(children[0])

    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def kill(self):
        """kill -9. The process that runs now, and no later one: another thread may start it again before this returns."""
        process = self.process
        if self.alive():
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)
        # Below a wrapper the gateway itself may end a moment after it.
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                return
            time.sleep(0.01)

    def terminate(self) -> int:
        """SIGTERM, and the exit status."""
        os.kill(self.pid, signal.SIGTERM)
        return self.process.wait(40)

    def stop(self):
        if self.alive():
            os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(3)
            except subprocess.TimeoutExpired:
                self.kill()

    def restart(self, ready: bool = True) -> "Farebox":
        self.wrapper = []
        return self.start(ready)

    def hang_up(self):
        os.kill(self.pid, signal.SIGHUP)

    def log_has(self, text: str) -> bool:
        return any(text in line for line in list(self.errors))

    def status_kib(self, name: str) -> int:
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(name + ":"):
                return int(line.split()[1])
        raise KeyError(name)

    @property
    def resident_kib(self) -> int:
        return self.status_kib("VmRSS")

    def fill_disk(self, full: bool = True):
        """From now on no regular file of the gateway takes a byte (EFBIG), or again as before."""
        limit = 0 if full else resource.RLIM_INFINITY
        resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))

    # Requests

    @property
    def address(self) -> tuple[str, int]:
        return ("127.0.0.1", self.port)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def connect(self, **options) -> Connection:
        return Connection(self.address, **options)

    def fetch(self, target: str, method: str = "GET", headers=None, body: bytes | None = None, **options) -> Response:
        """`target` goes out as it is, on a connection of its own."""
        with self.connect(**options) as connection:
            return connection.request(method, target, headers, body)

    def admin(self, path: str, method: str = "GET") -> Response:
        return fetch(f"http://127.0.0.1:{self.admin_port}{path}", method)

    def terms(self, target: str, method: str = "GET", body: bytes | None = None) -> dict:
        """The first entry of `accepts` that a fresh 402 offers (V2)."""
        response = self.fetch(target, method, body=body)
        assert response.status == 402, (response.status, response.body[:300])
        return response.required["accepts"][0]

    # Command line and logs

    def command(self, *arguments: str, timeout: float = 30, **options) -> subprocess.CompletedProcess:
        return subprocess.run(
            [BINARY, *arguments], cwd=self.directory, capture_output=True, timeout=timeout, text=True, **options
        )

    def claims(self, which: str = "list") -> list[dict]:
        """The ledger's rows. The last one of an exchange follows its answer a little later: it is waited for, not for long."""
        deadline = time.monotonic() + 1
        while True:
            rows = self.read_claims(which)
            if time.monotonic() > deadline or not any(row["state"] in IN_FLIGHT for row in rows):
                return rows
            time.sleep(0.02)

    def read_claims(self, which: str) -> list[dict]:
        done = self.command("ledger", which, "--json", "--limit", "1000000", "--config", str(self.config_directory))
        assert done.returncode == 0, done.stderr
        return parse_claims(done.stdout)

    def claim(self, payment: dict) -> dict | None:
        """The ledger's row for a payment, by its nonce."""
        nonce = payment["payload"]["authorization"]["nonce"].lower()
        rows = [claim for claim in self.claims() if claim["nonce"].lower() == nonce]
        assert len(rows) <= 1, rows
        return rows[0] if rows else None

    def wait_state(self, payment: dict, *states: str, seconds: float = 10) -> dict:
        def reached():
            claim = self.claim(payment)
            return claim if claim and claim["state"] in states else None

        return wait_until(reached, seconds, f"claim is {' or '.join(states)}")

    def access(self) -> list[dict]:
        """The access log so far; every line must be JSON."""
        if not self.access_path.exists():
            return []
        return [json.loads(line) for line in self.access_path.read_text().splitlines()]

    def access_line(self, target: str, seconds: float = 5) -> dict:
        return wait_until(
            lambda: next((line for line in self.access() if line["target"] == target), None),
            seconds,
            f"access log line for {target}",
        )


def parse_claims(text: str) -> list[dict]:
    """`ledger list --json`: one object a line."""
    return [json.loads(line) for line in text.splitlines()]

"""Starts the help desk of the demo under a version of the official SDK, and a Farebox config that sells its tools."""

import json
import subprocess
import threading
from pathlib import Path

from .farebox import PAY_TO, free_port
from .http import fetch, wait_until

ROOT = Path(__file__).resolve().parents[3]
PYTHONS = {version: ROOT / f".venv-mcp{version}/bin/python" for version in ("1", "2")}
UNITS = {"create_ticket": 20_000, "send_reply": 50_000, "close_ticket": 20_000, "ticket_state": 10_000, "export_tickets": 30_000}
READING = 1_000


class Helpdesk:
    def __init__(self, version: str, *options: str, port: int | None = None):
        self.port = port or free_port()
        command = [PYTHONS[version], ROOT / "deploy/demo/helpdesk.py", "--port", str(self.port), *options]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.errors: list[str] = []
        self.before: dict[str, int] = {}
        threading.Thread(target=self._drain, daemon=True).start()
        wait_until(self._is_up, 30, "the help desk listens")

    def _drain(self):
        for line in self.process.stderr:
            self.errors.append(line.decode("utf-8", "replace").rstrip("\n"))

    def _is_up(self) -> bool:
        assert self.process.poll() is None, "the help desk ended:\n" + "\n".join(self.errors[-30:])
        try:
            return fetch(self.origin + "/executions").status == 200
        except OSError:
            return False

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return self.origin + "/mcp"

    def mark(self) -> "Helpdesk":
        """From here on executions are counted anew."""
        self.before = self._counts()
        return self

    def executions(self) -> dict[str, int]:
        """How often each tool ran since the mark; what did not run is left out."""
        counts = {tool: count - self.before.get(tool, 0) for tool, count in self._counts().items()}
        return {tool: count for tool, count in counts.items() if count}

    def _counts(self) -> dict[str, int]:
        return json.loads(fetch(self.origin + "/executions").body)

    def step(self):
        """Lets an export that is held go one step further."""
        fetch(self.origin + "/step", "POST", body=b"")

    def stop(self):
        self.process.kill()
        self.process.wait(10)


def menu(**changes) -> dict:
    """The keys under `mcp:` that price the help desk."""
    return {
        "tools": {
            "search_kb": "free",
            "create_ticket": "$0.02",
            "send_reply": {"price": "$0.05", "settle": "first"},
            "close_ticket": "$0.02",
            "ticket_state": "$0.01",
            "export_tickets": "$0.03",
        },
        "methods": {"resources/read": "$0.001"},
    } | changes


def door(url: str, route: dict | None = None, top: dict | None = None, **changes) -> dict:
    """A config with one agent door before the server at an origin; `changes` go under `mcp:`."""
    config = {
        "threads": 2,
        "payments": {
            "test-usdc": {"network": "base-sepolia", "asset": "USDC", "pay_to": PAY_TO, "facilitator": "sandbox"}
        },
        "upstreams": {"helpdesk": {"url": url}},
        "routes": [{"match": "/mcp", "upstream": "helpdesk", "mcp": menu(**changes)} | (route or {})],
        "unmatched": "deny",
    }
    return config | (top or {})

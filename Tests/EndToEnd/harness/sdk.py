"""The official MCP client in a process of its own, under its own environment, told what to do line by line."""

import json
import queue
import subprocess
import threading

from .helpdesk import PYTHONS, ROOT
from .wallet import Wallet


class SdkFailed(Exception):
    """What the client raised, as it says itself."""


class SdkClient:
    def __init__(self, version: str, url: str, mode: str = "legacy", wallet: Wallet | None = None, wrapper: bool = False):
        self.wallet = wallet
        options = ["--mode", mode, *(["--key", wallet.hex_key] if wallet else []), *(["--wrapper"] if wrapper else [])]
        self.process = subprocess.Popen(
            [PYTHONS[version], ROOT / "Tests/EndToEnd/clients/mcp_talk.py", url, *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.lines: queue.Queue[str | None] = queue.Queue()
        self.errors: list[str] = []
        threading.Thread(target=self._read, daemon=True).start()
        threading.Thread(target=lambda: self.errors.extend(self.process.stderr), daemon=True).start()
        assert self.finish() == "connected"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait(10)

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line)
        self.lines.put(None)

    def line(self, seconds: float = 60) -> dict:
        """The next thing that the client says."""
        line = self.lines.get(timeout=seconds)
        assert line is not None, "the client ended:\n" + "".join(self.errors[-40:])
        return json.loads(line)

    def begin(self, do: str, **action):
        self.process.stdin.write(json.dumps({"do": do} | action) + "\n")
        self.process.stdin.flush()

    def finish(self, seconds: float = 60):
        """What the action came to; progress that is still reported is passed over."""
        while "progress" in (line := self.line(seconds)):
            pass
        if "failed" in line:
            raise SdkFailed(line["failed"])
        return line["done"]

    def ask(self, do: str, **action):
        self.begin(do, **action)
        return self.finish()

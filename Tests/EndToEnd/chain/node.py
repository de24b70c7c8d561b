"""The test chain with its RPC endpoints: a Node on a thread of this process, or `python -m chain.node` as its own."""

import argparse
import asyncio
import json
import signal
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

from .blockchain import Blockchain
from .control import Control
from .door import Door
from .genesis import Genesis, genesis_of
from .http import Server


class _Running:
    """A chain on the loop of the thread that made it."""

    def __init__(self, genesis: Genesis, mining: str | float, port: int = 0, tls=None):
        self.chain = Blockchain(genesis)
        self.doors: list[Door] = [Door(self.chain, port, tls)]
        self.control = Control(self)
        self.loop = asyncio.get_running_loop()
        self.timer: asyncio.TimerHandle | None = None
        self.twins: list[Blockchain] = []
        self.chain.when_visible = lambda seconds: self.loop.call_later(seconds + 0.01, self.chain.mine_what_waits)
        self.set_mining(mining)

    def set_mining(self, mode: str | float):
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        for chain in (self.chain, *self.twins):
            chain.mining = mode
            if mode == "auto":
                chain.mine_what_waits()
        if isinstance(mode, (int, float)):
            self._tick_at(self.loop.time() + mode)

    def _tick_at(self, moment: float):
        self.timer = self.loop.call_at(moment, self._tick, moment)

    def _tick(self, moment: float):
        for chain in (self.chain, *self.twins):
            chain.mine()
        self._tick_at(max(moment + self.chain.mining, self.loop.time()))

    async def open_door(self, tls=None, split: bool = False) -> int:
        chain = self.chain
        if split:
            chain = self.chain.split()
            self.twins.append(chain)
        door = Door(chain, tls=tls)
        await door.server.start()
        self.doors.append(door)
        return len(self.doors) - 1

    def stop(self):
        if self.timer is not None:
            self.timer.cancel()
        for door in self.doors:
            door.server.stop()


class Node:
    """A node on a thread of its own; every method of Control is one of this, run over there."""

    def __init__(self, network: str = "base-sepolia", mining: str | float = "auto", tls=None, genesis: Genesis | None = None):
        self.genesis = genesis or genesis_of(network)
        self.network = self.genesis.network
        ready = threading.Event()
        self._failed: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(mining, tls, ready), daemon=True, name="node")
        self._thread.start()
        ready.wait(60)
        if self._failed is not None:
            raise self._failed

    def _run(self, mining, tls, ready: threading.Event):
        async def main():
            try:
                self._node = _Running(self.genesis, mining, tls=tls)
                await self._node.doors[0].server.start()
                self._end = asyncio.Event()
            except BaseException as fault:  # noqa: BLE001 raised again by the maker
                self._failed = fault
                return
            finally:
                ready.set()
            await self._end.wait()
            self._node.stop()

        asyncio.run(main())

    def __getattr__(self, name: str):
        if name.startswith("_") or not hasattr(Control, name):
            raise AttributeError(name)
        return lambda *arguments, **options: self._there(
            lambda: getattr(self._node.control, name)(*arguments, **options)
        )

    def _there(self, action):
        """Runs on the node's thread, and gives what came of it."""

        async def run():
            return action()

        return asyncio.run_coroutine_threadsafe(run(), self._node.loop).result(60)

    @property
    def usdc(self) -> str:
        return self.network.usdc

    def open_door(self, tls=None, split: bool = False) -> int:
        """Another RPC of this chain (`split`: of a chain that goes its own way from here); gives its number."""
        return asyncio.run_coroutine_threadsafe(self._node.open_door(tls, split), self._node.loop).result(60)

    def reopen_door(self, door: int = 0):
        asyncio.run_coroutine_threadsafe(self._node.doors[door].server.start(), self._node.loop).result(10)

    def twin(self, door: int) -> Control:
        """The control of the chain behind a split door."""
        found = Control(self._node)
        found._chain = self._node.doors[door].chain
        return found

    def stop(self):
        if self._thread.is_alive():
            self._node.loop.call_soon_threadsafe(self._end.set)
            self._thread.join(10)


class NodeProcess:
    """The same as a process, for what must not share an interpreter with the test: every method of Control by HTTP."""

    def __init__(self, network: str = "base-sepolia", mining: str | float = "auto", *arguments: str, wrapper=()):
        self.process = subprocess.Popen(
            [
                *wrapper, sys.executable, "-m", "chain.node", "--network", network, "--mining", str(mining),
                "--until-stdin-ends", *arguments,
            ],
            cwd=Path(__file__).parents[1], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        self.urls = json.loads(self.process.stdout.readline())

    def __getattr__(self, name: str):
        if name.startswith("_") or not hasattr(Control, name):
            raise AttributeError(name)
        return lambda *arguments, **options: self._post(name, arguments, options)

    def _post(self, name, arguments, options):
        return tell(self.urls["control"], name, *arguments, **options)

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(10)
        self.process.stdin.close()
        self.process.stdout.close()


def tell(control_url: str, name: str, *arguments, **options):
    """One command to a node's control endpoint."""
    body = json.dumps([name, arguments, options]).encode()
    request = urllib.request.Request(control_url, body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["result"]
    except urllib.error.HTTPError as fault:
        raise RuntimeError(json.load(fault)["error"]) from None


def main():
    parser = argparse.ArgumentParser(prog="python -m chain.node", description=__doc__)
    parser.add_argument("--network", default="base-sepolia")
    parser.add_argument("--mining", default="auto", help='"auto", "manual", or seconds from block to block')
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--control-port", type=int, default=0)
    parser.add_argument("--until-stdin-ends", action="store_true", help="end with whoever started it")
    parser.add_argument("--genesis", default="[]", help="changes as JSON: see genesis.apply")
    options = parser.parse_args()
    mining = options.mining if options.mining in ("auto", "manual") else float(options.mining)

    async def run():
        genesis = genesis_of(options.network, changes=json.loads(options.genesis))
        node = _Running(genesis, mining, options.port)
        await node.doors[0].server.start()
        control = await Server(node.control._handle, options.control_port).start()
        print(json.dumps({"rpc": node.doors[0].server.url, "control": control.url}), flush=True)
        ended = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            node.loop.add_signal_handler(number, ended.set)
        if options.until_stdin_ends:
            node.loop.add_reader(sys.stdin, ended.set)
        await ended.wait()

    asyncio.run(run())


if __name__ == "__main__":
    main()

"""The reference facilitator (PyPI x402) as a process of its own, settling on test chains with its own relayer key.

usage: FACILITATOR_KEY=0x… python -m chain.facilitator NETWORK=RPC_URL… [--factory ADDRESS]… [--bearer TOKEN] [--wait SECONDS]
It prints {"url": …, "address": …} when it listens. One reference object serves one chain, so there is one for each.
"""

import argparse
import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from harness.wallet import Wallet

from .networks import NETWORKS


class FacilitatorProcess:
    """`chains`: network name → RPC url."""

    def __init__(self, chains: dict[str, str], factories=(), bearer: str | None = None, wait: float = 30):
        self.relayer = Wallet.fresh()
        arguments = [f"{name}={url}" for name, url in chains.items()] + ["--wait", str(wait)]
        for factory in factories:
            arguments += ["--factory", factory]
        if bearer:
            arguments += ["--bearer", bearer]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "chain.facilitator", *arguments], cwd=Path(__file__).parents[1],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=os.environ | {"FACILITATOR_KEY": self.relayer.hex_key},
        )
        line = self.process.stdout.readline()
        assert line, "the reference facilitator did not start"
        self.url = json.loads(line)["url"]

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(10)
        self.process.stdin.close()
        self.process.stdout.close()


def reference(network, rpc_url: str, key: str, factories: list[str], wait: float):
    from x402 import x402FacilitatorSync
    from x402.mechanisms.evm import FacilitatorWeb3Signer
    from x402.mechanisms.evm.exact import register_exact_evm_facilitator

    signer = FacilitatorWeb3Signer(key, rpc_url, confirmation_timeout_seconds=wait)
    return register_exact_evm_facilitator(
        x402FacilitatorSync(), signer, network.caip2, eip6492_allowed_factories=factories
    )


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    # Set by main: CAIP-2 or V1 name → reference object; the names that /supported may show.
    by_network: dict = {}
    bearer: str | None = None

    def log_message(self, *_):
        pass

    def _answer(self, status: int, value: dict):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _allowed(self) -> bool:
        if self.bearer is None or self.headers.get("Authorization") == f"Bearer {self.bearer}":
            return True
        self._answer(401, {"error": "unauthorized"})
        return False

    def do_GET(self):
        if not self._allowed():
            return
        if self.path != "/supported":
            return self._answer(404, {"error": "not found"})
        kinds, signers = [], {}
        for facilitator in set(self.by_network.values()):
            found = facilitator.get_supported().model_dump(by_alias=True, exclude_none=True, mode="json")
            kinds += [kind for kind in found["kinds"] if kind["network"] in self.by_network]
            for family, addresses in found["signers"].items():
                signers[family] = sorted(set(signers.get(family, [])) | set(addresses))
        self._answer(200, {"kinds": kinds, "extensions": [], "signers": signers})

    def do_POST(self):
        from x402.schemas.helpers import parse_payment_payload, parse_payment_requirements

        asked = self.rfile.read(int(self.headers["Content-Length"]))
        if not self._allowed():
            return
        try:
            asked = json.loads(asked)
            version = asked["x402Version"]
            payload = parse_payment_payload(asked["paymentPayload"])
            requirements = parse_payment_requirements(version, asked["paymentRequirements"])
            facilitator = self.by_network[requirements.network]
            action = {"/verify": facilitator.verify, "/settle": facilitator.settle}[self.path]
            answer = action(payload, requirements)
        except Exception as fault:  # noqa: BLE001 the caller is told
            return self._answer(400, {"error": f"{type(fault).__name__}: {fault}"})
        self._answer(200, answer.model_dump(by_alias=True, exclude_none=True, mode="json"))


def main():
    parser = argparse.ArgumentParser(prog="python -m chain.facilitator", description=__doc__)
    parser.add_argument("chains", nargs="+")
    parser.add_argument("--factory", action="append", default=[])
    parser.add_argument("--bearer")
    parser.add_argument("--wait", type=float, default=30)
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args()
    from x402.mechanisms.evm.v1.constants import V1_NETWORK_CHAIN_IDS

    for chain in options.chains:
        name, url = chain.split("=", 1)
        network = NETWORKS[name]
        found = reference(network, url, os.environ["FACILITATOR_KEY"], options.factory, options.wait)
        _Handler.by_network[network.caip2] = found
        for v1_name, chain_id in V1_NETWORK_CHAIN_IDS.items():
            if chain_id == network.chain_id:
                _Handler.by_network[v1_name] = found
    _Handler.bearer = options.bearer
    server = ThreadingHTTPServer(("127.0.0.1", options.port), _Handler)
    server.daemon_threads = True
    address = Wallet(bytes.fromhex(os.environ["FACILITATOR_KEY"][2:])).address
    # It ends with whoever started it.
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    print(json.dumps({"url": f"http://127.0.0.1:{server.server_address[1]}", "address": address}), flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()

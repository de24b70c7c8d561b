"""The official clients, unmodified, pay through Farebox under both orders."""

import asyncio
import json
import subprocess
import threading
from importlib.metadata import version
from pathlib import Path

import httpx
import pytest
import requests
from eth_account import Account
from harness.upstream import echo
from harness.wallet import Wallet, decode
from x402 import x402Client, x402ClientSync
from x402.http.clients import wrapHttpxWithPayment, wrapRequestsWithPayment
from x402.http.clients.requests import PaymentError
from x402.mechanisms.evm.exact import register_exact_evm_client

ROOT = Path(__file__).resolve().parents[2]
PRICES = {"/after/7": "20000", "/first/7": "50000"}


def session(wallet: Wallet) -> requests.Session:
    client = register_exact_evm_client(x402ClientSync(), Account.from_key(wallet.hex_key))
    return wrapRequestsWithPayment(requests.Session(), client)


def ask_with_requests(wallet, method, url, data=None):
    answer = session(wallet).request(method, url, data=data, timeout=30)
    return answer.status_code, answer.headers, answer.text


def ask_with_httpx(wallet, method, url, data=None):
    async def run():
        client = register_exact_evm_client(x402Client(), Account.from_key(wallet.hex_key))
        async with wrapHttpxWithPayment(client, timeout=30) as http:
            answer = await http.request(method, url, content=data)
            return answer.status_code, answer.headers, answer.text

    return asyncio.run(run())


def check_paid(gateway, upstream, wallet, path, answer, receipt_header):
    status, headers, text = answer
    assert status == 200, text
    assert json.loads(text)["target"] == path
    receipt = decode(headers[receipt_header])
    assert receipt["success"] is True and receipt["transaction"].startswith("sandbox-")
    assert receipt["payer"].lower() == wallet.address.lower()
    assert "no-store" in headers["cache-control"] and "private" in headers["cache-control"]
    assert len(upstream.asked(path)) == 1
    (claim,) = gateway.claims()
    assert claim["state"] == "delivered" and claim["payer"].lower() == wallet.address.lower()
    assert str(claim["amount"]) == PRICES[path] and claim["transaction"] == receipt["transaction"]


@pytest.mark.parametrize("path", PRICES)
@pytest.mark.parametrize("ask", [ask_with_requests, ask_with_httpx])
@pytest.mark.parametrize("method,data", [("GET", None), ("POST", b'{"to": "ada@example.com"}')])
def test_x402_2_25_0(gateway, upstream, path, ask, method, data):
    assert version("x402") == "2.25.0"
    wallet = Wallet.fresh()
    check_paid(gateway, upstream, wallet, path, ask(wallet, method, gateway.url + path, data), "payment-response")
    assert upstream.asked(path)[0].body == (data or b"")


@pytest.mark.parametrize("path", PRICES)
@pytest.mark.parametrize("library", ["requests", "httpx"])
@pytest.mark.parametrize("environment,release", [(".venv-x402-100", "1.0.0"), (".venv-x402-021", "0.2.1")])
def test_x402_v1(gateway, upstream, path, library, environment, release):
    python = ROOT / environment / "bin" / "python"
    found = subprocess.run(
        [python, "-c", "from importlib.metadata import version; print(version('x402'))"], capture_output=True, text=True
    )
    assert found.stdout.strip() == release
    wallet = Wallet.fresh()
    done = subprocess.run(
        [python, ROOT / "Tests/EndToEnd/clients/pay_v1.py", library, wallet.hex_key, "GET", gateway.url + path],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    got = json.loads(done.stdout)
    answer = (got["status"], got["headers"], got["text"])
    check_paid(gateway, upstream, wallet, path, answer, "x-payment-response")


def test_retry_with_a_fresh_nonce_after_a_time_out_is_one_charge(gateway, upstream):
    """Under `first` the client gives up while the upstream works; its retry signs anew and is not charged again."""
    released, asked = threading.Event(), []

    def slow_once(exchange):
        asked.append(exchange.request)
        if len(asked) == 1:
            released.wait(30)
        echo(exchange)

    upstream.on("/first/slow", slow_once)
    wallet = Wallet.fresh()
    client = session(wallet)
    with pytest.raises(PaymentError, match="timed out"):
        client.get(gateway.url + "/first/slow", timeout=1.5)
    threading.Timer(0.5, released.set).start()
    answer = client.get(gateway.url + "/first/slow", timeout=30)
    assert answer.status_code == 200 and answer.json()["target"] == "/first/slow"
    (claim,) = gateway.claims()
    assert claim["state"] == "delivered"
    assert decode(answer.headers["PAYMENT-RESPONSE"])["transaction"] == claim["transaction"]
    keys = {request.header("Idempotency-Key") for request in asked}
    assert len(keys) == 1 and None not in keys, keys


def test_an_unpaid_client_library_still_reads_the_402(gateway):
    answer = httpx.get(gateway.url + "/after/7")
    assert answer.status_code == 402 and answer.json()["accepts"]

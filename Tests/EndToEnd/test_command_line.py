"""check, explain, pay and ledger, as a shell script sees them."""

import json
import os
import subprocess
from pathlib import Path

import pytest
import yaml
from harness.farebox import BINARY, Farebox, standard
from harness.pay import Buyer
from harness.wallet import Wallet, decode, encode


@pytest.fixture
def offline(tmp_path):
    """A config directory with nothing running."""
    return Farebox(tmp_path, standard("http://127.0.0.1:9"))


def check(gateway):
    return gateway.command("check", "--config", str(gateway.config_directory))


def test_check_prints_the_routes(offline):
    done = check(offline)
    assert done.returncode == 0, done.stderr
    for text in ("GET /after/*", "$0.02", "20000", "POST /first/*", "$0.05", "50000", "after", "first", "free"):
        assert text in done.stdout, text
    assert "sandbox" in (done.stdout + done.stderr).lower()


def test_check_tells_every_error_at_once(offline):
    offline.write_text(
        "listen: 127.0.0.1:8402\n"
        "pricing: {}\n"
        "upstreams:\n"
        "  legacy: {url: 'http://127.0.0.1:9', hots: preserve}\n"
        "payments:\n"
        "  test-usdc: {network: base-sepolia, asset: USDC, pay_to: '0x209693Bc6afc0C5328bA36FaF03C514EF312287d', facilitator: sandbox}\n"
        "routes:\n"
        "  - {match: 'GET /a', upstream: legasy, price: $0.02}\n"
        "  - {match: 'GET /b', upstream: legacy, price: $0.0000001}\n"
        "  - {match: 'GET /c', upstream: legacy, prise: $0.02}\n"
        "  - {match: 'GET /d', upstream: legacy, free: true}\n"
        "  - {match: 'GET /d', upstream: legacy, free: true}\n"
    )
    done = check(offline)
    assert done.returncode != 0
    told = done.stderr + done.stdout
    for line in (2, 4, 6, 8, 9, 10, 12):
        assert f"10-all.yaml:{line}:" in told, f"line {line} is not named:\n{told}"
    for text in ("hots", "host", "prise", "price", "legasy", "legacy"):
        assert text in told, f"{text} is not named:\n{told}"


def test_check_of_nothing(tmp_path, offline):
    assert offline.command("check", "--config", str(tmp_path / "nowhere")).returncode != 0


def test_run_refuses_a_broken_config(start):
    gateway = start({"routes": [{"match": "GET /x", "upstream": "nowhere", "free": True}]}, ready=False)
    assert gateway.process.wait(10) != 0
    assert gateway.log_has("10-all.yaml:")


def test_the_issues_own_set_loads(offline):
    """The directory that ships with the project."""
    shipped = Path(__file__).resolve().parents[2] / "gateway.conf.d"
    done = offline.command("check", "--config", str(shipped))
    assert done.returncode == 0, done.stderr
    assert "$0.02" in done.stdout and "$0.05" in done.stdout


@pytest.mark.parametrize(
    "method,target,texts",
    [
        ("GET", "/after/1", ["GET /after/*", "$0.02"]),
        ("POST", "/first/1", ["POST /first/*", "$0.05", "first"]),
        ("GET", "/free/deep/path", ["GET /free/**", "free"]),
        ("GET", "/nowhere", ["404"]),
    ],
)
def test_explain(offline, method, target, texts):
    done = offline.command("explain", method, "https://api.test" + target, "--config", str(offline.config_directory))
    for text in texts:
        assert text in done.stdout + done.stderr, (text, done.stdout, done.stderr)


def test_help_and_usage():
    for arguments in (["--help"], *([name, "--help"] for name in ("run", "check", "explain", "pay", "ledger"))):
        done = subprocess.run([BINARY, *arguments], capture_output=True, text=True)
        assert done.returncode == 0 and "USAGE" in done.stdout.upper(), arguments
    for arguments in (["frobnicate"], ["pay"], ["run", "--confg", "x"]):
        done = subprocess.run([BINARY, *arguments], capture_output=True, text=True)
        assert done.returncode == 64 and done.stderr and not done.stdout, arguments


# pay


@pytest.fixture
def key_file(tmp_path):
    wallet = Wallet.fresh()
    path = tmp_path / "key"
    path.write_text(wallet.hex_key + "\n")
    path.chmod(0o600)
    return wallet, path


def pay(gateway, *arguments, **options):
    return gateway.command("pay", *[str(argument) for argument in arguments], **options)


@pytest.mark.parametrize("order", ["after", "first"])
def test_pay(gateway, upstream, key_file, order):
    wallet, path = key_file
    done = pay(gateway, "--key-file", path, "-X", "POST", "-H", "X-Trace: 7", "-d", '{"a":1}', f"{gateway.url}/{order}/x")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["target"] == f"/{order}/x" and answer["length"] == 7
    (request,) = upstream.asked()
    assert request.header("X-Trace") == "7" and request.header("X-Farebox-Payer") == wallet.address
    (claim,) = gateway.claims()
    assert claim["transaction"] in done.stderr and claim["state"] == "delivered"
    assert wallet.key.hex() not in done.stderr + done.stdout


def test_pay_takes_its_key_from_the_environment(gateway, key_file):
    wallet, _ = key_file
    done = pay(gateway, gateway.url + "/after/x", env=os.environ | {"FAREBOX_KEY": wallet.hex_key})
    assert done.returncode == 0, done.stderr


def test_pay_refuses_above_the_maximum(gateway, upstream, key_file):
    _, path = key_file
    done = pay(gateway, "--max", "$0.01", "--key-file", path, gateway.url + "/after/x")
    assert done.returncode == 3 and "0.02" in done.stderr and "0.01" in done.stderr and done.stdout == ""
    assert upstream.asked() == [] and gateway.claims() == []
    assert pay(gateway, "--max", "$0.02", "--key-file", path, gateway.url + "/after/x").returncode == 0


def test_pay_above_the_default_maximum(start, upstream, key_file):
    """$0.10 unless said otherwise."""
    config = standard(upstream.url)
    config["routes"].append({"match": "GET /dear", "upstream": "legacy", "price": "$0.11"})
    gateway = start(config)
    _, path = key_file
    assert pay(gateway, "--key-file", path, gateway.url + "/dear").returncode == 3
    assert pay(gateway, "--max", "$0.11", "--key-file", path, gateway.url + "/dear").returncode == 0


def test_pay_for_a_free_page(gateway, key_file):
    _, path = key_file
    done = pay(gateway, "--key-file", path, gateway.url + "/free/x")
    assert done.returncode == 0 and json.loads(done.stdout)["target"] == "/free/x" and gateway.claims() == []


def test_pay_refuses_a_key_that_others_can_read(gateway, key_file):
    _, path = key_file
    path.chmod(0o644)
    done = pay(gateway, "--key-file", path, gateway.url + "/after/x")
    assert done.returncode not in (0, 3) and "key" in done.stderr and gateway.claims() == []


def test_pay_passes_an_error_on(gateway, upstream, key_file):
    _, path = key_file
    upstream.on("/after/x", lambda exchange: exchange.answer(500, "broken"))
    done = pay(gateway, "--key-file", path, gateway.url + "/after/x")
    assert done.returncode == 22 and done.stdout == "broken"


def test_pay_never_signs_twice(upstream, offline, key_file):
    """Whatever answer it does not understand, a second signature is never made."""
    _, path = key_file
    terms = {
        "scheme": "exact", "network": "eip155:84532", "amount": "20000", "maxTimeoutSeconds": 300,
        "asset": "0x036CbD53842c5426634e7929541eC2318f3dCF7e", "payTo": "0x209693Bc6afc0C5328bA36FaF03C514EF312287C",
        "extra": {"name": "USDC", "version": "2"},
    }
    challenge = encode({"x402Version": 2, "error": "payment_required", "resource": {"url": "http://x"}, "accepts": [terms]})
    signed = []

    def shop(after_payment):
        def handler(exchange):
            if exchange.request.header("PAYMENT-SIGNATURE"):
                signed.append(exchange.request.header("PAYMENT-SIGNATURE"))
                after_payment(exchange)
            else:
                exchange.answer(402, "{}", {"PAYMENT-REQUIRED": challenge})

        return handler

    def again(exchange):
        exchange.answer(402, "{}", {"PAYMENT-REQUIRED": challenge})

    def cut(exchange):
        exchange.close()

    def garbage(exchange):
        exchange.send("what?\r\n\r\n")
        exchange.close()

    def pending(exchange):
        exchange.answer(402, "{}", {"PAYMENT-RESPONSE": encode({"success": False, "errorReason": "settlement_pending", "transaction": "0x1", "network": "eip155:84532"})})

    for name, answer, code in (("again", again, 4), ("cut", cut, 5), ("garbage", garbage, 5), ("pending", pending, 5)):
        signed.clear()
        upstream.on("/" + name, shop(answer))
        done = pay(offline, "--key-file", path, f"{upstream.url}/{name}")
        assert len(signed) == 1, name
        assert done.returncode == code, (name, done.returncode, done.stderr)


def test_pay_understands_a_v1_shop(upstream, offline, key_file):
    _, path = key_file
    terms = {
        "scheme": "exact", "network": "base-sepolia", "maxAmountRequired": "20000", "resource": "http://x/", "description": "",
        "mimeType": "", "payTo": "0x209693Bc6afc0C5328bA36FaF03C514EF312287C", "maxTimeoutSeconds": 60,
        "asset": "0x036CbD53842c5426634e7929541eC2318f3dCF7e", "extra": {"name": "USDC", "version": "2"},
    }

    def handler(exchange):
        header = exchange.request.header("X-PAYMENT")
        if header:
            exchange.answer(200, decode(header)["payload"]["authorization"]["value"])
        else:
            exchange.answer(402, json.dumps({"x402Version": 1, "error": "pay", "accepts": [terms]}), {"Content-Type": "application/json"})

    upstream.on("/x", handler)
    done = pay(offline, "--key-file", path, upstream.url + "/x")
    assert done.returncode == 0 and done.stdout == "20000", done.stderr


# ledger


def test_ledger_list_and_owed(gateway, upstream):
    buyer = Buyer(gateway)
    buyer.pay("/after/1")
    upstream.on("/first/x", lambda exchange: exchange.close())
    payment = buyer.sign("/first/x")
    buyer.present("/first/x", payment)
    gateway.wait_state(payment, "owed")
    config = ("--config", str(gateway.config_directory))
    listed, owed = gateway.command("ledger", "list", *config), gateway.command("ledger", "owed", *config)
    assert listed.returncode == owed.returncode == 0
    assert "delivered" in listed.stdout and "owed" in listed.stdout and buyer.wallet.address in listed.stdout
    assert "delivered" not in owed.stdout and buyer.wallet.address in owed.stdout
    assert len(gateway.claims()) == 2 and [c["state"] for c in gateway.claims("owed")] == ["owed"]
    gateway.terminate()
    assert len(gateway.claims()) == 2, "it reads with no gateway running too"


def test_ledger_of_nothing(offline):
    done = offline.command("ledger", "list", "--json", "--config", str(offline.config_directory))
    assert done.stdout.strip() in ("", "[]")


def test_the_contract_reads_as_written(tmp_path):
    """Every key of the contract is known, in the very spelling of the README."""
    text = """
listen: 127.0.0.1:8402
admin: 127.0.0.1:9402
public_url: http://127.0.0.1:8402
threads: auto
ledger: ./farebox.db
access_log: stderr
payments:
  test-usdc:
    network: base-sepolia
    asset: USDC
    pay_to: "0x209693Bc6afc0C5328bA36FaF03C514EF312287C"
    facilitator: sandbox
upstreams:
  legacy: {url: "http://127.0.0.1:9000"}
routes:
  - {match: "GET /v1/status", upstream: legacy, free: true}
  - match: "GET /v1/reports/*"
    upstream: legacy
    price: $0.02
    accept: [test-usdc]
    settle: after
    max_timeout_seconds: 300
    description: "One report"
    mime_type: application/json
  - {match: "POST /v1/emails", upstream: legacy, price: $0.05, settle: first, bind: body, redeliver: never}
policies:
  default:
    in_flight_per_wallet: {after: 1, first: 16}
    lease_wait: 10s
    lease_queue: 64
unmatched: deny
cors: on
"""
    yaml.safe_load(text)
    gateway = Farebox(tmp_path, {})
    gateway.write_text(text)
    done = check(gateway)
    assert done.returncode == 0, done.stderr

"""farebox wallet 0x…, and bounds that outlive the process."""

import json

import pytest
from harness.farebox import Farebox, standard
from harness.pay import Buyer
from harness.wallet import Wallet

POLICIES = {
    "default": {"per_wallet": {"rate": "3/h", "spend": "$5/day"}, "everyone": {"spend": "$500/day"}},
    "proven": {"requires": {"settled": 5}, "otherwise": "deny"},
}


@pytest.fixture
def bounded(start, upstream):
    return start(standard(upstream.url, policies=POLICIES))


def wallet(gateway, *arguments):
    return gateway.command("wallet", *arguments, "--config", str(gateway.config_directory))


def test_history_and_what_is_left(bounded):
    buyer = Buyer(bounded)
    for at in range(2):
        assert buyer.pay(f"/after/{at}").status == 200
    price = int(buyer.sign("/after/x")["accepted"]["amount"]) / 1e6
    done = wallet(bounded, buyer.wallet.address, "--json")
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    assert shown["payer"] == buyer.wallet.address and shown["denied_by"] == []
    [network] = shown["networks"]
    assert network["network"] == "eip155:84532" and network["play_money"] is True
    assert network["settled"] == 2 and network["failed"] == 0 and float(network["spent"]) == 2 * price
    assert network["proven"] == [{"policy": "proven", "is_proven": False, "missing": "3 more settled payments"}]
    bounds = {(bound["policy"], bound["bound"]): bound for bound in network["bounds"]}
    assert bounds["default", "wallet_rate"] == {
        "policy": "default", "bound": "wallet_rate", "window_seconds": 3600, "limit": "3", "used": "2", "left": "1",
    }
    assert float(bounds["default", "wallet_spend"]["left"]) == pytest.approx(5 - 2 * price)
    assert float(bounds["default", "everyone_spend"]["used"]) == pytest.approx(2 * price)
    assert [claim["state"] for claim in shown["claims"]] == ["delivered", "delivered"]
    text = wallet(bounded, buyer.wallet.address, "--limit", "1").stdout
    assert "default: per_wallet rate 3 in 1h: 2 used, 1 left" in text and text.count("GET /after/") == 1


def test_a_wallet_that_is_not_known(bounded, tmp_path):
    stranger = Wallet.fresh().address
    done = wallet(bounded, stranger)
    assert done.returncode == 0 and done.stdout == f"{stranger} has no claim in this ledger\n"
    assert json.loads(wallet(bounded, stranger, "--json").stdout)["networks"] == []
    for wrong in ("0x12", "nonsense", stranger[:-1] + ("0" if stranger[-1] != "0" else "1")):
        assert wallet(bounded, wrong).returncode == 64
    bounded.terminate()
    (tmp_path / "none").mkdir()
    before = wallet(Farebox(tmp_path / "none", bounded.config | {"ledger": "./none.db"}), stranger)
    assert before.returncode == 0 and "farebox run" in before.stderr, "before the first run there is no ledger"


@pytest.mark.parametrize("end", ["kill", "terminate"])
def test_a_bound_outlives_the_process(bounded, end):
    buyer = Buyer(bounded)
    for at in range(3):
        assert buyer.pay(f"/after/{at}").status == 200
    for _ in range(2):
        response = buyer.pay("/after/x")
        assert response.status == 429 and response.json()["error"] == "wallet_rate", response.body
        getattr(bounded, end)()
        bounded.start()
    assert Buyer(bounded).pay("/after/x").status == 200, "another wallet has a bound of its own"

"""A ledger that cannot write: paid requests are refused with nothing charged, free ones go on."""

import pytest
from harness.http import wait_until
from harness.pay import Buyer


@pytest.mark.parametrize("order", ["after", "first"])
def test_a_full_disk_stops_payments_alone(start, upstream, order):
    gateway = start(access_log="off")
    buyer = Buyer(gateway)
    assert buyer.pay(f"/{order}/1").status == 200
    wait_until(lambda: gateway.claims()[0]["state"] == "delivered", 5)
    gateway.fill_disk()
    response = buyer.pay(f"/{order}/2")
    assert response.status == 503 and response.header("Retry-After"), response.body
    assert response.json().get("charged") is False or response.receipt is None
    assert upstream.asked(f"/{order}/2") == []
    assert gateway.fetch("/free/1").status == 200
    assert gateway.fetch(f"/{order}/3").status in (402, 503)
    ready = gateway.admin("/readyz")
    assert ready.status == 503 and ready.json(), ready.body
    assert gateway.admin("/healthz").status == 200
    gateway.fill_disk(False)
    gateway.kill()
    gateway.restart()
    claims = gateway.claims()
    assert [c["state"] for c in claims if c["state"] != "void"] == ["delivered"]
    assert buyer.pay(f"/{order}/2").status == 200


def test_a_ledger_that_cannot_be_opened_is_said_at_start(start, tmp_path):
    gateway = start(ledger=str(tmp_path / "no" / "such" / "directory" / "farebox.db"), ready=False)
    assert gateway.process.wait(10) != 0
    assert wait_until(lambda: gateway.log_has("farebox.db"), 2)


def test_a_file_that_is_no_ledger_is_left_alone(start, tmp_path):
    precious = tmp_path / "precious.db"
    precious.write_bytes(b"not a database at all" * 100)
    gateway = start(ledger=str(precious), ready=False)
    assert gateway.process.wait(10) != 0
    assert precious.read_bytes() == b"not a database at all" * 100

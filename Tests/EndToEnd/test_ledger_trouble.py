"""A ledger that cannot write: paid requests are refused with nothing charged, free ones go on."""

import subprocess

import pytest
from harness.http import wait_until
from harness.pay import Buyer
from harness.strace import failing


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


@pytest.mark.parametrize("calls", ["fdatasync,fsync", "pwrite64"])
@pytest.mark.parametrize("order", ["after", "first"])
def test_a_disk_that_fails_stops_payments_alone(start, upstream, order, calls):
    gateway = start(access_log="off")
    buyer = Buyer(gateway)
    assert buyer.pay(f"/{order}/1").status == 200
    wait_until(lambda: gateway.claims()[0]["state"] == "delivered", 5)
    # strace says "attached" for each thread on standard error.
    tracer = subprocess.Popen(failing(gateway.pid, calls), stderr=subprocess.PIPE, text=True)
    try:
        assert "attached" in tracer.stderr.readline()
        response = buyer.pay(f"/{order}/2")
        assert response.status == 503 and response.json()["charged"] is False, response.body
        assert upstream.asked(f"/{order}/2") == []
    finally:
        tracer.terminate()
        tracer.wait(10)
    # The disk works again; what it holds is not known until a restart.
    again = buyer.pay(f"/{order}/3")
    assert again.status == 503 and again.json()["charged"] is False, again.body
    assert gateway.fetch("/free/1").status == 200
    assert gateway.admin("/readyz").status == 503 and gateway.admin("/healthz").status == 200
    assert wait_until(lambda: gateway.log_has("SQLite"), 2), "the log says what failed"
    gateway.kill()
    gateway.restart()
    assert [c["state"] for c in gateway.claims() if c["state"] != "void"] == ["delivered"]
    assert buyer.pay(f"/{order}/4").status == 200
    assert gateway.terminate() == 0
    assert gateway.command("ledger", "verify", "--ledger", str(gateway.ledger)).returncode == 0


@pytest.mark.parametrize("spoil", ["cut", "empty", "flip", "log"])
def test_a_damaged_ledger_is_not_served(start, upstream, spoil):
    gateway = start()
    buyer = Buyer(gateway)
    assert buyer.pay("/after/1").status == 200
    if spoil == "log":
        gateway.kill()
        log = gateway.ledger.with_name(gateway.ledger.name + "-wal")
        log.write_bytes(log.read_bytes()[:-5000])
        said = "farebox.db-wal is damaged or cut off"
    else:
        assert gateway.terminate() == 0
        whole = gateway.ledger.read_bytes()
        if spoil == "flip":
            place = whole.index(b"/after/1")
            gateway.ledger.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
            said = "is not as written"
        else:
            gateway.ledger.write_bytes(whole[: -4096 if spoil == "cut" else 0])
            said = "is cut off" if spoil == "cut" else "is empty"
    gateway.restart(ready=False)
    assert gateway.process.wait(10) != 0
    assert wait_until(lambda: gateway.log_has(said) and gateway.log_has("accept-loss"), 2)


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

"""Prices are edited in files while requests run."""

import threading
import time

import pytest
from harness.farebox import standard
from harness.http import ProtocolError, compose, wait_until
from harness.pay import Buyer, paid
from harness.upstream import Gate


def price(gateway, target="/after/1") -> str:
    return gateway.terms(target)["amount"]


def test_an_edited_price_is_in_the_next_402(gateway):
    assert price(gateway) == "20000"
    gateway.route("GET /after/*")["price"] = "$0.03"
    gateway.write(gateway.config)
    wait_until(lambda: price(gateway) == "30000", 3, "the new price")
    wait_until(lambda: gateway.log_has("0.03") and gateway.log_has("0.02"), 3, "the change in the log")
    assert price(gateway, "/first/1") == "50000"


def test_sighup_reloads_too(gateway):
    gateway.route("GET /after/*")["price"] = "$0.04"
    gateway.write(gateway.config)
    gateway.hang_up()
    wait_until(lambda: price(gateway) == "40000", 3, "the new price")


def test_an_edit_in_place_and_a_new_file(gateway):
    path = gateway.config_directory / "10-all.yaml"
    text = path.read_text().replace("$0.02", "$0.07")
    with path.open("w") as file:
        file.write(text[: len(text) // 2])
        file.flush()
        time.sleep(0.05)
        file.write(text[len(text) // 2 :])
    wait_until(lambda: price(gateway) == "70000", 3, "the new price")
    gateway.write({"routes": [{"match": "GET /new", "upstream": "legacy", "price": "$0.09"}]}, "20-more.yaml")
    wait_until(lambda: gateway.fetch("/new").status == 402, 3, "the new route")
    (gateway.config_directory / "20-more.yaml").unlink()
    wait_until(lambda: gateway.fetch("/new").status == 404, 3, "the route gone")


BROKEN = {
    "not YAML": "routes: [",
    "unknown key": "pricees: {}\n",
    "unknown upstream": 'routes: [{match: "GET /x", upstream: nowhere, free: true}]\n',
    "price too fine": 'routes: [{match: "GET /x", upstream: legacy, price: $0.0000001}]\n',
    "same route twice": 'routes: [{match: "GET /after/*", upstream: legacy, price: $0.01}]\n',
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_changes_nothing(gateway, case):
    before = gateway.fetch("/after/1")
    gateway.write_text(BROKEN[case], "20-broken.yaml")
    gateway.hang_up()
    wait_until(lambda: gateway.log_has("20-broken.yaml"), 5, "the error names the file")
    after = gateway.fetch("/after/1")
    assert (after.status, after.header("PAYMENT-REQUIRED"), after.body) == (
        before.status,
        before.header("PAYMENT-REQUIRED"),
        before.body,
    )
    assert gateway.admin("/readyz").status == 200
    checked = gateway.command("check", "--config", str(gateway.config_directory))
    assert checked.returncode != 0 and "20-broken.yaml:" in checked.stderr + checked.stdout
    (gateway.config_directory / "20-broken.yaml").unlink()
    gateway.route("GET /after/*")["price"] = "$0.08"
    gateway.write(gateway.config)
    wait_until(lambda: price(gateway) == "80000", 3, "a mended directory loads")


def test_the_former_price_is_honoured(gateway, upstream):
    buyer = Buyer(gateway)
    old = buyer.sign("/after/1")
    gateway.route("GET /after/*")["price"] = "$0.03"
    gateway.write(gateway.config)
    wait_until(lambda: price(gateway) == "30000", 3)
    response = buyer.present("/after/1", old)
    assert response.status == 200 and response.receipt["success"]
    assert str(gateway.claim(old)["amount"]) == "20000"
    assert upstream.asked("/after/1")[0].header("X-Farebox-Amount") == "20000"
    assert buyer.pay("/after/1").status == 200


def test_the_former_price_ends_with_its_402(start, upstream):
    """Honoured for that 402's maxTimeoutSeconds, and no longer."""
    config = standard(upstream.url)
    config["upstreams"]["legacy"]["timeouts"] = {"connect": "1s", "first_byte": "1s", "idle": "1s", "total": "1s"}
    for route in config["routes"]:
        if "price" in route:
            route["max_timeout_seconds"] = 10
    gateway = start(config)
    buyer = Buyer(gateway)
    late = int(time.time()) + 600
    kept, missed = (buyer.sign("/after/1", validBefore=str(late)) for _ in range(2))
    gateway.route("GET /after/*")["price"] = "$0.03"
    gateway.write(gateway.config)
    wait_until(lambda: price(gateway) == "30000", 3)
    assert buyer.present("/after/1", kept).status == 200
    time.sleep(12)
    response = buyer.present("/after/1", missed)
    assert response.status == 402 and response.required["accepts"][0]["amount"] == "30000"


def test_a_route_that_became_free_or_vanished(gateway):
    route = gateway.route("GET /after/*")
    del route["price"]
    route["free"] = True
    gateway.write(gateway.config)
    wait_until(lambda: gateway.fetch("/after/1").status == 200, 3)
    gateway.config["routes"].remove(route)
    gateway.write(gateway.config)
    wait_until(lambda: gateway.fetch("/after/1").status in (404, 405), 3)


def test_an_exchange_keeps_the_revision_it_began_with(gateway, upstream):
    gate = Gate()
    upstream.on("/after/1", gate)
    buyer = Buyer(gateway)
    payment = buyer.sign("/after/1")
    with gateway.connect() as connection:
        connection.send(compose("GET", "/after/1", paid(payment)))
        wait_until(lambda: gate.waiting, 5)
        gateway.config["routes"].remove(gateway.route("GET /after/*"))
        gateway.write(gateway.config)
        wait_until(lambda: gateway.fetch("/after/2").status in (404, 405), 3)
        gate.open()
        assert connection.read().status == 200


def test_twenty_reloads_under_load_fail_no_request(gateway, upstream):
    failures, served, stopping = [], [0] * 8, threading.Event()

    def load(index: int):
        buyer = Buyer(gateway)
        terms = gateway.terms("/after/0")
        connection = gateway.connect()
        number = 0
        while not stopping.is_set():
            number += 1
            try:
                if index < 4:
                    response = connection.request("GET", f"/free/{index}-{number}")
                    good = response.status == 200
                elif index < 6:
                    response = connection.request("GET", f"/after/{number}")
                    good = response.status == 402
                else:
                    response = buyer.present(f"/after/{number}", buyer.wallet.payment_v2(terms))
                    good = response.status == 200
                    if number % 100 == 0:
                        buyer, terms = Buyer(gateway), gateway.terms("/after/0")
                if not good:
                    failures.append((index, number, response.status, response.body[:200]))
                if response.closes and index < 6:
                    connection = gateway.connect()
            except (OSError, ProtocolError) as problem:
                failures.append((index, number, repr(problem)))
                connection = gateway.connect()
            served[index] += 1

    threads = [threading.Thread(target=load, args=(index,)) for index in range(len(served))]
    for thread in threads:
        thread.start()
    for turn in range(20):
        gateway.config["routes"].append({"match": f"GET /turn/{turn}", "upstream": "legacy", "price": f"$0.{turn + 1:02}"})
        gateway.write(gateway.config)
        wait_until(lambda: gateway.fetch(f"/turn/{turn}").status == 402, 5, f"reload {turn}")
    stopping.set()
    for thread in threads:
        thread.join()
    assert failures == [], failures[:5]
    assert min(served) > 10, served

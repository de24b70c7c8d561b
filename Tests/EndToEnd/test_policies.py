"""Policies, customers, free quotas and charge_when: each bound at its edge, and who must not get past it."""

import gzip
import hashlib
import itertools
import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness.farebox import standard
from harness.http import wait_until
from harness.pay import Buyer, paid
from harness.wallet import Wallet, encode

KEY = "an-api-key-of-acme"
OTHER_KEY = "an-api-key-of-beta"


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def policed(start, upstream):
    """A gateway whose standard routes get `routes` (by match) merged in, and the top-level `changes`."""

    def begin(routes: dict | None = None, **changes):
        config = standard(upstream.url, **changes)
        for match, keys in (routes or {}).items():
            next(route for route in config["routes"] if route["match"] == match).update(keys)
        return start(config)

    return begin


def refused(response, status: int, code: str, **members):
    """A refusal that a machine can read: code, when to come back, and that nothing was charged."""
    assert response.status == status, (response.status, response.body)
    body = response.json()
    assert body["error"] == code and body["charged"] is False, body
    if status == 429:
        assert 1 <= body["retry_after_seconds"] == int(response.header("Retry-After"))
        assert "left" in body
    for key, value in members.items():
        assert body[key] == value, body
    assert response.receipt is None
    return body


# Addresses


def test_unpaid_requests_of_an_address_end_at_the_bound(policed, upstream):
    gateway = policed(policies={"default": {"per_address": {"unpaid": "5/h"}}})
    for _ in range(5):
        assert gateway.fetch("/after/x").status == 402
    body = refused(gateway.fetch("/after/x"), 429, "address_unpaid", policy="default", left="0")
    assert 3300 <= body["retry_after_seconds"] <= 3840
    refused(gateway.fetch("/first/x", "POST", body=b"b"), 429, "address_unpaid")
    refused(gateway.fetch("/after/y"), 429, "address_unpaid")
    assert gateway.fetch("/after/x", source="127.0.0.2").status == 402, "another address has a count of its own"
    assert gateway.fetch("/free/x").status == 200, "free routes are not bounded by it"
    line = gateway.access_line("/after/y")
    assert line["error"] == "address_unpaid" and line["policy"] == "default" and line["outcome"] == "refused"
    assert gateway.claims() == [] and upstream.asked("/after/x") == []


def test_asking_for_prices_never_keeps_an_address_from_paying(policed):
    gateway = policed(policies={"default": {"per_address": {"unpaid": "3/h"}}})
    buyer = Buyer(gateway)
    terms = [gateway.terms("/after/x") for _ in range(3)][0]
    refused(gateway.fetch("/after/x"), 429, "address_unpaid")
    for _ in range(8):
        assert buyer.present("/after/x", buyer.wallet.payment_v2(terms)).status == 200
    refused(gateway.fetch("/after/x"), 429, "address_unpaid")


def test_unproven_payments_of_an_address_end_at_the_bound(policed):
    gateway = policed(policies={"default": {"per_address": {"unpaid": "4/h"}}})
    buyer = Buyer(gateway)
    good = buyer.sign("/after/x")  # one request without a payment
    stranger = json.loads(json.dumps(good))
    stranger["payload"]["authorization"]["from"] = Wallet.fresh().address
    for garbage in (stranger, b"{}", b"garbage", stranger):
        response = gateway.fetch("/after/x", headers={"PAYMENT-SIGNATURE": encode(garbage)})
        assert response.status == 402, response.body
    refused(gateway.fetch("/after/x", headers={"PAYMENT-SIGNATURE": encode(stranger)}), 429, "address_unpaid")
    refused(buyer.present("/after/x", good), 429, "address_unpaid")
    refused(gateway.fetch("/after/x"), 429, "address_unpaid")
    with gateway.connect(source="127.0.0.2") as elsewhere:
        assert elsewhere.request("GET", "/after/x", paid(good)).status == 200, "the wallet did nothing wrong"


def test_a_forwarded_header_is_no_address(policed):
    gateway = policed(policies={"default": {"per_address": {"unpaid": "2/h", "free": "2/h"}}})
    for path, code in (("/after/x", "address_unpaid"), ("/free/x", "address_free")):
        for at in range(4):
            spoofed = {"X-Forwarded-For": f"198.51.100.{at}", "Forwarded": f"for=198.51.100.{at}", "X-Real-IP": f"198.51.100.{at}"}
            response = gateway.fetch(path, headers=spoofed)
            if at < 2:
                assert response.status in (200, 402)
            else:
                refused(response, 429, code)


def test_free_requests_of_an_address_end_at_the_bound(policed, upstream):
    gateway = policed(
        routes={"/any/**": {"policies": ["open"]}},
        policies={"default": {"per_address": {"free": "3/h"}}, "open": {}},
        unmatched="free",
    )
    with gateway.connect() as connection:
        for _ in range(3):
            assert connection.request("GET", "/free/x").status == 200
        refused(connection.request("GET", "/free/x"), 429, "address_free", policy="default")
        refused(connection.request("GET", "/nowhere"), 429, "address_free")
        assert connection.request("GET", "/any/x").status == 200, "it names a policy without this bound"
        assert connection.request("GET", "/after/x").status == 402
    assert len(upstream.asked("/free/x")) == 3 and upstream.asked("/nowhere") == []


def test_a_window_that_is_over_lets_in_again(policed):
    gateway = policed(policies={"default": {"per_address": {"free": "2/s"}}})
    for _ in range(2):
        assert gateway.fetch("/free/x").status == 200
    body = refused(gateway.fetch("/free/x"), 429, "address_free")
    assert body["retry_after_seconds"] <= 2
    wait_until(lambda: gateway.fetch("/free/x").status == 200, 5, "the window is over")


def test_counts_outlive_a_reload(policed):
    gateway = policed(policies={"default": {"per_address": {"free": "2/h"}}})
    assert gateway.fetch("/free/x").status == 200
    gateway.write(gateway.config | {"policies": {"default": {"per_address": {"free": "3/h"}}}})
    wait_until(lambda: gateway.log_has("per_address.free 2/h → 3/h"), 10, "the reload")
    assert [gateway.fetch("/free/x").status for _ in range(3)] == [200, 200, 429]


# Customers


CUSTOMERS = {
    "acme": {"api_key_sha256": sha256(KEY), "rate": "3/h"},
    "beta": {"api_key_sha256": [sha256("old"), sha256(OTHER_KEY)], "header": "X-Beta-Key"},
}


def test_customers_pass_unpaid(policed, upstream):
    gateway = policed(routes={"GET /after/*": {"customers": ["acme", "beta"]}}, customers=CUSTOMERS)
    response = gateway.fetch("/after/x", headers={"X-Api-Key": KEY})
    assert response.status == 200 and response.receipt is None
    assert response.header("Cache-Control") == "private, no-store", "a shared cache would give it to others"
    asked = upstream.asked("/after/x")[-1]
    assert asked.header("X-Api-Key") == KEY, "the API may know it"
    assert asked.header("X-Farebox-Payer") is None and asked.header("Idempotency-Key") is None
    line = gateway.access_line("/after/x")
    assert line["customer"] == "acme" and line["outcome"] == "customer" and "payer" not in line
    for key in ("old", OTHER_KEY):
        assert gateway.fetch("/after/b", headers={"x-beta-key": key}).status == 200
    assert gateway.access_line("/after/b")["customer"] == "beta"
    assert KEY not in gateway.access_path.read_text() and not gateway.log_has(KEY)
    assert gateway.claims() == []


def test_what_is_no_customers_key_pays(policed, upstream):
    gateway = policed(routes={"GET /after/*": {"customers": ["acme"]}}, customers=CUSTOMERS)
    for headers in (
        {"X-Api-Key": "wrong"},
        {"X-Api-Key": ""},
        {"X-Api-Key": KEY + " x"},
        {"X-Beta-Key": OTHER_KEY},
        {"Authorization": KEY},
        [("X-Api-Key", KEY), ("X-Api-Key", "wrong")],
        [("X-Api-Key", KEY), ("X-Api_Key", KEY)],
    ):
        assert gateway.fetch("/after/x", headers=headers).status == 402, headers
    assert gateway.fetch("/first/x", headers={"X-Api-Key": KEY}).status == 402, "the route does not name acme"
    buyer = Buyer(gateway)
    assert buyer.present("/after/x", buyer.sign("/after/x"), headers={"X-Api-Key": "wrong"}).receipt["success"]
    assert len(upstream.asked("/after/x")) == 1


def test_a_customers_rate(policed, upstream):
    gateway = policed(routes={"GET /after/*": {"customers": ["acme"]}}, customers=CUSTOMERS)
    for _ in range(3):
        assert gateway.fetch("/after/x", headers={"X-Api-Key": KEY}, source="127.0.0.3").status == 200
    refused(gateway.fetch("/after/x", headers={"X-Api-Key": KEY}), 429, "customer_rate", left="0")
    assert gateway.fetch("/after/x").status == 402, "others are not concerned"
    assert len(upstream.asked("/after/x")) == 3


# The free quota


QUOTA = {"free_quota": {"per_wallet_or_address": "3/day"}}


def test_the_quota_of_an_address(policed, upstream):
    gateway = policed(routes={"GET /after/*": QUOTA})
    upstream.on("/after/x", lambda exchange: exchange.answer(200, "said", {"X-Farebox-Free-Left": "999", "Cache-Control": "public"}))
    for left in ("2", "1", "0"):
        response = gateway.fetch("/after/x")
        assert response.status == 200 and response.receipt is None
        assert response.all("X-Farebox-Free-Left") == [left]
        assert response.all("Cache-Control") == ["private, no-store"]
    assert gateway.fetch("/after/x").status == 402
    assert gateway.fetch("/after/y").status == 402, "it is the route's, whatever the path"
    assert gateway.fetch("/after/x", source="127.0.0.2").header("X-Farebox-Free-Left") == "2"
    assert gateway.access_line("/after/x")["outcome"] == "quota"
    assert Buyer(gateway).pay("/after/x").receipt["success"]
    assert len(gateway.claims()) == 1


def test_fresh_wallets_open_no_quota_anew(policed, start, upstream):
    """Sybils: each wallet costs nothing, so an address has its quota once, whoever pays from it."""
    gateway = policed(routes={"GET /after/*": QUOTA})
    terms = start(standard(upstream.url), name="twin").terms("/after/x")
    free = 0
    for _ in range(8):
        response = gateway.fetch("/after/x", headers=paid(Wallet.fresh().payment_v2(terms)))
        assert response.status == 200
        free += response.receipt is None
    assert free == 3 and len(gateway.claims()) == 5
    wallet = Wallet.fresh()
    for source, is_free in [("127.0.0.1", False)] * 4 + [("127.0.0.2", True)] * 3 + [("127.0.0.3", False)]:
        response = gateway.fetch("/after/x", headers=paid(wallet.payment_v2(terms)), source=source)
        assert response.status == 200 and (response.receipt is None) == is_free, "what is paid uses up no quota"


def test_one_wallet_has_one_quota_at_all_addresses(policed, start, upstream):
    gateway = policed(routes={"GET /after/*": QUOTA})
    terms = start(standard(upstream.url), name="twin").terms("/after/x")
    wallet = Wallet.fresh()
    free = 0
    for at in range(6):
        headers = paid(wallet.payment_v2(terms))
        response = gateway.fetch("/after/x", headers=headers, source=f"127.0.0.{at + 2}")
        assert response.status == 200
        free += response.receipt is None
    assert free == 3 and len(gateway.claims()) == 3
    assert gateway.fetch("/after/x", source="127.0.0.7").header("X-Farebox-Free-Left") == "2", "what was paid used up nothing"


def test_an_unproven_wallet_uses_up_no_quota(policed, start, upstream):
    gateway = policed(routes={"GET /after/*": QUOTA})
    terms = start(standard(upstream.url), name="twin").terms("/after/x")
    victim = Wallet.fresh()
    for _ in range(5):
        forged = Wallet.fresh().payment_v2(terms)
        forged["payload"]["authorization"]["from"] = victim.address
        assert gateway.fetch("/after/x", headers=paid(forged), source="127.0.0.9").status == 402
    response = gateway.fetch("/after/x", headers=paid(victim.payment_v2(terms)))
    assert response.status == 200 and response.header("X-Farebox-Free-Left") == "2"


def test_the_quota_is_never_exceeded_at_once(policed, upstream):
    gateway = policed(routes={"GET /after/*": {"free_quota": {"per_wallet_or_address": "20/h"}}}, threads=4)
    with ThreadPoolExecutor(16) as pool:
        statuses = list(pool.map(lambda _: gateway.fetch("/after/x").status, range(80)))
    assert statuses.count(200) == 20 and statuses.count(402) == 60
    assert len(upstream.asked("/after/x")) == 20


# Denied wallets


def test_a_denied_wallet(policed, upstream):
    wallet = Wallet.fresh()
    gateway = policed(
        policies={"default": {}, "closed": {"deny": [wallet.address.lower()]}},
        routes={"GET /after/*": {"policies": ["default", "closed"]}},
    )
    buyer = Buyer(gateway, wallet)
    payment = buyer.sign("/after/x")
    body = refused(buyer.present("/after/x", payment), 403, "wallet_denied", policy="closed")
    assert "retry_after_seconds" not in body
    line = wait_until(lambda: next((line for line in gateway.access() if line.get("error") == "wallet_denied"), None))
    assert line["payer"] == wallet.address and line["policy"] == "closed"
    forged = Wallet.fresh().payment_v2(gateway.terms("/after/x"))
    forged["payload"]["authorization"]["from"] = wallet.address
    assert buyer.present("/after/x", forged).status == 402, "who only names it is not told that it is denied"
    assert Buyer(gateway).pay("/after/x").receipt["success"]
    assert buyer.pay("/first/x").receipt["success"], "another route, without that policy"
    assert len(upstream.asked("/after/x")) == 1 and len(gateway.claims()) == 2


# charge_when


def says(body, status: int = 200, headers=()):
    def handler(exchange):
        exchange.read_body()
        exchange.answer(status, body, [("Content-Type", "application/json"), *headers])

    return handler


CHARGE = {"charge_when": {"status": "200-201", "json": {"/ok": True, "/result/0/n": 3}}}
GOOD = '{"ok": true, "result": [{"n": 3}]}'


def test_charged_when_the_answer_says_so(policed, upstream):
    gateway = policed(routes={"GET /after/*": CHARGE})
    upstream.on("/after/x", says(GOOD))
    buyer = Buyer(gateway)
    payment = buyer.sign("/after/x")
    response = buyer.present("/after/x", payment)
    assert response.status == 200 and response.receipt["success"] and response.body == GOOD.encode()
    assert gateway.wait_state(payment, "delivered")


@pytest.mark.parametrize(
    "status,body",
    [
        (200, '{"ok": false, "result": [{"n": 3}]}'),
        (200, '{"ok": true, "result": []}'),
        (200, '{"ok": "true", "result": [{"n": 3}]}'),
        (200, "[]"),
        (202, GOOD),
        (204, ""),
        (404, GOOD),
    ],
)
def test_not_charged_when_it_does_not(policed, upstream, status, body):
    gateway = policed(routes={"GET /after/*": CHARGE})
    upstream.on("/after/x", says(body, status))
    buyer = Buyer(gateway)
    payment = buyer.sign("/after/x")
    response = buyer.present("/after/x", payment)
    assert response.status == status and response.body == body.encode() and response.receipt is None
    assert gateway.wait_state(payment, "void")
    upstream.on("/after/x", says(GOOD))
    assert buyer.present("/after/x", payment).receipt["success"], "a void authorization may come again"


@pytest.mark.parametrize(
    "body,headers",
    [
        ("<html>", []),
        (b"", []),
        (GOOD + "x", []),
        ('{"ok": true, "ok": false, "result": [{"n": 3}]}', []),
        (gzip.compress(GOOD.encode()), [("Content-Encoding", "gzip")]),
        (GOOD, [("Content-Encoding", "identity-to-come")]),
        ('{"ok": true, "result": [{"n": 3}], "pad": "' + "x" * 70000 + '"}', []),
    ],
    ids=["no JSON", "empty", "trailing", "twice", "compressed", "coded", "large"],
)
def test_what_cannot_be_looked_into_is_neither_charged_nor_shown(policed, upstream, body, headers):
    gateway = policed(routes={"GET /after/*": CHARGE}, limits={"held_answer_memory": "64KiB"})
    upstream.on("/after/x", says(body, headers=headers))
    buyer = Buyer(gateway)
    payment = buyer.sign("/after/x")
    refused(buyer.present("/after/x", payment), 502, "answer_unreadable")
    assert gateway.wait_state(payment, "void")


def test_a_caller_cannot_make_the_answer_unreadable(policed, upstream):
    gateway = policed(routes={"GET /after/*": CHARGE})
    upstream.on("/after/x", says(GOOD))
    buyer = Buyer(gateway)
    hostile = {"Accept-Encoding": "gzip", "Range": "bytes=1-"}
    assert buyer.present("/after/x", buyer.sign("/after/x"), headers=hostile).receipt["success"]
    asked = upstream.asked("/after/x")[-1]
    assert asked.header("Accept-Encoding") is None and asked.header("Range") is None


def test_an_answer_at_the_limit_is_looked_into(policed, upstream):
    gateway = policed(routes={"GET /after/*": CHARGE}, limits={"held_answer_memory": "64KiB"})
    padded = '{"ok": true, "result": [{"n": 3}], "pad": "'
    body = padded + "x" * (65536 - len(padded) - 2) + '"}'
    upstream.on("/after/x", says(body))
    response = Buyer(gateway).pay("/after/x")
    assert response.receipt["success"] and response.body == body.encode()


# The breaker


def test_the_breaker_trips_and_closes(policed, upstream):
    breaker = {"trip": {"header": "X-Bounced: 1", "or_status": [422], "over": "20%", "of_last": 10}, "then": "deny", "for": "2s"}
    gateway = policed(
        policies={"default": {"in_flight_per_wallet": 4}, "breaker": breaker},
        routes={"POST /first/*": {"policies": ["default", "breaker"]}},
    )
    upstream.on("/first/bounced", says("{}", headers=[("x-bounced", "1")]))
    upstream.on("/first/odd", says("{}", 422))
    upstream.on("/first/other", says("{}", headers=[("X-Bounced", "0")]))
    buyer = Buyer(gateway)

    def post(path):
        return buyer.pay(path, "POST", b"b")

    for path in ["/first/x"] * 5 + ["/first/other"] * 3 + ["/first/bounced", "/first/odd"]:
        assert post(path).receipt["success"]
    assert not gateway.log_has("has tripped"), "two of ten are not over 20%"
    assert buyer.pay("/first/bounced").receipt["success"], "another route, and another breaker"
    assert post("/first/bounced").receipt["success"], "the third that is bad; one good one is forgotten"
    wait_until(lambda: gateway.log_has("POST /first/*: the breaker breaker has tripped: 3 of the last 10"), 5, "the log")
    body = refused(post("/first/x"), 403, "breaker_open", policy="breaker")
    assert 1 <= body["retry_after_seconds"] <= 2
    assert buyer.pay("/first/x").receipt["success"], "the other route goes on"
    gateway.write(gateway.config | {"cors": False})
    wait_until(lambda: gateway.log_has("revision 2 is loaded"), 10, "the reload")
    wait_until(lambda: post("/first/x").status == 200, 10, "the breaker closes")
    wait_until(lambda: gateway.log_has("POST /first/*: the breaker breaker is closed again"), 5, "the log")


def test_an_open_breaker_outlives_a_reload(policed, upstream):
    breaker = {"trip": {"or_status": 422, "over": "0%", "of_last": 1}, "then": "deny", "for": "1h"}
    gateway = policed(policies={"default": breaker})
    upstream.on("/first/odd", says("{}", 422))
    buyer = Buyer(gateway)
    assert buyer.pay("/first/odd").status == 422
    refused(buyer.pay("/first/x"), 403, "breaker_open")
    gateway.write(gateway.config | {"cors": False})
    wait_until(lambda: gateway.log_has("revision 2 is loaded"), 10, "the reload")
    refused(buyer.pay("/first/x"), 403, "breaker_open")


# What the ledger counts


def test_a_wallets_rate_at_its_edge(policed, upstream):
    gateway = policed(policies={"default": {"per_wallet": {"rate": "3/h"}}})
    buyer = Buyer(gateway)
    for path in ("/after/x", "/first/x", "/after/y"):
        assert buyer.pay(path).receipt["success"]
    body = refused(buyer.pay("/after/x"), 429, "wallet_rate", policy="default", left="0")
    assert 3500 <= body["retry_after_seconds"] <= 3600
    assert Buyer(gateway).pay("/after/x").receipt["success"]
    line = wait_until(lambda: next((line for line in gateway.access() if line.get("error") == "wallet_rate"), None))
    assert line["policy"] == "default" and line["payer"] == buyer.wallet.address


def test_a_wallets_spend_at_its_edge(policed):
    gateway = policed(policies={"default": {"per_wallet": {"spend": "$0.07/day"}}})
    buyer = Buyer(gateway)
    assert buyer.pay("/first/x").receipt["success"]
    assert buyer.pay("/after/x").receipt["success"]
    refused(buyer.pay("/after/x"), 429, "wallet_spend", left="$0.00")
    refused(buyer.pay("/first/x"), 429, "wallet_spend")


def test_what_was_not_charged_is_given_back(policed, upstream):
    gateway = policed(policies={"default": {"per_wallet": {"spend": "$0.05/day", "rate": "3/day"}}})
    upstream.on("/after/x", says("{}", 500))
    buyer = Buyer(gateway)
    for _ in range(4):
        assert buyer.pay("/after/x").status == 500
    for _ in range(2):
        assert buyer.pay("/after/y").receipt["success"]
    refused(buyer.pay("/after/y"), 429, "wallet_spend")


def test_everyones_spend_at_its_edge(policed):
    gateway = policed(policies={"default": {"everyone": {"spend": "$0.06/day", "rate": "5/h"}}})
    for _ in range(3):
        assert Buyer(gateway).pay("/after/x").receipt["success"]
    refused(Buyer(gateway).pay("/after/x"), 429, "everyone_spend", left="$0.00")


def test_a_new_wallet_is_not_proven(policed):
    gateway = policed(
        policies={"default": {}, "proven": {"requires": {"settled": 2, "spent": "$0.04"}, "otherwise": "deny"}},
        routes={"POST /first/*": {"policies": ["default", "proven"]}},
    )
    buyer = Buyer(gateway)
    body = refused(buyer.pay("/first/x", "POST", b"b"), 403, "wallet_unproven", policy="proven")
    assert body["missing"]
    for _ in range(2):
        assert buyer.pay("/after/x").receipt["success"]
    wait_until(lambda: buyer.pay("/first/x", "POST", b"b").status == 200, 5, "the wallet is proven")


def test_contract_wallets_pass_the_same_doors(market):
    """Their payers are proven by the chain, later than others, and before anything else."""
    market = market()
    owner, denied, fine = Wallet.fresh(), "0x" + "d5" * 20, "0x" + "a5" * 20
    market.open(policies={"default": {"per_address": {"unpaid": "2/h"}, "deny": [denied]}})
    for address in (denied, fine):
        market.node.wallet(address, owner.address)
        market.endow(address, 1_000_000)
    terms = market.gateway.terms("/after/x")
    numbers = itertools.count()

    def present(address, signer, source="127.0.0.1"):
        made = signer.authorization(terms, **{"from": address})
        payment = {"x402Version": 2, "accepted": terms, "payload": {"authorization": made, "signature": signer.sign(terms, made)}}
        return market.gateway.fetch(f"/after/{next(numbers)}", headers=paid(payment), source=source)

    for _ in range(4):
        assert present(fine, owner).status == 200, "what is proven counts for its wallet alone"
    refused(present(denied, owner), 403, "wallet_denied", policy="default")
    stranger = Wallet.fresh()
    for _ in range(2):
        assert present(fine, stranger).status == 402
    refused(present(fine, stranger), 429, "address_unpaid")
    refused(present(fine, owner), 429, "address_unpaid")
    assert present(fine, owner, source="127.0.0.2").status == 200
    market.audit()

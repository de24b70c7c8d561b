"""What a new wallet may not do at once waits for a person: nothing runs, nothing is charged, and an approval lets one request run once."""

import json
import random
import re
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from chain import abi
from harness.farebox import standard
from harness.http import fetch, wait_until
from harness.pay import Buyer, paid
from harness.upstream import Gate, echo
from harness.wallet import Wallet

USED = "invalid_exact_evm_nonce_already_used"
LATE = "invalid_exact_evm_payload_authorization_valid_before"
PREFIX = "/.well-known/farebox/reviews/"


def reviewing(url: str, **changes) -> dict:
    """Every wallet that has not paid once before waits."""
    config = standard(url, policies={"proven": {"requires": {"settled": 1}, "otherwise": "review"}})
    for route in config["routes"]:
        if "price" in route:
            route["policies"] = ["proven"]
    config["timeouts"] = {"total": "2s"}
    return config | changes


@pytest.fixture
def begin(start, upstream):
    def make(ready: bool = True, wrapper=None, **changes):
        return start(reviewing(upstream.url, **changes), ready=ready, wrapper=wrapper)

    return make


@pytest.fixture
def gateway(begin):
    return begin()


@pytest.fixture
def buyer(gateway):
    return Buyer(gateway)


def drain(node, buyer: Buyer):
    """The payer's money goes elsewhere, by a transaction of its own."""
    node.fund(buyer.wallet.address, 10**15)
    everything = abi.call("transfer(address,uint256)", "0x" + "e1" * 20, node.balance(buyer.wallet.address))
    node.transact(buyer.wallet.hex_key, node.usdc, "0x" + everything.hex(), priority_fee=10**9)


def path_of(response) -> str:
    """Where to ask, of a 202."""
    assert response.status == 202, (response.status, response.body)
    assert response.json()["charged"] is False and response.json()["status"] == "waiting"
    url = response.header("Location")
    assert url == response.json()["url"]
    path = url[url.index(PREFIX) :]
    assert re.fullmatch(re.escape(PREFIX) + r"[A-Za-z0-9_-]{43}", path)
    return path


def reviews(gateway, *options) -> list[dict]:
    done = gateway.command("review", "list", "--json", *options, "--config", str(gateway.config_directory))
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def decide(gateway, word: str, review: str, *options, code: int = 0) -> subprocess.CompletedProcess:
    done = gateway.command("review", word, review, *options, "--config", str(gateway.config_directory))
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    return done


def secret(gateway) -> str:
    return (gateway.directory / "farebox.db.admin").read_text().strip()


def administer(gateway, path: str, method: str = "POST", token: str | None = None):
    token = secret(gateway) if token is None else token
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return fetch(f"http://127.0.0.1:{gateway.admin_port}{path}", method, headers)


def answered(gateway, path: str, seconds: float = 10):
    """The answer at a review's URL, once it runs no more."""

    def done():
        response = gateway.fetch(path)
        return None if response.status == 202 else response

    return wait_until(done, seconds, f"{path} is answered")


def short(buyer, target: str, method: str = "GET", body: bytes | None = None, seconds: int = 9) -> dict:
    """An authorization that soon expires."""
    return buyer.sign(target, method, body, validBefore=str(int(time.time()) + seconds))


def expire(payment: dict):
    wait_until(lambda: time.time() > int(payment["payload"]["authorization"]["validBefore"]), 15, "it has expired")


# Approved in time


@pytest.mark.parametrize("order", ["after", "first"])
@pytest.mark.parametrize("version", [1, 2])
def test_approved_in_time(gateway, buyer, upstream, order, version):
    target, body = f"/{order}/x?q=1", b'{"to": "somebody"}'
    if version == 1:
        terms = gateway.fetch(target, "POST", body=body).json()["accepts"][0]
        payment = buyer.wallet.payment_v1(terms)
    else:
        payment = buyer.sign(target, "POST", body)
    headers = {"X-Custom": "kept", "Connection": "X-Hop, close", "X-Hop": "1", "X-Farebox-Payer": "forged"}
    waiting = buyer.present(target, payment, "POST", body, headers)
    path = path_of(waiting)
    assert waiting.header("Retry-After") and waiting.receipt is None
    assert gateway.fetch(path).status == 202
    assert not upstream.asked() and gateway.claim(payment)["state"] == "waiting"
    (review,) = reviews(gateway)
    assert review["state"] == "waiting" and review["why"] == "wallet_unproven" and review["body_bytes"] == len(body)
    assert review["payer"] == buyer.wallet.address and review["request"] == f"POST {target}" and review["from"] == "127.0.0.1"
    assert review["id"] == waiting.json()["id"] == gateway.claim(payment)["id"]

    assert "approved" in decide(gateway, "approve", review["id"]).stdout
    answer = answered(gateway, path)
    assert answer.status == 200 and answer.receipt["success"], answer
    assert answer.header("X-PAYMENT-RESPONSE" if version == 1 else "PAYMENT-RESPONSE")
    assert answer.header("Cache-Control") == "private, no-store"
    (request,) = upstream.asked()
    assert (request.method, request.target, request.body) == ("POST", target, body)
    assert request.header("X-Custom") == "kept" and request.header("X-Forwarded-For") == "127.0.0.1"
    assert request.header("X-Hop") is None and request.header("X-Farebox-Payer") == buyer.wallet.address
    assert not request.all("PAYMENT-SIGNATURE") and not request.all("X-PAYMENT")
    assert request.header("Idempotency-Key") == review["id"]
    claim = gateway.wait_state(payment, "delivered")
    assert answer.receipt["transaction"] == claim["transaction"]
    again = gateway.fetch(path)
    assert (again.status, again.body, again.receipt) == (200, answer.body, answer.receipt), "kept, and given again"
    assert len(upstream.asked()) == 1
    assert reviews(gateway) == [] and reviews(gateway, "--all")[0]["state"] == "done"
    # The wallet has paid once: it is let through now.
    assert buyer.pay("/after/y").status == 200
    assert buyer.present(target, payment, "POST", body).error == USED


def test_the_answer_is_as_the_upstream_gave_it(gateway, buyer, upstream):
    upstream.on(
        "/after/x",
        lambda exchange: exchange.chunks([b"one", b"two"], headers=[("X-Own", "1"), ("Cache-Control", "public"), ("ETag", '"e"')]),
    )
    path = path_of(buyer.pay("/after/x"))
    decide(gateway, "approve", reviews(gateway)[0]["id"])
    answer = answered(gateway, path)
    assert answer.body == b"onetwo" and answer.header("X-Own") == "1" and answer.header("ETag") == '"e"'
    assert answer.header("Cache-Control") == "private, no-store" and answer.header("Content-Length") == "6"


def test_first_gives_whatever_the_upstream_answers(gateway, buyer, upstream):
    upstream.on("/first/x", lambda exchange: exchange.answer(404, b"nothing", reason="Not Found"))
    path = path_of(buyer.pay("/first/x"))
    decide(gateway, "approve", reviews(gateway)[0]["id"])
    answer = answered(gateway, path)
    assert answer.status == 404 and answer.body == b"nothing" and answer.receipt["success"]


def test_an_answer_that_is_not_charged_can_be_paid_for_again(gateway, buyer, upstream):
    upstream.on("/after/x", lambda exchange: exchange.answer(500, b"sorry", reason="No"))
    payment = buyer.sign("/after/x")
    path = path_of(buyer.present("/after/x", payment))
    decide(gateway, "approve", reviews(gateway)[0]["id"])
    answer = answered(gateway, path)
    assert answer.status == 402 and answer.error == "review_run_uncharged"
    assert gateway.claim(payment)["state"] == "void" and len(upstream.asked()) == 1
    assert gateway.fetch(path).status == 402 and len(upstream.asked()) == 1, "asking runs nothing"
    upstream.on("/after/x", echo)
    paying = gateway.fetch(path, headers=paid(buyer.wallet.payment_v2(answer.required["accepts"][0])))
    assert paying.status == 200 and paying.receipt["success"]
    assert len(upstream.asked()) == 2


def test_an_answer_that_could_not_be_kept_is_not_charged(gateway, buyer, upstream):
    """It would be paid for and lost; its caller may pay for it at the URL, where it streams."""
    body = b"x" * 100_000
    upstream.on("/after/x", lambda exchange: exchange.read_body() and exchange.answer(200, body))
    payment = buyer.sign("/after/x", "POST", b"once")
    path = path_of(buyer.present("/after/x", payment, "POST", b"once"))
    decide(gateway, "approve", reviews(gateway)[0]["id"])
    answer = answered(gateway, path)
    assert answer.status == 402 and answer.error == "review_run_uncharged"
    assert gateway.claim(payment)["state"] == "void"
    paying = gateway.fetch(path, headers=paid(buyer.wallet.payment_v2(answer.required["accepts"][0])))
    assert paying.status == 200 and paying.body == body
    assert wait_until(lambda: gateway.fetch(path).status == 410, 5), "delivered, and not kept"


def test_a_poll_while_it_runs(gateway, buyer, upstream):
    gate = Gate()
    upstream.on("/after/x", gate)
    payment = buyer.sign("/after/x")
    path = path_of(buyer.present("/after/x", payment))
    decide(gateway, "approve", reviews(gateway)[0]["id"])
    wait_until(lambda: gate.waiting, 5)
    running = gateway.fetch(path)
    assert running.status == 202 and running.json()["status"] == "running" and running.header("Retry-After") == "1"
    gate.open()
    assert answered(gateway, path).status == 200


# On a chain


@pytest.mark.parametrize("order", ["after", "first"])
def test_on_a_chain(market, upstream, order):
    market = market()
    proven = {"proven": {"requires": {"settled": 1}, "otherwise": "review"}}
    routes = [{"match": f"POST /{order}/*", "upstream": "legacy", "price": "$0.02", "settle": order, "policies": ["proven"]}]
    gateway = market.open(policies=proven, routes=routes)
    target, body = f"/{order}/x", b"body"
    poor = Buyer(gateway)
    refused = poor.present(target, poor.sign(target, "POST", body), "POST", body)
    assert refused.status == 402, "who cannot pay does not keep a person busy"
    buyer = market.buyer(100_000)
    payment = buyer.sign(target, "POST", body)
    path = path_of(buyer.present(target, payment, "POST", body))
    assert not market.on_chain() and not upstream.asked()
    decide(gateway, "approve", reviews(gateway)[0]["id"])
    answer = answered(gateway, path, 30)
    assert answer.status == 200 and answer.receipt["success"], answer
    (moved,) = market.on_chain()
    assert answer.receipt["transaction"] == moved["transaction"] and len(upstream.asked()) == 1
    assert gateway.wait_state(payment, "delivered")
    market.audit()


def test_drained_before_the_approval_on_a_chain(market, upstream):
    """Who could pay when it asked, and cannot any more: nothing runs, and the URL asks for a payment."""
    market = market()
    routes = [{"match": "GET /after/*", "upstream": "legacy", "price": "$0.02", "policies": ["proven"]}]
    gateway = market.open(policies={"proven": {"requires": {"settled": 1}, "otherwise": "review"}}, routes=routes)
    buyer = market.buyer(20_000)
    payment = buyer.sign("/after/x")
    path = path_of(buyer.present("/after/x", payment))
    drain(market.node, buyer)
    decide(gateway, "approve", reviews(gateway)[0]["id"])
    answer = answered(gateway, path, 30)
    assert answer.status == 402 and not upstream.asked() and not market.on_chain()
    assert gateway.claim(payment)["state"] == "void"


# Approved too late


@pytest.mark.parametrize("order", ["after", "first"])
def test_approved_after_expiry_it_is_paid_at_the_url(start, upstream, order):
    gateway = start(reviewing(upstream.url))
    buyer = Buyer(gateway)
    target, body = f"/{order}/x", b"body"
    old = short(buyer, target, "POST", body)
    path = path_of(buyer.present(target, old, "POST", body))
    expire(old)
    assert gateway.fetch(path).status == 202
    decide(gateway, "approve", reviews(gateway)[0]["id"])
    terms = gateway.fetch(path)
    assert terms.status == 402 and terms.error == LATE
    assert terms.required["resource"]["url"] == gateway.url + target, "the terms of the stored request"
    assert gateway.claim(old)["state"] == "void" and not upstream.asked()
    price = terms.required["accepts"][0]

    stranger = Wallet.fresh().payment_v2(price)
    refused = gateway.fetch(path, headers=paid(stranger))
    assert refused.status == 402 and refused.error == "review_wallet_mismatch" and not upstream.asked()
    assert gateway.claim(stranger) is None

    fresh = buyer.wallet.payment_v2(price)
    answer = gateway.fetch(path, headers=paid(fresh))
    assert answer.status == 200 and answer.receipt["success"], answer
    (request,) = upstream.asked()
    assert (request.method, request.target, request.body) == ("POST", target, body)
    assert gateway.wait_state(fresh, "delivered")
    later = gateway.fetch(path)
    assert later.status == 200 and later.receipt == answer.receipt and later.body == answer.body
    once_more = gateway.fetch(path, headers=paid(buyer.wallet.payment_v2(price)))
    assert once_more.status == 200 and once_more.receipt == answer.receipt, "what is paid for is not charged again"
    assert len(upstream.asked()) == 1 and len(gateway.claims()) == 2


def test_two_payments_at_the_url_at_once(gateway, buyer, upstream):
    gate = Gate()
    upstream.on("/after/x", gate)
    old = short(buyer, "/after/x")
    path = path_of(buyer.present("/after/x", old))
    expire(old)
    decide(gateway, "approve", reviews(gateway)[0]["id"])
    price = gateway.fetch(path).required["accepts"][0]
    with ThreadPoolExecutor(4) as pool:
        tries = [pool.submit(gateway.fetch, path, headers=paid(buyer.wallet.payment_v2(price))) for _ in range(4)]
        wait_until(lambda: gate.waiting, 5)
        gate.open()
        statuses = sorted(one.result().status for one in tries)
    assert statuses[0] == 200 and set(statuses[1:]) <= {200, 202, 409}, statuses
    assert len(upstream.asked()) == 1
    assert sum(claim["state"] == "delivered" for claim in gateway.claims()) == 1
    assert gateway.fetch(path).status == 200


# Rejected


def test_rejected(gateway, buyer, upstream):
    payment = buyer.sign("/after/x")
    path = path_of(buyer.present("/after/x", payment))
    review = reviews(gateway)[0]["id"]
    assert "rejected" in decide(gateway, "reject", review, "--reason", 'too "new" & <strange>').stdout
    answer = gateway.fetch(path)
    assert answer.status == 403 and answer.error == "review_rejected" and answer.json()["charged"] is False
    assert answer.json()["remark"] == 'too "new" & <strange>'
    assert gateway.claim(payment)["state"] == "void" and gateway.claim(payment)["reason"] == "review_rejected"
    again = buyer.present("/after/x", payment)
    assert again.status == 403 and again.error == "review_rejected"
    paying = gateway.fetch(path, headers=paid(buyer.sign("/after/x")))
    assert paying.status == 403 and not upstream.asked()
    done = decide(gateway, "approve", review, code=1)
    assert "decided already" in done.stderr
    decide(gateway, "reject", review)


# Limits


def test_limits(begin, upstream):
    gateway = begin(review={"per_wallet": 2, "total": 3, "body": "10B"})
    buyer, other = Buyer(gateway), Buyer(gateway)
    for target in ("/after/a", "/after/b"):
        path_of(buyer.pay(target))
    full = buyer.pay("/after/c")
    assert full.status == 429 and full.error == "review_wallet_full" and full.json()["charged"] is False
    assert full.header("Retry-After")
    path_of(other.pay("/after/a"))
    full = other.pay("/after/b")
    assert full.status == 429 and full.error == "review_full"
    large = Buyer(gateway).pay("/after/a", "POST", b"x" * 11)
    assert large.status == 413 and large.error == "review_body_too_large" and large.json()["charged"] is False
    assert len(gateway.claims()) == 3 and not upstream.asked()
    # What is turned away holds no lease, and what waits keeps nobody waiting.
    decide(gateway, "reject", reviews(gateway)[0]["id"])
    path_of(buyer.pay("/after/c"))


def test_a_head_cannot_wait(gateway, buyer, upstream):
    payment = buyer.sign("/after/x")
    answer = buyer.present("/after/x", payment, "HEAD")
    assert answer.status == 403 and gateway.claim(payment) is None


def test_a_retry_has_one_review_and_an_url_of_its_own(gateway, buyer, upstream):
    payment = buyer.sign("/after/x")
    paths = [
        path_of(buyer.present("/after/x", payment)),
        path_of(buyer.present("/after/x", payment)),
        path_of(buyer.pay("/after/x")),
    ]
    assert len(set(paths)) == 3 and len(reviews(gateway)) == 1 and len(gateway.claims()) == 1
    decide(gateway, "approve", reviews(gateway)[0]["id"])
    bodies = {answered(gateway, path).body for path in paths}
    assert len(bodies) == 1 and len(upstream.asked()) == 1


# The URL


def test_guessing_the_url(gateway, buyer, upstream):
    path = path_of(buyer.pay("/after/x"))
    guesses = [
        PREFIX + "A" * 43,
        path[:-1] + ("A" if path[-1] != "A" else "B"),
        path[:-1],
        path + "A",
        path + "/",
        PREFIX + path[len(PREFIX) :].swapcase(),
        PREFIX.upper() + "A" * 43,
    ]
    for guess in guesses:
        assert gateway.fetch(guess).status == 404, guess
        assert gateway.fetch(guess, headers=paid(buyer.sign("/after/x"))).status == 404, guess
    assert gateway.fetch(path, "POST").status == 405 and gateway.fetch(path, "DELETE").status == 405
    assert gateway.fetch(path, body=b"x").status == 400
    assert gateway.admin(path).status == 404
    assert gateway.fetch(path).status == 202
    raw = path[len(PREFIX) :].encode()
    gateway.stop()
    for file in gateway.directory.rglob("*"):
        if file.is_file():
            assert raw not in file.read_bytes(), f"{file} tells the URL"
    assert not gateway.log_has(raw.decode())


def test_the_url_of_one_review_is_no_other(gateway, upstream):
    first, second = Buyer(gateway), Buyer(gateway)
    paths = [path_of(first.pay("/after/a")), path_of(second.pay("/after/b"))]
    ids = {review["request"]: review["id"] for review in reviews(gateway)}
    decide(gateway, "approve", ids["GET /after/a"])
    assert answered(gateway, paths[0]).json()["target"] == "/after/a"
    assert gateway.fetch(paths[1]).status == 202
    assert len(upstream.asked()) == 1


def test_polled_from_elsewhere(gateway, buyer, upstream):
    """Whoever has the URL may ask, from any address and on any connection; the upstream sees who asked first."""
    path = path_of(buyer.pay("/after/x"))
    decide(gateway, "approve", reviews(gateway)[0]["id"])
    answer = wait_until(
        lambda: (lambda r: r if r.status == 200 else None)(gateway.fetch(path, source="127.0.0.9")), 10, "answered"
    )
    assert answer.receipt["success"]
    assert upstream.asked()[0].header("X-Forwarded-For") == "127.0.0.1"


def test_paid_from_elsewhere_the_upstream_sees_the_first_address(gateway, buyer, upstream):
    old = short(buyer, "/after/x")
    path = path_of(buyer.present("/after/x", old))
    expire(old)
    decide(gateway, "approve", reviews(gateway)[0]["id"])
    price = gateway.fetch(path).required["accepts"][0]
    answer = gateway.fetch(path, headers=paid(buyer.wallet.payment_v2(price)), source="127.0.0.9")
    assert answer.status == 200
    assert upstream.asked()[0].header("X-Forwarded-For") == "127.0.0.1"


def test_an_answer_that_breaks_off_is_had_again(gateway, buyer, upstream):
    body = random.Random(1).randbytes(60_000)
    upstream.on("/after/x", lambda exchange: exchange.answer(200, body))
    payment = buyer.sign("/after/x")
    path = path_of(buyer.present("/after/x", payment))
    decide(gateway, "approve", reviews(gateway)[0]["id"])
    gateway.wait_state(payment, "owed")
    assert answered(gateway, path).body == body
    assert gateway.wait_state(payment, "delivered") and len(upstream.asked()) == 1


# Deciding


def test_approved_twice_at_once(gateway, buyer, upstream):
    path = path_of(buyer.pay("/after/x"))
    review = reviews(gateway)[0]["id"]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: administer(gateway, f"/reviews/{review}/approve"), range(8)))
    assert {answer.status for answer in answers} == {200}
    assert answered(gateway, path).status == 200
    time.sleep(0.5)
    assert len(upstream.asked()) == 1 and len(gateway.claims()) == 1
    assert administer(gateway, f"/reviews/{review}/reject").status == 409


def test_the_admin_listener_wants_its_secret(gateway, buyer):
    path = path_of(buyer.pay("/after/x"))
    review = reviews(gateway)[0]["id"]
    file = gateway.directory / "farebox.db.admin"
    assert file.stat().st_mode & 0o777 == 0o600 and len(secret(gateway)) == 64
    for token in ("", "x", "0" * 64, secret(gateway)[:-1], secret(gateway) + "0"):
        answer = administer(gateway, f"/reviews/{review}/approve", token=token)
        assert answer.status == 401 and answer.header("WWW-Authenticate") == "Bearer", token
        assert administer(gateway, "/reviews", "GET", token).status == 401
    assert gateway.fetch("/reviews").status == 404, "the admin listener alone"
    assert gateway.fetch(path).status == 202
    listed = administer(gateway, "/reviews", "GET").json()["reviews"]
    assert [entry["id"] for entry in listed] == [review]
    assert administer(gateway, "/reviews/fb_00000000_1/approve").status == 404
    assert administer(gateway, "/reviews/nonsense/approve").status == 404
    assert administer(gateway, f"/reviews/{review}/approve", "GET").status == 405
    assert administer(gateway, f"/reviews/{review}/reject?reason=x").status == 400
    assert administer(gateway, f"/reviews/{review}/reject?remark=%ff").status == 400
    assert administer(gateway, f"/reviews/{review}/reject?remark=so%20so").status == 200
    assert gateway.fetch(path).json()["remark"] == "so so"
    before = secret(gateway)
    gateway.stop()
    gateway.restart()
    assert secret(gateway) == before, "the secret lasts"


def test_commands_without_a_gateway(gateway, buyer):
    path_of(buyer.pay("/after/x", "POST", b'{"to": "somebody"}', headers={"Authorization": "Bearer key", "X-Own": "1"}))
    review = reviews(gateway)[0]["id"]
    shown = gateway.command("review", "show", review, "--config", str(gateway.config_directory)).stdout
    assert "POST /after/x HTTP/1.1" in shown and '{"to": "somebody"}' in shown and "X-Own: 1" in shown
    assert "Bearer key" not in shown and "(hidden)" in shown and "PAYMENT-SIGNATURE" not in shown.upper()
    table = gateway.command("review", "list", "--config", str(gateway.config_directory)).stdout
    assert review in table and "wallet_unproven" in table
    gateway.stop()
    assert [entry["id"] for entry in reviews(gateway)] == [review], "the file is read"
    done = decide(gateway, "approve", review, code=1)
    assert "no gateway answers" in done.stderr
    assert gateway.command("review", "approve", "nonsense", "--config", str(gateway.config_directory)).returncode == 64
    gateway.restart()
    decide(gateway, "approve", review)
    assert decide(gateway, "approve", "fb_00000000_9", code=1).stderr


# Stops and crashes


def test_killed_between_approval_and_run(begin, upstream):
    """Approved while the process may not run it: the next one does."""
    gateway = begin()
    buyer = Buyer(gateway)
    gate = Gate()
    upstream.on("/after/hold", gate)
    # Proven by one payment, whose next exchange then holds the wallet's only lease.
    payment = buyer.sign("/after/x")
    path = path_of(buyer.present("/after/x", payment))
    other = path_of(buyer.present("/after/first", buyer.sign("/after/first")))
    ids = {review["request"]: review["id"] for review in reviews(gateway)}
    decide(gateway, "approve", ids["GET /after/first"])
    assert answered(gateway, other).status == 200
    held = threading.Thread(target=lambda: ignore(lambda: buyer.pay("/after/hold")), daemon=True)
    held.start()
    wait_until(lambda: gate.waiting, 5)
    decide(gateway, "approve", ids["GET /after/x"])
    time.sleep(0.3)
    gateway.kill()
    gate.open()
    assert not upstream.asked("/after/x")
    gateway.restart()
    answer = answered(gateway, path)
    assert answer.status == 200 and answer.receipt["success"]
    assert len(upstream.asked("/after/x")) == 1 and gateway.wait_state(payment, "delivered")


def ignore(body):
    try:
        body()
    except Exception:  # noqa: BLE001 the gateway was killed
        pass


@pytest.mark.parametrize("order", ["after", "first"])
def test_killed_while_it_runs(gateway, buyer, upstream, order):
    gate = Gate()
    target = f"/{order}/x"
    upstream.on(target, gate)
    payment = buyer.sign(target)
    path = path_of(buyer.present(target, payment))
    decide(gateway, "approve", reviews(gateway)[0]["id"])
    wait_until(lambda: gate.waiting, 5)
    gateway.kill()
    gate.open()
    upstream.on(target, echo)
    gateway.restart()
    asked = gateway.fetch(path)
    assert asked.status == 402
    assert asked.error == ("review_run_uncharged" if order == "after" else USED)
    paying = gateway.fetch(path, headers=paid(buyer.wallet.payment_v2(asked.required["accepts"][0])))
    assert paying.status == 200 and paying.receipt["success"]
    states = sorted(claim["state"] for claim in gateway.claims())
    assert states == (["delivered", "void"] if order == "after" else ["delivered"]), "paid once"


def test_killed_at_random_times(gateway, upstream):
    """Approvals, polls and kills at once: every request that is approved is paid for at most once, and had in the end."""
    chance = random.Random(7)
    buyers = [Buyer(gateway) for _ in range(6)]
    paths = {}
    for number, buyer in enumerate(buyers):
        paths[number] = path_of(buyer.pay(f"/{'after' if number % 2 else 'first'}/{number}"))
    for review in reviews(gateway):
        ignore(lambda id=review["id"]: administer(gateway, f"/reviews/{id}/approve"))
        if chance.random() < 0.7:
            time.sleep(chance.random() * 0.02)
            gateway.kill()
            gateway.restart()
    for id in [review["id"] for review in reviews(gateway)]:
        decide(gateway, "approve", id)
    for number, path in paths.items():
        answer = answered(gateway, path, 30)
        if answer.status == 402:
            answer = gateway.fetch(path, headers=paid(buyers[number].wallet.payment_v2(answer.required["accepts"][0])))
        assert answer.status == 200 and answer.receipt["success"], (number, answer)
        assert answered(gateway, path).body == answer.body
    charged = [claim for claim in gateway.claims() if claim["state"] in ("delivered", "owed")]
    assert len(charged) == len(buyers) and len({claim["payer"] for claim in charged}) == len(buyers)


def test_a_restart_keeps_what_waits(gateway, buyer, upstream):
    path = path_of(buyer.pay("/after/x"))
    assert gateway.terminate() == 0
    gateway.restart()
    assert gateway.fetch(path).status == 202
    decide(gateway, "approve", reviews(gateway)[0]["id"])
    assert answered(gateway, path).status == 200


# What changed meanwhile


def test_the_price_changed_meanwhile(gateway, buyer, upstream):
    """It is charged what its payer signed for."""
    payment = buyer.sign("/after/x")
    path = path_of(buyer.present("/after/x", payment))
    for route in gateway.config["routes"]:
        if route["match"] == "GET /after/*":
            route["price"] = "$0.07"
    gateway.write(gateway.config)
    wait_until(lambda: gateway.terms("/after/x")["amount"] == "70000", 5)
    decide(gateway, "approve", reviews(gateway)[0]["id"])
    answer = answered(gateway, path)
    assert answer.status == 200 and answer.receipt["amount"] == "20000"
    assert gateway.claim(payment)["amount"] == "20000"


@pytest.mark.parametrize("change", ["removed", "free"])
def test_the_route_is_gone_meanwhile(gateway, buyer, upstream, change):
    payment = buyer.sign("/after/x")
    path = path_of(buyer.present("/after/x", payment))
    routes = [route for route in gateway.config["routes"] if route["match"] != "GET /after/*"]
    if change == "free":
        routes.append({"match": "GET /after/*", "upstream": "legacy", "free": True})
    gateway.write(gateway.config | {"routes": routes})
    wait_until(lambda: gateway.fetch("/after/x").status != 402, 5)
    before = len(upstream.asked("/after/x"))
    decide(gateway, "approve", reviews(gateway)[0]["id"])
    assert answered(gateway, path).status == 410
    assert gateway.claim(payment)["state"] == "void"
    assert len(upstream.asked("/after/x")) == before, "nothing runs for nothing"


def test_nobody_decides_in_time(begin, upstream):
    gateway = begin(review={"keep": "2s"})
    buyer = Buyer(gateway)
    payment = buyer.sign("/after/x")
    path = path_of(buyer.present("/after/x", payment))
    time.sleep(2.2)
    assert gateway.fetch(path).status == 410
    assert gateway.claim(payment)["state"] == "void" and reviews(gateway) == []


def test_the_config_must_go_together(begin, upstream):
    config = reviewing(upstream.url)
    config["routes"] = [
        {"match": "GET /a", "upstream": "legacy", "price": "$0.02", "policies": ["proven"], "bind": "head"},
        {"match": "GET /b", "upstream": "legacy", "price": "$0.02", "policies": ["proven"], "store_answers": "off"},
    ]
    gateway = begin()
    directory = gateway.directory / "other"
    directory.mkdir()
    (directory / "all.yaml").write_text(json.dumps(config).replace('"off"', "off"))
    done = gateway.command("check", "--config", str(directory))
    assert done.returncode == 2
    assert "routes[0].bind: head does not go with" in done.stderr, done.stderr
    assert "routes[1].store_answers: off does not go with" in done.stderr, done.stderr
    assert "admin: is missing" in done.stderr

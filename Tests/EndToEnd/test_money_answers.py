"""The table of answers: what is charged, what is void, what is owed and how it is redeemed."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness.farebox import standard
from harness.http import ProtocolError, compose, wait_until
from harness.pay import Buyer, paid
from harness.upstream import Gate, Upstream, echo

USED = "invalid_exact_evm_nonce_already_used"


def answers(status: int, body: str = "said so"):
    def handler(exchange):
        exchange.read_body()
        exchange.answer(status, body, reason="X")

    return handler


def first_then(handler, then=echo):
    """`handler` for the first request, `then` for those after."""
    asked = []

    def choose(exchange):
        asked.append(exchange.request)
        (handler if len(asked) == 1 else then)(exchange)

    return choose


def cut_off(exchange):
    exchange.read_body()
    exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nonly this")
    exchange.close()


def cut_off_chunked(exchange):
    exchange.read_body()
    exchange.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
    exchange.close()


def hang_up(exchange):
    exchange.read_body()
    exchange.close()


# settle: after


@pytest.mark.parametrize("status", [200, 201, 202, 204, 206])
def test_after_charges_2xx(buyer, gateway, upstream, status):
    upstream.on("/after/x", answers(status))
    payment = buyer.sign("/after/x")
    response = buyer.present("/after/x", payment)
    assert response.status == status and response.receipt["success"]
    assert response.body == (b"" if status == 204 else b"said so")
    assert gateway.wait_state(payment, "delivered")


@pytest.mark.parametrize("status", [301, 304, 400, 402, 404, 429, 500, 503])
def test_after_passes_the_rest_on_uncharged(buyer, gateway, upstream, status):
    upstream.on("/after/x", first_then(answers(status)))
    payment = buyer.sign("/after/x")
    response = buyer.present("/after/x", payment)
    assert response.status == status and response.receipt is None
    assert response.body == (b"" if status == 304 else b"said so")
    assert gateway.wait_state(payment, "void")
    again = buyer.present("/after/x", payment)
    assert again.status == 200 and again.receipt["success"], "a void authorization may come again"
    assert gateway.wait_state(payment, "delivered")


def test_void_holds_for_its_own_request_alone(buyer, upstream):
    upstream.on("/after/x", answers(500))
    payment = buyer.sign("/after/x")
    assert buyer.present("/after/x", payment).status == 500
    response = buyer.present("/after/y", payment)
    assert response.status == 402 and response.error == USED
    assert upstream.asked("/after/y") == []


@pytest.mark.parametrize("handler", [cut_off, cut_off_chunked])
def test_after_a_truncated_answer_is_void(buyer, gateway, upstream, handler):
    upstream.on("/after/x", handler)
    payment = buyer.sign("/after/x")
    response = buyer.present("/after/x", payment)
    assert response.status == 502 and response.receipt is None and b"only this" not in response.body
    assert gateway.wait_state(payment, "void")


def test_after_an_answer_above_the_limit_is_void(start, upstream):
    gateway = start(limits={"held_answer": "1MiB", "held_answer_memory": "64KiB"})
    buyer = Buyer(gateway)
    upstream.on("/after/big", lambda exchange: exchange.answer(200, b"x" * (1 << 20)))
    upstream.on("/after/bigger", lambda exchange: exchange.answer(200, b"x" * ((1 << 20) + 1)))
    upstream.on("/after/stream", lambda exchange: exchange.chunks([b"y" * 65536] * 17))
    response = buyer.pay("/after/big")
    assert response.status == 200 and len(response.body) == 1 << 20 and response.receipt["success"]
    for path in ("/after/bigger", "/after/stream"):
        payment = buyer.sign(path)
        response = buyer.present(path, payment)
        assert response.status == 502 and response.receipt is None, path
        assert gateway.wait_state(payment, "void")


def test_after_no_byte_of_the_answer_comes_before_it_is_settled(buyer, gateway, upstream):
    gate = threading.Event()

    def half(exchange):
        exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
        gate.wait(20)
        exchange.send("world")

    upstream.on("/after/x", half)
    payment = buyer.sign("/after/x")
    with gateway.connect() as connection:
        connection.send(compose("GET", "/after/x", paid(payment)))
        wait_until(lambda: upstream.asked("/after/x"), 5)
        connection.socket.settimeout(0.5)
        with pytest.raises(TimeoutError):
            connection.socket.recv(1)
        assert gateway.claim(payment)["state"] in ("claimed", "running")
        gate.set()
        connection.socket.settimeout(10)
        response = connection.read()
    assert response.status == 200 and response.body == b"helloworld" and response.receipt["success"]


def test_after_upstream_down_is_void(buyer, gateway, upstream):
    payment = buyer.sign("/after/x")
    upstream.close()
    response = buyer.present("/after/x", payment)
    assert response.status == 502 and response.receipt is None
    assert gateway.wait_state(payment, "void")


def test_a_chunked_answer_is_charged_with_a_receipt_in_its_head(buyer, upstream):
    upstream.on("/after/x", lambda exchange: exchange.chunks([b"one", b"two"], trailers=[("X-Sum", "2")]))
    response = buyer.pay("/after/x")
    assert response.status == 200 and response.body == b"onetwo" and response.receipt["success"]


# settle: first


@pytest.mark.parametrize("status", [200, 204, 404, 500])
def test_first_charges_whatever_the_upstream_answers(buyer, gateway, upstream, status):
    upstream.on("/first/x", answers(status))
    payment = buyer.sign("/first/x")
    response = buyer.present("/first/x", payment)
    assert response.status == status and response.receipt["success"]
    assert gateway.wait_state(payment, "delivered")


@pytest.mark.parametrize("handler", [cut_off, hang_up])
def test_first_cut_off_is_owed_and_redeemed_by_a_fresh_nonce(buyer, gateway, upstream, handler):
    upstream.on("/first/x", first_then(handler))
    payment = buyer.sign("/first/x")
    try:
        response = buyer.present("/first/x", payment)
        assert response.status == 502 and response.receipt["success"] and response.header("Retry-After")
    except ProtocolError:
        assert handler is cut_off, "an answer whose head was passed on can only be cut off"
    claim = gateway.wait_state(payment, "owed")
    assert [c["transaction"] for c in gateway.claims("owed")] == [claim["transaction"]]

    same = buyer.present("/first/x", payment)
    assert same.status == 402 and same.error == USED and same.required["accepts"], "it is public: alone it releases nothing"

    stranger = Buyer(gateway).pay("/first/x")
    assert stranger.receipt["transaction"] != claim["transaction"], "another wallet redeems nothing"

    redeemed = buyer.pay("/first/x")
    assert redeemed.status == 200 and redeemed.receipt["transaction"] == claim["transaction"]
    assert gateway.wait_state(payment, "delivered")
    assert gateway.claims("owed") == []
    mine = [c for c in gateway.claims() if c["payer"].lower() == buyer.wallet.address.lower()]
    assert len(mine) == 1, "the redeeming authorization was not claimed"
    keys = {r.header("Idempotency-Key") for r in upstream.asked("/first/x") if r.header("X-Farebox-Payer") == buyer.wallet.address}
    assert len(keys) == 1


def test_first_upstream_down_is_owed(buyer, gateway, upstream):
    payment = buyer.sign("/first/x", "POST", b"order")
    port = upstream.port
    upstream.close()
    response = buyer.present("/first/x", payment, "POST", b"order")
    assert response.status == 502 and response.receipt["success"] and response.header("Retry-After")
    gateway.wait_state(payment, "owed")

    back = Upstream(port=port)
    try:
        other = buyer.pay("/first/x", "POST", b"another order")
        assert other.receipt["transaction"] != response.receipt["transaction"], "another body is another binding"
        redeemed = buyer.pay("/first/x", "POST", b"order")  # no byte had been written: asked again though a POST
        assert redeemed.status == 200 and redeemed.receipt["transaction"] == response.receipt["transaction"]
    finally:
        back.close()


def test_first_time_out_is_504_and_owed(start, upstream):
    config = standard(upstream.url)
    config["upstreams"]["legacy"]["timeouts"] = {"first_byte": "500ms"}
    gateway = start(config)
    upstream.on("/first/x", first_then(Gate()))
    buyer = Buyer(gateway)
    payment = buyer.sign("/first/x")
    response = buyer.present("/first/x", payment)
    assert response.status == 504 and response.receipt["success"] and response.header("Retry-After")
    gateway.wait_state(payment, "owed")
    assert buyer.pay("/first/x").receipt["transaction"] == response.receipt["transaction"]


@pytest.mark.parametrize("redeliver,redeemed", [("safe", False), ("rerun", True), ("never", False)])
def test_a_post_whose_bytes_were_sent(start, upstream, redeliver, redeemed):
    config = standard(upstream.url)
    next(r for r in config["routes"] if r["match"] == "POST /first/*")["redeliver"] = redeliver
    gateway = start(config)
    upstream.on("/first/x", first_then(hang_up))
    buyer = Buyer(gateway)
    payment = buyer.sign("/first/x", "POST", b"order")
    assert buyer.present("/first/x", payment, "POST", b"order").status == 502
    gateway.wait_state(payment, "owed")
    again = buyer.pay("/first/x", "POST", b"order")
    if redeemed:
        assert again.status == 200 and len(upstream.asked("/first/x")) == 2
    else:
        assert again.status == 502 and again.error == "outcome_unknown"
        assert len(upstream.asked("/first/x")) == 1 and len(gateway.claims()) == 1


def test_never_redelivers_even_a_get(start, upstream):
    config = standard(upstream.url)
    next(r for r in config["routes"] if r["match"] == "GET /first/*")["redeliver"] = "never"
    gateway = start(config)
    upstream.on("/first/x", hang_up)
    buyer = Buyer(gateway)
    assert buyer.pay("/first/x").status == 502
    assert wait_until(lambda: gateway.claims("owed"), 5)
    again = buyer.pay("/first/x")
    assert again.status == 502 and again.error == "outcome_unknown" and len(upstream.asked("/first/x")) == 1


def test_three_reruns_then_an_ordinary_payment(buyer, gateway, upstream):
    upstream.on("/first/x", hang_up)
    payment = buyer.sign("/first/x")
    buyer.present("/first/x", payment)
    old = gateway.wait_state(payment, "owed")["transaction"]
    for _ in range(3):
        response = buyer.pay("/first/x")
        assert response.status == 502 and response.receipt["transaction"] == old
        gateway.wait_state(payment, "owed")
    upstream.on("/first/x", echo)
    response = buyer.pay("/first/x")
    assert response.status == 200 and response.receipt["transaction"] != old
    assert gateway.claim(payment)["state"] == "owed", "it waits for a person"


def test_a_rerun_that_is_not_2xx_leaves_it_owed(buyer, gateway, upstream):
    turns = [hang_up, answers(500)]
    upstream.on("/first/x", lambda exchange: (turns.pop(0) if turns else echo)(exchange))
    payment = buyer.sign("/first/x")
    buyer.present("/first/x", payment)
    old = gateway.wait_state(payment, "owed")["transaction"]
    assert buyer.pay("/first/x").status in (500, 502)
    wait_until(lambda: gateway.claim(payment)["state"] == "owed", 5)
    response = buyer.pay("/first/x")
    assert response.status == 200 and response.receipt["transaction"] == old


def test_parallel_redemptions_run_once(buyer, gateway, upstream):
    gate = Gate()
    upstream.on("/first/x", first_then(hang_up, gate))
    payment = buyer.sign("/first/x")
    buyer.present("/first/x", payment)
    old = gateway.wait_state(payment, "owed")["transaction"]
    threading.Timer(1, gate.open).start()
    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(lambda _: buyer.pay("/first/x"), range(8)))
    assert {answer.status for answer in got} == {200}
    assert sum(answer.receipt["transaction"] == old for answer in got) == 1, "it is redeemed once; the others are calls of their own"


def test_bind_head_binds_no_body_and_redeems_nothing(start, upstream):
    config = standard(upstream.url)
    for match in ("POST /after/*", "POST /first/*"):
        next(r for r in config["routes"] if r["match"] == match)["bind"] = "head"
    gateway = start(config)
    buyer = Buyer(gateway)
    upstream.on("/after/x", first_then(answers(500)))
    payment = buyer.sign("/after/x", "POST", b"one")
    assert buyer.present("/after/x", payment, "POST", b"one").status == 500
    assert buyer.present("/after/x", payment, "POST", b"two").status == 200
    upstream.on("/first/x", first_then(hang_up))
    payment = buyer.sign("/first/x", "POST", b"one")
    old = buyer.present("/first/x", payment, "POST", b"one").receipt["transaction"]
    gateway.wait_state(payment, "owed")
    assert buyer.pay("/first/x", "POST", b"one").receipt["transaction"] != old


def test_the_binding_covers_host_query_and_body(buyer, gateway, upstream):
    upstream.on("/after/x", answers(500))
    payment = buyer.sign("/after/x?a=1", "POST", b"one")
    assert buyer.present("/after/x?a=1", payment, "POST", b"one").status == 500
    for target, method, body, headers in (
        ("/after/x?a=2", "POST", b"one", {}),
        ("/after/x?a=1", "POST", b"two", {}),
        ("/after/x?a=1", "GET", None, {}),
        ("/after/x?a=1", "POST", b"one", {"Host": "other.test"}),
    ):
        response = buyer.present(target, payment, method, body, headers)
        assert response.status == 402 and response.error == USED, (target, method, body, headers)
    assert len(upstream.asked()) == 1
    upstream.on("/after/x", echo)
    assert buyer.present("/%61fter/x?a=1", payment, "POST", b"one").status == 200, "the same canonical target"


# Callers that go away


def test_a_caller_that_leaves_cancels_nothing(buyer, gateway, upstream):
    gate = Gate()
    upstream.on("/after/x", gate)
    payment = buyer.sign("/after/x")
    connection = gateway.connect()
    connection.send(compose("GET", "/after/x", paid(payment)))
    wait_until(lambda: gate.waiting, 5)
    connection.reset()
    time.sleep(0.2)
    gate.open()
    claim = gateway.wait_state(payment, "owed")
    assert claim["transaction"].startswith("sandbox-")
    response = buyer.pay("/after/x")
    assert response.status == 200 and response.receipt["transaction"] == claim["transaction"]
    assert gateway.wait_state(payment, "delivered")


def test_a_half_closed_caller_gets_its_answer(buyer, gateway, upstream):
    payment = buyer.sign("/after/x")
    with gateway.connect() as connection:
        connection.send(compose("GET", "/after/x", paid(payment)))
        connection.half_close()
        response = connection.read()
    assert response.status == 200 and response.receipt["success"]
    assert gateway.wait_state(payment, "delivered")


def test_a_caller_that_stops_reading_is_owed(start, upstream):
    """The answer does not fit the socket; the caller resets: not delivered."""
    gateway = start()
    buyer = Buyer(gateway)
    upstream.on("/after/x", lambda exchange: exchange.answer(200, b"z" * (8 << 20)))
    payment = buyer.sign("/after/x")
    connection = gateway.connect(receive_buffer=4096)
    connection.send(compose("GET", "/after/x", paid(payment)))
    assert connection.read_head().status == 200
    connection.reset()
    claim = gateway.wait_state(payment, "owed")
    response = buyer.pay("/after/x")
    assert response.status == 200 and len(response.body) == 8 << 20
    assert response.receipt["transaction"] == claim["transaction"]


def test_a_body_above_max_priced_body_is_413(start, upstream):
    gateway = start(limits={"max_priced_body": "256KiB", "priced_body_memory": "16KiB"})
    buyer = Buyer(gateway)
    exact = b"b" * (256 << 10)
    payment = buyer.sign("/after/x", "POST", exact)
    response = buyer.present("/after/x", payment, "POST", exact)
    assert response.status == 200 and response.json()["length"] == len(exact)
    payment = buyer.sign("/after/x", "POST", b"")
    response = buyer.present("/after/x", payment, "POST", exact + b"b")
    assert response.status == 413 and gateway.claim(payment) is None
    with gateway.connect() as connection:
        connection.send(compose("POST", "/after/x", paid(payment) | {"Transfer-Encoding": "chunked"}))
        try:
            for _ in range(20):
                connection.send(b"4000\r\n" + b"b" * 0x4000 + b"\r\n")
        except OSError:
            pass  # it may refuse and close while we still send
        assert connection.read().status == 413


def test_headers_a_paid_request_carries(buyer, gateway, upstream):
    response = buyer.pay("/after/x")
    (request,) = upstream.asked("/after/x")
    assert request.header("X-Farebox-Payer") == buyer.wallet.address
    assert request.header("X-Farebox-Amount") == "20000"
    assert request.header("X-Farebox-Network") == "eip155:84532"
    assert request.header("Idempotency-Key")
    assert request.header("PAYMENT-SIGNATURE") is None and request.header("X-PAYMENT") is None
    assert response.header("Cache-Control") and "private" in response.header("Cache-Control")
    buyer.pay("/first/x")
    (request,) = upstream.asked("/first/x")
    assert request.header("X-Farebox-Transaction").startswith("sandbox-")


def test_a_keep_alive_connection_pays_again_and_again(buyer, gateway):
    terms = gateway.terms("/after/0")
    with gateway.connect() as connection:
        for n in range(20):
            response = connection.request("GET", f"/after/{n}", paid(buyer.wallet.payment_v2(terms)))
            assert response.status == 200 and response.json()["target"] == f"/after/{n}"

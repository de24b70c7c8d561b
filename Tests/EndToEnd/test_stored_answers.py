"""What was paid for and did not arrive is given from what is kept of it; the payment-identifier has it given again."""

import json
import sqlite3
import threading
import time

import pytest
from eth_account import Account
from harness.farebox import standard
from harness.http import ProtocolError, compose, wait_until
from harness.identifier import Named
from harness.pay import Buyer, paid
from harness.strace import killing_at
from harness.upstream import Gate
from harness.wallet import Wallet, decode
from test_official_clients import session

USED = "invalid_exact_evm_nonce_already_used"
ID = "pay_7d5d747be160e280504c099d984bcfe0"
OTHER_ID = "pay_00000000000000000000000000000000"
LIMIT = 64 << 10


def config(upstream, **route):
    """The standard set, with these keys on every priced route."""
    changed = standard(upstream.url)
    for entry in changed["routes"]:
        if "price" in entry:
            entry.update(route)
    return changed


def identified(payment: dict, id: str = ID) -> dict:
    return payment | {"extensions": {"payment-identifier": {"info": {"required": False, "id": id}}}}


def leave(gateway, upstream, target, payment, handler, method="GET", body=None):
    """Pays, and is gone before the answer: what was paid for is owed."""
    gate = Gate(handler)
    upstream.on(target, gate)
    connection = gateway.connect()
    connection.send(compose(method, target, paid(payment), body))
    wait_until(lambda: gate.waiting, 5)
    connection.reset()
    gate.open()
    return gateway.wait_state(payment, "owed")


def say(body: bytes | str, status: int = 200, **options):
    return lambda exchange: exchange.answer(status, body, **options)


def answers_on_disk(gateway) -> list[bytes]:
    with sqlite3.connect(f"file:{gateway.ledger}?mode=ro", uri=True) as database:
        return [bytes(row[0]) for row in database.execute("SELECT body FROM answers")]


def same_fields(response, *names):
    return {name: response.header(name) for name in names}


# What is owed is given from it


@pytest.mark.parametrize("order", ["after", "first"])
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("crash", [False, True])
def test_the_upstream_is_asked_once(gateway, buyer, upstream, order, method, crash):
    target, body = f"/{order}/x", b"please" if method == "POST" else None
    fields = {"Content-Type": "text/x-once", "X-Of-The-API": "yes", "Cache-Control": "public, max-age=9"}
    payment = buyer.sign(target, method, body)
    claim = leave(gateway, upstream, target, payment, say("once only", headers=fields), method, body)
    if crash:
        gateway.kill()
        gateway.restart()
    assert buyer.present(target, payment, method, body).error == USED, "alone it releases nothing"
    response = buyer.pay(target, method, body)
    assert response.status == 200 and response.body == b"once only" and not response.chunked
    assert response.header("Content-Type") == "text/x-once" and response.header("X-Of-The-API") == "yes"
    assert response.header("Cache-Control") == "private, no-store"
    assert response.receipt["success"] and response.receipt["transaction"] == claim["transaction"]
    assert len(upstream.asked(target)) == 1 and len(gateway.claims()) == 1
    assert gateway.wait_state(payment, "delivered")["reruns"] == 0
    wait_until(lambda: [line["outcome"] for line in gateway.access()].count("delivered") == 1, 5)


@pytest.mark.parametrize(
    "order,status", [("after", 200), ("after", 204), ("first", 201), ("first", 204), ("first", 404), ("first", 500)]
)
def test_any_status_that_was_paid_for(gateway, buyer, upstream, order, status):
    target = f"/{order}/x"
    payment = buyer.sign(target, "POST", b"")
    leave(gateway, upstream, target, payment, say(b"" if status == 204 else b"said", status), "POST", b"")
    response = buyer.pay(target, "POST", b"")
    assert response.status == status and response.receipt["success"]
    assert response.body == (b"" if status == 204 else b"said")
    assert (response.header("Content-Length") is None) == (status == 204)
    assert len(upstream.asked(target)) == 1 and gateway.wait_state(payment, "delivered")


@pytest.mark.parametrize("order", ["after", "first"])
def test_head(gateway, buyer, upstream, order):
    target = f"/{order}/x"
    payment = buyer.sign(target, "HEAD")
    leave(gateway, upstream, target, payment, say(b"z" * 12345, headers={"Content-Length": "12345", "ETag": '"e"'}), "HEAD")
    response = buyer.pay(target, "HEAD")
    assert response.status == 200 and response.receipt["success"] and response.body == b""
    assert same_fields(response, "Content-Length", "ETag") == {"Content-Length": "12345", "ETag": '"e"'}
    assert len(upstream.asked(target)) == 1
    # GET is another request.
    assert buyer.pay(target).receipt["transaction"] != response.receipt["transaction"]


@pytest.mark.parametrize("order,status", [("after", 206), ("first", 206), ("first", 304), ("first", 412), ("first", 416)])
def test_what_fits_one_request_alone_is_not_kept(gateway, buyer, upstream, order, status):
    """A range, a condition: the retry may have other fields, and has an answer to those."""
    target = f"/{order}/x"
    payment = buyer.sign(target)
    leave(gateway, upstream, target, payment, say(b"" if status == 304 else b"12", status))
    assert answers_on_disk(gateway) == []
    upstream.on(target, say("the whole"))
    response = buyer.pay(target)
    assert response.body == b"the whole" and len(gateway.claims()) == 1


def test_the_receipt_names_the_amount_that_was_paid(start, upstream):
    gateway = start(config(upstream))
    buyer, target = Buyer(gateway), "/after/x"
    payment = identified(buyer.sign(target))
    first = buyer.present(target, payment)
    gateway.wait_state(payment, "delivered")
    gateway.route("GET /after/*")["price"] = "$0.03"
    gateway.write(gateway.config)
    gateway.kill()
    gateway.restart()
    assert gateway.terms(target)["amount"] == "30000"
    again = buyer.present(target, payment)
    assert again.status == 200 and again.receipt == first.receipt and again.receipt["amount"] == "20000"


@pytest.mark.parametrize("order", ["after", "first"])
def test_a_stream_of_events(gateway, buyer, upstream, order):
    """The caller left within the stream; what it gets is the whole of it, of known length."""
    events = [b"data: %d\n\n" % number for number in range(50)]
    target = f"/{order}/events"
    gate = threading.Event()

    def stream(exchange):
        exchange.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        for number, event in enumerate(events):
            if number == 1:
                gate.wait(20)
            exchange.send(b"%x\r\n%b\r\n" % (len(event), event))
        exchange.send("0\r\nX-Trailer: t\r\n\r\n")

    upstream.on(target, stream)
    payment = buyer.sign(target)
    connection = gateway.connect()
    connection.send(compose("GET", target, paid(payment)))
    if order == "first":
        assert connection.read_head().receipt["success"]
        connection.until(events[0])
    else:
        wait_until(lambda: upstream.asked(target), 5)
    connection.reset()
    gate.set()
    gateway.wait_state(payment, "owed")
    response = buyer.pay(target)
    assert response.status == 200 and response.body == b"".join(events) and not response.chunked
    assert response.header("Content-Type") == "text/event-stream" and response.trailers == []
    assert len(upstream.asked(target)) == 1


@pytest.mark.parametrize("order", ["after", "first"])
@pytest.mark.parametrize("framing", ["length", "chunked"])
@pytest.mark.parametrize("size,is_kept", [(0, True), (LIMIT, True), (LIMIT + 1, False)])
def test_up_to_the_limit(gateway, buyer, upstream, order, framing, size, is_kept):
    body = b"k" * size
    pieces = [body[at : at + 5000] for at in range(0, size, 5000)]
    answer = say(body) if framing == "length" else lambda exchange: exchange.chunks(pieces)
    for method, target in (("GET", f"/{order}/get"), ("POST", f"/{order}/post")):
        sent = b"" if method == "POST" else None
        payment = buyer.sign(target, method, sent)
        leave(gateway, upstream, target, payment, answer, method, sent)
        response = buyer.pay(target, method, sent)
        if is_kept or method == "GET":
            assert response.status == 200 and response.body == body
            assert len(upstream.asked(target)) == (1 if is_kept else 2)
        else:
            assert response.status == 502 and response.error == "outcome_unknown", "a POST may not run again"
            assert len(upstream.asked(target)) == 1


@pytest.mark.parametrize("order", ["after", "first"])
def test_a_limit_of_its_own(start, upstream, order):
    gateway = start(config(upstream, store_answers="1MiB"))
    buyer, target, body = Buyer(gateway), f"/{order}/x", bytes(range(256)) * 4096
    payment = buyer.sign(target)
    leave(gateway, upstream, target, payment, say(body))
    response = buyer.pay(target)
    assert response.body == body and len(upstream.asked(target)) == 1


@pytest.mark.parametrize("order", ["after", "first"])
def test_off(start, upstream, order):
    """Nothing of a private answer reaches the disk."""
    gateway = start(config(upstream, store_answers="off"))
    buyer, target = Buyer(gateway), f"/{order}/x"
    payment = identified(buyer.sign(target))
    claim = leave(gateway, upstream, target, payment, say("a private matter"))
    assert answers_on_disk(gateway) == []
    response = buyer.pay(target)
    assert response.body == b"a private matter" and response.receipt["transaction"] == claim["transaction"]
    assert len(upstream.asked(target)) == 2, "made again"
    gateway.wait_state(payment, "delivered")
    assert buyer.present(target, payment).error == USED
    gateway.kill()
    for name in ("", "-wal", "-shm"):
        file = gateway.ledger.with_name(gateway.ledger.name + name)
        assert not file.exists() or b"a private matter" not in file.read_bytes(), file


def test_a_rerun_that_is_not_good_keeps_nothing(gateway, buyer, upstream):
    target = "/first/x"
    upstream.on(target, lambda exchange: exchange.close())
    payment = buyer.sign(target)
    assert buyer.present(target, payment).status == 502
    gateway.wait_state(payment, "owed")
    upstream.on(target, say("no", 500))
    assert buyer.pay(target).status == 500
    gateway.wait_state(payment, "owed")
    upstream.on(target, say("good"))
    response = buyer.pay(target)
    assert response.status == 200 and response.body == b"good" and len(gateway.claims()) == 1


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_browsers_and_old_clients(gateway, buyer, upstream, version):
    target = "/first/x"
    payment = buyer.sign(target)
    leave(gateway, upstream, target, payment, say("said", headers={"Access-Control-Allow-Origin": "https://shop.example"}))
    fields = paid(buyer.sign(target)) | {"Host": "gateway.test", "Origin": "https://shop.example"}
    with gateway.connect() as connection:
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        connection.send(f"GET {target} HTTP/{version}\r\n{lines}\r\n")
        response = connection.read()
    assert response.body == b"said" and response.closes == (version == "1.0")
    assert response.header("Access-Control-Allow-Origin") == "https://shop.example"
    assert "PAYMENT-RESPONSE" in response.header("Access-Control-Expose-Headers")


@pytest.mark.parametrize("order", ["after", "first"])
def test_killed_at_each_sync(start, upstream, order):
    """kill -9 at every sync of one payment. What was settled with its answer is given without the upstream."""
    target, given, killed = f"/{order}/x", 0, 0
    upstream.on(target, say("once only"))
    for count in range(1, 40):
        upstream.requests.clear()
        gateway = start(config(upstream), name=f"{order}-{count}")
        buyer = Buyer(gateway)
        payment = identified(buyer.sign(target, "POST", b"x"))
        gateway.terminate()
        gateway.wrapper = killing_at("fdatasync,fsync", count)
        response = None
        try:
            gateway.start()
            response = buyer.present(target, payment, "POST", b"x")
            time.sleep(0.2)
        except (AssertionError, OSError, ProtocolError):
            pass
        was_killed = response is None or not gateway.alive()
        gateway.kill()
        gateway.restart()
        claim, asked = gateway.claim(payment), len(upstream.asked(target))
        if claim and claim["state"] in ("owed", "delivered") and asked:
            again = buyer.present(target, payment, "POST", b"x")
            assert again.status == 200 and again.body == b"once only", (count, again.body)
            assert again.receipt["transaction"] == claim["transaction"]
            assert len(upstream.asked(target)) == asked, f"asked again after the kill at sync {count}"
            given += response is None
        gateway.stop()
        if not was_killed:
            break
        killed += 1
    assert killed >= 3, f"only {killed} crash points: the injection did not work"
    if order == "after":
        assert given, "no kill fell between the settlement and the delivery"


# The time of keeping


def test_erased_when_its_time_is_over(start, upstream):
    gateway = start(config(upstream, redeliver_for="2s"))
    buyer, target = Buyer(gateway), "/after/x"
    payment = identified(buyer.sign(target))
    upstream.on(target, say("for a while"))
    response = buyer.present(target, payment)
    assert response.status == 200
    gateway.wait_state(payment, "delivered")
    assert answers_on_disk(gateway) == [b"for a while"]
    wait_until(lambda: answers_on_disk(gateway) == [], 10, "the answer is erased with nobody asking")
    assert buyer.present(target, payment).error == USED
    # The identifier is free again; this is another purchase.
    another = buyer.present(target, identified(buyer.sign(target)))
    assert another.status == 200 and another.receipt["transaction"] != response.receipt["transaction"]


def test_erased_after_a_restart(start, upstream):
    gateway = start(config(upstream, redeliver_for="2s"))
    buyer, target = Buyer(gateway), "/after/x"
    assert buyer.pay(target).status == 200
    wait_until(lambda: gateway.claims()[0]["state"] == "delivered", 5)
    gateway.kill()
    assert len(answers_on_disk(gateway)) == 1
    time.sleep(2)
    gateway.restart()
    wait_until(lambda: answers_on_disk(gateway) == [], 10, "erased")


# payment-identifier


def test_it_is_declared(gateway):
    declared = gateway.fetch("/after/x").required["extensions"]["payment-identifier"]
    assert declared["info"] == {"required": False} and declared["schema"]["properties"]["id"]["minLength"] == 16


@pytest.mark.parametrize("order", ["after", "first"])
@pytest.mark.parametrize("crash", [False, True])
def test_the_same_payment_has_its_answer_again(gateway, buyer, upstream, order, crash):
    target = f"/{order}/x"
    payment = identified(buyer.sign(target, "POST", b"x"))
    first = buyer.present(target, payment, "POST", b"x")
    assert first.status == 200 and first.receipt["success"]
    gateway.wait_state(payment, "delivered")
    if crash:
        gateway.kill()
        gateway.restart()
    for _ in range(3):
        again = buyer.present(target, payment, "POST", b"x")
        assert again.status == 200 and again.body == first.body and again.receipt == first.receipt
        assert again.header("Content-Type") == first.header("Content-Type")
    wait_until(lambda: [line["outcome"] for line in gateway.access()].count("redelivered") == 3, 5)
    assert len(upstream.asked(target)) == 1 and len(gateway.claims()) == 1
    assert gateway.claim(payment)["state"] == "delivered"
    assert buyer.present(target, payment, "POST", b"y").error == USED, "another request"
    nameless = {key: value for key, value in payment.items() if key != "extensions"}
    assert buyer.present(target, nameless, "POST", b"x").error == USED
    assert buyer.present(target, identified(payment, OTHER_ID), "POST", b"x").error == USED


@pytest.mark.parametrize("order", ["after", "first"])
def test_what_is_owed_is_given_to_its_own_payment(gateway, buyer, upstream, order):
    target = f"/{order}/x"
    payment = identified(buyer.sign(target, "POST", b"x"))
    claim = leave(gateway, upstream, target, payment, say("once only"), "POST", b"x")
    for _ in range(2):
        response = buyer.present(target, payment, "POST", b"x")
        assert response.status == 200 and response.body == b"once only"
        assert response.receipt["transaction"] == claim["transaction"]
        gateway.wait_state(payment, "delivered")
    assert len(upstream.asked(target)) == 1


def test_copies_in_flight_wait_and_have_the_answer(gateway, buyer, upstream):
    target, gate = "/after/x", Gate(say("once only"))
    upstream.on(target, gate)
    payment = identified(buyer.sign(target))
    responses = []
    threads = [
        threading.Thread(target=lambda: responses.append(buyer.present(target, payment))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    wait_until(lambda: gate.waiting, 5)
    time.sleep(0.2)
    gate.open()
    for thread in threads:
        thread.join()
    assert [(r.status, r.body) for r in responses] == [(200, b"once only")] * 8
    assert len({r.receipt["transaction"] for r in responses}) == 1
    assert len(upstream.asked(target)) == 1 and gate.most == 1


def conflict(response):
    body = response.json()
    return (response.status, body["error"], body["charged"]) == (409, "payment_identifier_conflict", False)


def test_another_payment_is_turned_away(gateway, buyer, upstream):
    payment = identified(buyer.sign("/first/x"))
    stranger, gate = Buyer(gateway), Gate()
    upstream.on("/first/x", gate)
    waiting = threading.Thread(target=buyer.present, args=("/first/x", payment))
    waiting.start()
    wait_until(lambda: gate.waiting, 5)
    assert conflict(stranger.present("/first/x", identified(stranger.sign("/first/x"))))
    gate.open()
    waiting.join()
    gateway.wait_state(payment, "delivered")
    for who, target in ((buyer, "/first/x"), (buyer, "/after/x"), (stranger, "/first/x"), (stranger, "/after/y")):
        response = who.present(target, identified(who.sign(target)))
        assert conflict(response) and response.receipt is None and response.header("PAYMENT-REQUIRED") is None
    assert len(upstream.asked()) == 1 and len(gateway.claims()) == 1
    assert stranger.present("/first/x", identified(stranger.sign("/first/x"), OTHER_ID)).status == 200


def test_what_was_not_charged_leaves_the_name_free(gateway, buyer, upstream):
    upstream.on("/after/x", say("no", 500))
    assert buyer.present("/after/x", identified(buyer.sign("/after/x"))).status == 500
    wait_until(lambda: gateway.claims()[0]["state"] == "void", 5)
    response = buyer.present("/after/y", identified(buyer.sign("/after/y")))
    assert response.status == 200 and response.receipt["success"]


def test_a_name_that_no_payment_proves_gives_nothing(gateway, buyer, upstream):
    payment = identified(buyer.sign("/after/x"))
    assert buyer.present("/after/x", payment).status == 200
    gateway.wait_state(payment, "delivered")
    forged = json.loads(json.dumps(payment))
    signature = forged["payload"]["signature"]
    forged["payload"]["signature"] = signature[:10] + ("0" if signature[10] != "0" else "1") + signature[11:]
    response = buyer.present("/after/x", forged)
    assert response.status == 402 and response.error == "invalid_exact_evm_payload_signature"
    unsigned = Buyer(gateway).sign("/after/x")
    unsigned["payload"]["authorization"] = payment["payload"]["authorization"]
    response = buyer.present("/after/x", identified(unsigned))
    assert response.status == 402 and response.error == "invalid_exact_evm_payload_signature"


@pytest.mark.parametrize("id", ["short", "x" * 129, "with a space 0123456789", "0123456789abcdé", 1234567890123456, {}])
def test_a_name_that_is_none(gateway, buyer, upstream, id):
    response = buyer.present("/after/x", identified(buyer.sign("/after/x"), id))
    assert response.status == 402 and response.error == "invalid_payload"
    assert upstream.asked() == [] and gateway.claims() == []


@pytest.mark.parametrize("path", ["/after/7", "/first/7"])
def test_official_client(gateway, upstream, path):
    wallet = Wallet.fresh()
    client = session(wallet)
    wrapped = client.adapters["http://"]._client
    getattr(wrapped, "_client", wrapped).register_extension(Named(ID))
    answer = client.get(gateway.url + path, timeout=30)
    assert answer.status_code == 200, answer.text
    receipt = decode(answer.headers["PAYMENT-RESPONSE"])
    header = answer.request.headers["PAYMENT-SIGNATURE"]
    assert decode(header)["extensions"]["payment-identifier"]["info"]["id"] == ID
    again = gateway.fetch(path, headers={"PAYMENT-SIGNATURE": header, "Host": f"127.0.0.1:{gateway.port}"})
    assert again.status == 200 and again.body.decode() == answer.text and again.receipt == receipt
    other = client.get(gateway.url + path, timeout=30)
    assert other.status_code == 409 and other.json()["error"] == "payment_identifier_conflict"
    assert len(upstream.asked(path)) == 1 and len(gateway.claims()) == 1
    assert Account.from_key(wallet.hex_key).address == receipt["payer"]

"""Hostile, broken and mistaken payments: each with its status and code; none reaches the upstream or the ledger."""

import base64
import json
import time

import pytest
from harness.http import wait_until
from harness.pay import Buyer, paid
from harness.wallet import Wallet, encode, high_s

OTHER = "0x1a642f0E3c3aF545E7AcBD38b07251B3990914F1"
PREFIX = "invalid_exact_evm_payload_"


def changed(payment: dict, path: str, value) -> dict:
    """A copy with one value replaced (unsigned); `...` deletes."""
    copy = json.loads(json.dumps(payment))
    *parents, last = path.split(".")
    place = copy
    for name in parents:
        place = place[name]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return copy


def signature_change(mutate):
    return lambda payment: changed(payment, "payload.signature", mutate(payment["payload"]["signature"]))


def raw(text: bytes | str):
    """The header's very value, whatever the payment."""
    return lambda payment: text if isinstance(text, str) else base64.b64encode(text).decode()


def edited(edit):
    return lambda payment: encode(edit(json.dumps(payment)).encode())


MALFORMED = {
    "empty": (raw(""), None),
    "not base64": (raw("!!!!"), "payment_header_not_base64"),
    "url-safe base64": (lambda p: encode(changed(p, "x", "\u00fb\u00ff\u00fe")).replace("+", "-").replace("/", "_") + "-_-_", "payment_header_not_base64"),
    "unpadded base64": (lambda p: encode(json.dumps(p).encode() + b" " * (3 - len(json.dumps(p)) % 3 + 1)).rstrip("="), "payment_header_not_base64"),
    "white space within": (lambda p: encode(p)[:40] + " " + encode(p)[40:], "payment_header_not_base64"),
    "plain JSON": (lambda p: json.dumps(p), "payment_header_not_base64"),
    "not JSON": (raw(b"hello"), "payment_header_not_json"),
    "truncated JSON": (edited(lambda t: t[:-1]), "payment_header_not_json"),
    "two values": (edited(lambda t: t + t), "payment_header_not_json"),
    "duplicate key": (edited(lambda t: t.replace('"x402Version"', '"x402Version": 2, "x402Version"', 1)), "payment_header_not_json"),
    "duplicate deep key": (edited(lambda t: t.replace('"nonce"', '"value": "1", "nonce"', 1)), "payment_header_not_json"),
    "bad UTF-8": (raw(b'{"x402Version":2,"x":"\xff"}'), "payment_header_not_json"),
    "NaN": (edited(lambda t: t.replace('"x402Version": 2', '"x402Version": NaN')), "payment_header_not_json"),
    "deep nesting": (raw(b"[" * 2000 + b"]" * 2000), "payment_header_not_json"),
    "an array": (raw(b"[]"), "invalid_payload"),
    "no version": (lambda p: encode(changed(p, "x402Version", ...)), None),
    "version 3": (lambda p: encode(changed(p, "x402Version", 3)), "invalid_x402_version"),
    "version 1 in the V2 header": (lambda p: encode(changed(p, "x402Version", 1)), "invalid_x402_version"),
    "version as text": (lambda p: encode(changed(p, "x402Version", "2")), None),
    "no payload": (lambda p: encode(changed(p, "payload", ...)), "invalid_payload"),
    "payload null": (lambda p: encode(changed(p, "payload", None)), "invalid_payload"),
    "no accepted": (lambda p: encode(changed(p, "accepted", ...)), "invalid_payload"),
    "value as number": (lambda p: encode(changed(p, "payload.authorization.value", 20000)), "invalid_payload"),
    "value negative": (lambda p: encode(changed(p, "payload.authorization.value", "-20000")), "invalid_payload"),
    "value with sign": (lambda p: encode(changed(p, "payload.authorization.value", "+20000")), "invalid_payload"),
    "value with zeros before": (lambda p: encode(changed(p, "payload.authorization.value", "020000")), "invalid_payload"),
    "value with exponent": (lambda p: encode(changed(p, "payload.authorization.value", "2e4")), "invalid_payload"),
    "value in hex": (lambda p: encode(changed(p, "payload.authorization.value", "0x4e20")), "invalid_payload"),
    "value of 79 digits": (lambda p: encode(changed(p, "payload.authorization.value", "1" * 79)), "invalid_payload"),
    "value above 2^256": (lambda p: encode(changed(p, "payload.authorization.value", str(2**256))), "invalid_payload"),
    "nonce short": (lambda p: encode(changed(p, "payload.authorization.nonce", "0xabcd")), "invalid_payload"),
    "nonce unprefixed": (lambda p: encode(changed(p, "payload.authorization.nonce", "ab" * 32)), "invalid_payload"),
    "from not hex": (lambda p: encode(changed(p, "payload.authorization.from", "0x" + "zz" * 20)), "invalid_payload"),
    "from missing": (lambda p: encode(changed(p, "payload.authorization.from", ...)), "invalid_payload"),
    "amount as number": (lambda p: encode(changed(p, "accepted.amount", 20000)), "invalid_payload"),
    "8 KiB and one": (lambda p: encode(json.dumps(changed(p, "pad", "x" * 6000)).encode() + b" " * 2000), "payment_header_too_large"),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_malformed(gateway, buyer, upstream, case):
    mutate, code = MALFORMED[case]
    response = gateway.fetch("/after/1", headers={"PAYMENT-SIGNATURE": mutate(buyer.sign("/after/1"))})
    assert response.status == 402, response.body
    assert code is None or response.error == code, response.error
    assert response.required["accepts"], "fresh terms"
    assert response.json()["error"] == response.required["error"]
    assert upstream.asked() == [] and gateway.claims() == []


def signed(**changes):
    """A payment validly signed with other values."""
    return lambda buyer, terms: buyer.wallet.payment_v2(terms, **changes)


def accepting(**changes):
    """A payment that claims other terms than those offered, signed to match them."""
    return lambda buyer, terms: buyer.wallet.payment_v2(
        {k: v for k, v in (terms | changes).items() if v is not ...}
    )


def unsigned(path, value):
    return lambda buyer, terms: changed(buyer.wallet.payment_v2(terms), path, value)


def domain(**names):
    def make(buyer, terms):
        payment = buyer.wallet.payment_v2(terms)
        authorization = payment["payload"]["authorization"]
        payment["payload"]["signature"] = buyer.wallet.sign(terms, authorization, names)
        return payment

    return make


NOW = int(time.time())
MISTAKEN = {
    "to another": (signed(to=OTHER), PREFIX + "recipient_mismatch"),
    "one unit less": (signed(value="19999"), PREFIX + "authorization_value_mismatch"),
    "one unit more": (signed(value="20001"), PREFIX + "authorization_value_mismatch"),
    "nothing": (signed(value="0"), PREFIX + "authorization_value_mismatch"),
    "all there is": (signed(value=str(2**256 - 1)), PREFIX + "authorization_value_mismatch"),
    "expired": (signed(validBefore=str(NOW - 1)), PREFIX + "authorization_valid_before"),
    "ends within 5 s": (signed(validBefore=str(NOW + 5)), PREFIX + "authorization_valid_before"),
    "no room for the upstream": (signed(validBefore=str(NOW + 30)), PREFIX + "authorization_valid_before"),
    "not yet valid": (signed(validAfter=str(NOW + 3000), validBefore=str(NOW + 9000)), PREFIX + "authorization_valid_after"),
    "recipient before amount": (signed(to=OTHER, value="1"), PREFIX + "recipient_mismatch"),
    "other nonce than signed": (unsigned("payload.authorization.nonce", "0x" + "12" * 32), PREFIX + "signature"),
    "other payer than signed": (unsigned("payload.authorization.from", OTHER), PREFIX + "signature"),
    "signature of zeros": (unsigned("payload.signature", "0x" + "00" * 65), PREFIX + "signature"),
    "signature of ones": (unsigned("payload.signature", "0x" + "ff" * 65), PREFIX + "signature"),
    "v is 29": (lambda b, t: signature_change(lambda s: s[:-2] + "1d")(b.wallet.payment_v2(t)), PREFIX + "signature"),
    "high s": (lambda b, t: signature_change(high_s)(b.wallet.payment_v2(t)), PREFIX + "signature"),
    "64 bytes": (lambda b, t: signature_change(lambda s: s[:-2])(b.wallet.payment_v2(t)), None),
    "66 bytes": (lambda b, t: signature_change(lambda s: s + "00")(b.wallet.payment_v2(t)), None),
    "no signature": (unsigned("payload.signature", "0x"), None),
    "domain of another chain": (domain(chain_id=8453), PREFIX + "signature"),
    "domain of another token": (domain(contract=OTHER), PREFIX + "signature"),
    "domain of another name": (domain(name="USD Coin"), PREFIX + "signature"),
    "accepted: cheaper": (accepting(amount="1"), None),
    "accepted: other payTo": (accepting(payTo=OTHER), None),
    "accepted: other asset": (accepting(asset=OTHER), None),
    "accepted: other network": (accepting(network="eip155:8453"), None),
    "accepted: other scheme": (accepting(scheme="upto"), None),
    "accepted: longer": (accepting(maxTimeoutSeconds=301), None),
    "accepted: domain changed": (accepting(extra={"name": "Evil", "version": "2"}), None),
    "accepted: no extra": (unsigned("accepted.extra", ...), None),
}


@pytest.mark.parametrize("order", ["after", "first"])
@pytest.mark.parametrize("case", MISTAKEN)
def test_mistaken(gateway, buyer, upstream, case, order):
    make, code = MISTAKEN[case]
    terms = gateway.terms(f"/{order}/1")
    if order == "first" and case in ("one unit less", "one unit more", "no room for the upstream"):
        pytest.skip("the price and the window differ under first")
    response = buyer.present(f"/{order}/1", make(buyer, terms))
    assert response.status == 402, response.body
    assert response.header("PAYMENT-RESPONSE") is None or not response.receipt["success"]
    assert code is None or response.error == code, response.error
    assert response.required["accepts"][0] == terms, "fresh terms"
    assert upstream.asked() == [] and gateway.claims() == []


def test_v_of_0_and_1_is_taken(gateway, buyer):
    payment = buyer.sign("/after/1")
    signature = payment["payload"]["signature"]
    payment["payload"]["signature"] = signature[:-2] + f"{int(signature[-2:], 16) - 27:02x}"
    assert buyer.present("/after/1", payment).status == 200


TOLERATED = {
    "addresses in lower case": lambda p: changed(changed(p, "accepted.payTo", p["accepted"]["payTo"].lower()), "accepted.asset", p["accepted"]["asset"].lower()),
    "unknown keys": lambda p: changed(changed(p, "note", {"a": [1]}), "accepted.extra.more", True),
    "explicit nulls": lambda p: changed(changed(p, "resource", None), "extensions", None),
    "a resource of another": lambda p: changed(p, "resource", {"url": "https://elsewhere.test/free"}),
}


@pytest.mark.parametrize("case", TOLERATED)
def test_tolerated(buyer, case):
    assert buyer.present("/after/1", TOLERATED[case](buyer.sign("/after/1"))).status == 200


V1_CASES = {
    "as it should be": (lambda p: p, 200, None),
    "other network": (lambda p: changed(p, "network", "base"), 402, None),
    "CAIP-2 network": (lambda p: changed(p, "network", "eip155:8453"), 402, None),
    "other scheme": (lambda p: changed(p, "scheme", "upto"), 402, None),
    "version 2 in the V1 header": (lambda p: changed(p, "x402Version", 2), 402, None),
}


@pytest.mark.parametrize("case", V1_CASES)
def test_v1(gateway, case):
    mutate, status, code = V1_CASES[case]
    wallet = Wallet.fresh()
    terms = gateway.fetch("/after/1").json()["accepts"][0]
    response = gateway.fetch("/after/1", headers={"X-PAYMENT": encode(mutate(wallet.payment_v1(terms)))})
    assert response.status == status, response.body
    if status == 200:
        assert response.receipt["success"] and response.header("X-PAYMENT-RESPONSE")


def test_two_payment_headers_are_400(gateway, upstream):
    buyer = Buyer(gateway)
    payment = paid(buyer.sign("/after/1"))["PAYMENT-SIGNATURE"]
    doubles = [
        [("PAYMENT-SIGNATURE", payment), ("PAYMENT-SIGNATURE", payment)],
        [("PAYMENT-SIGNATURE", payment), ("X-PAYMENT", payment)],
        [("X-PAYMENT", payment), ("x-payment", payment)],
    ]
    for headers in doubles:
        response = gateway.fetch("/after/1", headers=headers)
        assert response.status == 400 and response.error, response.body
    assert upstream.asked() == [] and gateway.claims() == []


def test_a_payment_named_by_connection_is_refused(gateway, buyer, upstream):
    response = gateway.fetch("/after/1", headers=paid(buyer.sign("/after/1")) | {"Connection": "PAYMENT-SIGNATURE"})
    assert response.status == 400
    assert upstream.asked() == []


def test_a_payment_in_a_trailer_is_no_payment(gateway, buyer, upstream):
    value = paid(buyer.sign("/after/1"))["PAYMENT-SIGNATURE"]
    with gateway.connect() as connection:
        connection.send(
            "POST /after/1 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: PAYMENT-SIGNATURE\r\n\r\n"
            f"2\r\nhi\r\n0\r\nPAYMENT-SIGNATURE: {value}\r\n\r\n"
        )
        assert connection.read().status in (400, 402)
    assert upstream.asked() == []


def test_a_poor_wallet_is_told_so(start, upstream):
    """Each wallet of the sandbox starts with $10."""
    gateway = start()
    gateway.config["routes"].append({"match": "GET /dear", "upstream": "legacy", "price": "$10.01"})
    gateway.config["routes"].append({"match": "GET /all", "upstream": "legacy", "price": "$10"})
    gateway.write(gateway.config)
    buyer = Buyer(gateway)
    wait_until(lambda: gateway.fetch("/all").status == 402, 5, "the reload")
    response = buyer.pay("/dear")
    assert response.status == 402 and response.error == "invalid_exact_evm_insufficient_balance"
    assert buyer.pay("/all").status == 200
    response = buyer.pay("/after/1")
    assert response.status == 402 and response.error == "invalid_exact_evm_insufficient_balance"
    assert [request.path for request in upstream.asked()] == ["/all"]

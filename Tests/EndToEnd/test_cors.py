"""Browser agents: preflights are free and answered here on priced routes; the payment headers are exposed."""

import pytest
from harness.http import wait_until
from harness.pay import Buyer

ORIGIN = {"Origin": "https://agent.example"}
ALLOWED = {"payment-signature", "x-payment", "sign-in-with-x", "access-control-expose-headers"}
EXPOSED = {"payment-required", "payment-response", "x-payment-response"}


def listed(value: str | None) -> set[str]:
    return {part.strip().lower() for part in (value or "").split(",")}


def preflight(gateway, target, method="GET", headers="payment-signature"):
    return gateway.fetch(
        target,
        "OPTIONS",
        ORIGIN | {"Access-Control-Request-Method": method, "Access-Control-Request-Headers": headers},
    )


@pytest.mark.parametrize("target", ["/after/1", "/first/1"])
def test_a_preflight_on_a_priced_route_is_answered_here(gateway, upstream, target):
    response = preflight(gateway, target, headers="payment-signature, content-type, authorization")
    assert response.status in (200, 204)
    assert response.header("Access-Control-Allow-Origin") in ("*", ORIGIN["Origin"])
    assert "GET" in listed_upper(response.header("Access-Control-Allow-Methods"))
    allowed = listed(response.header("Access-Control-Allow-Headers"))
    assert "*" in allowed or ALLOWED <= allowed | {"content-type"}, allowed
    assert upstream.asked() == []


def listed_upper(value):
    return {part.upper() for part in listed(value)}


def test_options_is_never_charged(gateway, upstream):
    response = gateway.fetch("/after/1", "OPTIONS")
    assert response.status != 402


def test_the_402_and_the_answer_are_readable(gateway):
    buyer = Buyer(gateway)
    unpaid = gateway.fetch("/after/1", headers=ORIGIN)
    answer = buyer.present("/after/1", buyer.sign("/after/1"), headers=ORIGIN)
    assert (unpaid.status, answer.status) == (402, 200)
    for response in (unpaid, answer):
        assert response.header("Access-Control-Allow-Origin") in ("*", ORIGIN["Origin"])
        assert EXPOSED <= listed(response.header("Access-Control-Expose-Headers"))


def test_a_preflight_on_a_free_route_is_the_upstreams(gateway, upstream):
    upstream.on("/any/x", lambda exchange: exchange.answer(204, "", {"Access-Control-Allow-Origin": "https://own.example"}))
    response = preflight(gateway, "/any/x")
    assert response.header("Access-Control-Allow-Origin") == "https://own.example"
    assert len(upstream.asked("/any/x")) == 1


def test_off(gateway):
    gateway.config["cors"] = False
    gateway.write(gateway.config)
    wait_until(lambda: gateway.fetch("/after/1", headers=ORIGIN).header("Access-Control-Allow-Origin") is None, 3)
    response = preflight(gateway, "/after/1")
    assert response.header("Access-Control-Allow-Origin") is None


@pytest.mark.parametrize("cors", [True, False])
def test_a_server_of_tools_answers_its_preflights(sell, upstream, cors):
    """Only a POST to it costs anything, so the gateway has nothing to say in its place."""
    upstream.on("/mcp", lambda exchange: exchange.answer(204, headers=[("Access-Control-Allow-Origin", "https://own.example")]))
    gateway = sell(upstream.url, top={"cors": cors})
    asked = {"Origin": "https://app.example", "Access-Control-Request-Method": "POST"}
    answer = gateway.fetch("/mcp", "OPTIONS", asked)
    assert answer.status == 204 and answer.header("Access-Control-Allow-Origin") == "https://own.example"
    assert [request.method for request in upstream.asked("/mcp")] == ["OPTIONS"]

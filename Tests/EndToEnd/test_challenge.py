"""What an unpaid request to a priced route gets: one 402 that V1 and V2 clients both take."""

import pytest
from harness.farebox import PAY_TO, standard
from harness.http import compose

USDC = "0x036CbD53842c5426634e7929541eC2318f3dCF7e"


def test_one_402_for_both_versions(gateway):
    response = gateway.fetch("/after/1?year=2024")
    assert response.status == 402
    assert response.header("Cache-Control") == "no-store"
    assert response.header("Content-Type").startswith("application/json")
    required = response.required
    assert required["x402Version"] == 2
    assert required["resource"] == {
        "url": gateway.url + "/after/1?year=2024",
        "description": "One report",
        "mimeType": "application/json",
    }
    assert required["accepts"] == [
        {
            "scheme": "exact",
            "network": "eip155:84532",
            "amount": "20000",
            "asset": USDC,
            "payTo": PAY_TO,
            "maxTimeoutSeconds": 300,
            "extra": {"name": "USDC", "version": "2"},
        }
    ]
    body = response.json()
    assert body["x402Version"] == 1 and isinstance(body["error"], str) and body["error"]
    (terms,) = body["accepts"]
    assert terms == {
        "scheme": "exact",
        "network": "base-sepolia",
        "maxAmountRequired": "20000",
        "resource": gateway.url + "/after/1?year=2024",
        "description": "One report",
        "mimeType": "application/json",
        "payTo": PAY_TO,
        "maxTimeoutSeconds": 300,
        "asset": USDC,
        "extra": {"name": "USDC", "version": "2"},
    }


def test_first_is_stated_in_v2_alone(gateway):
    response = gateway.fetch("/first/1")
    assert response.required["accepts"][0]["extra"]["paymentFlow"] == "upfront"
    (terms,) = response.json()["accepts"]
    assert "paymentFlow" not in terms["extra"]
    assert isinstance(terms["description"], str) and isinstance(terms["mimeType"], str)


def test_an_unpaid_request_never_reaches_the_upstream(gateway, upstream):
    for method in ("GET", "HEAD"):
        assert gateway.fetch("/after/1", method).status == 402
    assert gateway.fetch("/after/1", "POST", body=b"x" * 100_000).status == 402
    assert upstream.asked() == []


def test_head_is_priced_as_get(gateway):
    with gateway.connect() as connection:
        response = connection.request("HEAD", "/after/1")
        assert response.status == 402 and response.required["accepts"][0]["amount"] == "20000"
        assert connection.request("GET", "/after/1").status == 402  # no body came with the first


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.test"},
        {"Host": "evil.test", "X-Forwarded-Host": "worse.test", "X-Forwarded-Proto": "https"},
        {"Host": "evil.test", "Forwarded": "host=worse.test;proto=https"},
    ],
)
def test_the_resource_is_at_the_configured_origin(gateway, headers):
    response = gateway.fetch("/after/1", headers=headers)
    assert response.required["resource"]["url"] == gateway.url + "/after/1"
    assert response.json()["accepts"][0]["resource"] == gateway.url + "/after/1"


def test_the_url_is_the_canonical_one_and_escaped(gateway):
    response = gateway.fetch("/after/%41b%2d?q=\"quoted\"")
    if response.status == 402:
        assert response.required["resource"]["url"] == gateway.url + '/after/Ab-?q="quoted"'
    else:
        assert response.status == 400
    response = gateway.fetch("/after/%41b%2d?q=%22")
    assert response.required["resource"]["url"] == gateway.url + "/after/Ab-?q=%22"


def test_all_payments_in_file_order_or_the_named_ones(start, upstream):
    config = standard(upstream.url)
    config["payments"]["fuji"] = config["payments"]["test-usdc"] | {"network": "avalanche-fuji"}
    config["payments"]["own"] = config["payments"]["test-usdc"] | {
        "network": "eip155:1337",
        "asset": {"address": USDC, "name": "Test", "version": "1", "decimals": 2},
    }
    config["routes"].append(
        {"match": "GET /picked", "upstream": "legacy", "price": "$1.50", "accept": ["own", "test-usdc"]}
    )
    gateway = start(config)
    networks = [entry["network"] for entry in gateway.fetch("/after/1").required["accepts"]]
    assert networks == ["eip155:84532", "eip155:43113", "eip155:1337"]
    response = gateway.fetch("/picked")
    assert [(e["network"], e["amount"]) for e in response.required["accepts"]] == [
        ("eip155:1337", "150"),
        ("eip155:84532", "1500000"),
    ]
    assert response.json()["accepts"][0]["network"] == "eip155:1337"
    checked = gateway.command("check", "--config", str(gateway.config_directory))
    assert checked.returncode == 0 and "eip155:1337" in checked.stdout + checked.stderr


def test_pipelined_402s_come_in_order(gateway):
    with gateway.connect() as connection:
        connection.send(b"".join(compose("GET", f"/after/{n}") for n in range(50)))
        for n in range(50):
            assert connection.read().required["resource"]["url"].endswith(f"/after/{n}")

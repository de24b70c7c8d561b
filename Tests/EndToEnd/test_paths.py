"""Another spelling of a priced path never reaches its handler unpaid: what is routed is what is forwarded."""

import json
from urllib.parse import unquote

import pytest
from harness.farebox import Farebox, standard
from harness.upstream import Upstream


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A catch-all free route beside priced ones: the tempting set-up."""
    upstream = Upstream()
    config = standard(upstream.url)
    config["routes"] = [
        {"match": "/**", "upstream": "legacy", "free": True},
        {"match": "GET /v1/reports/*", "upstream": "legacy", "price": "$0.02"},
        {"match": "GET /v1/premium", "upstream": "legacy", "price": "$0.02"},
        {"match": "GET /v1/status", "upstream": "legacy", "free": True},
    ]
    gateway = Farebox(tmp_path_factory.mktemp("paths"), config).start()
    yield gateway, upstream
    gateway.stop()
    upstream.close()


SPELLINGS = """
/v1/premium /v1/%70remium /v1/pre%6Dium /v1/pre%6dium /%76%31/premium /v1/./premium /v1/x/../premium /./v1/premium
/../v1/premium /v1/%2e/premium /v1/x/%2e%2e/premium /v1/x/.%2E/premium /v1/x/%2E./premium /v1%2Fpremium /v1%2fpremium
/v1/x%2f..%2fpremium /v1\\premium /v1%5Cpremium /v1%5cpremium /v1/premium%00 /v1/premium%00.txt /v1/premium%20 /v1/premium%09
/v1/premium%0a /v1/premium/ /v1//premium //v1/premium /v1/premium// /v1/PREMIUM /V1/premium /v1/Premium /v1/premium;x=1
/v1;x/premium /v1/;/premium /v1/premium;/ /v1/..;/v1/premium /v1/x/..;/premium /v1/.;/premium /v1/%2570remium /v1/premium%252f
/v1/x/%252e%252e/premium /v1/premium%c0%af /v1/%c0%ae%c0%ae/premium /v1/premium%ff /v1/premium? /v1/premium?x /v1/premium?/../free
/v1/premium%3F /v1/premium%23 /v1/premium%zz /v1/premium% /v1/premium%2 /v1/pr%c3%a9mium /v1/premium. /v1/premium.json /v1/premium%2e
/v1/reports/..;/premium /v1/status/../premium /v1/status/%2e%2e/premium /v1/status/..%2fpremium /v1/reports/1/../../premium
""".split()


def folded(path: str) -> str:
    """How a lenient server may read a path: decoded until it stands still, dots removed, case and parameters dropped."""
    path = path.split("?")[0].split("#")[0]
    for _ in range(3):
        path = unquote(path, errors="replace")
    segments = []
    for segment in path.replace("\\", "/").replace("\0", "/").split("/"):
        segment = segment.split(";")[0].strip().rstrip("\ufffd")
        if segment == "..":
            segments = segments[:-1]
        elif segment not in ("", "."):
            segments.append(segment.lower())
    return "/" + "/".join(segments)


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_no_spelling_gets_past_the_price(shared, spelling, method):
    gateway, upstream = shared
    before = len(upstream.asked())
    response = gateway.fetch(spelling, method)
    reached = upstream.asked()[before:]
    if reached:
        assert response.status == 200
        assert folded(reached[0].target) not in ("/v1/premium",), f"{spelling} was forwarded as {reached[0].target}"
    else:
        assert response.status in (400, 402, 404), (response.status, response.body)
    if spelling.split("?")[0] == "/v1/premium":
        assert response.status == 402


@pytest.mark.parametrize("spelling", ["//free/x", "/free//x", "/free/x/", "/FREE/x", "/free/x;v=1", "/free/%E2%82%AC", "/free/a%20b", "/free/x?a=%2F&b=//"])
def test_what_legacy_apis_mean_is_kept(shared, spelling):
    gateway, upstream = shared
    response = gateway.fetch(spelling)
    assert response.status == 200 and json.loads(response.body)["target"] == spelling


@pytest.mark.parametrize(
    "spelling,forwarded",
    [("/free/%41%2d%7e", "/free/A-~"), ("/free/a/../b", "/free/b"), ("/free/./a/.", "/free/a/"), ("/free/%e2%82%ac", "/free/%E2%82%AC")],
)
def test_the_canonical_form_is_forwarded(shared, spelling, forwarded):
    gateway, _ = shared
    assert gateway.fetch(spelling).json()["target"] == forwarded


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "get", "GETS", "X-CUSTOM"])
def test_another_method_does_not_open_a_priced_path(start, upstream, method):
    config = standard(upstream.url)
    config["routes"] = [{"match": "GET /v1/premium", "upstream": "legacy", "price": "$0.02"}]
    gateway = start(config)
    assert gateway.fetch("/v1/premium", method, body=b"").status in (404, 405, 400, 501)
    assert upstream.asked() == []


def test_unmatched_is_404_and_free_when_said_so(start, upstream):
    gateway = start()
    response = gateway.fetch("/nowhere")
    assert response.status == 404 and response.json()["error"]
    assert upstream.asked() == []
    gateway = start(name="free", unmatched="free")
    assert gateway.fetch("/nowhere").status == 200
    assert gateway.fetch("/after/1").status == 402
    assert gateway.fetch("/AFTER/1").status == 404, "only the folded form is priced"


def test_the_most_specific_route_wins(start, upstream):
    config = standard(upstream.url)
    config["routes"] = [
        {"match": "GET /v1/**", "upstream": "legacy", "price": "$0.01"},
        {"match": "GET /v1/*/summary", "upstream": "legacy", "price": "$0.02"},
        {"match": "GET /v1/{report}", "upstream": "legacy", "price": "$0.03"},
        {"match": "GET /v1/status", "upstream": "legacy", "free": True},
        {"match": "GET api.example.com/v1/status", "upstream": "legacy", "price": "$0.05"},
        {"match": "GET,PUT /v1/both", "upstream": "legacy", "price": "$0.06"},
    ]
    gateway = start(config)

    def amount(target, method="GET", **headers):
        response = gateway.fetch(target, method, headers)
        return response.required["accepts"][0]["amount"] if response.status == 402 else response.status

    assert amount("/v1/a/b/c") == "10000"
    assert amount("/v1/a/summary") == "20000"
    assert amount("/v1/a") == "30000"
    assert amount("/v1/status") == 200
    assert amount("/v1/status", Host="API.example.com:8402") == "50000"
    assert amount("/v1/both", "PUT") == "60000"
    assert amount("/v1/both", "HEAD") == "60000"

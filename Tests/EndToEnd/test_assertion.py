"""The signed assertion: a real JWT library takes it, with keys from the gateway's own document, and nobody can bring one along."""

import base64
import hashlib
import json
import os
import stat
import subprocess
import time

import jwt
import pytest
from harness.farebox import standard
from harness.http import wait_until
from harness.pay import Buyer

KEYS = "/.well-known/farebox/jwks.json"


@pytest.fixture
def assertive(start, upstream):
    """A gateway whose upstream wants assertions."""

    def begin(**changes):
        upstreams = {"legacy": {"url": upstream.url, "assertion": True}}
        return start(standard(upstream.url, **({"upstreams": upstreams} | changes)))

    return begin


def keys(gateway) -> dict:
    response = gateway.fetch(KEYS)
    assert response.status == 200 and response.header("Content-Type") == "application/json"
    return response.json()


def verify(gateway, token: str, upstream) -> dict:
    """As an upstream would: the key by its name, issuer, audience, and time."""
    name = jwt.get_unverified_header(token)["kid"]
    key = jwt.PyJWKSet.from_dict(keys(gateway))[name]
    return jwt.decode(
        token,
        key,
        algorithms=["EdDSA"],
        audience=upstream.url,
        issuer=gateway.url,
        options={"require": ["iss", "aud", "sub", "jti", "iat", "exp"]},
    )


def asserted(upstream, path: str) -> str:
    tokens = upstream.asked(path)[-1].all("X-Farebox-Assertion")
    assert len(tokens) == 1, tokens
    return tokens[0]


def binding(method: str, target: str, host: str, body: bytes) -> str:
    """What the README says that an API may compute by itself."""
    text = f"farebox binding body\n{len(method)}:{method}{len(target)}:{target}{len(host)}:{host}".encode()
    return "0x" + hashlib.sha256(text + body).hexdigest()


@pytest.mark.parametrize("order", ["after", "first"])
def test_a_jwt_library_takes_it(assertive, upstream, order):
    gateway = assertive()
    buyer = Buyer(gateway)
    payment = buyer.sign(f"/{order}/x?q=1", "POST", b"hello")
    response = buyer.present(f"/{order}/x?q=1", payment, "POST", b"hello")
    assert response.receipt["success"]
    asked = upstream.asked(f"/{order}/x")[-1]
    claims = verify(gateway, asserted(upstream, f"/{order}/x"), upstream)
    terms = payment["accepted"]
    assert claims["sub"] == buyer.wallet.address == asked.header("X-Farebox-Payer")
    assert claims["amount"] == terms["amount"] == asked.header("X-Farebox-Amount")
    assert claims["asset"] == terms["asset"] and claims["network"] == terms["network"]
    assert claims["jti"] == asked.header("Idempotency-Key") == gateway.claim(payment)["id"]
    assert claims["exp"] - claims["iat"] == 120 and abs(claims["iat"] - time.time()) < 30
    assert claims["binding"] == binding("POST", asked.target, asked.header("X-Forwarded-Host"), b"hello")
    if order == "first":
        assert claims["transaction"] == response.receipt["transaction"] == asked.header("X-Farebox-Transaction")
    else:
        assert "transaction" not in claims


def test_what_was_changed_is_not_taken(assertive, upstream):
    gateway = assertive()
    Buyer(gateway).pay("/after/x")
    token = asserted(upstream, "/after/x")
    verify(gateway, token, upstream)
    head, body, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    claims["amount"] = "1"
    forged = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    with pytest.raises(jwt.InvalidSignatureError):
        verify(gateway, f"{head}.{forged}.{signature}", upstream)
    with pytest.raises(jwt.InvalidAudienceError):
        key = jwt.PyJWKSet.from_dict(keys(gateway))[jwt.get_unverified_header(token)["kid"]]
        jwt.decode(token, key, algorithms=["EdDSA"], audience="http://another.example", issuer=gateway.url)


def test_the_keys_document(assertive):
    gateway = assertive()
    response = gateway.fetch(KEYS)
    assert response.header("Cache-Control") == "public, max-age=60"
    (key,) = response.json()["keys"]
    assert set(key) == {"kty", "crv", "x", "kid", "alg", "use"}
    assert (key["kty"], key["crv"], key["alg"], key["use"]) == ("OKP", "Ed25519", "EdDSA", "sig")
    members = json.dumps({"crv": "Ed25519", "kty": "OKP", "x": key["x"]}, separators=(",", ":"))
    thumbprint = base64.urlsafe_b64encode(hashlib.sha256(members.encode()).digest()).decode().rstrip("=")
    assert key["kid"] == thumbprint, "RFC 7638"
    head = gateway.fetch(KEYS, "HEAD")
    assert head.status == 200 and head.header("Content-Length") == response.header("Content-Length")
    refused = gateway.fetch(KEYS, "POST", body=b"x")
    assert refused.status == 405 and refused.header("Allow") == "GET, HEAD"
    assert gateway.admin(KEYS).status == 404


def test_no_route_takes_the_keys_path(assertive, upstream):
    gateway = assertive(unmatched="free")
    assert len(keys(gateway)["keys"]) == 1
    assert gateway.fetch("/.well-known/farebox/other").status == 200, "what is not ours is routed"
    assert upstream.asked(KEYS) == []


@pytest.mark.parametrize("path", ["/after/x", "/any/x"])
@pytest.mark.parametrize("name", ["X-Farebox-Assertion", "x-farebox-assertion", "X_Farebox_Assertion"])
@pytest.mark.parametrize("wanted", [True, False])
def test_a_callers_own_is_stripped(start, upstream, path, name, wanted):
    gateway = start(standard(upstream.url, upstreams={"legacy": {"url": upstream.url, "assertion": wanted}}))
    headers = {name: "forged"}
    if path == "/any/x":
        assert gateway.fetch(path, headers=headers).status == 200
    else:
        buyer = Buyer(gateway)
        assert buyer.present(path, buyer.sign(path), headers=headers).receipt["success"]
    asked = upstream.asked(path)[-1]
    names = [field.lower().replace("_", "-") for field, _ in asked.headers]
    assert names.count("x-farebox-assertion") == (1 if wanted and path == "/after/x" else 0)
    assert "forged" not in str(asked.headers)


def test_off_by_default(start, upstream):
    gateway = start()
    Buyer(gateway).pay("/after/x")
    assert upstream.asked("/after/x")[-1].all("X-Farebox-Assertion") == []
    assert keys(gateway) == {"keys": []}
    assert not os.path.exists(f"{gateway.ledger}.assertion")


def test_the_key_is_made_once_and_kept(assertive, upstream):
    gateway = assertive()
    path = f"{gateway.ledger}.assertion"
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    text = open(path).read()
    first = keys(gateway)
    gateway.terminate()
    gateway.restart()
    assert keys(gateway) == first and open(path).read() == text
    seed = text.split()[1]
    assert seed not in str(first) and not gateway.log_has(seed) and seed not in gateway.access_path.read_text()
    gateway.terminate()
    os.chmod(path, 0o644)
    refused = gateway.command("run", "--config", str(gateway.config_directory))
    assert refused.returncode == 1 and "chmod 600" in refused.stderr
    os.chmod(path, 0o600)
    open(path, "w").write("sign nonsense\n")
    refused = gateway.command("run", "--config", str(gateway.config_directory))
    assert refused.returncode == 1 and "no key file" in refused.stderr and "nonsense" not in refused.stderr


def test_rotation(assertive, upstream):
    gateway = assertive()
    buyer = Buyer(gateway)
    buyer.pay("/after/x")
    old = asserted(upstream, "/after/x")
    done = gateway.command("assertion", "rotate", "--config", str(gateway.config_directory))
    assert done.returncode == 0, done.stderr
    assert stat.S_IMODE(os.stat(f"{gateway.ledger}.assertion").st_mode) == 0o600
    buyer.pay("/after/x")
    assert jwt.get_unverified_header(asserted(upstream, "/after/x"))["kid"] == jwt.get_unverified_header(old)["kid"]
    gateway.hang_up()
    wait_until(lambda: len(keys(gateway)["keys"]) == 2, 10, "the new key is published")
    buyer.pay("/after/x")
    new = asserted(upstream, "/after/x")
    names = [jwt.get_unverified_header(token)["kid"] for token in (new, old)]
    assert [key["kid"] for key in keys(gateway)["keys"]] == names and names[0] in done.stdout
    for token in (old, new):
        verify(gateway, token, upstream)
    gateway.terminate()
    gateway.restart()
    assert [key["kid"] for key in keys(gateway)["keys"]] == names
    verify(gateway, old, upstream)


def test_keys_of_the_config(assertive, upstream, tmp_path):
    pem, seed = tmp_path / "key.pem", tmp_path / "seed"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", pem], check=True, capture_output=True)
    seed.write_text(base64.b64encode(os.urandom(32)).decode() + "\n")
    for path in (pem, seed):
        path.chmod(0o600)
    gateway = assertive(assertion={"key": {"file": str(pem)}})
    buyer = Buyer(gateway)
    buyer.pay("/after/x")
    old = asserted(upstream, "/after/x")
    verify(gateway, old, upstream)
    assert not os.path.exists(f"{gateway.ledger}.assertion")
    refused = gateway.command("assertion", "rotate", "--config", str(gateway.config_directory))
    assert refused.returncode == 1 and "assertion.key" in refused.stderr
    gateway.write(gateway.config | {"assertion": {"key": [{"file": str(seed)}, {"file": str(pem)}]}})
    wait_until(lambda: gateway.log_has("assertion.key: changed"), 10, "the reload")
    buyer.pay("/after/x")
    new = asserted(upstream, "/after/x")
    assert new.split(".")[0] != old.split(".")[0]
    assert len(keys(gateway)["keys"]) == 2
    for token in (old, new):
        verify(gateway, token, upstream)
    gateway.write(gateway.config | {"assertion": {"key": {"file": str(pem)}}})
    wait_until(lambda: gateway.log_has("revision 3 is loaded"), 10, "the reload")
    verify(gateway, new, upstream)


def test_a_rerun_is_assured_anew(assertive, upstream):
    gateway = assertive()
    buyer = Buyer(gateway)
    upstream.on("/first/x", lambda exchange: exchange.close())
    payment = buyer.sign("/first/x")
    assert buyer.present("/first/x", payment).status == 502
    gateway.wait_state(payment, "owed")
    first = verify(gateway, asserted(upstream, "/first/x"), upstream)
    upstream.on("/first/x", lambda exchange: exchange.answer(200, b"here"))
    assert buyer.pay("/first/x").status == 200
    again = verify(gateway, asserted(upstream, "/first/x"), upstream)
    for name in ("jti", "transaction", "binding", "sub"):
        assert again[name] == first[name], name

"""The table of answers as a caller of tools sees it: what is charged, once, and what it is told where nothing is."""

import hashlib
import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness.agent import PAYMENT, RECEIPT, Agent
from harness.helpdesk import door
from harness.http import Connection, ProtocolError, compose, wait_until
from harness.streams import Script, answer, note, result, stream
from harness.wallet import Wallet, encode

USED = "invalid_exact_evm_nonce_already_used"
ORDERS = {"create_ticket": "after", "send_reply": "first"}
KEY = "an-api-key-of-acme"
PLAIN = {"Accept": "*/*", "MCP-Protocol-Version": None}


@pytest.fixture
def script(upstream):
    return Script(upstream)


@pytest.fixture
def shop(script, upstream, sell):
    """Starts a gateway before the scripted server; gives agents of it: `shop(top={...})`."""

    def begin(**options):
        gateway = sell(upstream.url, **options)

        def agent(wallet: Wallet | None = None, **more) -> Agent:
            made = Agent(gateway.url + "/mcp", wallet, **more)
            made.gateway = gateway
            return made

        return agent

    return begin


def leave(agent: Agent, script: Script, tool: str, payment: dict, then=None) -> threading.Event:
    """Calls, and is gone before the answer; what is given lets the tool go on."""
    gate, waiting = threading.Event(), threading.Event()

    def handler(call):
        waiting.set()
        gate.wait(30)
        (then or (lambda call: call.json(result(call.id, "once only"))))(call)

    script.on(tool, handler)
    came = Connection(agent.address)
    came.send(request(agent, agent.tool_call(tool, {"n": 1}, payment)))
    assert waiting.wait(10)
    came.reset()
    return gate


def request(agent: Agent, message: dict, headers: dict | None = None) -> bytes:
    return compose("POST", agent.path, agent.fields(headers), json.dumps(message).encode())


# One charge, one execution


@pytest.mark.parametrize("tool", ORDERS)
def test_a_retry_after_a_time_out_is_one_charge_and_one_execution(shop, script, tool):
    """A client that gave up signs anew, under another id and another progress token."""
    agent = shop()()
    payment = agent.sign(tool, {"n": 1})
    gate = leave(agent, script, tool, payment)
    retry = agent.sign(tool, {"n": 1})
    assert retry["payload"]["authorization"]["nonce"] != payment["payload"]["authorization"]["nonce"]
    with ThreadPoolExecutor(1) as pool:
        message = agent.tool_call(tool, {"n": 1}, retry, id="another id", progress="another token")
        waiting = pool.submit(agent.post, message)
        threading.Timer(0.3, gate.set).start()
        given = waiting.result()
    assert given.text == "once only" and given.message["id"] == "another id" and script.ran == [tool]
    (claim,) = agent.gateway.claims()
    assert claim["state"] == "delivered" and claim["nonce"].lower() == payment["payload"]["authorization"]["nonce"]
    assert given.receipt["success"] is True and given.receipt["transaction"] == claim["transaction"]


@pytest.mark.parametrize("tool", ORDERS)
@pytest.mark.parametrize("shape", ["json", "events"])
def test_what_is_owed_is_given_from_what_was_kept(shop, script, tool, shape):
    """The caller was gone when the answer came: a later call has it, with its own id, and the tool does not run again."""
    agent = shop()()
    payment = agent.sign(tool, {"n": 1})
    gate = leave(agent, script, tool, payment, stream(note("one"), answer("once only")) if shape == "events" else None)
    gate.set()
    claim = agent.gateway.wait_state(payment, "owed")
    alone = agent.call(tool, {"n": 1}, payment)
    assert alone.required["error"] == USED, "from the chain anybody could read it"
    given = agent.pay(tool, {"n": 1}, id="later")
    assert given.text == "once only" and given.message["id"] == "later" and script.ran == [tool]
    assert given.receipt["transaction"] == claim["transaction"] and given.response.receipt == given.receipt
    assert agent.gateway.wait_state(payment, "delivered") and len(agent.gateway.claims()) == 1
    assert agent.pay(tool, {"n": 2}).receipt["transaction"] != claim["transaction"], "another call is another purchase"


@pytest.mark.parametrize("tool", ORDERS)
def test_the_payment_identifier_has_the_answer_again(shop, tool):
    agent = shop()()
    payment = agent.sign(tool, {"n": 1}) | {
        "extensions": {"payment-identifier": {"info": {"required": False, "id": "pay_7d5d747be160e280504c099d984bcfe0"}}}
    }
    first = agent.call(tool, {"n": 1}, payment, id="first")
    again = agent.call(tool, {"n": 1}, payment, id="again")
    assert first.message["id"] == "first" and again.message["id"] == "again"
    assert again.text == first.text and again.receipt["transaction"] == first.receipt["transaction"]
    assert len(agent.gateway.claims()) == 1


def test_copies_at_once_run_once(shop, script):
    agent = shop()()
    payment = agent.sign("create_ticket", {"n": 1})
    script.on("create_ticket", lambda call: (threading.Event().wait(0.2), call.json(result(call.id))))
    with ThreadPoolExecutor(8) as pool:
        given = list(pool.map(lambda _: agent.call("create_ticket", {"n": 1}, payment), range(8)))
    good = [one for one in given if one.receipt and one.receipt["success"]]
    assert len(good) == 1 and script.ran == ["create_ticket"] and len(agent.gateway.claims()) == 1
    assert {one.required["error"] for one in given if one not in good} == {USED}


# What is not charged


FAILURES = {
    "isError": lambda call: call.json(result(call.id, "no such ticket", isError=True)),
    "isError in a stream": stream(note("one"), answer("no such ticket", isError=True)),
    "an error of JSON-RPC": lambda call: call.json(call.of(error={"code": -32602, "message": "no such ticket"})),
    "an error in a stream": stream(note("one"), lambda call: call.of(error={"code": -32602, "message": "no such ticket"})),
    "400": lambda call: call.exchange.answer(400, json.dumps(call.of(error={"code": -32600, "message": "no such ticket"}))),
    "500": lambda call: call.exchange.answer(500, "no such ticket", reason="X"),
}


@pytest.mark.parametrize("case", FAILURES)
def test_settled_after_a_failure_is_not_charged(shop, script, case):
    agent = shop()()
    script.on("create_ticket", FAILURES[case])
    payment = agent.sign("create_ticket")
    failed = agent.call("create_ticket", payment=payment)
    assert b"no such ticket" in failed.raw and RECEIPT.encode() not in failed.raw
    assert failed.response.receipt is None and agent.gateway.wait_state(payment, "void")
    script.on("create_ticket", lambda call: call.json(result(call.id)))
    assert agent.call("create_ticket", payment=payment).receipt["success"] is True, "the same payment, once it works"


@pytest.mark.parametrize("case", FAILURES)
def test_settled_first_a_failure_has_its_receipt(shop, script, case):
    agent = shop()()
    script.on("send_reply", FAILURES[case])
    payment = agent.sign("send_reply")
    failed = agent.call("send_reply", payment=payment)
    assert b"no such ticket" in failed.raw
    claim = agent.gateway.wait_state(payment, "delivered")
    receipts = [failed.response.receipt]
    if isinstance(failed.message, dict) and "result" in failed.message:
        receipts.append(failed.receipt)
    assert any(receipt and receipt["transaction"] == claim["transaction"] for receipt in receipts)


# What is refused


def test_a_wallet_without_money_is_told_the_terms_again(shop, script):
    agent = shop(tools={"create_ticket": "$4"})()
    for n in range(2):
        assert agent.pay("create_ticket", {"n": n}).receipt["success"]
    ran = len(script.ran)
    refused = agent.pay("create_ticket", {"n": 3})
    assert refused.required["error"] == "invalid_exact_evm_insufficient_balance" and len(script.ran) == ran


def test_the_payment_is_checked_as_on_any_route(shop, script):
    agent = shop()()
    terms = agent.call("create_ticket").terms
    wrong = {
        "amount": {"value": "1"}, "recipient": {"to": "0x" + "11" * 20}, "expired": {"validBefore": "1000000000"},
        "not yet": {"validAfter": "99999999999", "validBefore": "99999999999"},
    }  # fmt: skip
    for name, changes in wrong.items():
        refused = agent.call("create_ticket", payment=agent.wallet.payment_v2(terms, **changes))
        assert refused.required["error"] and refused.receipt is None, name
    forged = agent.wallet.payment_v2(terms)
    forged["payload"]["authorization"]["from"] = Wallet.fresh().address
    assert agent.call("create_ticket", payment=forged).required["error"] and script.ran == []
    assert agent.gateway.claims() == []


def refused(answer, code: str, **members) -> dict:
    """A result that a machine can read; nothing was charged, and nothing is asked for."""
    said = answer.refusal
    assert answer.status == 200 and said["error"] == code and said["charged"] is False and "accepts" not in said, said
    assert answer.receipt is None and answer.response.receipt is None and answer.response.header("PAYMENT-REQUIRED") is None
    for key, value in members.items():
        assert said[key] == value, said
    return said


def test_bounds_of_a_wallet(shop):
    agents = shop(top={"policies": {"default": {"per_wallet": {"rate": "2/h"}}}})
    agent = agents()
    for tool in ORDERS:
        assert agent.pay(tool).receipt["success"]
    over = agent.pay("create_ticket", {"n": 3})
    refused(over, "wallet_rate")
    assert int(over.response.header("Retry-After")) == over.refusal["retry_after_seconds"] >= 1
    plain = agent.call("create_ticket", {"n": 3}, agent.sign("create_ticket", {"n": 3}), headers=PLAIN)
    assert plain.status == 429 and plain.message["error"] == "wallet_rate" and plain.message["charged"] is False
    assert agents().pay("create_ticket").receipt["success"], "others are not concerned"


def test_unpaid_calls_of_an_address_end_at_the_bound(shop, script):
    agent = shop(top={"policies": {"default": {"per_address": {"unpaid": "5/h"}}}})()
    for _ in range(5):
        assert agent.call("create_ticket").terms
    refused(agent.call("create_ticket"), "address_unpaid")
    assert agent.call("search_kb", {"query": "x"}).text == "done" and "create_ticket" not in script.ran


def test_free_calls_of_an_address_end_at_the_bound(shop, script):
    agent = shop(top={"policies": {"default": {"per_address": {"free": "5/h"}}}})()
    for _ in range(5):
        assert agent.call("search_kb", {"query": "x"}).text == "done"
    over = agent.call("search_kb", {"query": "x"})
    assert over.status in (200, 429) and b"address_free" in over.raw and len(script.ran) == 5
    assert agent.pay("create_ticket").receipt["success"]


def test_a_denied_wallet(shop, script):
    wallet = Wallet.fresh()
    agents = shop(top={"policies": {"default": {"deny": [wallet.address]}}})
    refused(agents(wallet).pay("create_ticket"), "wallet_denied")
    assert script.ran == [] and agents().pay("create_ticket").receipt["success"]


def test_customers_pass_unpaid(shop, script):
    customers = {"acme": {"api_key_sha256": hashlib.sha256(KEY.encode()).hexdigest(), "rate": "3/h"}}
    agent = shop(route={"customers": ["acme"]}, top={"customers": customers})()
    for _ in range(3):
        called = agent.call("create_ticket", headers={"X-Api-Key": KEY})
        assert called.text == "done" and called.receipt is None
    refused(agent.call("create_ticket", headers={"X-Api-Key": KEY}), "customer_rate")
    assert agent.call("create_ticket", headers={"X-Api-Key": "wrong"}).terms and len(script.ran) == 3
    assert agent.gateway.claims() == []


def test_a_free_quota(shop, script):
    agent = shop(route={"free_quota": {"per_wallet_or_address": "2/day"}})()
    for left in ("1", "0"):
        called = agent.call("create_ticket")
        assert called.text == "done" and called.response.header("X-Farebox-Free-Left") == left
    assert agent.call("create_ticket").terms and agent.pay("create_ticket").receipt["success"]
    assert len(agent.gateway.claims()) == 1 and len(script.ran) == 3


def test_a_full_disk(shop, script):
    agent = shop(top={"access_log": "off"})()
    payment = agent.sign("create_ticket")
    assert agent.pay("create_ticket", {"n": 0}).receipt["success"]
    agent.gateway.fill_disk()
    assert agent.call("create_ticket", payment=payment).refusal["charged"] is False
    assert agent.call("search_kb", {"query": "x"}).text == "done" and script.ran.count("create_ticket") == 1


@pytest.mark.parametrize("tool", ORDERS)
def test_an_upstream_that_is_down(shop, upstream, tool):
    agent = shop()()
    payment = agent.sign(tool)
    upstream.close()
    down = agent.call(tool, payment=payment)
    if tool == "create_ticket":
        refused(down, down.code)
        assert agent.gateway.wait_state(payment, "void")
    elif down.receipt:
        assert down.refusal["charged"] is True and agent.gateway.wait_state(payment, "owed")
    else:
        # Nobody could be asked whether it lets the caller in: nothing was claimed.
        refused(down, down.code)
        assert agent.gateway.claim(payment) is None or agent.gateway.wait_state(payment, "void")
    assert down.code.startswith("upstream_")


CUTS = {
    "before its head": lambda call: call.exchange.reset(),
    "within JSON": lambda call: (
        call.exchange.send("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"),
        call.exchange.close(),
    ),
    "within an event": lambda call: (call.begin(), call.write(b"data: {"), call.exchange.close()),
    "behind an event": lambda call: (call.begin(), call.say(note("one")), call.exchange.close()),
    "before its event": lambda call: (call.begin(), call.end()),
}


@pytest.mark.parametrize("case", CUTS)
def test_settled_first_and_cut_off_is_owed(shop, script, case):
    agent = shop(route={"redeliver": "rerun"})()
    script.on("send_reply", CUTS[case])
    payment = agent.sign("send_reply")
    try:
        said = agent.call("send_reply", payment=payment)
        if said.message:
            assert said.refusal["charged"] is True and said.receipt["success"] is True and "accepts" not in said.refusal
        assert said.message or case == "before its event"
    except ProtocolError:
        assert case == "within JSON", "whose head has left"
    claim = agent.gateway.wait_state(payment, "owed")
    script.on("send_reply", lambda call: call.json(result(call.id, "at last")))
    given = agent.pay("send_reply")
    assert given.text == "at last" and given.receipt["transaction"] == claim["transaction"]
    assert len(agent.gateway.claims()) == 1


def test_one_wallet_waits_for_its_turn(shop, script):
    """`after`: one unpaid run at a time; the next waits, and is told so where it waits too long."""
    policies = {"default": {"lease_wait": "500ms"}}
    agent = shop(top={"policies": policies})()
    gate, waiting = threading.Event(), threading.Event()
    script.on("create_ticket", lambda call: (waiting.set(), gate.wait(30), call.json(result(call.id))))
    one, other = agent.sign("create_ticket", {"n": 1}), agent.sign("create_ticket", {"n": 2})
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(agent.call, "create_ticket", {"n": 1}, one)
        assert waiting.wait(10)
        refused(agent.call("create_ticket", {"n": 2}, other), "lease_timeout")
        gate.set()
        assert running.result().receipt["success"] is True
    assert agent.call("create_ticket", {"n": 2}, other).receipt["success"] is True


# Authorization


METADATA = 'Bearer resource_metadata="https://example.test/.well-known/oauth-protected-resource"'


@pytest.mark.parametrize("tool", ORDERS)
def test_a_caller_whom_the_server_does_not_let_in_is_not_charged(shop, script, upstream, tool):
    agent = shop()()
    payment = agent.sign(tool)

    def guarded(exchange):
        exchange.read_body()
        if exchange.request.header("Authorization") != "Bearer good":
            return exchange.answer(401, "who are you", {"WWW-Authenticate": METADATA}, reason="Unauthorized")
        script(exchange)

    upstream.on("/mcp", guarded)
    denied = agent.call(tool, payment=payment)
    assert denied.status == 401 and denied.response.header("WWW-Authenticate") == METADATA
    assert denied.response.receipt is None and script.ran == []
    claim = agent.gateway.claim(payment)
    assert claim is None or agent.gateway.wait_state(payment, "void")
    let_in = agent.call(tool, payment=payment, headers={"Authorization": "Bearer good"})
    assert let_in.receipt["success"] is True and script.ran == [tool]
    assert upstream.asked("/mcp")[-1].header("Authorization") == "Bearer good"


# What the upstream gets, and what callers may read


def test_what_the_upstream_gets(shop, upstream, script):
    agent = shop(top={"cors": True})()
    fields = {"Accept-Encoding": "gzip, br", "X-Own": "kept", "Origin": "https://app.test"}
    paid = agent.pay("create_ticket", headers=fields)
    assert paid.receipt["success"]
    asked = upstream.asked("/mcp")[-1]
    assert asked.header("Accept-Encoding") == "identity" and asked.header("X-Own") == "kept"
    assert PAYMENT not in asked.body.decode() and asked.header("PAYMENT-SIGNATURE") is None
    assert asked.header("Idempotency-Key") and asked.header("MCP-Protocol-Version") == agent.revision
    assert paid.response.header("Access-Control-Allow-Origin")
    exposed = paid.response.header("Access-Control-Expose-Headers").lower()
    assert "payment-response" in exposed
    agent.call("search_kb", {"query": "x"}, headers=fields)
    assert upstream.asked("/mcp")[-1].header("Accept-Encoding") == "identity"


def test_a_payment_that_came_twice_alike_is_one(shop, script):
    agent = shop()()
    payment = agent.sign("create_ticket")
    paid = agent.call("create_ticket", payment=encode(payment), headers={"PAYMENT-SIGNATURE": encode(payment)})
    assert paid.receipt["success"] is True and script.ran == ["create_ticket"] and len(agent.gateway.claims()) == 1


def test_a_reload_that_changes_prices(shop, script, upstream):
    """Terms that were shown hold for their time; new callers see the new price."""
    agent = shop()()
    old = agent.sign("create_ticket")
    config = door(upstream.url, tools={"create_ticket": "$0.03"})
    agent.gateway.write(agent.gateway.config | config)
    wait_until(lambda: agent.call("create_ticket").terms["amount"] == "30000", 10)
    assert agent.call("create_ticket", payment=old).receipt["success"] is True
    assert [claim["amount"] for claim in agent.gateway.claims()] == ["20000"]
    assert agent.call("send_reply").error["code"] == -32602, "it is not offered any more"

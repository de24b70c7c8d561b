"""Every kind of MCP server, unmodified, sells its tools one by one; the sandbox settles."""

import json
import re

import pytest
from harness.agent import FORMS, PAYMENT, RECEIPT, STATELESS_REVISION, Agent
from harness.helpdesk import READING, UNITS
from harness.wallet import encode
from test_mcp_world import KINDS, TOOLS, VERSIONS

ADDED = {"x402/price", "agents-x402/paymentRequired", "agents-x402/priceUSD"}
PLAIN = {"Accept": "*/*", "MCP-Protocol-Version": None}
"""What curl says of itself: nothing of MCP."""


@pytest.fixture(params=VERSIONS)
def version(request):
    return request.param


@pytest.fixture(params=KINDS, ids=lambda kind: "".join(kind) or "sessions")
def kind(request):
    return request.param


@pytest.fixture
def desk(desks, version, kind):
    return desks(version, *kind)


@pytest.fixture
def agent(desk, sell):
    gateway = sell(desk)
    agent = Agent(gateway.url + "/mcp")
    agent.gateway = gateway
    agent.initialize()
    return agent


def unlabelled(tool: dict) -> dict:
    """A tool without what shows its price."""
    meta = {key: value for key, value in tool.get("_meta", {}).items() if key not in ADDED}
    return {key: value for key, value in tool.items() if key != "_meta"} | ({"_meta": meta} if meta else {})


def settled(agent, answer, tool: str, order: str = "after") -> dict:
    """The receipt, which is in the ledger too."""
    assert answer.status == 200 and not answer.is_error, answer.message
    receipt = answer.receipt
    assert receipt["success"] is True and receipt["payer"].lower() == agent.wallet.address.lower()
    assert receipt["transaction"].startswith("sandbox-")
    (claim,) = [claim for claim in agent.gateway.claims() if claim["transaction"] == receipt["transaction"]]
    assert claim["state"] == "delivered" and int(claim["amount"]) == UNITS[tool]
    assert claim["route"] == f"/mcp tools/call {tool}"
    return receipt


def test_tools_are_listed_with_their_prices(desk, agent):
    direct = Agent(desk.url)
    direct.initialize()
    shown, offered = agent.tools(), direct.tools()
    assert set(shown) == TOOLS
    assert {name: unlabelled(tool) for name, tool in shown.items()} == {n: unlabelled(t) for n, t in offered.items()}
    assert shown["search_kb"] == offered["search_kb"]
    for tool, units in UNITS.items():
        meta = shown[tool]["_meta"]
        price = meta["x402/price"]
        assert price["display"] == f"${units / 1e6:.2f}"
        assert price["settle"] == ("first" if tool == "send_reply" else "after")
        assert [(entry["network"], entry["amount"]) for entry in price["accepts"]] == [("eip155:84532", str(units))]
        assert re.fullmatch("0x[0-9a-fA-F]{40}", price["accepts"][0]["asset"])
        assert meta["agents-x402/paymentRequired"] is True
        assert meta["agents-x402/priceUSD"] == units / 1e6


def test_reading_is_free(desk, agent):
    assert "14 days" in agent.call("search_kb", {"query": "refunds"}).text
    assert agent.request("ping").result == {}
    assert agent.request("resources/list").result["resources"][0]["uri"] == "helpdesk://guide"
    assert desk.executions() == {"search_kb": 1} and agent.gateway.claims() == []


def test_a_priced_call_is_challenged_paid_and_has_its_receipt(desk, agent, kind):
    asked = agent.call("create_ticket", {"subject": "card lost"}, id="first")
    assert asked.status == 200 and asked.message["id"] == "first"
    assert asked.required["x402Version"] == 2 and asked.terms["amount"] == "20000"
    assert asked.result["structuredContent"] == asked.required == asked.response.required
    assert desk.executions() == {}
    payment = agent.wallet.payment_v2(asked.terms)
    paid = agent.call("create_ticket", {"subject": "card lost"}, payment)
    assert re.fullmatch(r"ticket \d+", paid.text)
    receipt = settled(agent, paid, "create_ticket")
    if kind:
        assert paid.response.receipt == receipt, "no event came before it: the head waited"
    assert desk.executions() == {"create_ticket": 1}
    again = agent.call("create_ticket", {"subject": "card lost"}, payment)
    assert again.required["error"] == "invalid_exact_evm_nonce_already_used" and desk.executions() == {"create_ticket": 1}


def test_settled_first_the_receipt_is_there_even_with_an_error(desk, agent):
    paid = agent.pay("send_reply", {"number": 7, "text": "hello"})
    assert paid.is_error and "no ticket 7" in paid.text and paid.receipt["success"] is True
    (claim,) = agent.gateway.claims()
    assert claim["state"] == "delivered" and claim["amount"] == "50000" and desk.executions() == {"send_reply": 1}


def test_settled_after_an_error_costs_nothing(desk, agent):
    payment = agent.sign("close_ticket", {"number": 7})
    paid = agent.call("close_ticket", {"number": 7}, payment)
    assert paid.is_error and "no ticket 7" in paid.text and paid.receipt is None
    assert paid.response.receipt is None
    assert agent.gateway.wait_state(payment, "void") and desk.executions() == {"close_ticket": 1}


def test_a_tool_with_an_output_schema(desk, agent):
    """Its terms are not where a client would look for its data."""
    agent.tools()
    number = int(agent.pay("create_ticket", {"subject": "schema"}).text.split()[-1])
    asked = agent.call("ticket_state", {"number": number})
    assert asked.required["accepts"] and "structuredContent" not in asked.result
    paid = agent.pay("ticket_state", {"number": number})
    settled(agent, paid, "ticket_state")
    assert paid.result["structuredContent"]["subject"] == "schema"


def test_progress_and_the_answer_behind_it(desk, agent, kind):
    payment = agent.sign("export_tickets", {"steps": 3})
    paid = agent.post(agent.tool_call("export_tickets", {"steps": 3}, payment, progress="token"))
    assert paid.text.startswith("number,subject,state")
    steps = [event.message["params"] for event in paid.events]
    assert [(step["progressToken"], step["progress"]) for step in steps] == (
        [] if "--json" in kind else [("token", 1), ("token", 2), ("token", 3)]
    )
    settled(agent, paid, "export_tickets")


def test_a_priced_method(desk, agent):
    """Other methods' results have shapes of their own: their terms are a JSON-RPC error's."""
    asked = agent.request("resources/read", {"uri": "helpdesk://guide"})
    assert asked.error["code"] == 402 and asked.status == 200
    terms = asked.error["data"]["accepts"][0]
    assert terms["amount"] == str(READING) and desk.executions() == {}
    payment = agent.wallet.payment_v2(terms)
    paid = agent.request("resources/read", {"uri": "helpdesk://guide", "_meta": {PAYMENT: payment}})
    assert "what you saw" in paid.result["contents"][0]["text"] and paid.receipt["success"] is True
    assert agent.gateway.claim(payment)["route"] == "/mcp resources/read"
    assert desk.executions() == {"helpdesk://guide": 1}


@pytest.mark.parametrize("form", FORMS)
def test_the_forms_of_a_payment(desk, agent, form):
    payment = agent.sign("create_ticket", {"subject": form})
    settled(agent, agent.call("create_ticket", {"subject": form}, FORMS[form](payment)), "create_ticket")


@pytest.mark.parametrize("version,kind", [("2", ("--stateless",))], indirect=True)
@pytest.mark.parametrize("field", ["PAYMENT-SIGNATURE", "X-PAYMENT"])
def test_a_payment_in_the_http_fields(desk, agent, field):
    terms = agent.call("create_ticket", {"subject": field}).terms
    v1 = terms | {"network": "base-sepolia", "maxAmountRequired": terms["amount"]}
    payment = agent.wallet.payment_v1(v1) if field == "X-PAYMENT" else agent.wallet.payment_v2(terms)
    settled(agent, agent.call("create_ticket", {"subject": field}, headers={field: encode(payment)}), "create_ticket")


@pytest.mark.parametrize("version,kind", [("2", ("--stateless",))], indirect=True)
def test_a_plain_http_caller(desk, agent):
    """The same door for curl: a 402, and any x402 client pays it."""
    body = agent.tool_call("create_ticket", {"subject": "plain"})
    asked = agent.post(body, PLAIN)
    assert asked.status == 402 and asked.response.required["x402Version"] == 2
    assert asked.message["x402Version"] == 1 and asked.message["accepts"][0]["maxAmountRequired"] == "20000"
    payment = agent.wallet.payment_v2(asked.response.required["accepts"][0])
    paid = agent.post(body, PLAIN | {"PAYMENT-SIGNATURE": encode(payment)})
    settled(agent, paid, "create_ticket")
    assert paid.response.receipt == paid.receipt and desk.executions() == {"create_ticket": 1}


@pytest.mark.parametrize("version,kind", [("2", ("--stateless",))], indirect=True)
@pytest.mark.parametrize("tool,arguments", [("create_ticket", {"subject": "farebox pay"}), ("export_tickets", {"steps": 2})])
def test_our_own_client_pays(desk, agent, tool, arguments):
    """Its receipt is in the head, or behind the progress."""
    (agent.gateway.directory / "key").write_text(agent.wallet.hex_key)
    (agent.gateway.directory / "key").chmod(0o600)
    done = agent.gateway.command(
        "pay", "--max", "$0.05", "--key-file", "key", "-X", "POST", "-H", "Content-Type: application/json",
        "-d", json.dumps(agent.tool_call(tool, arguments, progress=1)), agent.gateway.url + "/mcp",
    )  # fmt: skip
    assert done.returncode == 0 and "transaction sandbox-" in done.stderr, done.stderr
    assert RECEIPT in done.stdout and done.stdout.count("notifications/progress") == arguments.get("steps", 0)
    assert desk.executions() == {tool: 1}


@pytest.mark.parametrize("version,kind", [("2", ())], indirect=True)
@pytest.mark.parametrize("challenge,headers,is_http", [
    ("auto", {}, False), ("auto", PLAIN, True), ("auto", PLAIN | {"MCP-Protocol-Version": "2025-11-25"}, False),
    ("auto", {"MCP-Protocol-Version": None}, False), ("result", PLAIN, False), ("http", {}, True),
])  # fmt: skip
def test_the_form_of_the_challenge(desk, sell, challenge, headers, is_http):
    agent = Agent(sell(desk, challenge=challenge).url + "/mcp", headers=headers)
    asked = agent.call("create_ticket", {"subject": "x"})
    assert asked.status == (402 if is_http else 200)
    assert asked.response.required["accepts"][0]["amount"] == "20000"
    assert is_http or asked.required == asked.response.required


@pytest.mark.parametrize("version,kind", [("2", ("--stateless",)), ("1", ("--json", "--stateless"))], indirect=True)
@pytest.mark.parametrize("annotate", ["meta", "description", "both", "none"])
def test_where_prices_are_shown(desk, sell, annotate):
    shown, offered = Agent(sell(desk, annotate=annotate).url + "/mcp").tools(), Agent(desk.url).tools()
    tool, before = shown["send_reply"], offered["send_reply"]
    assert ("x402/price" in tool.get("_meta", {})) == (annotate in ("meta", "both"))
    costs = tool["description"].removeprefix(before["description"])
    assert ("$0.05" in costs) == (annotate in ("description", "both")) and bool(costs) == ("$0.05" in costs)
    assert shown["search_kb"] == offered["search_kb"]


@pytest.mark.parametrize("version,kind", [("2", ("--json",))], indirect=True)
@pytest.mark.parametrize("other,outcome", [("deny", "denied"), ("free", "free"), ("$0.10", "100000")])
def test_tools_that_nobody_named(desk, sell, other, outcome):
    tools = {"search_kb": "free"}
    agent = Agent(sell(desk, tools=tools, other_tools=other).url + "/mcp")
    agent.initialize()
    answer = agent.call("create_ticket", {"subject": "x"})
    if outcome == "denied":
        assert answer.status == 200 and answer.error["code"] == -32602 and desk.executions() == {}
    elif outcome == "free":
        assert answer.text.startswith("ticket ") and desk.executions() == {"create_ticket": 1}
    else:
        assert answer.terms["amount"] == outcome and desk.executions() == {}
        assert agent.pay("create_ticket", {"subject": "x"}).receipt["success"]


@pytest.mark.parametrize("version,kind", [("2", ())], indirect=True)
def test_a_session_passes_and_ends(desk, agent):
    session = agent.session
    assert session and agent.end().status in (200, 204)
    assert agent.request("ping").status == 404, "the server has forgotten it"


@pytest.mark.parametrize("version,kind", [("2", ())], indirect=True)
def test_the_stateless_revision(desk, sell):
    gateway = sell(desk)
    agent = Agent(gateway.url + "/mcp", revision=STATELESS_REVISION)
    agent.gateway = gateway
    assert "x402/price" in agent.tools()["create_ticket"]["_meta"]
    paid = agent.pay("create_ticket", {"subject": "x"})
    settled(agent, paid, "create_ticket")
    assert desk.executions() == {"create_ticket": 1}

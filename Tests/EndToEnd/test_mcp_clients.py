"""Clients that know nothing of Farebox: the official SDK of both versions, x402 2.25.0 on it, and one in Cloudflare's manner."""

import json

import pytest
from harness.agent import FORMS, PAYMENT, RECEIPT, TERMS, Agent
from harness.cloudflare import CloudflareAgent, WouldNotPay
from harness.helpdesk import UNITS
from harness.sdk import SdkClient
from harness.wallet import Wallet
from test_mcp_world import TOOLS

SERVERS = [("1", ()), ("2", ()), ("2", ("--json", "--stateless"))]
SDKS = [("1", "legacy"), ("2", "legacy"), ("2", "auto")]


@pytest.fixture(params=SERVERS, ids=lambda server: "mcp" + server[0] + "".join(server[1]))
def desk(desks, request):
    version, options = request.param
    return desks(version, *options)


@pytest.fixture
def gateway(desk, sell):
    return sell(desk)


def paid_for(gateway, wallet: Wallet) -> dict[str, str]:
    """What the wallet paid for by the ledger: transaction to tool."""
    claims = gateway.claims()
    assert {claim["payer"].lower() for claim in claims} == {wallet.address.lower()}
    assert {claim["state"] for claim in claims} == {"delivered"}
    for claim in claims:
        assert int(claim["amount"]) == UNITS[claim["route"].split()[-1]]
    return {claim["transaction"]: claim["route"].split()[-1] for claim in claims}


@pytest.mark.parametrize("client,mode", SDKS)
def test_the_official_sdk(desk, gateway, client, mode):
    wallet = Wallet.fresh()
    with SdkClient(client, gateway.url + "/mcp", mode) as talk:
        tools = {tool["name"]: tool for tool in talk.ask("tools")}
        assert set(tools) == TOOLS and tools["create_ticket"]["_meta"]["x402/price"]["display"] == "$0.02"
        assert "14 days" in talk.ask("call", tool="search_kb", arguments={"query": "refunds"})["content"][0]["text"]
        for tool, arguments in (("create_ticket", {"subject": "sdk"}), ("ticket_state", {"number": 1001})):
            asked = talk.ask("call", tool=tool, arguments=arguments)
            assert asked["isError"] and json.loads(asked["content"][0]["text"]) == asked["_meta"][TERMS]
        assert desk.executions() == {"search_kb": 1}
        asked = talk.ask("call", tool="export_tickets", arguments={"steps": 2})
        payment = wallet.payment_v2(asked["_meta"][TERMS]["accepts"][0])
        talk.begin("call", tool="export_tickets", arguments={"steps": 2}, meta={PAYMENT: FORMS["object"](payment)})
        said = []
        while "done" not in (line := talk.line()):
            said.append(line["progress"][0])
        paid = line["done"]
        assert not paid.get("isError") and paid["_meta"][RECEIPT]["success"] is True
        assert said == ([] if "--json" in desk.process.args else [1, 2])
    assert paid_for(gateway, wallet) == {paid["_meta"][RECEIPT]["transaction"]: "export_tickets"}
    assert desk.executions() == {"search_kb": 1, "export_tickets": 1}


@pytest.mark.parametrize("wrapper", [False, True], ids=["session", "wrapper"])
def test_x402_2_25_0_with_mcp_1(desk, gateway, wrapper):
    wallet = Wallet.fresh()
    with SdkClient("1", gateway.url + "/mcp", wallet=wallet, wrapper=wrapper) as talk:
        free = talk.ask("pay", tool="search_kb", arguments={"query": "refunds"})
        assert free["payment_made"] is False and "14 days" in free["content"][0]["text"]
        ticket = talk.ask("pay", tool="create_ticket", arguments={"subject": "x402"})
        assert ticket["payment_made"] is True and not ticket["is_error"] and ticket["receipt"]["success"] is True
        number = int(ticket["content"][0]["text"].split()[-1])
        reply = talk.ask("pay", tool="send_reply", arguments={"number": number, "text": "soon"})
        assert reply["receipt"]["success"] is True and "is sent" in reply["content"][0]["text"]
        state = talk.ask("pay", tool="ticket_state", arguments={"number": number})
        assert state["receipt"]["success"] is True and json.loads(state["content"][0]["text"])["replies"] == 1
        failed = talk.ask("pay", tool="close_ticket", arguments={"number": 7})
        assert failed["is_error"] and failed["payment_made"] and failed["receipt"] is None
    receipts = {answer["receipt"]["transaction"] for answer in (ticket, reply, state)}
    claims = gateway.claims()
    assert {claim["transaction"] for claim in claims if claim["state"] == "delivered"} == receipts
    assert [claim["route"] for claim in claims if claim["state"] == "void"] == ["/mcp tools/call close_ticket"]
    assert desk.executions() == {"search_kb": 1, "create_ticket": 1, "send_reply": 1, "ticket_state": 1, "close_ticket": 1}


def test_in_the_manner_of_cloudflares_agents(desk, gateway):
    raw = Agent(gateway.url + "/mcp")
    raw.initialize()
    agent = CloudflareAgent(raw)
    assert agent.priced_tools() == {tool: units / 1e6 for tool, units in UNITS.items()}
    assert "14 days" in agent.call("search_kb", {"query": "refunds"})["content"][0]["text"]
    number = int(agent.call("create_ticket", {"subject": "cf"})["content"][0]["text"].split()[-1])
    assert "is sent" in agent.call("send_reply", {"number": number, "text": "soon"})["content"][0]["text"]
    assert agent.call("ticket_state", {"number": number})["structuredContent"]["replies"] == 1
    assert [receipt["success"] for receipt in agent.receipts] == [True] * 3
    bought = paid_for(gateway, raw.wallet)
    assert [bought[r["transaction"]] for r in agent.receipts] == ["create_ticket", "send_reply", "ticket_state"]
    assert desk.executions() == {"search_kb": 1, "create_ticket": 1, "send_reply": 1, "ticket_state": 1}


def test_above_the_cap_of_cloudflares_agents(desks, sell):
    desk = desks("2", "--json", "--stateless")
    gateway = sell(desk, tools={"create_ticket": "$0.10", "send_reply": "$0.100001"})
    agent = CloudflareAgent(Agent(gateway.url + "/mcp"))
    assert "ticket" in agent.call("create_ticket", {"subject": "at the cap"})["content"][0]["text"]
    with pytest.raises(WouldNotPay, match="cap"):
        agent.call("send_reply", {"number": 1001, "text": "no"})
    assert desk.executions() == {"create_ticket": 1}

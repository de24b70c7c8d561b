"""Agents pay for tools on a test EVM: the money of each call is on the chain once, or not at all."""

import json
import threading

import pytest
from harness.agent import RECEIPT, TERMS, Agent
from harness.cloudflare import CloudflareAgent
from harness.helpdesk import UNITS, menu
from harness.http import wait_until
from harness.sdk import SdkClient
from harness.streams import Script, result
from test_chain_outcomes import drain


@pytest.fixture
def stall(market):
    """Opens a market whose one route sells the tools of a server: `stall(desk)`."""

    def begin(server, mining=0.1, networks=("base-sepolia",), timeout="20s"):
        shop = market(*networks, mining=mining)
        shop.open(
            networks={name: {"rpc": node.url(), "settle_timeout": timeout} for name, node in shop.nodes.items()},
            upstreams={"helpdesk": {"url": getattr(server, "origin", None) or server.url}},
            routes=[{"match": "/mcp", "upstream": "helpdesk", "mcp": menu()}],
        )
        return shop

    return begin


def agent_of(shop, units: int = 1_000_000) -> Agent:
    agent = Agent(shop.gateway.url + "/mcp")
    shop.endow(agent.wallet.address, units)
    return agent


def bought(shop, *tools: str):
    """The books agree, and these were paid for, each once."""
    claims = [claim for claim in shop.audit() if claim["state"] in ("delivered", "owed")]
    assert sorted(claim["route"] for claim in claims) == sorted(f"/mcp tools/call {tool}" for tool in tools)
    assert shop.revenue() == sum(UNITS[tool] for tool in tools)
    return claims


@pytest.mark.parametrize("server", ["1", "2"])
def test_x402_2_25_0_with_mcp_1(desks, stall, server):
    """The official client, unmodified, on the official server, unmodified, with money."""
    desk = desks(server)
    shop = stall(desk)
    wallet = shop.buyer().wallet
    with SdkClient("1", shop.gateway.url + "/mcp", wallet=wallet) as talk:
        assert not talk.ask("pay", tool="search_kb", arguments={"query": "refunds"})["payment_made"]
        ticket = talk.ask("pay", tool="create_ticket", arguments={"subject": "on chain"})
        number = int(ticket["content"][0]["text"].split()[-1])
        reply = talk.ask("pay", tool="send_reply", arguments={"number": number, "text": "soon"})
        failed = talk.ask("pay", tool="close_ticket", arguments={"number": 7})
        exported = talk.ask("pay", tool="export_tickets", arguments={"steps": 2})
    assert failed["is_error"] and failed["receipt"] is None
    claims = bought(shop, "create_ticket", "send_reply", "export_tickets")
    receipts = {answer["receipt"]["transaction"] for answer in (ticket, reply, exported)}
    assert {claim["transaction"] for claim in claims} == receipts == {payment["transaction"] for payment in shop.on_chain()}
    assert shop.node.balance(wallet.address) == 1_000_000 - shop.revenue()
    assert desk.executions() == {"search_kb": 1, "create_ticket": 1, "send_reply": 1, "close_ticket": 1, "export_tickets": 1}


def test_in_the_manner_of_cloudflares_agents(desks, stall):
    desk = desks("2")
    shop = stall(desk)
    raw = agent_of(shop)
    raw.initialize()
    agent = CloudflareAgent(raw)
    agent.call("create_ticket", {"subject": "cf"})
    agent.call("send_reply", {"number": 1001, "text": "soon"})
    claims = bought(shop, "create_ticket", "send_reply")
    assert {claim["transaction"] for claim in claims} == {receipt["transaction"] for receipt in agent.receipts}


def test_one_entry_for_each_chain(desks, stall):
    """What curl is shown, and paid on the second of them."""
    desk = desks("2", "--stateless")
    shop = stall(desk, networks=("base-sepolia", "base"))
    agent = agent_of(shop)
    asked = agent.post(agent.tool_call("create_ticket", {"subject": "x"}), {"Accept": "*/*", "MCP-Protocol-Version": None})
    assert asked.status == 402
    assert [entry["network"] for entry in asked.message["accepts"]] == ["base-sepolia", "base"]
    required = agent.call("create_ticket", {"subject": "x"}).required
    assert [entry["network"] for entry in required["accepts"]] == ["eip155:84532", "eip155:8453"]
    paid = agent.call("create_ticket", {"subject": "x"}, agent.wallet.payment_v2(required["accepts"][1]))
    assert paid.receipt["success"] is True and paid.receipt["network"] == "eip155:8453"
    (claim,) = bought(shop, "create_ticket")
    assert claim["transaction"] == paid.receipt["transaction"] and len(shop.nodes["base"].payments()) == 1


def test_a_settlement_that_is_refused_replaces_the_answer(held, stall):
    """The payer's money is gone between the call and its end: progress was live, the answer is withheld."""
    desk = held("2", "--stateless")
    shop = stall(desk, mining="auto")
    agent = agent_of(shop, units=30_000)
    payment = agent.sign("export_tickets", {"steps": 1})
    with agent.open(agent.tool_call("export_tickets", {"steps": 1}, payment, progress=1)) as came:
        assert came.next().message["method"] == "notifications/progress"
        drain(shop.node, agent)
        desk.step()
        last = came.next().message
        assert came.next() is None
    content = json.loads(last["result"]["content"][0]["text"])
    assert last["result"]["isError"] is True and "number,subject" not in json.dumps(last)
    assert content["accepts"] and last["result"]["_meta"][TERMS]["accepts"] == content["accepts"]
    assert content[RECEIPT]["success"] is False and last["result"]["_meta"][RECEIPT] == content[RECEIPT]
    assert shop.gateway.wait_state(payment, "failed") and shop.revenue() == 0


@pytest.mark.parametrize("version", ["1", "2"])
def test_what_was_withheld_is_not_had_in_another_session(held, stall, version):
    """The servers keep the streams of all sessions in one store, by the id of the request alone."""
    desk = held(version)
    shop = stall(desk, mining="auto")
    spy, agent = Agent(shop.gateway.url + "/mcp"), agent_of(shop, units=30_000)
    spy.initialize()
    agent.initialize()
    with spy.open(spy.tool_call("search_kb", {"query": "refunds"}, id=7)) as own:
        first = own.next()
        assert first.id and not first.data and "14 days" in own.next().data
    payment = agent.sign("export_tickets", {"steps": 1})
    with agent.open(agent.tool_call("export_tickets", {"steps": 1}, payment, id=7, progress=1)) as came:
        started = came.next()
        assert came.next().message["method"] == "notifications/progress"
        drain(shop.node, agent)
        desk.step()
        assert came.next().message["result"]["_meta"][RECEIPT]["success"] is False
    assert shop.gateway.wait_state(payment, "failed")
    for last in (first.id, started.id):
        with spy.listen(last) as again:
            said = [again.next().message for _ in range(3 if last == first.id else 2)]
        assert "number,subject" not in json.dumps(said) and said[-1]["error"]["code"] == -32001


@pytest.mark.parametrize("tool", ["create_ticket", "send_reply"])
def test_a_settlement_that_is_pending_invites_to_nothing(upstream, stall, tool):
    """No block within the time: nobody knows yet, and nobody is asked to pay again; once known, it is given."""
    script = Script(upstream)
    shop = stall(upstream, mining="manual", timeout="2s")
    agent = agent_of(shop)
    payment = agent.sign(tool, {"n": 1})
    pending = agent.call(tool, {"n": 1}, payment)
    said = pending.refusal
    assert said["error"] == "settlement_pending" and "accepts" not in json.dumps(pending.message)
    assert pending.receipt["success"] is False and said[RECEIPT] == pending.receipt
    assert pending.response.header("PAYMENT-REQUIRED") is None and int(pending.response.header("Retry-After")) > 0
    assert pending.receipt["transaction"] and shop.gateway.claim(payment)["state"] == "unknown"
    shop.node.mining(0.1)
    claim = shop.gateway.wait_state(payment, "owed", seconds=20)
    given = agent.pay(tool, {"n": 1})
    assert given.receipt["success"] is True and given.receipt["transaction"] == claim["transaction"], given.message
    assert len(shop.on_chain()) == 1 and len(script.ran) == 1 and shop.revenue() == UNITS[tool]


def test_a_retry_after_a_time_out_is_one_charge_on_the_chain(upstream, stall):
    script = Script(upstream)
    shop = stall(upstream)
    agent = agent_of(shop)
    gate = threading.Event()

    def slow(call):
        gate.wait(30)
        call.json(result(call.id, "once only"))

    script.on("create_ticket", slow)
    payment = agent.sign("create_ticket", {"n": 1})
    with pytest.raises(OSError):
        agent.call("create_ticket", {"n": 1}, payment, timeout=1)
    wait_until(lambda: script.ran, 10)
    retry = agent.sign("create_ticket", {"n": 1})
    threading.Timer(0.5, gate.set).start()
    given = agent.call("create_ticket", {"n": 1}, retry, id="again")
    assert given.text == "once only" and given.message["id"] == "again" and script.ran == ["create_ticket"]
    (claim,) = bought(shop, "create_ticket")
    assert given.receipt["transaction"] == claim["transaction"]

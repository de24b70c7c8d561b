"""That the world of the agent door is what it is taken for: servers and clients talk to each other without Farebox."""

import pytest
from harness.agent import STATELESS_REVISION, Agent
from harness.helpdesk import UNITS
from harness.sdk import SdkClient

TOOLS = {"search_kb", *UNITS}
KINDS = [(), ("--json",), ("--stateless",), ("--json", "--stateless")]
VERSIONS = ["1", "2"]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: "".join(kind) or "sessions")
def test_the_raw_client(desks, version, kind):
    desk = desks(version, *kind)
    agent = Agent(desk.url)
    assert agent.initialize().result["serverInfo"]["name"] == "helpdesk"
    tools = agent.tools()
    assert set(tools) == TOOLS
    assert [name for name, tool in tools.items() if "outputSchema" in tool] == ["ticket_state"]
    assert "14 days" in agent.call("search_kb", {"query": "refunds"}).text
    number = int(agent.call("create_ticket", {"subject": "card lost"}).text.split()[-1])
    failed = agent.call("close_ticket", {"number": 7})
    assert failed.is_error and failed.status == 200 and "no ticket 7" in failed.text
    assert agent.call("ticket_state", {"number": number}).result["structuredContent"]["subject"] == "card lost"
    read = agent.request("resources/read", {"uri": "helpdesk://guide"}).result
    assert "what you saw" in read["contents"][0]["text"]
    exported = agent.post(agent.tool_call("export_tickets", {"steps": 2}, progress="p"))
    assert exported.text.endswith(f"{number},card lost,open")
    progress = [event.message["params"]["progress"] for event in exported.events]
    assert progress == ([] if "--json" in kind else [1, 2])
    assert desk.executions() == {
        "search_kb": 1, "create_ticket": 1, "close_ticket": 1, "ticket_state": 1, "helpdesk://guide": 1, "export_tickets": 1,
    }  # fmt: skip


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", KINDS[:2], ids=lambda kind: "".join(kind) or "sessions")
@pytest.mark.parametrize("client,mode", [("1", "legacy"), ("2", "legacy"), ("2", "auto")])
def test_the_official_clients(desks, version, kind, client, mode):
    with SdkClient(client, desks(version, *kind).url, mode) as talk:
        assert {tool["name"] for tool in talk.ask("tools")} == TOOLS
        assert "14 days" in talk.ask("call", tool="search_kb", arguments={"query": "refunds"})["content"][0]["text"]
        assert talk.ask("call", tool="close_ticket", arguments={"number": 7})["isError"]
        assert talk.ask("read", uri="helpdesk://guide")["contents"]


@pytest.mark.parametrize("version", VERSIONS)
def test_an_answer_is_kept_and_sent_again(held, version):
    """What makes a way round of resuming: whoever drops a POST has its answer by a GET."""
    desk = held(version)
    agent = Agent(desk.url)
    agent.initialize()
    stream = agent.open(agent.tool_call("export_tickets", {"steps": 1}, progress=1))
    first = stream.next()
    assert first.id and not first.data, "the event that only says where to resume"
    assert stream.next().message["method"] == "notifications/progress"
    stream.connection.close()
    desk.step()
    with agent.listen(first.id) as again:
        told = [again.next().message for _ in range(2)]
    assert told[0]["method"] == "notifications/progress" and told[1]["result"]["content"]


def test_the_stateless_revision(desks):
    desk = desks("2")
    agent = Agent(desk.url, revision=STATELESS_REVISION)
    assert set(agent.tools()) == TOOLS
    assert agent.call("create_ticket", {"subject": "x"}).text.startswith("ticket ")
    wrong = agent.call("create_ticket", {"subject": "x"}, headers={"Mcp-Name": "search_kb"})
    assert wrong.status == 400 and wrong.error["code"] == -32020
    assert desk.executions() == {"create_ticket": 1}

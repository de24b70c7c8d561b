"""That the world of the agent door is what it is taken for: servers and clients talk to each other without Farebox."""

import pytest
from harness.agent import STATELESS_REVISION, Agent
from harness.helpdesk import UNITS, Helpdesk
from harness.sdk import SdkClient

TOOLS = {"search_kb", *UNITS}
KINDS = [(), ("--json",), ("--stateless",), ("--json", "--stateless")]


@pytest.fixture(params=["1", "2"])
def version(request):
    return request.param


@pytest.fixture(params=KINDS, ids=lambda kind: "".join(kind) or "sessions")
def helpdesk(request, version):
    server = Helpdesk(version, *request.param, "--pause", "0")
    yield server
    server.stop()


def test_the_raw_client(helpdesk):
    agent = Agent(helpdesk.url)
    assert agent.initialize().result["serverInfo"]["name"] == "helpdesk"
    tools = agent.tools()
    assert set(tools) == TOOLS
    assert [name for name, tool in tools.items() if "outputSchema" in tool] == ["ticket_state"]
    assert "14 days" in agent.call("search_kb", {"query": "refunds"}).text
    assert agent.call("create_ticket", {"subject": "card lost"}).text == "ticket 1001"
    failed = agent.call("close_ticket", {"number": 7})
    assert failed.is_error and failed.status == 200
    assert agent.call("ticket_state", {"number": 1001}).result["structuredContent"]["subject"] == "card lost"
    read = agent.request("resources/read", {"uri": "helpdesk://guide"}).result
    assert "what you saw" in read["contents"][0]["text"]
    exported = agent.post(agent.tool_call("export_tickets", {"steps": 2}, progress="p"))
    assert exported.text.endswith("1001,card lost,open")
    is_stream = exported.response.header("Content-Type").startswith("text/event-stream")
    assert [event.message["params"]["progress"] for event in exported.events] == ([1, 2] if is_stream else [])
    assert helpdesk.executions() == {
        "search_kb": 1, "create_ticket": 1, "close_ticket": 1, "ticket_state": 1, "helpdesk://guide": 1, "export_tickets": 1,
    }  # fmt: skip


@pytest.mark.parametrize("client", ["1", "2", "2-auto"])
def test_the_official_clients(helpdesk, client):
    with SdkClient(client[0], helpdesk.url, mode="auto" if "auto" in client else "legacy") as talk:
        assert {tool["name"] for tool in talk.ask("tools")} == TOOLS
        assert "14 days" in talk.ask("call", tool="search_kb", arguments={"query": "refunds"})["content"][0]["text"]
        assert talk.ask("call", tool="close_ticket", arguments={"number": 7})["isError"]
        assert talk.ask("read", uri="helpdesk://guide")["contents"]


def test_an_answer_is_kept_and_sent_again(version):
    """What makes a way round of resuming: whoever drops a POST has its answer by a GET."""
    helpdesk = Helpdesk(version, "--hold")
    try:
        agent = Agent(helpdesk.url)
        agent.initialize()
        stream = agent.open(agent.tool_call("export_tickets", {"steps": 1}, progress=1))
        first = stream.next()
        assert first.id and not first.data, "the event that only says where to resume"
        assert stream.next().message["method"] == "notifications/progress"
        stream.connection.close()
        helpdesk.step()
        with agent.listen(first.id) as again:
            told = [again.next().message for _ in range(2)]
        assert told[0]["method"] == "notifications/progress" and told[1]["result"]["content"]
    finally:
        helpdesk.stop()


def test_the_stateless_revision():
    helpdesk = Helpdesk("2", "--pause", "0")
    try:
        agent = Agent(helpdesk.url, revision=STATELESS_REVISION)
        assert set(agent.tools()) == TOOLS
        assert agent.call("create_ticket", {"subject": "x"}).text == "ticket 1001"
        wrong = agent.call("create_ticket", {"subject": "x"}, headers={"Mcp-Name": "search_kb"})
        assert wrong.status == 400 and wrong.error["code"] == -32020
        assert helpdesk.executions("create_ticket") == 1
    finally:
        helpdesk.stop()

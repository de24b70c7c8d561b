"""The agent door attacked: no answer without its money, no money without its answer, and the process lives."""

import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness.agent import RECEIPT, Agent
from harness.http import Connection, compose, wait_until
from harness.streams import Script, answer, event, note, result, stream

WITHHELD = -32001
SECRET = "worth money"


@pytest.fixture
def script(upstream):
    return Script(upstream)


@pytest.fixture
def shop(script, upstream, sell):
    """Starts a gateway before the scripted server; gives an agent in a session of it."""

    def begin(**options) -> Agent:
        gateway = sell(upstream.url, **options)
        agent = Agent(gateway.url + "/mcp")
        agent.initialize()
        agent.gateway = gateway
        return agent

    return begin


def again(agent: Agent) -> Agent:
    """Another client of the same session."""
    other = Agent(agent.gateway.url + "/mcp")
    other.session, other.gateway = agent.session, agent.gateway
    return other


def pieces(*parts):
    """A handler that writes its parts one by one, each in a packet of its own."""

    def handler(call):
        call.begin()
        for part in parts:
            call.write(part(call) if callable(part) else part)
            time.sleep(0.05)
        call.end()

    return handler


def heard(agent: Agent, script: Script, *messages, headers=None) -> list[dict]:
    """What passes of what the server says on a stream that the client listens on."""
    script.listening.clear()
    with agent.listen(headers=headers) as listening:
        assert listening.response.status == 200, listening.response.status
        assert script.listening.wait(10)
        script.listener.say(*messages, note("the end"))
        came = []
        while (message := listening.next().message) != note("the end"):
            came.append(message)
        return came


# The process lives


@pytest.mark.parametrize("order", ["after", "first"])
def test_a_line_end_cut_in_two(shop, script, order):
    """CR and LF of the empty line before an answer come in two packets: the LF stands before the answer then."""
    tool = {"after": "create_ticket", "first": "send_reply"}[order]
    before = event(note("one"))
    script.on(tool, pieces(before[:-1], lambda call: before[-1:] + event(result(call.id, SECRET))[:-1], b"\n"))
    agent = shop()
    paid = agent.pay(tool)
    assert paid.text == SECRET and paid.receipt["success"] is True
    assert agent.call("search_kb").text == "done" and agent.gateway.alive


def test_a_line_end_cut_in_two_before_an_answer_that_waits(shop, script):
    gate = threading.Event()

    def handler(call):
        script.held = call.id
        gate.wait(20)
        call.json(result(call.id, SECRET))

    script.on("create_ticket", handler)
    agent = shop()
    payment = agent.sign("create_ticket")
    with agent.listen() as listening, ThreadPoolExecutor(1) as pool:
        assert script.listening.wait(10)
        paid = pool.submit(again(agent).call, "create_ticket", None, payment, 77)
        wait_until(lambda: hasattr(script, "held"), 10)
        before = event(note("one"))
        script.listener.write(before[:-1])
        time.sleep(0.3)
        script.listener.write(before[-1:] + event(result(77, SECRET)) + event(note("two")))
        assert listening.next().message == note("one")
        assert listening.silent(0.3)
        gate.set()
        assert paid.result().receipt["success"] is True
        assert listening.next().message["result"] and listening.next().message == note("two")


def test_a_mark_before_an_event_that_is_not_the_first(shop, script):
    """A byte order mark opens a stream; anywhere else it is part of a field's name."""
    script.on("create_ticket", pieces(event(note("one")), lambda call: b"\xef\xbb\xbfdata: {\r\n" + event(result(call.id, SECRET))))
    agent = shop()
    paid = agent.pay("create_ticket")
    assert paid.receipt["success"] is True and agent.gateway.alive


# No answer without its money


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize("kind", [(), ("--json",)], ids=["events", "json"])
def test_an_id_in_another_type_is_the_same_stream_to_some_servers(held, sell, version, kind):
    """The official SDK keeps its streams by the id's text: the answer to 5 would come on the stream of a free "5"."""
    desk = held(version, *kind)
    gateway = sell(desk)
    agent = Agent(gateway.url + "/mcp")
    agent.initialize()
    agent.gateway = gateway
    payment = agent.sign("export_tickets", {"steps": 1})
    with ThreadPoolExecutor(2) as pool:
        sold = pool.submit(agent.call, "export_tickets", {"steps": 1}, payment, 5)
        wait_until(lambda: (gateway.claim(payment) or {}).get("state") == "running", 10)
        time.sleep(0.3)
        free = pool.submit(again(agent).post, agent.message("ping", id="5"), timeout=5)
        time.sleep(0.3)
        desk.step()
        free, sold = free.result(), sold.result()
    assert free.status == 409 and b"number,subject" not in free.raw, free.raw
    assert sold.receipt["success"] is True and gateway.wait_state(payment, "delivered")


def test_two_sessions_named_at_once(shop, script):
    """The one is judged, and the server may go by the other."""
    agent = shop()
    agent.call("search_kb", {"query": "x"}, id="mine")
    for method in ("GET", "DELETE", "POST"):
        with Connection(agent.address) as connection:
            body = None if method != "POST" else json.dumps(agent.message("ping")).encode()
            fields = list(agent.fields({"Content-Type": None} if body is None else None).items()) + [("Mcp-Session-Id", "another")]
            connection.send(compose(method, agent.path, fields, body))
            assert connection.read().status == 400, method
    assert not script.listening.is_set()


@pytest.mark.parametrize("status", [500, 502, 504])
def test_a_failure_on_the_way_is_no_free_answer(shop, script, status):
    """Whatever stands between may say that it gave up while the tool ran on: the answer is kept for who resumes."""
    script.on("create_ticket", lambda call: call.exchange.answer(status, "{}", {"Content-Type": "application/json"}))
    agent = shop()
    payment = agent.sign("create_ticket")
    assert agent.call("create_ticket", payment=payment, id="lost").status == status
    assert agent.gateway.wait_state(payment, "void")
    (message,) = heard(agent, script, result("lost", SECRET))
    assert message["error"]["code"] == WITHHELD


@pytest.mark.parametrize("status", [401, 403, 404, 503])
def test_a_call_that_was_refused_may_be_sent_again(shop, script, status):
    """Clients send the same bytes again once they have a token."""
    script.on("create_ticket", lambda call: call.exchange.answer(status, "", reason="No"))
    agent = shop()
    payment = agent.sign("create_ticket")
    assert agent.call("create_ticket", payment=payment, id=9).status == status
    script.on("create_ticket", stream(answer()))
    assert agent.call("create_ticket", payment=payment, id=9).receipt["success"] is True


def test_an_error_of_nobodys_frees_no_answer(shop, script):
    """An error without an id ends a call uncharged; what the server then answers to it is not free."""
    script.on("create_ticket", stream({"jsonrpc": "2.0", "id": None, "error": {"code": -32700, "message": "what?"}}))
    agent = shop()
    assert agent.pay("create_ticket", id="own").error["code"] == -32700
    (message,) = heard(agent, script, result("own", SECRET))
    assert message["error"]["code"] == WITHHELD


@pytest.mark.parametrize("forgets", ["restart", "delete"])
def test_a_session_of_which_nothing_is_known_keeps_its_ids_apart(shop, script, forgets):
    """An answer that was not paid for must not come on the stream of a free call with its id."""
    agent = shop()
    script.on("create_ticket", lambda call: call.exchange.answer(202))
    if forgets == "restart":
        agent.gateway.kill()
        agent.gateway.restart()
    assert agent.pay("create_ticket", id=8).refusal["charged"] is False
    if forgets == "delete":
        assert agent.end().status == 200
    assert agent.call("search_kb", {"query": "x"}, id=8).status == 409 and script.ran == ["create_ticket"]
    (message,) = heard(agent, script, result(8, SECRET))
    assert message["error"]["code"] == WITHHELD


# No money without its answer


def test_a_large_event_that_is_paid_for(shop, script):
    """Larger than what is looked into: it passes as it is, whole."""
    text = "x" * (5 << 20)
    script.on("send_reply", stream(note("one"), answer(text), note("behind")))
    agent = shop()
    payment = agent.sign("send_reply")
    paid = agent.call("send_reply", payment=payment)
    assert paid.text == text and agent.gateway.wait_state(payment, "delivered")


@pytest.mark.parametrize("text", ['{"jsonrpc":"2.0","id":%s,"result":{"content":[],"a":1,"a":2}}'])
def test_what_is_paid_for_reaches_its_caller_however_it_is_written(shop, script, text):
    """Where nothing is left to be paid, an answer that cannot be read strictly is its caller's all the same."""
    script.on("send_reply", pieces(lambda call: event(text % json.dumps(call.id))))
    agent = shop()
    payment = agent.sign("send_reply")
    paid = agent.call("send_reply", payment=payment)
    assert b'"a":1,"a":2' in paid.raw


def test_servers_are_asked_under_ids_of_their_own(shop, upstream, script):
    """Two calls at once ask whether the caller is let in: a server that keeps streams by ids mixes up equal ones."""
    agent = shop()
    payments = [agent.sign("send_reply", {"n": n}) for n in range(2)]
    for n, payment in enumerate(payments):
        assert agent.call("send_reply", {"n": n}, payment).receipt["success"] is True
    pings = [json.loads(request.body)["id"] for request in upstream.asked("/mcp") if b'"ping"' in request.body]
    assert len(pings) == 2 and len(set(pings)) == 2


# Streams and ids live on


def test_a_stream_that_speaks_at_once_stays_open(shop, script):
    def speaks(call):
        call.begin()
        call.say(note("hello"))
        call.exchange.peer_closed(within=60)
        call.exchange.keep = False

    script.on_listen = speaks
    agent = shop()
    with agent.listen() as listening:
        assert listening.next().message == note("hello")
        assert listening.silent(1)
        script.listener.say(note("later"))
        assert listening.next().message == note("later")


def test_an_id_that_never_went_upstream_is_free(shop, upstream, script):
    agent = shop()
    payment = agent.sign("create_ticket")
    upstream.close()
    refused = agent.call("create_ticket", payment=payment, id="same")
    assert refused.refusal["charged"] is False and refused.code != "id_in_use"
    refused = agent.call("create_ticket", payment=payment, id="same")
    assert refused.code != "id_in_use", refused.refusal

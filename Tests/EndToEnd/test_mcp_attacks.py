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
    used = agent.call("search_kb", {"query": "x"}, id=8)
    assert used.status == 409 and used.error["code"] == -32600 and used.message["id"] == 8 and script.ran == ["create_ticket"]
    (message,) = heard(agent, script, result(8, SECRET))
    assert message["error"]["code"] == WITHHELD


@pytest.mark.parametrize("version", ["1", "2"])
def test_another_sessions_answer_does_not_come_again_under_a_free_id(held, sell, version):
    """The official SDK keeps what it sent by the ids of requests, for all sessions together: 5 in one goes on as 5 in another."""
    desk = held(version)
    soon = {"url": desk.origin, "timeouts": {"total": "2s", "first_byte": "2s", "idle": "2s"}}
    gateway = sell(desk, top={"upstreams": {"helpdesk": soon}})
    thief, victim = Agent(gateway.url + "/mcp"), Agent(gateway.url + "/mcp")
    thief.initialize(), victim.initialize()
    with thief.open(thief.tool_call("search_kb", {"query": "x"}, id=5)) as came:
        place = [event.id for event in came][-1]
    payment = victim.sign("export_tickets", {"steps": 1})
    assert victim.call("export_tickets", {"steps": 1}, payment, id=5).refusal["charged"] is False
    desk.step()
    direct = Agent(desk.url)
    direct.session = victim.session
    time.sleep(0.5)
    with direct.listen(place) as stored:
        assert "number,subject" in stored.next().data, "the server mixes them up"
    with thief.listen(place) as again:
        message = again.next().message
    assert message["error"]["code"] == WITHHELD and "number" not in str(message)
    assert gateway.claim(payment)["state"] == "void"


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


def test_a_call_by_http_1_0(shop, script):
    script.on("create_ticket", stream(note("one"), answer(SECRET)))
    agent = shop()
    payment = agent.sign("create_ticket")
    with Connection(agent.address) as connection:
        request = compose("POST", agent.path, agent.fields(), json.dumps(agent.tool_call("create_ticket", None, payment)).encode())
        connection.send(request.replace(b"HTTP/1.1", b"HTTP/1.0", 1))
        connection.half_close()
        while connection.more():
            pass
    assert SECRET.encode() in connection.pending and RECEIPT.encode() in connection.pending
    assert b"chunked" not in connection.pending and agent.gateway.wait_state(payment, "delivered")


@pytest.mark.parametrize("tool", ["create_ticket", "send_reply"])
def test_a_caller_that_leaves_at_any_moment(shop, script, tool):
    """Whenever it goes: the claim comes to rest, no more is charged than ran, and its session goes on."""
    steps = []
    script.on(tool, pieces(event(note("one")), event(note("two")), lambda call: event(result(call.id, SECRET))))
    agent = shop()
    request = compose("POST", agent.path, agent.fields(), json.dumps(agent.tool_call(tool, {}, agent.sign(tool))).encode())
    for at in (len(request) - 700, len(request) - 1, len(request)):
        for wait in (0, 0.02, 0.08, 0.13, 0.2):
            payment = agent.sign(tool)
            request = compose("POST", agent.path, agent.fields(), json.dumps(agent.tool_call(tool, {}, payment)).encode())
            with Connection(agent.address) as connection:
                connection.send(request[:at])
                time.sleep(wait)
                connection.reset() if len(steps) % 2 else connection.close()
            steps.append(at)
    gateway = agent.gateway
    wait_until(lambda: all(claim["state"] in ("delivered", "owed", "void") for claim in gateway.claims()), 20, "all at rest")
    paid = [claim for claim in gateway.claims() if claim.get("transaction")]
    assert len(paid) <= len(script.ran) and agent.pay(tool).text == SECRET


def test_a_session_ended_during_its_call(shop, script):
    gate = threading.Event()

    def handler(call):
        call.begin()
        call.say(note("one"))
        gate.wait(10)
        call.say(result(call.id, SECRET))
        call.end()

    script.on("create_ticket", handler)
    agent = shop()
    payment = agent.sign("create_ticket")
    with agent.open(agent.tool_call("create_ticket", None, payment, id=5)) as came:
        assert came.next().message == note("one") and agent.end().status == 200
        assert agent.call("search_kb", {"query": "x"}, id=5).status == 409
        gate.set()
        assert came.next().message["result"]["_meta"][RECEIPT]["success"] is True
    assert agent.gateway.wait_state(payment, "delivered")


def test_a_request_behind_a_sold_stream_on_one_connection(shop, script):
    script.on("create_ticket", stream(note("one"), answer(SECRET), note("behind")))
    agent = shop()
    messages = [agent.tool_call("create_ticket", None, agent.sign("create_ticket"), id="a"), agent.message("ping", id="b")]
    with Connection(agent.address) as connection:
        connection.send(b"".join(compose("POST", agent.path, agent.fields(), json.dumps(message).encode()) for message in messages))
        assert SECRET.encode() in connection.read().body
        assert connection.read().json() == {"jsonrpc": "2.0", "id": "b", "result": {}}


def test_a_server_that_never_stops_talking_behind_its_answer(shop, script):
    """Its caller has the answer at once; what comes behind it is neither kept nor passed on."""
    over = threading.Event()

    def handler(call):
        call.begin()
        call.say(result(call.id, SECRET))
        try:
            for _ in range(4000):
                call.write(b"data: " + b"x" * 65536)
        finally:
            over.set()

    script.on("create_ticket", handler)
    agent = shop()
    before = agent.gateway.resident_kib
    paid = agent.pay("create_ticket")
    assert paid.text == SECRET and paid.events == []
    assert over.wait(20) and agent.gateway.resident_kib < before + 64 * 1024


@pytest.mark.parametrize("more", [0, 1])
def test_an_answer_at_the_limit(shop, script, more):
    """The largest event is sold; one byte more is refused, and not charged."""
    bare = len(event(result(9, "")))
    script.on("create_ticket", stream(lambda call: event(result(call.id, "x" * ((4 << 20) - bare + more)))))
    agent = shop()
    payment = agent.sign("create_ticket")
    said = agent.call("create_ticket", payment=payment, id=9)
    if more:
        assert said.code == "answer_too_large" and said.refusal["charged"] is False
    else:
        assert said.receipt["success"] is True
    assert agent.gateway.wait_state(payment, "void" if more else "delivered")


def test_a_slow_reader_of_a_large_answer(shop, script):
    """It is delivered when the caller has it, and owed to one that never takes it."""
    text = "x" * (3 << 20)
    script.on("create_ticket", stream(note("one"), answer(text)))
    agent = shop()
    payment = agent.sign("create_ticket")
    with Connection(agent.address, receive_buffer=4096) as connection:
        connection.send(compose("POST", agent.path, agent.fields(), json.dumps(agent.tool_call("create_ticket", {}, payment)).encode()))
        wait_until(lambda: (agent.gateway.claim(payment) or {}).get("transaction"), 10, "it is paid")
        assert agent.gateway.claim(payment)["state"] != "delivered"
        connection.reset()
    claim = agent.gateway.wait_state(payment, "owed")
    given = agent.pay("create_ticket", {})
    assert given.receipt["transaction"] == claim["transaction"] and script.ran == ["create_ticket"], given.message


def test_an_answer_before_the_body_was_read(shop, script, upstream):
    """A server that judges by the head answers at once; the call is charged like any other, and its connection not used again."""
    agent = shop()
    arguments = {"filler": "x" * 900_000}
    payment = agent.sign("create_ticket", arguments)

    def early(exchange):
        exchange.answer(200, json.dumps(result(31, SECRET)), [("Content-Type", "application/json")])
        exchange.read_body()

    upstream.on("/mcp", early)
    paid = agent.call("create_ticket", arguments, payment, id=31)
    assert paid.text == SECRET and paid.receipt["success"] is True
    upstream.on("/mcp", script)
    assert agent.call("search_kb", {"query": "x"}).text == "done"


@pytest.mark.parametrize("tool", ["create_ticket", "send_reply"])
def test_killed_while_its_stream_is_live(shop, script, tool):
    """After: nothing was charged. First: what was paid for is owed, and a new signature does not pay again."""
    gate = threading.Event()

    def handler(call):
        call.begin()
        call.say(note("one"))
        gate.wait(10)

    script.on(tool, handler)
    agent = shop()
    payment = agent.sign(tool)
    came = agent.open(agent.tool_call(tool, None, payment))
    assert came.next().message == note("one")
    agent.gateway.kill()
    agent.gateway.restart()
    gate.set()
    script.on(tool, stream(answer(SECRET)))
    claim = agent.gateway.wait_state(payment, "void" if tool == "create_ticket" else "owed")
    later = agent.pay(tool)
    if tool == "create_ticket":
        assert later.text == SECRET and not claim.get("transaction")
    else:
        assert later.refusal["charged"] is True and later.code == "outcome_unknown", later.message
    assert len([claim for claim in agent.gateway.claims() if claim.get("transaction")]) == 1

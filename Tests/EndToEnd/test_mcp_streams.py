"""Streams of events: what is live passes at once, the answer waits for its money, and no resumed stream gives it away."""

import json
import threading

import pytest
from harness.agent import RECEIPT, Agent
from harness.http import Connection, compose, wait_until
from harness.streams import SESSION, Script, answer, event, note, result, stream

VERSIONS = ["1", "2"]
STEPS = {"steps": 2}
WITHHELD = -32001


def progress(event) -> int | None:
    message = event.message
    return message["params"]["progress"] if message.get("method") == "notifications/progress" else None


def joined(gateway, **options) -> Agent:
    agent = Agent(gateway.url + "/mcp", **options)
    agent.initialize()
    return agent


@pytest.fixture
def script(upstream):
    return Script(upstream)


@pytest.fixture
def scripted(script, upstream, sell):
    """An agent of a gateway before a server whose streams the test writes."""
    gateway = sell(upstream.url)
    agent = joined(gateway)
    agent.gateway = gateway
    return agent


# As it comes


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", [(), ("--stateless",)], ids=["sessions", "stateless"])
def test_progress_arrives_while_the_tool_is_held(held, sell, version, kind):
    """The tool goes on only when its caller has seen the step before."""
    desk = held(version, *kind)
    gateway = sell(desk)
    agent = joined(gateway)
    payment = agent.sign("export_tickets", STEPS)
    with agent.open(agent.tool_call("export_tickets", STEPS, payment, progress="p")) as came:
        assert came.response.receipt is None, "nothing of the settlement was known"
        assert came.response.header("Cache-Control") == "private, no-store", "it will be paid for"
        first = came.next()
        if not first.data:
            first = came.next()
        assert progress(first) == 1 and gateway.claim(payment)["state"] == "running"
        desk.step()
        assert progress(came.next()) == 2 and gateway.claim(payment)["state"] == "running"
        desk.step()
        last = came.next().message
        assert last["result"]["_meta"][RECEIPT]["success"] is True and "number,subject" in str(last)
        assert came.next() is None
    claim = gateway.wait_state(payment, "delivered")
    assert claim["transaction"] == last["result"]["_meta"][RECEIPT]["transaction"]
    assert desk.executions() == {"export_tickets": 1}


def test_a_free_stream_passes_live_too(held, sell):
    desk = held("2")
    agent = joined(sell(desk, tools={"export_tickets": "free"}))
    with agent.open(agent.tool_call("export_tickets", STEPS, progress=1)) as came:
        assert not came.next().data and progress(came.next()) == 1
        desk.step()
        assert progress(came.next()) == 2
        desk.step()
        assert came.next().message["result"]["content"] and came.next() is None


def test_what_is_no_answer_passes_and_what_is_anothers_does_not(script, scripted):
    """Requests to the client, logs and comments go through; answers to other calls, batches and nonsense do not."""
    asking = {"jsonrpc": "2.0", "id": 77, "method": "sampling/createMessage", "params": {}}
    script.on("create_ticket", stream(
        b": a comment\r\n\r\n", note("one"), asking, result(999, "another's"), lambda call: [result(call.id, "batched")],
        "no JSON at all", lambda call: result(str(call.id), "an id of another type"), event(note("two"), id="e2", name="message"),
        answer("mine"), answer("mine again"), note("three"),
    ))  # fmt: skip
    paid = scripted.pay("create_ticket")
    assert paid.text == "mine" and paid.receipt["success"] is True
    said = [event.message for event in paid.events]
    assert said[:2] == [note("one"), asking] and said[2] == note("two") and "another" not in str(said)
    assert [event.id for event in paid.events][2] == "e2"


@pytest.mark.parametrize("wrap", [
    lambda text: event(text, id="7", name="message"),
    lambda text: event(text).replace(b"\r\n", b"\n"),
    lambda text: event(text).replace(b"\r\n", b"\r"),
    lambda text: event(text).replace(b"data: ", b"data:"),
    lambda text: event(json.dumps(json.loads(text), indent=1)),
    lambda text: b"\xef\xbb\xbf" + event(text),
    lambda text: b"retry: 10\n: ping\n" + event(text),
])  # fmt: skip
@pytest.mark.parametrize("pieces", [1, 7])
def test_the_spellings_of_an_answer(script, scripted, wrap, pieces):
    """Whatever line ends, fields and pieces a server writes it in: it is the answer, and has its receipt."""

    def handler(call):
        data = wrap(json.dumps(result(call.id, "mine", _meta={"own": 1})))
        call.begin()
        for at in range(0, len(data), len(data) // pieces + 1):
            call.write(data[at : at + len(data) // pieces + 1])
        call.end()

    script.on("create_ticket", handler)
    payment = scripted.sign("create_ticket")
    with Connection(scripted.address) as connection:
        connection.send(compose("POST", "/mcp", scripted.fields(), json.dumps(scripted.tool_call("create_ticket", None, payment)).encode()))
        body = connection.read().body.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    data = "\n".join(line[5:] for line in body.split("\n") if line.startswith("data:"))
    meta = json.loads(data)["result"]["_meta"]
    assert meta["own"] == 1 and meta[RECEIPT]["success"] is True
    assert scripted.gateway.wait_state(payment, "delivered")


def test_an_answer_at_once_has_its_receipt_in_the_head_too(script, scripted):
    script.on("create_ticket", stream(answer()))
    paid = scripted.pay("create_ticket")
    assert paid.response.receipt == paid.receipt and paid.receipt["success"] is True


@pytest.mark.parametrize("handler", [
    stream(), stream(note("one")), stream(result(999)), lambda call: call.exchange.answer(202),
    lambda call: call.exchange.answer(204), lambda call: call.json(result(999)),
    lambda call: call.json([result(call.id)]), lambda call: call.exchange.answer(200, "text", {"Content-Type": "text/plain"}),
    lambda call: call.exchange.answer(200, b"\x1f\x8b..", [("Content-Type", "application/json"), ("Content-Encoding", "gzip")]),
], ids=["nothing", "no answer", "anothers", "202", "204", "json of anothers", "a batch", "text", "compressed"])  # fmt: skip
def test_an_answer_that_does_not_come_is_not_charged(script, scripted, handler):
    """Some servers give it elsewhere: it is not sold, and it is not free there either."""
    script.on("create_ticket", handler)
    payment = scripted.sign("create_ticket")
    said = scripted.call("create_ticket", payment=payment)
    assert said.refusal["charged"] is False and said.receipt is None, said.message
    assert scripted.gateway.wait_state(payment, "void")


@pytest.mark.parametrize("begins", [False, True])
def test_an_upstream_that_breaks_off(script, scripted, begins):
    def handler(call):
        call.begin()
        if begins:
            call.say(note("one"))
        call.write(event(result(call.id))[:-20])
        call.exchange.reset()

    script.on("create_ticket", handler)
    script.on("send_reply", handler)
    payment = scripted.sign("create_ticket")
    said = scripted.call("create_ticket", payment=payment)
    assert said.refusal["charged"] is False and scripted.gateway.wait_state(payment, "void")
    first = scripted.sign("send_reply")
    said = scripted.call("send_reply", payment=first)
    assert said.is_error and scripted.gateway.wait_state(first, "owed")
    if said.receipt:
        assert said.refusal["charged"] is True and said.receipt["success"] is True


# No way round by resuming


@pytest.mark.parametrize("version", VERSIONS)
def test_a_post_dropped_before_its_answer_is_had_by_a_get_once_it_is_settled(held, sell, version):
    desk = held(version)
    gateway = sell(desk)
    agent = joined(gateway)
    payment = agent.sign("export_tickets", {"steps": 1})
    came = agent.open(agent.tool_call("export_tickets", {"steps": 1}, payment, progress=1))
    first = came.next()
    assert first.id and progress(came.next()) == 1
    came.connection.reset()
    desk.step()
    claim = gateway.wait_state(payment, "owed", "delivered")
    with agent.listen(first.id) as again:
        assert progress(again.next()) == 1
        assert "number,subject" in str(again.next().message["result"])
    assert claim["transaction"] and len(gateway.claims()) == 1 and desk.executions() == {"export_tickets": 1}


@pytest.mark.parametrize("version", VERSIONS)
def test_while_it_is_not_settled_a_get_gives_progress_and_no_answer(held, sell, version):
    """Killed between the call and its settlement: the server has the answer, and nobody paid for it."""
    desk = held(version)
    gateway = sell(desk)
    agent = joined(gateway)
    payment = agent.sign("export_tickets", {"steps": 1})
    message = agent.tool_call("export_tickets", {"steps": 1}, payment, progress=1)
    came = agent.open(message)
    first = came.next()
    assert first.id and progress(came.next()) == 1
    gateway.kill()
    gateway.restart()
    desk.step()
    direct = Agent(desk.url)
    direct.session = agent.session

    def is_stored():
        with direct.listen(first.id) as stored:
            stored.next()
            try:
                return stored.next(0.3)
            except TimeoutError:
                return None

    assert "number,subject" in str(wait_until(is_stored, 20, "the server keeps the answer").message)
    with agent.listen(first.id) as again:
        assert progress(again.next()) == 1
        withheld = again.next().message
    assert withheld["error"]["code"] == WITHHELD and withheld["id"] == message["id"] and "number" not in str(withheld)
    assert gateway.claim(payment)["state"] == "void" and not gateway.claims()[0].get("transaction")


def test_an_answer_under_way_waits_for_its_settlement(script, scripted):
    """The server gives it on the listening stream while the call itself still runs."""
    gate = threading.Event()
    ids = []

    def handler(call):
        ids.append(call.id)
        call.begin()
        call.say(note("one"))
        gate.wait(30)
        call.say(result(call.id, "worth money"))
        call.end()

    script.on("create_ticket", handler)
    with scripted.listen() as listening:
        assert script.listening.wait(10)
        payment = scripted.sign("create_ticket")
        with scripted.open(scripted.tool_call("create_ticket", None, payment)) as came:
            assert came.next().message == note("one")
            script.listener.say(note("before"), result(ids[0], "worth money"), note("behind"))
            assert listening.next().message == note("before")
            assert listening.silent(0.5)
            gate.set()
            assert came.next().message["result"]["_meta"][RECEIPT]["success"] is True
        assert "worth money" in str(listening.next().message["result"])
        assert listening.next().message == note("behind")


def test_answers_of_which_nothing_is_known_are_withheld(script, scripted):
    known = scripted.call("search_kb", {"query": "x"}, id="free")
    assert known.text == "done"
    script.on("close_ticket", lambda call: call.json(result(call.id, "no such ticket", isError=True)))
    assert scripted.pay("close_ticket", id="failed").is_error
    paid = scripted.pay("create_ticket", id="paid")
    assert paid.receipt["success"]
    unpaid = scripted.call("create_ticket", id="unpaid")
    assert unpaid.terms
    script.on("create_ticket", lambda call: call.exchange.answer(202))
    assert scripted.pay("create_ticket", id="elsewhere").refusal["charged"] is False
    with scripted.listen() as listening:
        assert script.listening.wait(10)
        script.listener.say(note("hello"))
        assert listening.next().message == note("hello")
        for id, passes in (("free", True), ("paid", True), ("failed", True), ("elsewhere", False), ("unpaid", False), ("never", False)):
            script.listener.say(result(id, "given again"))
            message = listening.next().message
            assert message["id"] == id and ("result" in message) == passes, message
            assert passes or message["error"]["code"] == WITHHELD
        script.listener.say([result("never")], note("end"))
        assert listening.next().message == note("end")


def test_an_id_is_not_used_twice(script, scripted):
    """A server that keeps its streams by id would give one call's answer on the other's."""
    gate = threading.Event()

    def handler(call):
        gate.wait(30)
        call.json(result(call.id))

    script.on("search_kb", handler)
    free = threading.Thread(target=scripted.call, args=("search_kb", {"query": "x"}), kwargs={"id": 5})
    free.start()
    wait_until(lambda: script.ran == ["search_kb"], 10)
    payment = scripted.sign("create_ticket")
    twice = scripted.call("create_ticket", payment=payment, id=5)
    assert "create_ticket" not in script.ran and twice.code == "id_in_use", twice.message
    gate.set()
    free.join()
    assert scripted.call("create_ticket", payment=payment, id=6).receipt["success"] is True
    script.on("create_ticket", lambda call: call.exchange.answer(202))
    assert scripted.pay("create_ticket", id=8).refusal["charged"] is False
    again = scripted.call("search_kb", {"query": "x"}, id=8)
    assert again.status in (200, 409) and script.ran.count("search_kb") == 1, "nor to free what was withheld"


def test_another_session_frees_nothing(script, scripted):
    """Whoever names a session of his own making, or another's, hears no answer that was not paid for there."""
    assert scripted.pay("create_ticket", id="paid").receipt["success"]
    for session in (None, "made-up", SESSION + " "):
        stranger = Agent(scripted.gateway.url + "/mcp")
        stranger.session = session
        script.listening.clear()
        with stranger.listen() as listening:
            assert script.listening.wait(10)
            script.listener.say(result("paid", "worth money"))
            if (session or "").strip() == SESSION:
                continue
            assert listening.next().message["error"]["code"] == WITHHELD


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("tool,arguments", [("create_ticket", {"subject": "mine"}), ("send_reply", {"number": 7, "text": "x"})])
def test_what_one_session_bought_another_does_not_hear(desks, sell, version, tool, arguments):
    """The servers keep the streams of all sessions in one store, by the id of the request alone: a stream of one's own, resumed,
    would tell what others were sold under that id."""
    gateway = sell(desks(version))
    spy, buyer = joined(gateway), joined(gateway)
    with spy.open(spy.tool_call("search_kb", {"query": "refunds"}, id="same")) as own:
        first = own.next()
        assert first.id and "14 days" in own.next().data
    payment = buyer.sign(tool, arguments)
    with buyer.open(buyer.tool_call(tool, arguments, payment, id="same")) as came:
        started = came.next()
        assert came.next().message["result"]["_meta"][RECEIPT]["success"] is True
    with spy.listen(first.id) as again:
        assert "14 days" in again.next().data, "its own it may have again"
        assert again.next().message["error"]["code"] == WITHHELD
    with spy.listen(started.id) as again:
        assert again.next().message["error"]["code"] == WITHHELD
    with buyer.listen(started.id) as again:
        assert again.next().message["result"]["content"], "and so may the buyer"


# Streams to listen on


def test_a_listening_stream_stays_open(script, upstream, sell):
    """No total time-out, and none between two events, ends it."""
    config = {"upstreams": {"helpdesk": {"url": upstream.url, "timeouts": {"total": "2s", "first_byte": "2s", "idle": "2s"}}}}
    gateway = sell(upstream.url, top=config)
    agent = joined(gateway)
    with agent.listen() as listening:
        assert listening.response.status == 200 and script.listening.wait(10)
        assert listening.silent(3.5)
        script.listener.say(note("late"))
        assert listening.next().message == note("late")
        assert agent.call("search_kb", {"query": "x"}).text == "done"


@pytest.mark.parametrize("version", VERSIONS)
def test_a_listening_stream_of_a_real_server(desks, sell, version):
    agent = joined(sell(desks(version)))
    with agent.listen() as listening:
        assert listening.response.status == 200
        assert agent.pay("create_ticket", {"subject": "x"}).receipt["success"] is True
        assert listening.silent(1)


def test_a_client_that_leaves_its_listening_stream_frees_the_upstreams(script, scripted):
    listening = scripted.listen()
    assert script.listening.wait(10)
    listening.connection.close()
    wait_until(lambda: script.listener.exchange.keep is False, 10, "the gateway closed its side")


def test_the_older_transport_is_refused(script, scripted):
    """HTTP+SSE (2024-11-05): the answers would come on another stream than the calls."""

    def old(call):
        call.begin()
        call.say("/messages?session=1", name="endpoint")
        call.exchange.peer_closed()
        call.exchange.keep = False

    script.on_listen = old
    with scripted.listen() as listening:
        assert listening.response.status == 502
        assert json.loads(listening.body())["error"] == "old_transport"


def test_a_get_that_answers_with_json(script, scripted):
    """It could be any answer: nothing but a stream is a stream."""
    script.on_listen = lambda call: call.json(result("paid", "worth money"))
    with scripted.listen() as listening:
        assert listening.response.status == 502
        assert b"worth money" not in listening.body()


@pytest.mark.parametrize("status", [401, 404, 405])
def test_a_get_that_is_refused_passes(script, scripted, status):
    script.on_listen = lambda call: call.exchange.answer(status, "no", {"WWW-Authenticate": "Bearer"}, reason="No")
    with scripted.listen() as listening:
        assert listening.response.status == status and listening.response.header("WWW-Authenticate") == "Bearer"

"""Ways round the price of a tool: each is refused or charged, and the tool does not run."""

import gzip
import json

import pytest
from harness.agent import ACCEPT, PAYMENT, STATELESS_REVISION, Agent, dump
from harness.http import Connection, compose
from harness.wallet import encode

CALL = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"create_ticket","arguments":{"subject":"x"}}}'
FREE = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search_kb","arguments":{"query":"x"}}}'
ARGUMENTS = b'"arguments":{"subject":"x"}'
PARSE, INVALID, METHOD, PARAMS, MISMATCH = -32700, -32600, -32601, -32602, -32020
CHARGED = "charged"


def call(params: bytes, id: bytes = b"1", method: bytes = b'"tools/call"') -> bytes:
    return b'{"jsonrpc":"2.0","id":' + id + b',"method":' + method + b',"params":' + params + b"}"


def named(name: str) -> bytes:
    return call(b'{"name":"' + name.encode() + b'",' + ARGUMENTS + b"}")


EVASIONS = {
    # Two readings of one body
    "name twice, the free one last": (call(b'{"name":"create_ticket","name":"search_kb",' + ARGUMENTS + b"}"), PARSE),
    "name twice, the free one first": (call(b'{"name":"search_kb","name":"create_ticket",' + ARGUMENTS + b"}"), PARSE),
    "name twice, once escaped": (call(b'{"name":"search_kb","\\u006eame":"create_ticket",' + ARGUMENTS + b"}"), PARSE),
    "method twice": (
        b'{"jsonrpc":"2.0","id":1,"method":"tools/list","method":"tools/call","params":{"name":"create_ticket"}}', PARSE),
    "params twice": (
        b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search_kb"},"params":{"name":"create_ticket"}}',
        PARSE),
    "id twice": (b'{"jsonrpc":"2.0","id":1,"id":2,"method":"tools/call","params":{"name":"create_ticket"}}', PARSE),
    "a key twice in arguments": (call(b'{"name":"create_ticket","arguments":{"subject":"x","subject":"y"}}'), PARSE),
    "Name beside name": (call(b'{"name":"search_kb","Name":"create_ticket",' + ARGUMENTS + b"}"), INVALID),
    "NAME alone": (call(b'{"NAME":"create_ticket",' + ARGUMENTS + b"}"), INVALID),
    "Method beside method": (
        b'{"jsonrpc":"2.0","id":1,"method":"ping","Method":"tools/call","params":{"name":"create_ticket"}}', INVALID),
    "a long s in params": (
        '{"jsonrpc":"2.0","id":1,"method":"tools/call","param\u017f":{"name":"create_ticket"}}'.encode(), INVALID),
    "bytes behind the value": (CALL + b"{}", PARSE),
    "another message behind it": (CALL + b"\n" + CALL, PARSE),
    "a comment": (CALL.replace(b'"id":1', b'/* */"id":1'), PARSE),
    "a comma too many": (CALL.replace(b"}}}", b"}},}"), PARSE),
    "single quotes": (CALL.replace(b'"', b"'"), PARSE),
    "a NUL behind it": (CALL + b"\0", PARSE),
    "not a number": (CALL.replace(b'"x"', b"NaN"), PARSE),
    # Encodings
    "a byte order mark": (b"\xef\xbb\xbf" + CALL, PARSE),
    "UTF-16": (CALL.decode().encode("utf-16-le"), PARSE),
    "UTF-16 with a mark": (CALL.decode().encode("utf-16"), PARSE),
    "UTF-32": (CALL.decode().encode("utf-32"), PARSE),
    "overlong UTF-8": (CALL.replace(b"create_ticket", b"\xc1\xa3reate_ticket"), PARSE),
    "a lone surrogate": (call(b'{"name":"create_ticket\\ud800",' + ARGUMENTS + b"}"), (PARSE, PARAMS)),
    "bad UTF-8 in a string": (CALL.replace(b'"x"', b'"\xff"'), PARSE),
    # Names that are and that are not the tool's
    "escaped": (call(b'{"name":"\\u0063reate_ticket",' + ARGUMENTS + b"}"), CHARGED),
    "escaped whole": (
        call(b'{"name":"' + b"".join(b"\\u%04x" % c for c in b"create_ticket") + b'",' + ARGUMENTS + b"}"), CHARGED),
    "an escaped key": (call(b'{"\\u006eame":"create_ticket",' + ARGUMENTS + b"}"), CHARGED),
    "an escaped method": (call(b'{"name":"create_ticket",' + ARGUMENTS + b"}", method=b'"tools\\/call"'), CHARGED),
    "spaces everywhere": (CALL.replace(b":", b" :\r\n\t ").replace(b",", b" , "), CHARGED),
    "a _meta beside": (call(b'{"_meta":{"progressToken":1},"name":"create_ticket",' + ARGUMENTS + b"}"), CHARGED),
    "upper case": (named("Create_Ticket"), PARAMS),
    "a Cyrillic letter": (named("\u0441reate_ticket"), PARAMS),
    "a fullwidth letter": (named("\uff43reate_ticket"), PARAMS),
    "a combining mark": (named("create_ticke\u0074\u0301"), PARAMS),
    "a zero-width joiner": (named("create\u200d_ticket"), PARAMS),
    "a space behind": (named("create_ticket "), PARAMS),
    "a space before": (named(" create_ticket"), PARAMS),
    "a NUL in the name": (call(b'{"name":"create_ticket\\u0000",' + ARGUMENTS + b"}"), PARAMS),
    "a line feed in the name": (call(b'{"name":"create_ticket\\n",' + ARGUMENTS + b"}"), PARAMS),
    "a slash before": (named("/create_ticket"), PARAMS),
    "a huge name": (named("create_ticket" + "x" * 4096), PARAMS),
    "the method in capitals": (call(b'{"name":"create_ticket"}', method=b'"Tools/Call"'), (METHOD, INVALID, None)),
    "a space behind the method": (call(b'{"name":"create_ticket"}', method=b'"tools/call "'), (METHOD, INVALID, None)),
    # Shapes
    "without params": (b'{"jsonrpc":"2.0","id":1,"method":"tools/call"}', PARAMS),
    "params null": (call(b"null"), PARAMS),
    "params a list": (call(b'["create_ticket",{"subject":"x"}]'), PARAMS),
    "params a text": (call(b'"{\\"name\\":\\"create_ticket\\"}"'), PARAMS),
    "params in params": (call(b'{"params":{"name":"create_ticket",' + ARGUMENTS + b"}}"), PARAMS),
    "a free name outside, the tool inside": (call(b'{"name":"search_kb","params":{"name":"create_ticket"}}'), None),
    "the name outside params": (
        b'{"jsonrpc":"2.0","id":1,"method":"tools/call","name":"create_ticket","params":{"arguments":{"subject":"x"}}}',
        PARAMS),
    "name a list": (call(b'{"name":["create_ticket"],' + ARGUMENTS + b"}"), PARAMS),
    "name an object": (call(b'{"name":{"name":"create_ticket"}}'), PARAMS),
    "name null": (call(b'{"name":null}'), PARAMS),
    "no name": (call(b"{" + ARGUMENTS + b"}"), PARAMS),
    "arguments a text": (call(b'{"name":"create_ticket","arguments":"{}"}'), PARAMS),
    "a text": (b'"tools/call"', INVALID),
    "a number": (b"1", INVALID),
    "null": (b"null", INVALID),
    "nothing": (b"", PARSE),
    "spaces": (b"  ", PARSE),
    "another version": (CALL.replace(b'"2.0"', b'"1.0"'), INVALID),
    "no version": (CALL.replace(b'"jsonrpc":"2.0",', b""), INVALID),
    "deep": (call(b'{"name":"create_ticket","arguments":{"subject":' + b"[" * 5000 + b"]" * 5000 + b"}}"), PARSE),
    "a request and a response": (CALL.replace(b'"id":1', b'"id":1,"result":{}'), INVALID),
    # Batches
    "a batch of one": (b"[" + CALL + b"]", INVALID),
    "a batch behind a free call": (b"[" + FREE + b"," + CALL.replace(b'"id":1', b'"id":2') + b"]", INVALID),
    "a batch in a batch": (b"[[" + CALL + b"]]", INVALID),
    "an empty batch": (b"[]", INVALID),
    "a huge batch": (b"[" + b",".join([FREE] * 5000) + b"," + CALL + b"]", INVALID),
    "a batch with a payment": (
        b"[" + call(b'{"name":"search_kb","_meta":{"x402/payment":{}},"arguments":{"query":"x"}}') + b"]", INVALID),
    # Ids
    "no id: a notification": (CALL.replace(b'"id":1,', b""), INVALID),
    "id null": (CALL.replace(b'"id":1', b'"id":null'), INVALID),
    "id true": (CALL.replace(b'"id":1', b'"id":true'), INVALID),
    "id a list": (CALL.replace(b'"id":1', b'"id":[1]'), INVALID),
    "id an object": (CALL.replace(b'"id":1', b'"id":{"a":1}'), INVALID),
    "id a fraction": (CALL.replace(b'"id":1', b'"id":1.5'), INVALID),
    "id with a point": (CALL.replace(b'"id":1', b'"id":1.0'), INVALID),
    "id with an exponent": (CALL.replace(b'"id":1', b'"id":1e0'), INVALID),
    "id beyond doubles": (CALL.replace(b'"id":1', b'"id":9007199254740993'), INVALID),
    "id of a million digits": (CALL.replace(b'"id":1', b'"id":' + b"1" * 900_000), INVALID),
    "a huge text as id": (CALL.replace(b'"id":1', b'"id":"' + b"x" * 100_000 + b'"'), INVALID),
    "id a text": (CALL.replace(b'"id":1', b'"id":"one"'), CHARGED),
    "id an empty text": (CALL.replace(b'"id":1', b'"id":""'), CHARGED),
    "id an escaped text": (CALL.replace(b'"id":1', b'"id":"\\u0041\\""'), CHARGED),
    "id zero": (CALL.replace(b'"id":1', b'"id":0'), CHARGED),
    "id negative": (CALL.replace(b'"id":1', b'"id":-7'), CHARGED),
    "id the largest integer": (CALL.replace(b'"id":1', b'"id":9007199254740991'), CHARGED),
    # A payment that is none
    "payment null": (call(b'{"name":"create_ticket","_meta":{"x402/payment":null},' + ARGUMENTS + b"}"), CHARGED),
    "payment true": (call(b'{"name":"create_ticket","_meta":{"x402/payment":true},' + ARGUMENTS + b"}"), CHARGED),
    "payment a list": (call(b'{"name":"create_ticket","_meta":{"x402/payment":[1]},' + ARGUMENTS + b"}"), CHARGED),
    "payment {}": (call(b'{"name":"create_ticket","_meta":{"x402/payment":{}},' + ARGUMENTS + b"}"), CHARGED),
    "payment empty": (call(b'{"name":"create_ticket","_meta":{"x402/payment":""},' + ARGUMENTS + b"}"), CHARGED),
    "payment nonsense": (call(b'{"name":"create_ticket","_meta":{"x402/payment":"e30="},' + ARGUMENTS + b"}"), CHARGED),
    "payment twice": (
        call(b'{"name":"create_ticket","_meta":{"x402/payment":{},"x402/payment":{}},' + ARGUMENTS + b"}"), PARSE),
    "_meta a text": (call(b'{"name":"create_ticket","_meta":"{}",' + ARGUMENTS + b"}"), PARAMS),
    "payment outside _meta": (call(b'{"name":"create_ticket","x402/payment":{},' + ARGUMENTS + b"}"), CHARGED),
    "a task": (call(b'{"name":"create_ticket","task":{"ttl":60000},' + ARGUMENTS + b"}"), "task_is_priced"),
}


@pytest.fixture(scope="module")
def desk(desks):
    return desks("2", "--json", "--stateless")


@pytest.fixture
def agent(desk, sell):
    desk.mark()
    return Agent(sell(desk).url + "/mcp")


def test_the_table(desk, agent):
    """Each over a connection of its own; one gateway sees them all."""
    wrong = {}
    for name, (body, expected) in EVASIONS.items():
        answer = agent.post(body)
        if expected == CHARGED:
            good = answer.status == 200 and isinstance(answer.message, dict) and "result" in answer.message
            good = good and answer.terms["amount"] == "20000"
        elif isinstance(expected, str):
            good = answer.code == expected
        else:
            code = answer.message.get("error", {}).get("code") if isinstance(answer.message, dict) else None
            good = code in (expected if isinstance(expected, tuple) else (expected,))
            good = good and (code is None or answer.status == 400 or answer.status == 200 and code in (PARAMS, METHOD))
        ran = desk.executions()
        if not good or "create_ticket" in ran:
            wrong[name] = (expected, answer.status, answer.raw[:200], ran)
            desk.mark()
    assert not wrong, "\n".join(f"{name}: {what}" for name, what in wrong.items())
    assert agent.request("ping").result == {}


@pytest.mark.parametrize("id", [b"1", b"0", b"-7", b'"one"', b'""', b'"\\u0041\\/"', b"9007199254740991"])
def test_the_id_comes_back_byte_for_byte(agent, id):
    assert b'"id":' + id + b"," in agent.post(CALL.replace(b'"id":1', b'"id":' + id)).raw
    denied = agent.post(named("unheard_of").replace(b'"id":1', b'"id":' + id))
    assert b'"id":' + id + b"," in denied.raw and denied.error["code"] == PARAMS


def test_a_name_written_in_escapes_is_paid_for_and_runs(desk, agent):
    """What every reader makes of it is the tool: it is sold as that."""
    terms = agent.post(CALL).terms
    meta = b'"_meta":{"x402/payment":' + json.dumps(agent.wallet.payment_v2(terms)).encode() + b"},"
    paid = agent.post(call(b"{" + meta + b'"name":"\\u0063reate_ticket",' + ARGUMENTS + b"}"))
    assert paid.receipt["success"] is True and desk.executions() == {"create_ticket": 1}


def test_a_batch_without_a_price_passes(desks, sell, upstream):
    """Revision 2025-03-26 has batches; this server need not."""
    gateway = sell(upstream.url)
    body = b"[" + FREE + b',{"jsonrpc":"2.0","method":"notifications/progress"}]'
    assert gateway.fetch("/mcp", "POST", {"Content-Type": "application/json", "Accept": ACCEPT}, body).status == 200
    assert body in [asked.body for asked in upstream.asked("/mcp")]


FREE_FIELDS = {"MCP-Protocol-Version": STATELESS_REVISION, "Mcp-Method": "tools/call"}
HEAD_AND_BODY = {
    "another name": FREE_FIELDS | {"Mcp-Name": "search_kb"},
    "another method": FREE_FIELDS | {"Mcp-Method": "tools/list", "Mcp-Name": "create_ticket"},
    "no method": {"MCP-Protocol-Version": STATELESS_REVISION, "Mcp-Name": "create_ticket"},
    "no name": FREE_FIELDS,
    "a name in capitals": FREE_FIELDS | {"Mcp-Name": "CREATE_TICKET"},
    "a name in base64": FREE_FIELDS | {"Mcp-Name": "=?base64?c2VhcmNoX2ti?="},
    "an older revision, another name": {"Mcp-Method": "tools/call", "Mcp-Name": "search_kb"},
}


@pytest.mark.parametrize("case", HEAD_AND_BODY)
def test_head_and_body_disagree(desk, agent, case):
    answer = agent.post(CALL, HEAD_AND_BODY[case])
    assert answer.status == 400 and answer.error["code"] == MISMATCH and desk.executions() == {}


@pytest.mark.parametrize("twice", ["Mcp-Name", "Mcp-Method"])
def test_a_routing_field_that_came_twice(desk, agent, twice):
    fields = list(agent.fields(FREE_FIELDS | {"Mcp-Name": "create_ticket"}).items())
    fields += [(twice, "search_kb" if twice == "Mcp-Name" else "tools/list")]
    with Connection(agent.address) as connection:
        connection.send(compose("POST", "/mcp", fields, CALL))
        answer = connection.read()
    assert answer.status == 400 and answer.json()["error"]["code"] == MISMATCH and desk.executions() == {}


@pytest.mark.parametrize("fields,body,status", [
    ({"Content-Encoding": "gzip"}, gzip.compress(CALL), 415),
    ({"Content-Encoding": "identity, gzip"}, gzip.compress(CALL), 415),
    ({"Content-Type": "application/json; charset=utf-16"}, CALL, 415),
    ({"Content-Type": "application/json; charset=iso-8859-1"}, CALL, 415),
    ({}, CALL.replace(b'"x"', b'"' + b"x" * (1 << 20) + b'"'), 413),
])  # fmt: skip
def test_what_cannot_be_judged_is_not_forwarded(desk, agent, fields, body, status):
    answer = agent.post(body, fields)
    assert answer.status == status and "error" in answer.message and desk.executions() == {}


def test_utf_8_by_name_is_what_it_always_was(agent):
    assert agent.post(CALL, {"Content-Type": 'application/json; charset="UTF-8"'}).terms


@pytest.mark.parametrize("method", ["PUT", "PATCH", "TRACE"])
def test_methods_that_the_protocol_has_not(desk, agent, method):
    """A server that takes a call by PUT would otherwise give it away."""
    with agent.open(CALL, method=method) as stream:
        assert stream.response.status in (405, 501) and desk.executions() == {}


def test_a_call_in_the_target(desk, agent):
    """GET with a body or a query is a listening stream, not a call."""
    agent.path = "/mcp?method=tools%2Fcall&name=create_ticket"
    with agent.open(CALL, method="GET") as stream:
        assert stream.response.status >= 400
    assert desk.executions() == {}


@pytest.mark.parametrize("path", ["/mcp/", "//mcp", "/./mcp", "/mcp;x", "/MCP", "/%6dcp", "/mcp%2f"])
def test_spellings_of_the_path(desk, agent, path):
    """Each leads to the priced route or nowhere."""
    agent.path = path
    answer = agent.post(CALL)
    assert answer.status in (400, 404) or answer.terms
    assert desk.executions() == {}


def test_payments_that_differ_in_head_and_body(desk, agent):
    one, other = agent.sign("create_ticket", {"subject": "x"}), agent.sign("create_ticket", {"subject": "x"})
    refused = agent.call("create_ticket", {"subject": "x"}, one, headers={"PAYMENT-SIGNATURE": encode(other)})
    assert refused.code == "several_payments" and refused.receipt is None and desk.executions() == {}
    same = agent.call("create_ticket", {"subject": "x"}, one, headers={"PAYMENT-SIGNATURE": encode(one)})
    assert same.receipt["success"] is True and desk.executions() == {"create_ticket": 1}


def test_a_payment_for_one_tool_buys_no_other(desk, agent):
    """Dearer, cheaper, or of other arguments: an authorization is honoured for the call it came with first."""
    cheap = agent.sign("ticket_state", {"number": 1})
    dear = agent.call("send_reply", {"number": 1, "text": "x"}, cheap)
    assert dear.required["error"] and desk.executions() == {}
    payment = agent.sign("create_ticket", {"subject": "x"})
    assert agent.call("create_ticket", {"subject": "x"}, payment).receipt["success"] is True
    for tool, arguments in (("create_ticket", {"subject": "y"}), ("close_ticket", {"number": 1})):
        assert agent.call(tool, arguments, payment).required["error"] == "invalid_exact_evm_nonce_already_used"
    assert desk.executions() == {"create_ticket": 1}


def test_a_payment_on_a_free_call_is_cut_out_and_not_taken(sell, upstream):
    gateway = sell(upstream.url)
    agent = Agent(gateway.url + "/mcp")
    message = agent.tool_call("search_kb", {"query": "x"}, agent.wallet.payment_v2(agent.call("create_ticket").terms))
    agent.post(message)
    # Beside it the gateway itself asks for the tools.
    (forwarded,) = [asked for asked in upstream.asked("/mcp") if b'"tools/call"' in asked.body]
    received = json.loads(forwarded.body)
    assert received["params"]["_meta"] == {} and PAYMENT not in forwarded.body.decode()
    assert forwarded.header("Content-Length") == str(len(forwarded.body)) and gateway.claims() == []
    assert dump(message).startswith(forwarded.body[:40])

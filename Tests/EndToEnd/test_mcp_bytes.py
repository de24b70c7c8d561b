"""Over random JSON-RPC bodies: what the upstream receives differs from what was sent only in the removed payment."""

import json
import os
import random

import pytest
from harness.agent import PAYMENT, RECEIPT, Agent
from harness.http import Connection, compose
from harness.wallet import encode

SEED = int(os.environ.get("BYTES_SEED", random.randrange(1 << 32)))
ROUNDS = 150
SPACES = ["", "", "", " ", "\n", "\t", "\r\n  "]
TEXTS = ["x", "", "\\u0041\\n", "ä", "日本", "\\ud83d\\ude00", "😀", "a\\/b", "{}", "x402/payment", '\\"', "_meta", "payment"]
KEYS = ["k", "é", "x402/paymen", "X", "\\u0078"]
SCALARS = ["0", "-1", "1e3", "1.50", "true", "false", "null", "123456789012345678901234567890"]


class Writer:
    """Writes JSON as no library would: any order, any spaces, any escapes, each key once."""

    def __init__(self, random: random.Random):
        self.random = random

    def space(self) -> str:
        return self.random.choice(SPACES)

    def text(self) -> str:
        return '"' + "".join(self.random.choices(TEXTS, k=self.random.randrange(4))) + '"'

    def members(self, members: list[tuple[str, str]]) -> str:
        self.random.shuffle(members)
        written = (f"{self.space()}{key}{self.space()}:{self.space()}{value}{self.space()}" for key, value in members)
        return "{" + (",".join(written) if members else self.space()) + "}"

    def fillers(self, count: int) -> list[tuple[str, str]]:
        return [(f'"{self.random.choice(KEYS)}{n}"', self.value(2)) for n in range(count)]

    def value(self, depth: int) -> str:
        kind = self.random.randrange(4 if depth else 2)
        if kind == 0:
            return self.text()
        if kind == 1:
            return self.random.choice(SCALARS)
        count = self.random.randrange(4)
        if kind == 2:
            return "[" + ",".join(self.space() + self.value(depth - 1) + self.space() for _ in range(count)) + "]"
        return self.members(self.fillers(count))

    def key(self, name: str) -> str:
        """A key as it is, or with a letter escaped."""
        if self.random.randrange(4):
            return f'"{name}"'
        at = self.random.randrange(len(name))
        return f'"{name[:at]}\\u{ord(name[at]):04x}{name[at + 1 :]}"'

    def call(self, tool: str, payment: str | None, id: str) -> str:
        """A whole `tools/call`; `payment` is a JSON text."""
        meta = self.fillers(self.random.randrange(3)) + ([(self.key(PAYMENT), payment)] if payment else [])
        params = [(self.key("name"), f'"{tool}"'), *self.fillers(self.random.randrange(2))]
        if meta or self.random.randrange(2):
            params.append((self.key("_meta"), self.members(meta)))
        if self.random.randrange(4):
            params.append((self.key("arguments"), self.members(self.fillers(self.random.randrange(4)))))
        message = [(self.key("jsonrpc"), '"2.0"'), (self.key("method"), '"tools/call"'), (self.key("id"), id)]
        message += [(self.key("params"), self.members(params)), *self.fillers(self.random.randrange(2))]
        return self.space() + self.members(message) + self.space()


def cut_of(sent: bytes, received: bytes, value: bytes) -> bytes:
    """What stands in `sent` and not in `received`, where that is one run of bytes around `value`."""
    gap, at = len(sent) - len(received), sent.index(value)
    for start in range(max(0, at + len(value) - gap), at):
        if sent[:start] + sent[start + gap :] == received:
            return sent[start : start + gap]
    raise AssertionError(f"not one cut around the payment:\n{sent!r}\n{received!r}")


@pytest.mark.parametrize("tool", ["search_kb", "create_ticket"])
def test_nothing_but_the_payment_is_missing(sell, upstream, tool):
    def said(exchange):
        message = json.loads(exchange.read_body())
        exchange.answer(200, json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": {"content": []}}), {"Content-Type": "application/json"})

    upstream.on("/mcp", said)
    gateway = sell(upstream.url, tools={"search_kb": "free", "create_ticket": "$0.0001"})
    agent = Agent(gateway.url + "/mcp")
    writer = Writer(random.Random(f"{SEED} {tool}"))
    terms = agent.call("create_ticket").terms
    forms = [json.dumps, lambda payment: json.dumps(json.dumps(payment)), lambda payment: json.dumps(encode(payment))]
    with Connection(agent.address) as connection:
        for turn in range(ROUNDS):
            is_paid = tool == "create_ticket" or writer.random.randrange(2)
            payment = writer.random.choice(forms)(agent.wallet.payment_v2(terms)) if is_paid else None
            sent = writer.call(tool, payment, writer.random.choice([str(turn), f'"id {turn}"'])).encode()
            before = len(upstream.asked("/mcp"))
            connection.send(compose("POST", "/mcp", agent.fields(), sent))
            response = connection.read()
            where = f"BYTES_SEED={SEED}, turn {turn}: {sent!r}"
            assert response.status == 200, (response.status, response.body, where)
            assert response.json().get("result", {}).get("content") == [], (response.body, where)
            (asked,) = upstream.asked("/mcp")[before:]
            assert asked.header("Content-Length") == str(len(asked.body)), where
            if not is_paid:
                assert asked.body == sent, where
                continue
            cut = cut_of(sent, asked.body, payment.encode())
            key, _, value = cut.strip(b", \t\r\n").partition(b":")
            assert json.loads(key) == PAYMENT and value.strip() == payment.encode() and cut.count(b",") - payment.count(",") <= 1, where
            expected = json.loads(sent)
            del expected["params"]["_meta"][PAYMENT]
            assert json.loads(asked.body) == expected, where
            receipt = response.json()["result"].get("_meta", {}).get(RECEIPT)
            assert (receipt is not None and receipt["success"]) == (tool == "create_ticket"), where

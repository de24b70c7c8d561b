"""A server of tools on raw sockets whose streams a test writes event by event."""

import json
import threading

from .upstream import Exchange

SESSION = "session-of-the-server"


def event(message, id: str | None = None, name: str | None = None) -> bytes:
    text = message if isinstance(message, str) else json.dumps(message)
    fields = ([f"id: {id}"] if id else []) + ([f"event: {name}"] if name else [])
    return "".join(f"{line}\r\n" for line in [*fields, *(f"data: {line}" for line in text.split("\n")), ""]).encode()


def result(id, text: str = "done", **members) -> dict:
    return {"jsonrpc": "2.0", "id": id, "result": {"content": [{"type": "text", "text": text}]} | members}


def note(text: str) -> dict:
    return {"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": text}}


class Script:
    """Answers messages as an MCP server does; `on(tool, handler)` says what a tool does with its `Call`."""

    def __init__(self, upstream):
        self.tools, self.ran = {}, []
        self.listening = threading.Event()
        self.listener: Call | None = None
        self.on_listen = None
        upstream.on("/mcp", self)

    def on(self, tool: str, handler):
        self.tools[tool] = handler

    def __call__(self, exchange: Exchange):
        if exchange.request.method == "GET":
            self.listener = Call(exchange, None)
            self.listening.set()
            return (self.on_listen or Call.stay)(self.listener)
        body = exchange.read_body()
        if exchange.request.method == "DELETE":
            return exchange.answer(200)
        message = json.loads(body)
        call = Call(exchange, message)
        match message.get("method"):
            case "initialize":
                made = {"protocolVersion": "2025-11-25", "capabilities": {}, "serverInfo": {"name": "script", "version": "1"}}
                call.json(call.of(result=made), [("Mcp-Session-Id", SESSION)])
            case "tools/call":
                tool = message["params"]["name"]
                self.ran.append(tool)
                self.tools.get(tool, lambda call: call.json(result(call.id)))(call)
            case None | "notifications/initialized":
                exchange.answer(202)
            case _:
                call.json(call.of(result={}))


class Call:
    """One request to the server, and its answer as a test writes it."""

    def __init__(self, exchange: Exchange, message: dict | None):
        self.exchange, self.message = exchange, message

    @property
    def id(self):
        return self.message["id"]

    def of(self, **member) -> dict:
        return {"jsonrpc": "2.0", "id": self.id} | member

    def json(self, message, headers=()):
        self.exchange.answer(200, json.dumps(message), [("Content-Type", "application/json"), *headers])

    def begin(self):
        self.exchange.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        return self

    def write(self, data: bytes):
        self.exchange.send(b"%x\r\n%b\r\n" % (len(data), data))

    def say(self, *messages, **fields):
        for message in messages:
            self.write(event(message, **fields))

    def end(self):
        self.exchange.send("0\r\n\r\n")

    def stay(self):
        """An open stream that says nothing, until the gateway closes it."""
        self.begin()
        self.exchange.peer_closed(within=60)
        self.exchange.keep = False


def stream(*messages):
    """A handler that says these in one stream; a callable is given the call and gives the message."""

    def handler(call: Call):
        call.begin()
        for message in messages:
            data = message(call) if callable(message) else message
            call.write(data) if isinstance(data, bytes) else call.say(data)
        call.end()

    return handler


def answer(text: str = "done", **members):
    return lambda call: result(call.id, text, **members)

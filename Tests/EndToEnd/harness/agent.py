"""A raw client of the Model Context Protocol (streamable HTTP): sends exactly the bytes it is given, reads events one by one."""

import itertools
import json
from dataclasses import dataclass, field

from .events import Event, EventStream
from .http import Connection, Response, address_of, compose
from .wallet import Wallet, encode

PAYMENT, RECEIPT, TERMS = "x402/payment", "x402/payment-response", "x402/error"
REVISION = "2025-11-25"
STATELESS_REVISION = "2026-07-28"
ACCEPT = "application/json, text/event-stream"
CLIENT = {"name": "raw", "version": "1"}


@dataclass
class Answer:
    """What one POST came to: the JSON-RPC response, and the events before it."""

    response: Response
    message: dict | list | None = None
    events: list[Event] = field(default_factory=list)
    raw: bytes = b""

    @property
    def status(self) -> int:
        return self.response.status

    @property
    def result(self) -> dict:
        assert isinstance(self.message, dict) and "result" in self.message, (self.status, self.message, self.raw[:500])
        return self.message["result"]

    @property
    def error(self) -> dict:
        """Of JSON-RPC: code and message."""
        assert isinstance(self.message, dict) and "error" in self.message, (self.status, self.message, self.raw[:500])
        return self.message["error"]

    @property
    def is_error(self) -> bool:
        return bool(self.result.get("isError"))

    @property
    def text(self) -> str:
        return self.result["content"][0]["text"]

    @property
    def meta(self) -> dict:
        return self.result.get("_meta") or {}

    @property
    def required(self) -> dict:
        """The terms, which must be the same in each place that has them."""
        required = self.meta.get(TERMS)
        assert required is not None, (self.status, self.message)
        assert json.loads(self.text) == required and self.is_error
        assert self.result.get("structuredContent", required) == required
        return required

    @property
    def terms(self) -> dict:
        return self.required["accepts"][0]

    @property
    def receipt(self) -> dict | None:
        return self.meta.get(RECEIPT)

    @property
    def refusal(self) -> dict:
        """What a result says that is an error of the gateway's own."""
        assert self.is_error, self.message
        said = json.loads(self.text)
        assert self.result.get("structuredContent", said) == said
        return said

    @property
    def code(self) -> str:
        return self.refusal["error"]


def dump(message) -> bytes:
    return message if isinstance(message, bytes) else json.dumps(message).encode()


class Agent:
    """One client of one server; each request goes out on a connection of its own."""

    def __init__(self, url: str, wallet: Wallet | None = None, headers: dict | None = None, revision: str = REVISION):
        self.address, self.path = address_of(url), "/" + url.split("/", 3)[3]
        self.wallet = wallet or Wallet.fresh()
        self.revision, self.session = revision, None
        self.headers = headers or {}
        self.ids = itertools.count(1)

    # Bytes

    def fields(self, headers: dict | None = None) -> dict:
        """What an MCP client sends with each request; a value of None takes a field away."""
        fields = {
            "Host": f"{self.address[0]}:{self.address[1]}",
            "Accept": ACCEPT,
            "Content-Type": "application/json",
            "MCP-Protocol-Version": self.revision,
            "Mcp-Session-Id": self.session,
        } | self.headers | (headers or {})
        return {name: value for name, value in fields.items() if value is not None}

    def open(self, message, headers: dict | None = None, method: str = "POST", timeout: float = 30) -> EventStream:
        """Sends a message and reads the answer's head; whatever follows is for the caller to read."""
        connection = Connection(self.address, timeout)
        connection.send(compose(method, self.path, self.fields(headers), None if message is None else dump(message)))
        return EventStream(connection, connection.read_head())

    def post(self, message, headers: dict | None = None, timeout: float = 30) -> Answer:
        """Sends a message, and reads its answer to the end."""
        with self.open(message, headers, timeout=timeout) as stream:
            response = stream.response
            if (response.header("Content-Type") or "").startswith("text/event-stream"):
                events = [event for event in stream if event.data]
                found = [event for event in events if "method" not in event.message]
                assert len(found) <= 1, f"{len(found)} answers to one request: {found}"
                raw = found[0].data.encode() if found else b""
                return Answer(response, found[0].message if found else None, [e for e in events if e not in found], raw)
            stream.connection.socket.settimeout(timeout)
            response.body = stream.body()
            try:
                message = json.loads(response.body)
            except ValueError:
                message = None
            return Answer(response, message, [], response.body)

    def listen(self, last_event: str | None = None, headers: dict | None = None) -> EventStream:
        """The stream of a GET: what the server says by itself, or what came behind an event."""
        resumed = {"Last-Event-ID": last_event, "Content-Type": None, "Accept": "text/event-stream"}
        return self.open(None, resumed | (headers or {}), "GET")

    # Messages

    def initialize(self) -> Answer:
        params = {"protocolVersion": self.revision, "capabilities": {}, "clientInfo": CLIENT}
        answer = self.request("initialize", params, {"MCP-Protocol-Version": None})
        assert answer.status == 200, (answer.status, answer.raw)
        self.session = answer.response.header("Mcp-Session-Id")
        noted = self.post({"jsonrpc": "2.0", "method": "notifications/initialized"})
        assert noted.status == 202, (noted.status, noted.raw)
        return answer

    def end(self) -> Response:
        """DELETE: the session is over."""
        with self.open(None, {"Content-Type": None}, "DELETE") as stream:
            return stream.response

    def message(self, method: str, params: dict | None = None, id=None) -> dict:
        message = {"jsonrpc": "2.0", "id": next(self.ids) if id is None else id, "method": method}
        if self.revision == STATELESS_REVISION:
            envelope = {
                "io.modelcontextprotocol/protocolVersion": self.revision,
                "io.modelcontextprotocol/clientInfo": CLIENT,
                "io.modelcontextprotocol/clientCapabilities": {},
            }
            params = (params or {}) | {"_meta": envelope | (params or {}).get("_meta", {})}
        return message if params is None else message | {"params": params}

    def routing(self, message: dict) -> dict:
        """The fields that repeat a message's method and name, which revision 2026-07-28 asks for."""
        if self.revision != STATELESS_REVISION:
            return {}
        params = message.get("params") or {}
        name = params.get("name") or params.get("uri")
        return {"Mcp-Method": message["method"]} | ({"Mcp-Name": name} if name else {})

    def request(self, method: str, params: dict | None = None, headers: dict | None = None, id=None, timeout: float = 30) -> Answer:
        message = self.message(method, params, id)
        return self.post(message, self.routing(message) | (headers or {}), timeout)

    # Tools

    def tool_call(self, tool: str, arguments: dict | None = None, payment=None, id=None, progress=None) -> dict:
        """The message; `payment` is what stands in `_meta`, in any of its forms."""
        params = {"name": tool, "arguments": arguments or {}}
        meta = ({} if payment is None else {PAYMENT: payment}) | ({} if progress is None else {"progressToken": progress})
        return self.message("tools/call", params | ({"_meta": meta} if meta else {}), id)

    def call(self, tool: str, arguments: dict | None = None, payment=None, id=None, headers: dict | None = None, **options) -> Answer:
        message = self.tool_call(tool, arguments, payment, id)
        return self.post(message, self.routing(message) | (headers or {}), **options)

    def sign(self, tool: str, arguments: dict | None = None, **changes) -> dict:
        """A fresh payment for what a call costs now."""
        return self.wallet.payment_v2(self.call(tool, arguments).terms, **changes)

    def pay(self, tool: str, arguments: dict | None = None, **options) -> Answer:
        return self.call(tool, arguments, self.sign(tool, arguments), **options)

    def tools(self) -> dict[str, dict]:
        return {tool["name"]: tool for tool in self.request("tools/list").result["tools"]}


FORMS = {
    "object": lambda payment: payment,
    "text": json.dumps,
    "base64": encode,
}
"""How a payment may stand in `_meta`."""

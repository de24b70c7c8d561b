"""A small help desk as an MCP server, as many teams have one: it knows nothing of payments. Runs under `mcp` 1.30 and 2.x.

usage: helpdesk.py [--port 9100] [--json] [--stateless] [--pause SECONDS | --hold] [--no-replay]

    POST, GET, DELETE /mcp   Model Context Protocol, streamable HTTP; answers are event streams, with --json plain JSON.
                             With sessions, answers are kept and sent again to a GET with Last-Event-ID.
    GET  /executions         how often each tool and resource ran so far
    POST /step               lets an export go one step further, where --hold makes it wait
"""

import argparse
import asyncio
import collections

import uvicorn
from mcp.server.streamable_http import EventCallback, EventMessage, EventStore
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import JSONResponse

try:
    from mcp.server.mcpserver import Context, MCPServer
    from mcp.server.mcpserver.exceptions import ToolError
except ModuleNotFoundError:  # mcp 1.x
    MCPServer = None
    from mcp.server.fastmcp import Context, FastMCP
    from mcp.server.fastmcp.exceptions import ToolError

ARTICLES = {
    "refunds": "A ticket that was not used is refunded within 14 days.",
    "lost cards": "Block a lost card in the app; a new one costs nothing.",
    "night service": "After midnight every line runs twice an hour.",
    "fares": "A day pass covers every zone until 03:00.",
}
INSTRUCTIONS = "Search before you write: reading is quick, and people read what you send."


class Ticket(BaseModel):
    number: int
    subject: str
    state: str = "open"
    replies: int = 0


class Desk:
    """Tickets in memory, and how often each tool ran."""

    def __init__(self, pause: float, hold: bool):
        self.tickets: dict[int, Ticket] = {}
        self.executions: collections.Counter[str] = collections.Counter()
        self.pause = pause
        self.steps = asyncio.Semaphore(0) if hold else None

    def open(self, subject: str) -> Ticket:
        ticket = Ticket(number=1001 + len(self.tickets), subject=subject)
        self.tickets[ticket.number] = ticket
        return ticket

    def ticket(self, number: int) -> Ticket:
        if number not in self.tickets:
            raise ToolError(f"there is no ticket {number}")
        return self.tickets[number]

    async def next_step(self):
        if self.steps:
            await self.steps.acquire()
        else:
            await asyncio.sleep(self.pause)


class Replays(EventStore):
    """What was sent, in order, so that a client whose connection broke can have the rest of it."""

    KEPT = 10_000

    def __init__(self):
        self.events: dict[str, tuple[str, object]] = {}
        self.next = 0

    async def store_event(self, stream_id, message) -> str:
        self.next += 1
        self.events[str(self.next)] = (stream_id, message)
        self.events.pop(str(self.next - self.KEPT), None)
        return str(self.next)

    async def replay_events_after(self, last_event_id: str, send_callback: EventCallback) -> str | None:
        if last_event_id not in self.events:
            return None
        stream, _ = self.events[last_event_id]
        for event, (its_stream, message) in list(self.events.items()):
            if int(event) > int(last_event_id) and its_stream == stream and message is not None:
                await send_callback(EventMessage(message, event))
        return stream


def add_tools(server, desk: Desk):
    """The tools, the same under both versions of the SDK."""

    @server.tool(structured_output=False)
    async def search_kb(query: str) -> str:
        """Searches the knowledge base."""
        desk.executions["search_kb"] += 1
        words = query.lower().split()
        found = [f"{title}: {text}" for title, text in ARTICLES.items() if any(w in f"{title} {text}".lower() for w in words)]
        return "\n".join(found) or "nothing found"

    @server.tool(structured_output=False)
    async def create_ticket(subject: str, text: str = "") -> str:
        """Opens a ticket for a person to look at."""
        desk.executions["create_ticket"] += 1
        return f"ticket {desk.open(subject).number}"

    @server.tool(structured_output=False)
    async def send_reply(number: int, text: str) -> str:
        """Sends an e-mail to whoever opened the ticket. It cannot be unsent."""
        desk.executions["send_reply"] += 1
        ticket = desk.ticket(number)
        ticket.replies += 1
        return f"reply {ticket.replies} to ticket {number} is sent"

    @server.tool(structured_output=False)
    async def close_ticket(number: int) -> str:
        """Closes a ticket; fails where there is none of that number."""
        desk.executions["close_ticket"] += 1
        desk.ticket(number).state = "closed"
        return f"ticket {number} is closed"

    @server.tool()
    async def ticket_state(number: int) -> Ticket:
        """A ticket as data."""
        desk.executions["ticket_state"] += 1
        return desk.ticket(number)

    @server.tool(structured_output=False)
    async def export_tickets(context: Context, steps: int = 3) -> str:
        """Writes all tickets as CSV, which takes a while: it reports its progress."""
        desk.executions["export_tickets"] += 1
        for step in range(1, steps + 1):
            await context.report_progress(step, steps, f"part {step} of {steps}")
            await desk.next_step()
        rows = [f"{ticket.number},{ticket.subject},{ticket.state}" for ticket in desk.tickets.values()]
        return "\n".join(["number,subject,state", *rows])

    @server.resource("helpdesk://guide", mime_type="text/plain")
    async def guide() -> str:
        """How to write a good ticket."""
        desk.executions["helpdesk://guide"] += 1
        return "Say what you did, what you saw, and what you had expected."

    @server.custom_route("/executions", methods=["GET"])
    async def executions(request: Request) -> JSONResponse:
        return JSONResponse(desk.executions)

    @server.custom_route("/step", methods=["POST"])
    async def step(request: Request) -> JSONResponse:
        if desk.steps:
            desk.steps.release()
        return JSONResponse({})


def application(options: argparse.Namespace):
    """The ASGI application under whichever version is installed."""
    desk = Desk(options.pause, options.hold)
    transport = {"json_response": options.json, "stateless_http": options.stateless}
    store = Replays() if options.replay and not options.stateless else None
    if MCPServer:
        server = MCPServer("helpdesk", instructions=INSTRUCTIONS, log_level="WARNING")
        add_tools(server, desk)
        return server.streamable_http_app(event_store=store, **transport)
    server = FastMCP("helpdesk", instructions=INSTRUCTIONS, log_level="WARNING", event_store=store, **transport)
    add_tools(server, desk)
    return server.streamable_http_app()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=9100)
    parser.add_argument("--json", action="store_true", help="answer with JSON, not with event streams")
    parser.add_argument("--stateless", action="store_true", help="no sessions, and nothing to replay")
    parser.add_argument("--no-replay", dest="replay", action="store_false", help="sessions without a store of events")
    parser.add_argument("--pause", type=float, default=0.3, help="seconds between two steps of an export")
    parser.add_argument("--hold", action="store_true", help="an export waits for POST /step at each step")
    options = parser.parse_args()
    uvicorn.run(application(options), host="127.0.0.1", port=options.port, log_level="warning")


if __name__ == "__main__":
    main()

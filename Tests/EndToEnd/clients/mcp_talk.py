"""Talks to an MCP server with the official client of the environment it runs in, unmodified; a test says what, line by line.

usage: mcp_talk.py URL [--mode legacy|auto] [--key KEY] [--wrapper]

Reads actions as JSON, one a line, writes one line of JSON for each: {"done": ...} or {"failed": "..."}; before it
{"progress": [n, of, message]} for each step that is reported.

    {"do": "tools"}   {"do": "read", "uri": ...}   {"do": "call", "tool": ..., "arguments": {}, "meta": {}}
    {"do": "pay", "tool": ..., "arguments": {}}: with the client of x402, which needs mcp 1.x and a key

`--wrapper` takes the x402 client that wraps any client in the place of the one that wraps a session.
"""

import argparse
import asyncio
import json
import sys
from contextlib import asynccontextmanager
from types import SimpleNamespace

try:
    from mcp.client.client import Client
except ModuleNotFoundError:  # mcp 1.x
    from mcp import ClientSession
    from mcp.client.streamable_http import streamable_http_client

    Client = None


def say(message: dict):
    print(json.dumps(message), flush=True)


async def report(progress: float, total: float | None, message: str | None):
    say({"progress": [progress, total, message]})


def plain(result) -> dict:
    return result.model_dump(mode="json", by_alias=True, exclude_none=True)


@asynccontextmanager
async def connected(url: str, mode: str):
    if Client:
        async with Client(url, mode=mode) as client:
            yield client
        return
    async with streamable_http_client(url) as (read, write, _), ClientSession(read, write) as session:
        await session.initialize()
        yield session


class ByParameters:
    """A session as the wrapper of x402 wants its client: one dictionary of parameters, and results with `_meta`."""

    def __init__(self, session):
        self.session = session

    async def call_tool(self, parameters: dict, **options):
        result = await self.session.call_tool(
            parameters["name"], parameters["arguments"], meta=parameters.get("_meta"), **options
        )
        return SimpleNamespace(
            content=[plain(item) for item in result.content], isError=result.isError, _meta=result.meta,
            structuredContent=result.structuredContent,
        )


def payer(session, key: str, wrapper: bool):
    from eth_account import Account
    from x402 import x402Client
    from x402.mcp import wrap_mcp_client_with_payment, x402MCPSession
    from x402.mechanisms.evm.exact import register_exact_evm_client

    client = register_exact_evm_client(x402Client(), Account.from_key(key))
    if wrapper:
        return wrap_mcp_client_with_payment(ByParameters(session), client)
    return x402MCPSession(session, client)


async def act(session, paying, action: dict) -> dict | list:
    match action["do"]:
        case "tools":
            return plain(await session.list_tools())["tools"]
        case "read":
            return plain(await session.read_resource(action["uri"]))
        case "call":
            result = await session.call_tool(
                action["tool"], action.get("arguments") or {}, progress_callback=report, meta=action.get("meta")
            )
            return plain(result)
        case "pay":
            paid = await paying.call_tool(action["tool"], action.get("arguments") or {})
            return {
                "content": [item if isinstance(item, dict) else plain(item) for item in paid.content],
                "is_error": paid.is_error,
                "payment_made": paid.payment_made,
                "receipt": plain(paid.payment_response) if paid.payment_response else None,
            }


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--mode", default="legacy")
    parser.add_argument("--key")
    parser.add_argument("--wrapper", action="store_true")
    options = parser.parse_args()
    async with connected(options.url, options.mode) as session:
        paying = payer(session, options.key, options.wrapper) if options.key else None
        say({"done": "connected"})
        while line := await asyncio.to_thread(sys.stdin.readline):
            try:
                say({"done": await act(session, paying, json.loads(line))})
            except Exception as fault:
                say({"failed": f"{type(fault).__name__}: {fault}"})


asyncio.run(main())

"""Pays once with the official V1 client of the environment it runs in, unmodified; prints what came as JSON.

usage: pay_v1.py httpx|requests KEY METHOD URL
"""

import asyncio
import json
import sys

from eth_account import Account
from x402.clients.httpx import x402HttpxClient
from x402.clients.requests import x402_requests


async def with_httpx(account, method: str, url: str):
    async with x402HttpxClient(account=account, timeout=30) as client:
        response = await client.request(method, url)
        await response.aread()
        return response.status_code, dict(response.headers), response.text


def with_requests(account, method: str, url: str):
    response = x402_requests(account).request(method, url, timeout=30)
    return response.status_code, dict(response.headers), response.text


library, key, method, url = sys.argv[1:]
account = Account.from_key(key)
if library == "httpx":
    status, headers, text = asyncio.run(with_httpx(account, method, url))
else:
    status, headers, text = with_requests(account, method, url)
print(json.dumps({"status": status, "headers": {k.lower(): v for k, v in headers.items()}, "text": text}))

"""The reference: the SDK's FastAPI middleware with a facilitator in the same process.

Without an RPC it says yes to everything: no signature is checked, no nonce kept, nothing written, and what remains is the
middleware's own cost. With one it is the SDK's own facilitator, which settles there by the key in REFERENCE_KEY.
usage: reference.py PORT [RPC_URL]
"""

import os
import sys

import uvicorn
from fastapi import FastAPI
from fastapi.responses import PlainTextResponse
from x402 import x402Facilitator, x402ResourceServer
from x402.http.middleware.fastapi import payment_middleware
from x402.mechanisms.evm import FacilitatorWeb3Signer
from x402.mechanisms.evm.exact import register_exact_evm_facilitator, register_exact_evm_server
from x402.schemas import SettleResponse, SupportedKind, SupportedResponse, VerifyResponse

NETWORK = "eip155:84532"


class YesFacilitator:
    def get_supported(self):
        return SupportedResponse(kinds=[SupportedKind(x402_version=2, scheme="exact", network=NETWORK)])

    async def verify(self, payload, requirements):
        return VerifyResponse(is_valid=True, payer="0x0000000000000000000000000000000000000001")

    async def settle(self, payload, requirements):
        return SettleResponse(success=True, transaction="0x" + "00" * 32, network=NETWORK)


def facilitator():
    if len(sys.argv) < 3:
        return YesFacilitator()
    signer = FacilitatorWeb3Signer(os.environ["REFERENCE_KEY"], sys.argv[2])
    return register_exact_evm_facilitator(x402Facilitator(), signer, NETWORK)


server = register_exact_evm_server(x402ResourceServer(facilitator()))
terms = {"scheme": "exact", "payTo": "0x209693Bc6afc0C5328bA36FaF03C514EF312287C", "price": "$0.0001", "network": NETWORK}
guard = payment_middleware({"GET /paid/*": {"accepts": terms}}, server)
app = FastAPI()
page = "x" * 1024


@app.middleware("http")
async def charge(request, call_next):
    return await guard(request, call_next)


@app.get("/paid/{name}")
async def paid(name: str):
    return PlainTextResponse(page)


uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="error", access_log=False)

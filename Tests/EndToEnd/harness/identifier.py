"""The payment-identifier of the official client, without its sister extensions, which want a JSON Schema library at import."""

import sys
from pathlib import Path
from types import ModuleType

import x402

if "x402.extensions" not in sys.modules:
    package = ModuleType("x402.extensions")
    package.__path__ = [str(Path(x402.__file__).parent / "extensions")]
    sys.modules["x402.extensions"] = package

from x402.extensions.payment_identifier import append_payment_identifier_to_extensions  # noqa: E402


class Named:
    """What a user registers with the client to name a payment."""

    key = "payment-identifier"

    def __init__(self, id: str):
        self.id = id

    def enrich_payment_payload(self, payload, required):
        extensions = append_payment_identifier_to_extensions(dict(required.extensions), self.id)
        return payload.model_copy(update={"extensions": extensions})

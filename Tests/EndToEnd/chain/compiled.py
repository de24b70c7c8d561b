"""The Vyper sources beside this file, compiled once for each change of them and kept inside the Python environment."""

import hashlib
import json
import os
import sys
from functools import cache
from importlib.metadata import version
from pathlib import Path

SOURCES = Path(__file__).parent / "contracts"
NAMES = ("token", "token_bytes", "wallet", "factory", "multicall", "noise")


@cache
def runtime_codes() -> dict[str, bytes]:
    """Contract name → the code that stands on chain."""
    digest = hashlib.sha256(version("vyper").encode())
    for source in sorted(SOURCES.glob("*.vy")):
        digest.update(source.name.encode() + b"\0" + source.read_bytes())
    kept = Path(sys.prefix) / "chain-contracts" / f"{digest.hexdigest()}.json"
    if not kept.exists():
        kept.parent.mkdir(exist_ok=True)
        codes = {name: _compile(name) for name in NAMES}
        # Several test processes may come here at once: each writes a file of its own, the last rename wins.
        temporary = kept.with_suffix(f".{os.getpid()}")
        temporary.write_text(json.dumps(codes))
        temporary.rename(kept)
    return {name: bytes.fromhex(code[2:]) for name, code in json.loads(kept.read_text()).items()}


def _compile(name: str) -> str:
    import vyper
    from vyper.compiler.input_bundle import FilesystemInputBundle

    bundle = FilesystemInputBundle([SOURCES])
    return vyper.compile_from_file_input(
        bundle.load_file(f"{name}.vy"), input_bundle=bundle, output_formats=["bytecode_runtime"]
    )["bytecode_runtime"]

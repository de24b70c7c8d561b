"""Reads `strace -f -yy -ttt` output, and makes strace kill a process at a chosen system call."""

import re
from dataclasses import dataclass
from pathlib import Path

LINE = re.compile(r"^(?P<pid>\d+)\s+(?P<time>\d+\.\d+)\s+(?P<rest>.*)$")
CALL = re.compile(r"^(?P<name>\w+)\((?P<arguments>.*)\)\s+=\s+(?P<result>-?\d+|\?)")
UNFINISHED = re.compile(r"^(?P<name>\w+)\((?P<arguments>.*) <unfinished \.\.\.>")
RESUMED = re.compile(r"^<\.\.\. (?P<name>\w+) resumed>(?P<arguments>.*)\)\s+=\s+(?P<result>-?\d+|\?)")

SYNCS = ("fsync", "fdatasync")
WRITES = ("write", "pwrite64", "pwritev", "writev")
SENDS = ("sendto", "sendmsg", "write", "writev", "send")


@dataclass
class Call:
    name: str
    arguments: str
    result: int | None
    began: int
    """Line on which the call was entered."""
    ended: int | None
    """Line on which it came back; None when it never did."""


def calls(path: Path) -> list[Call]:
    found, open_calls = [], {}
    for number, line in enumerate(Path(path).read_text(errors="replace").splitlines()):
        matched = LINE.match(line)
        if not matched:
            continue
        pid, rest = matched["pid"], matched["rest"]
        if call := CALL.match(rest):
            result = None if call["result"] == "?" else int(call["result"])
            found.append(Call(call["name"], call["arguments"], result, number, number))
        elif call := UNFINISHED.match(rest):
            begun = Call(call["name"], call["arguments"], None, number, None)
            open_calls[pid] = begun
            found.append(begun)
        elif (call := RESUMED.match(rest)) and pid in open_calls:
            begun = open_calls.pop(pid)
            begun.ended = number
            begun.result = None if call["result"] == "?" else int(call["result"])
    return found


def synced_before_first_upstream_byte(all_calls: list[Call], port: int) -> str | None:
    """None when every write to the ledger before the first byte to 127.0.0.1:port was followed by a sync that had
    completed by then, and there was such a write; else what is wrong."""
    sends = [c for c in all_calls if c.name in SENDS and f"->127.0.0.1:{port}]" in c.arguments.split(",")[0]]
    if not sends:
        return "no byte was sent upstream"
    first = sends[0].began
    # The seal names what is on disk already, and has no sync of its own.
    def is_of_ledger(target: str) -> bool:
        return "farebox.db" in target and "farebox.db-seal" not in target

    writes = [c for c in all_calls if c.name in WRITES and is_of_ledger(c.arguments.split(",")[0]) and c.began < first]
    if not writes:
        return "nothing was written to the ledger before the first upstream byte"
    syncs = [
        c for c in all_calls
        if c.name in SYNCS and is_of_ledger(c.arguments) and c.result == 0
        and c.began > writes[-1].began and c.ended is not None and c.ended < first
    ]
    return None if syncs else "no sync of the ledger completed between its last write and the first upstream byte"


def tracing(output: Path) -> list[str]:
    names = ",".join(sorted(set(SYNCS + WRITES + ("sendto", "sendmsg", "connect"))))
    return ["strace", "-f", "-yy", "-ttt", "-s", "16", "-e", f"trace={names}", "-o", str(output)]


def killing_at(call: str, count: int) -> list[str]:
    """SIGKILL for the whole process on entering the `count`-th `call` of it."""
    return ["strace", "-f", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:signal=SIGKILL:when={count}"]


def failing(process: int, calls: str) -> list[str]:
    """From now on every one of `calls` of a running process fails with EIO."""
    return ["strace", "-f", "-o", "/dev/null", "-e", f"trace={calls}", "-e", f"inject={calls}:error=EIO", "-p", str(process)]

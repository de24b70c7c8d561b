"""CPU time from /proc, load by wrk, counts by callgrind and strace."""

import re
import signal
import socket
import statistics
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from servers import CORE_OTHERS, pinned


def cpu_by_thread(pid: int) -> dict[str, int]:
    """Nanoseconds on a CPU so far of each thread of a process, as 'name/tid'."""
    found = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            name = (task / "comm").read_text().strip()
            found[f"{name}/{task.name}"] = int((task / "schedstat").read_text().split()[0])
        except FileNotFoundError:
            continue
    return found


def resident_bytes(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise KeyError("VmRSS")


@dataclass
class Load:
    requests: int
    seconds: float
    failed: int
    """Socket errors, and answers of 400 or above."""
    nanoseconds: int
    """CPU of the measured process."""
    threads: dict[str, int]

    @property
    def microseconds_each(self) -> float:
        return self.nanoseconds / 1000 / self.requests

    @property
    def rate(self) -> float:
        return self.requests / self.seconds


def wrk(pid: int, url: str, seconds: float, connections: int = 32, script: Path | None = None, arguments=()) -> Load:
    command = ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--timeout", "10s"]
    if script:
        command += ["-s", str(script)]
    before = cpu_by_thread(pid)
    done = subprocess.run(
        pinned(CORE_OTHERS, [*command, url, *(["--", *arguments] if arguments else [])]),
        capture_output=True, text=True, check=True,
    )
    after = cpu_by_thread(pid)
    text = done.stdout
    served = re.search(r"(\d+) requests in ([\d.]+)(ms|s|m)", text)
    assert served, text + done.stderr
    unit = {"ms": 0.001, "s": 1, "m": 60}[served[3]]
    errors = re.search(r"connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    failed = sum(map(int, errors.groups())) if errors else 0
    threads = {name: spent - before.get(name, 0) for name, spent in after.items()}
    return Load(
        requests=int(served[1]),
        seconds=float(served[2]) * unit,
        failed=failed + (int(refused[1]) if refused else 0),
        nanoseconds=sum(threads.values()),
        threads=threads,
    )


def median(values) -> float:
    return statistics.median(values)


class Clients:
    """Sends exact numbers of requests over keep-alive connections, one round on all of them at a time."""

    def __init__(self, port: int, request: bytes, connections: int = 8):
        self.request = request
        self.sockets = [socket.create_connection(("127.0.0.1", port), timeout=120) for _ in range(connections)]
        for channel in self.sockets:
            channel.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.length = None

    def _answer(self, channel: socket.socket):
        data = channel.recv(1 << 17)
        while b"\r\n\r\n" not in data:
            data += channel.recv(1 << 17)
        head, _, body = data.partition(b"\r\n\r\n")
        length = int(re.search(rb"(?i)content-length: *(\d+)", head)[1])
        left = length - len(body)
        while left:
            left -= len(channel.recv(min(left, 1 << 17)))

    def send(self, count: int):
        """`count` is a multiple of the connections."""
        for _ in range(count // len(self.sockets)):
            for channel in self.sockets:
                channel.sendall(self.request)
            for channel in self.sockets:
                self._answer(channel)

    def close(self):
        for channel in self.sockets:
            channel.close()


ALLOCATORS = re.compile(r"^(malloc|calloc|realloc|posix_memalign|aligned_alloc|memalign)(@.*)?(')?\d*$")


def read_callgrind(path: Path) -> tuple[int, int]:
    """Instructions, and calls of the allocator, of one dump."""
    names: dict[str, str] = {}
    instructions, allocations, allocating = 0, 0, False
    for line in path.read_text(errors="replace").splitlines():
        if line.startswith("cfn="):
            number, _, name = line[4:].partition(" ")
            if name:
                names[number] = name
            allocating = bool(ALLOCATORS.match(names[number]))
        elif line.startswith("fn="):
            number, _, name = line[3:].partition(" ")
            if name:
                names[number] = name
        elif line.startswith("calls=") and allocating:
            allocations += int(line[6:].split()[0])
        elif line.startswith("totals:") or line.startswith("summary:"):
            instructions = int(line.split()[1])
    return instructions, allocations


def callgrind_command(place: Path) -> list[str]:
    return ["valgrind", "--tool=callgrind", "-q", "--trace-children=yes", f"--callgrind-out-file={place}/out", "--dump-instr=no", "--collect-jumps=no"]


def counted(pid: int, place: Path, clients: Clients, count: int) -> tuple[float, float]:
    """User-space instructions and allocations a request: the difference of a run of N and one of 2 N, warm."""

    def control(*arguments):
        subprocess.run(["callgrind_control", *arguments, str(pid)], check=True, capture_output=True)

    def dump(run) -> tuple[int, int]:
        control("-z")
        run()
        control("-d")
        newest = max(place.glob("out.*"), key=lambda path: (path.stat().st_mtime, path.name))
        return read_callgrind(newest)

    clients.send(count)
    one, two = dump(lambda: clients.send(count)), dump(lambda: clients.send(2 * count))
    return (two[0] - one[0]) / count, (two[1] - one[1]) / count


def system_calls(pid: int, clients: Clients, count: int) -> dict[str, float]:
    """System calls a request by name, all threads: the difference of a run of N and one of 2 N."""

    def run(times: int) -> dict[str, int]:
        output = Path(f"/tmp/farebox-bench-strace.{pid}")
        tracer = subprocess.Popen(["strace", "-f", "-c", "-p", str(pid), "-o", str(output)], stderr=subprocess.PIPE)
        tracer.stderr.readline()  # "attached"
        time.sleep(0.3)
        clients.send(times * count)
        tracer.send_signal(signal.SIGINT)
        tracer.wait(10)
        found = {}
        for line in output.read_text().splitlines():
            fields = line.split()
            if len(fields) >= 5 and fields[0].replace(".", "").isdigit() and fields[-1] != "total":
                found[fields[-1]] = int(fields[3])
        output.unlink()
        return found

    clients.send(count)
    one, two = run(1), run(2)
    return {name: (two[name] - one.get(name, 0)) / count for name in two if two[name] - one.get(name, 0) > count / 100}

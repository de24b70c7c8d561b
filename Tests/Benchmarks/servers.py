"""What is measured: Debian's nginx and Farebox, one worker and one loop, before the same origin (another nginx)."""

import os
import resource
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "EndToEnd"))

from harness.farebox import BINARY, PAY_TO, Farebox, free_port  # noqa: E402
from harness.http import fetch, wait_until  # noqa: E402

CORE_MEASURED, CORE_OTHERS = "0", "1"
"""The measured server has a core of its own; wrk and the origin share the other."""

# The same fields on both sides, one JSON line a request, written in batches of 64 KiB or 100 ms.
NGINX_LOG = """
    log_format line escape=json '{"time":"$time_iso8601","client":"$remote_addr","method":"$request_method",'
        '"target":"$request_uri","route":"$uri","status":$status,"duration_ms":$request_time,'
        '"upstream_ms":"$upstream_response_time","bytes_in":$request_length,"bytes_out":$bytes_sent,"upstream":"$upstream_addr"}';
    access_log %s line buffer=64k flush=100ms;
"""

NGINX = """
daemon off;
master_process %(master)s;
worker_processes 1;
worker_rlimit_nofile %(files)d;
error_log stderr crit;
pid %(place)s/nginx.pid;
events { worker_connections 20000; }
http {
    client_body_temp_path %(place)s/body; proxy_temp_path %(place)s/proxy; fastcgi_temp_path %(place)s/fastcgi;
    uwsgi_temp_path %(place)s/uwsgi; scgi_temp_path %(place)s/scgi;
    %(log)s
    sendfile on; tcp_nodelay on; keepalive_timeout 75; keepalive_requests 1000000000;
    %(servers)s
}
"""

ORIGIN = """
    open_file_cache max=10;
    default_type application/octet-stream;
    server { listen 127.0.0.1:%(port)d backlog=4096; root %(root)s; etag off; location / { try_files $uri /1k; } }
"""

FRONT = """
    upstream origin { server 127.0.0.1:%(origin)d; keepalive 64; keepalive_requests 1000000000; }
    server {
        listen 127.0.0.1:%(port)d backlog=4096 reuseport;
        location /priced/ {
            default_type application/json;
            %(headers)s
            return 402 "%(body)s";
        }
        location / {
            proxy_pass http://origin;
            proxy_http_version 1.1;
            proxy_buffer_size 16k; proxy_buffers 8 16k; proxy_busy_buffers_size 64k;
            proxy_set_header Connection "";
            proxy_set_header X-Forwarded-For $remote_addr;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_set_header X-Forwarded-Host $http_host;
        }
    }
"""

# What the nginx side answers when there is no Farebox to copy a 402 from.
CANNED_HEADERS = {"PAYMENT-REQUIRED": "e" * 700, "Cache-Control": "no-store"}
CANNED_BODY = '{"x402Version":1,"error":"payment_required","accepts":[{"scheme":"exact","pad":"' + "x" * 400 + '"}]}'


def open_many_files():
    """Raises the limit on descriptors for this process and its children."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(40000, hard), hard))


def pinned(core: str | None, command: list[str]) -> list[str]:
    return ["taskset", "-c", core, *command] if core else command


class Nginx:
    """One nginx of our own: never the system's service, files in a temporary directory."""

    def __init__(self, name: str, servers: str, port: int, core: str | None, log: bool = False, wrapper=(), single=False):
        self.name, self.port = name, port
        self.place = tempfile.TemporaryDirectory(prefix="farebox-bench-")
        place = self.place.name
        os.chmod(place, 0o755)
        for directory in ("body", "proxy", "fastcgi", "uwsgi", "scgi"):
            os.mkdir(f"{place}/{directory}", 0o777)
            os.chmod(f"{place}/{directory}", 0o777)
        Path(place, "nginx.conf").write_text(
            NGINX
            % {
                "place": place,
                "files": resource.getrlimit(resource.RLIMIT_NOFILE)[1],
                "servers": servers,
                "log": NGINX_LOG % f"{place}/access.log" if log else "access_log off;",
                "master": "off" if single else "on",
            }
        )
        user = ["-g", "user root;"] if os.geteuid() == 0 else []
        self.process = subprocess.Popen(
            [*wrapper, *pinned(core, ["nginx", "-p", place, "-c", f"{place}/nginx.conf", *user])],
            stderr=subprocess.PIPE if wrapper else None,
        )
        self.wrapped = bool(wrapper)
        wait_until(self._listens, 30 if wrapper else 5, f"{name} listens")

    def _listens(self):
        assert self.process.poll() is None, f"{self.name} ended"
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The worker's."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return int(children[0]) if children and not self.wrapped else self.process.pid

    def stop(self):
        self.process.terminate()
        self.process.wait(20)
        self.place.cleanup()


def quoted(text: str) -> str:
    assert "$" not in text, "nginx would take it for a variable"
    return text.replace("\\", "\\\\").replace('"', '\\"')


def origin() -> tuple[Nginx, tempfile.TemporaryDirectory]:
    """Serves /1k and /64k from files, and 1 KiB for any other path."""
    root = tempfile.TemporaryDirectory(prefix="farebox-bench-")
    os.chmod(root.name, 0o755)
    for name, size in (("1k", 1024), ("64k", 65536)):
        Path(root.name, name).write_bytes((b"0123456789abcdef" * 4096)[:size])
    port = free_port()
    return Nginx("origin", ORIGIN % {"port": port, "root": root.name}, port, CORE_OTHERS), root


def front(origin_port: int, challenge, core: str | None = CORE_MEASURED, log: bool = False, **options) -> Nginx:
    """nginx as a proxy, with a 402 of the same bytes as `challenge` (a harness Response), or a canned one."""
    skipped = ("content-length", "content-type", "date", "server", "connection")
    headers = (
        [(n, v) for n, v in challenge.headers if n.lower() not in skipped] if challenge else list(CANNED_HEADERS.items())
    )
    body = challenge.body.decode() if challenge else CANNED_BODY
    port = free_port()
    servers = FRONT % {
        "origin": origin_port,
        "port": port,
        "headers": " ".join(f'add_header {n} "{quoted(v)}" always;' for n, v in headers),
        "body": quoted(body),
    }
    return Nginx("nginx", servers, port, core, log, **options)


def gateway_config(origin_port: int, log: bool, **changes) -> dict:
    config = {
        "threads": 1,
        "access_log": "access.log" if log else "off",
        "payments": {
            "test-usdc": {"network": "base-sepolia", "asset": "USDC", "pay_to": PAY_TO, "facilitator": "sandbox"}
        },
        "upstreams": {"origin": {"url": f"http://127.0.0.1:{origin_port}"}},
        "routes": [
            {"match": "GET /1k", "upstream": "origin", "free": True},
            {"match": "GET /64k", "upstream": "origin", "free": True},
            {"match": "GET /priced/*", "upstream": "origin", "price": "$0.02", "description": "One report"},
            {"match": "GET /paid/*", "upstream": "origin", "price": "$0.0001"},
        ],
        "limits": {"connections": 20000},
    }
    config.update(changes)
    return config


class Gateway(Farebox):
    """Farebox as it is measured."""

    name = "farebox"

    def __init__(self, config: dict, core: str | None = CORE_MEASURED, wrapper=()):
        self.place = tempfile.TemporaryDirectory(prefix="farebox-bench-")
        super().__init__(Path(self.place.name), config, wrapper=[*wrapper, *pinned(core, [])])
        self.started = time.monotonic()
        self.start(ready=False)
        self.wait_ready(120 if wrapper else 30)
        self.seconds_to_ready = time.monotonic() - self.started

    @property
    def pid(self) -> int:
        return self.process.pid  # taskset and valgrind replace themselves by the program

    def stop(self):
        super().stop()
        self.place.cleanup()


def has_gateway() -> bool:
    return Path(BINARY).exists()


def challenge_of(gateway: Gateway):
    response = fetch(gateway.url + "/priced/1")
    assert response.status == 402, response
    return response

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from chain.genesis import genesis_of  # noqa: E402
from chain.node import Node  # noqa: E402
from harness.farebox import BINARY, Farebox, standard  # noqa: E402
from harness.helpdesk import Helpdesk, door  # noqa: E402
from harness.market import Market  # noqa: E402
from harness.pay import Buyer  # noqa: E402
from harness.upstream import Upstream  # noqa: E402


def pytest_configure(config):
    if not Path(BINARY).exists():
        raise pytest.UsageError(f"no farebox at {BINARY}: build it (make release) or set FAREBOX_BIN")


@pytest.fixture
def upstream():
    server = Upstream()
    yield server
    server.close()
    assert not server.faults, server.faults


@pytest.fixture
def start(tmp_path, upstream):
    """Starts gateways; `start()` takes changes to the standard config."""
    started = []

    def begin(config: dict | None = None, name: str = "gateway", ready: bool = True, wrapper=None, environment=None, **changes):
        if config is None:
            config = standard(upstream.url, **changes)
        gateway = Farebox(tmp_path / name, config, wrapper=wrapper, environment=environment)
        started.append(gateway)
        return gateway.start(ready)

    yield begin
    for gateway in started:
        gateway.stop()
        for stray in gateway.errors:
            assert "Fatal error" not in stray and "Crash" not in stray, "\n".join(gateway.errors[-30:])


@pytest.fixture
def gateway(start):
    return start()


@pytest.fixture
def buyer(gateway):
    return Buyer(gateway)


@pytest.fixture(scope="session")
def desks():
    """Help desks, one of each kind for a whole run: `desks("1", "--json")`; executions count from the call on."""
    running: dict[tuple, Helpdesk] = {}

    def desk(version: str = "2", *options: str) -> Helpdesk:
        kind = (version, *options)
        if kind not in running:
            running[kind] = Helpdesk(version, *options, "--pause", "0")
        return running[kind].mark()

    yield desk
    for server in running.values():
        server.stop()


@pytest.fixture
def held():
    """Makes help desks of a test's own whose exports wait for `step()`."""
    running = []

    def desk(version: str = "2", *options: str) -> Helpdesk:
        running.append(Helpdesk(version, "--hold", *options))
        return running[-1]

    yield desk
    for server in running:
        server.stop()


@pytest.fixture
def sell(start):
    """Starts a gateway that sells a server's tools: `sell(desk)`; further keys go under `mcp:`."""

    def begin(server, route: dict | None = None, top: dict | None = None, **changes) -> Farebox:
        return start(door(getattr(server, "origin", server), route, top, **changes))

    return begin


@pytest.fixture
def market(start, upstream):
    """Makes a market on chains of its own: `market()`, `market("base-sepolia", "polygon", mining=0.1)`."""
    nodes = []

    def make(*networks: str, mining="auto", **genesis) -> Market:
        made = {
            name: Node(mining=mining, genesis=genesis_of(name, **genesis)) for name in networks or ("base-sepolia",)
        }
        nodes.extend(made.values())
        return Market(upstream, made, start)

    yield make
    for node in nodes:
        node.stop()

"""What a server says of its tools, held against its menu: check --live, at start, after a reload."""

import socket

import pytest
from harness.farebox import Farebox, free_port
from harness.helpdesk import UNITS, door, menu
from harness.http import wait_until
from test_mcp_world import KINDS, TOOLS, VERSIONS

OTHER = {"search_kb": "free", "create_tickets": "$0.02", "send_reply": "$0.05", "purge": "deny"}
"""A menu with a name misspelled, one that no server has, and three tools left out."""


def check(tmp_path, config: dict, *options: str):
    gateway = Farebox(tmp_path, config)
    return gateway.command("check", *options, "--config", str(gateway.config_directory))


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: "".join(kind) or "sessions")
def test_check_live_asks_every_kind_of_server(tmp_path, desks, version, kind):
    desk = desks(version, *kind)
    done = check(tmp_path, door(desk.origin), "--live")
    assert done.returncode == 0 and "warning" not in done.stderr, done.stderr
    shown = done.stdout[done.stdout.index(f"/mcp at helpdesk, {desk.url}: {len(TOOLS)} tools") :]
    prices = dict(line.split()[:2] for line in shown.splitlines()[1:])
    dollars = {name: f"${units / 1e6:.2f}" for name, units in UNITS.items()}
    assert prices == {"search_kb": "free"} | dollars
    assert desk.executions() == {}, "no tool is called"


def test_check_live_names_what_does_not_fit(tmp_path, desks):
    done = check(tmp_path, door(desks("2").origin, tools=OTHER), "--live")
    assert done.returncode == 0
    for warning in (
        'helpdesk has no tool "create_tickets"; did you mean "create_ticket"?',
        'helpdesk has no tool "purge"',
        "helpdesk has 4 tools that the menu does not name, which are denied by other_tools: "
        "create_ticket, close_ticket, ticket_state, export_tickets",
    ):
        assert warning in done.stderr, done.stderr
    assert "10-all.yaml:" in done.stderr
    assert "create_ticket   denied  not on the menu" in done.stdout, done.stdout


def test_check_live_without_a_server(tmp_path):
    done = check(tmp_path, door(f"http://127.0.0.1:{free_port()}"), "--live")
    assert done.returncode == 0
    assert "does not tell its tools" in done.stderr and "refused" in done.stderr


def test_check_live_without_menus(tmp_path):
    route = {"match": "/mcp", "upstream": "helpdesk", "free": True}
    done = check(tmp_path, door("http://127.0.0.1:9", top={"routes": [route]}), "--live")
    assert done.returncode == 0 and "no server was asked" in done.stdout


def test_check_alone_asks_nobody(tmp_path):
    done = check(tmp_path, door(f"http://127.0.0.1:{free_port()}"))
    assert done.returncode == 0 and "warning" not in done.stderr


def test_run_warns_at_its_start_and_after_a_reload(start, desks):
    desk = desks("1")
    gateway = start(door(desk.origin, tools=OTHER))
    wait_until(lambda: gateway.log_has('no tool "purge"'), 20, "the warning of the start")
    gateway.write(gateway.config | door(desk.origin, tools=menu()["tools"] | {"parrot": "$1"}))
    wait_until(lambda: gateway.log_has('no tool "parrot"'), 20, "the warning of the reload")


def test_a_server_that_is_silent_delays_nothing(start):
    """Serving does not wait for the survey, nor does the end of the process."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        config = door(f"http://127.0.0.1:{silent.getsockname()[1]}")
        gateway = start(config)
        assert gateway.fetch("/nowhere").status == 404
        assert gateway.terminate() == 0

"""The books: a journal that shows what was changed behind the gateway's back, an export, and an audit against the chain."""

import csv
import io
import json
import re
import sqlite3

import pytest
from chain.authorizations import authorization, transfer_call
from harness.http import wait_until
from harness.pay import Buyer
from harness.wallet import Wallet

HEAD = re.compile(r"ledger head (\d+:[0-9a-f]{64})")


def logged_heads(gateway) -> list[str]:
    return [match[1] for line in gateway.errors for match in HEAD.finditer(line)]


def books(gateway, command: str, *arguments: str):
    return gateway.command("ledger", command, "--ledger", str(gateway.ledger), *arguments)


def tamper(gateway, *statements: str):
    """As anyone can who may write the file."""
    database = sqlite3.connect(gateway.ledger, isolation_level=None)
    database.execute("PRAGMA ignore_check_constraints = ON")
    for statement in statements:
        database.execute(statement)
    database.close()


@pytest.fixture
def sold(start, upstream):
    """A gateway that sold a few times and was stopped."""
    gateway = start()
    for number in range(4):
        buyer = Buyer(gateway)
        assert buyer.pay(f"/after/{number}").status == 200
        assert buyer.pay(f"/first/{number}").status == 200
    wait_until(lambda: all(claim["state"] == "delivered" for claim in gateway.claims()), 5)
    assert gateway.terminate() == 0
    return gateway


def test_an_untouched_ledger_verifies_running_and_stopped(start):
    gateway = start()
    buyer = Buyer(gateway)
    assert buyer.pay("/after/1").status == 200
    running = books(gateway, "verify")
    assert running.returncode == 0 and running.stdout.startswith("OK"), running.stdout
    assert buyer.pay("/after/2").status == 200
    assert gateway.terminate() == 0
    assert wait_until(lambda: logged_heads(gateway), 2), "the head is logged at stop"
    stopped = books(gateway, "verify", "--head", logged_heads(gateway)[-1])
    assert stopped.returncode == 0, stopped.stdout
    assert logged_heads(gateway)[-1] in stopped.stdout
    # A former head still holds when more has been written.
    gateway.restart()
    assert Buyer(gateway).pay("/after/3").status == 200
    gateway.kill()
    assert books(gateway, "verify", "--head", logged_heads(gateway)[0]).returncode == 0


@pytest.mark.parametrize(
    "statements,finding",
    [
        (["UPDATE journal SET recorded_at = recorded_at - 60 WHERE sequence = 2"], "entry 2 was changed"),
        (["UPDATE journal SET changes = zeroblob(9) WHERE sequence = 2"], "entry 2 holds no valid changes"),
        (["DELETE FROM journal WHERE sequence = 2"], "entry 2 is missing"),
        (["DELETE FROM journal WHERE sequence = 1"], "entry 1 is missing"),
        (
            [
                "UPDATE journal SET sequence = -2 WHERE sequence = 2",
                "UPDATE journal SET sequence = 2 WHERE sequence = 3",
                "UPDATE journal SET sequence = 3 WHERE sequence = -2",
            ],
            "entry 2 was changed, or does not follow entry 1",
        ),
        (["DELETE FROM journal WHERE sequence = (SELECT max(sequence) FROM journal)"], "its end is cut off"),
        (["DELETE FROM journal WHERE sequence > 2"], "its end is cut off"),
        (["DELETE FROM journal"], "its end is cut off"),
        (["UPDATE claims SET amount = '1' WHERE id = 1"], 'amount is "1", entry 1 says "20000"'),
        (["UPDATE claims SET state = 'owed' WHERE id = 2"], 'state is "owed"'),
        (["UPDATE claims SET transaction_id = '0x' || hex(randomblob(32)) WHERE id = 3"], "transaction_id is"),
        (["DELETE FROM claims WHERE id = 3"], "is missing; entry"),
    ],
)
def test_tampering_is_found(sold, statements, finding):
    assert books(sold, "verify").returncode == 0
    tamper(sold, *statements)
    found = books(sold, "verify")
    assert found.returncode == 1 and finding in found.stdout, found.stdout
    assert "OK" not in found.stdout


def test_an_end_that_was_cut_off_without_a_trace_is_found_by_the_logged_head(start):
    gateway = start()
    assert Buyer(gateway).pay("/after/1").status == 200
    assert gateway.terminate() == 0
    seal = gateway.ledger.with_name(gateway.ledger.name + "-seal")
    copy, former_seal = gateway.ledger.read_bytes(), seal.read_bytes()
    gateway.restart()
    assert Buyer(gateway).pay("/after/2").status == 200
    assert gateway.terminate() == 0
    assert wait_until(lambda: len(logged_heads(gateway)) == 2, 2)
    gateway.ledger.write_bytes(copy)
    assert "its end is cut off" in books(gateway, "verify").stdout, "the seal beside it tells"
    seal.write_bytes(former_seal)
    assert books(gateway, "verify").returncode == 0, "an old copy of both is sound in itself"
    found = books(gateway, "verify", "--head", logged_heads(gateway)[-1])
    assert found.returncode == 1 and "its end is cut off" in found.stdout, found.stdout


def test_a_gateway_does_not_continue_a_journal_without_its_end(sold):
    tamper(sold, "DELETE FROM journal WHERE sequence = (SELECT max(sequence) FROM journal)")
    sold.restart(ready=False)
    assert sold.process.wait(10) != 0
    assert wait_until(lambda: sold.log_has("another program wrote to it"), 2)
    accepted = books(sold, "accept-loss")
    assert accepted.returncode == 0, accepted.stderr
    sold.restart()


def test_the_export_says_what_the_ledger_says(sold):
    claims = {claim["id"]: claim for claim in sold.claims()}
    rows = list(csv.DictReader(io.StringIO(books(sold, "export", "--csv").stdout)))
    objects = [json.loads(line) for line in books(sold, "export", "--json").stdout.splitlines()]
    assert len(rows) == len(objects) == len(claims) == 8
    for row, found in zip(rows, objects):
        claim = claims[row["claim"]]
        assert list(row) == [
            "time", "route", "revision", "payer", "asset", "decimals", "amount", "network", "transaction", "gas",
            "outcome", "facilitator", "claim",
        ]  # fmt: skip
        assert row["time"] == claim["created"] and row["outcome"] == claim["state"] == "delivered"
        for key in ("route", "payer", "asset", "amount", "network", "transaction", "facilitator"):
            assert row[key] == claim[key] == found[key], key
        assert (row["revision"], row["decimals"], row["gas"]) == (str(claim["revision"]), "6", "")
        assert (found["revision"], found["decimals"], found["gas"]) == (claim["revision"], 6, None)
    assert sum(int(row["amount"]) for row in rows) == 4 * 20_000 + 4 * 50_000
    day = rows[0]["time"][:10]
    assert books(sold, "export", "--json", "--until", day).stdout == ""
    assert len(books(sold, "export", "--json", "--since", day).stdout.splitlines()) == 8
    assert books(sold, "export", "--since", "yesterday").returncode == 64


# Against the chain


def audit(gateway):
    found = gateway.command("ledger", "audit", "--config", str(gateway.config_directory))
    return found.returncode, found.stdout + found.stderr


@pytest.fixture
def market_sold(market):
    market = market()
    market.open()
    for order in ("after", "first"):
        assert market.pay(market.buyer(), f"/{order}/x").status == 200
    wait_until(lambda: all(claim["state"] == "delivered" for claim in market.gateway.claims()), 10)
    return market


def test_books_that_agree_with_the_chain(market_sold):
    code, text = audit(market_sold.gateway)
    assert code == 0 and "2 payments agree" in text and "0 differences" in text, text


def test_a_payment_that_the_ledger_does_not_know(market_sold):
    """A payer signs and somebody submits it: the gateway was never asked."""
    market, buyer = market_sold, market_sold.buyer()
    payment = buyer.sign("/after/y")
    stranger = Wallet.fresh()
    market.node.fund(stranger.address)
    call = transfer_call(payment["payload"]["authorization"], payment["payload"]["signature"])
    sent = market.node.transact(stranger.hex_key, market.node.usdc, "0x" + call.hex(), priority_fee=10**9)
    code, text = audit(market.gateway)
    assert code == 1 and "1 differences" in text, text
    assert "the ledger does not know" in text and sent in text and payment["payload"]["authorization"]["nonce"] in text


@pytest.mark.parametrize(
    "change,finding",
    [
        ("amount = '19999'", "amount 19999, the chain says 20000"),
        ("pay_to = asset", "the chain says 0x"),
        ("transaction_id = '0x' || lower(hex(zeroblob(32)))", "transaction 0x0000"),
        ("state = 'failed', paid = 0, transaction_id = NULL", "not paid: the chain shows its payment"),
        ("nonce = zeroblob(32)", "the chain shows no such payment"),
    ],
)
def test_a_ledger_that_differs_from_the_chain(market_sold, change, finding):
    gateway = market_sold.gateway
    assert gateway.terminate() == 0
    tamper(gateway, f"UPDATE claims SET {change} WHERE amount = '20000'")
    code, text = audit(gateway)
    assert code == 1 and finding in text, text
    if "nonce" in change:
        assert "the ledger does not know" in text, text
    assert books(gateway, "verify").returncode == 1

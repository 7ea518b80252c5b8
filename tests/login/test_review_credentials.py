"""What an attacker hears, and what a guess costs, where a credential is right and yet opens nothing."""

from __future__ import annotations

import base64
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from mailward.accounts.directory import Accounts
from mailward.sasl.mechanism import Credentials, respond
from mailward.sasl.register import client_mechanisms
from mailward.secret import Secret
from tests.login.place import AT_ONCE, BAD_TOKEN, BUDGET, FAILED, b64, book, by_token, connect, fresh, ssha, told
from tests.support.embedded_server import EmbeddedServer
from tests.support.identity_provider import AUDIENCE, IdentityProvider, identity_provider
from tests.support.installation import ANN, PASSWORD
from tests.support.talk import Answer, Talk

TIGHT = AT_ONCE | {BUDGET: 2, "source_failures": 1000, "sprayed_accounts": 1000}
LENIENT = AT_ONCE | {BUDGET: 32, "source_failures": 1000, "sprayed_accounts": 1000, "failures_per_connection": 9}
ELSEWHERE, ELSEWHERE_PASSWORD = "legacy@example.test", "kept in another database"
NEW = "brown herons wait at dusk"
QUERY = (
    "SELECT verifier AS password, account, allow_from FROM people "
    "WHERE name = CASE WHEN instr(:local_part, '+') > 0 THEN substr(:local_part, 1, instr(:local_part, '+') - 1) "
    "ELSE :local_part END"
)


def people(folder: Path, *rows: tuple[str, str, str]) -> dict[str, Any]:
    """A source that knows each account by its name, and by any name+extension: (name, account, allow_from)."""
    path = folder / "people.db"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE people (name, verifier, account, allow_from)")
        for name, account, allow_from in rows:
            verifier = "{SSHA}" + ssha(ELSEWHERE_PASSWORD)
            database.execute("INSERT INTO people VALUES (?, ?, ?, ?)", (name, verifier, account, allow_from))
    return {"[account_source]": {"kind": "sqlite", "path": str(path), "query": QUERY}}


def heard(talk: Talk, name: str, password: str) -> list[tuple[int, bytes]]:
    """The answers to one SCRAM login, the first one without what is of chance in it."""
    exchange = client_mechanisms()["SCRAM-SHA-256"].client(
        Credentials(name, Secret(password)), binding=None, server_offers_plus=False, nonce="nonce-of-the-test"
    )
    answer = talk.say(b"AUTH SCRAM-SHA-256 " + b64(next(exchange)))
    said = [(answer.code, base64.b64decode(answer.lines[0]).partition(b",")[2])]
    while answer.code == 334:
        answer = talk.say(b64(respond(exchange, base64.b64decode(answer.lines[0]))))
        said.append((answer.code, answer.lines[0].encode()))
    return said


# --- SCRAM


def _locked(accounts: Accounts, name: str) -> str:
    accounts.change(name, disabled=True)
    return PASSWORD


def _to_be_changed(accounts: Accounts, name: str) -> str:
    accounts.change(name, must_change=True)
    return PASSWORD


def _second_factor(accounts: Accounts, name: str) -> str:
    accounts.change(name, second_factor=True)
    return PASSWORD


def _other_scope(accounts: Accounts, name: str) -> str:
    _, secret = accounts.add_app_password(name, "reader", scopes=["imap"])
    return secret.reveal()


def _other_network(accounts: Accounts, name: str) -> str:
    _, secret = accounts.add_app_password(name, "office", allow_from=["192.0.2.0/24"])
    return secret.reveal()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    with EmbeddedServer(tmp_path_factory.mktemp("review"), guard=LENIENT) as running:
        yield running


@pytest.mark.parametrize(
    ("barred", "reason"),
    [
        (_locked, "disabled"),
        (_to_be_changed, "expired"),
        (_second_factor, "app-password-required"),
        (_other_scope, "scope"),
        (_other_network, "not-allowed"),
    ],
)
def test_right_proof_that_opens_nothing_is_not_confirmed(
    server: EmbeddedServer, barred: Callable[[Accounts, str], str], reason: str
) -> None:
    """S56: who proves by SCRAM what may not log in hears what a wrong password hears: no signature says it is right."""
    name, source = f"{reason}@example.test", fresh()
    with book(server) as accounts:
        accounts.add(name, Secret(PASSWORD))
        right = barred(accounts, name)
    with connect(server, source) as talk:
        answers = [heard(talk, name, each) for each in ("not this one at all", right)]

    assert answers[0] == answers[1]
    assert [event["reason"] for event in told(server, source)] == ["bad-password", reason]


def test_right_proof_that_opens_nothing_costs_a_guess(tmp_path: Path) -> None:
    """A budget that does not shrink would say it too; the same program that tries again is told apart, as by PLAIN."""
    with EmbeddedServer(tmp_path, guard=TIGHT) as server:
        with book(server) as accounts:
            accounts.change(ANN, second_factor=True)
        for source, password in ((fresh(), PASSWORD), (fresh(), PASSWORD), (fresh(), "not this one at all")):
            with connect(server, source) as talk:
                assert talk.scram(ANN, password) == FAILED
        with connect(server, fresh()) as talk:
            assert str(talk.scram(ANN, "nor this one")).startswith("454")


def test_salt_of_an_imported_account_stays(server: EmbeddedServer) -> None:
    """An account without SCRAM keys shows the salt it keeps: it does not change with its first login by PLAIN."""
    name = "imported-salt@example.test"
    with book(server) as accounts:
        accounts.add(name, Secret(PASSWORD))
    with connect(server, fresh()) as talk:
        after = heard(talk, name, "wrong")[0]
    with closing(sqlite3.connect(server.state / "mailward.db", timeout=5)) as database, database:
        database.execute("UPDATE credentials SET stored_key = NULL, server_key = NULL WHERE account = ?", (name,))
    with connect(server, fresh()) as talk:
        assert heard(talk, name, "wrong")[0] == after


# --- two passwords


def test_guess_that_was_half_judged_is_counted(tmp_path: Path) -> None:
    """A verifier that cannot be read any more, beside one that can, does not make guesses at that one free."""
    with EmbeddedServer(tmp_path, guard=TIGHT) as server:
        with book(server) as accounts:
            accounts.rotate(ANN, Secret(NEW))
        with closing(sqlite3.connect(server.state / "mailward.db", timeout=5)) as database, database:
            database.execute("UPDATE credentials SET verifier = '$nobody$knows' WHERE state = 'former'")
        for number in range(2):
            with connect(server, fresh()) as talk:
                assert talk.plain(ANN, f"wrong {number}") == FAILED
        with connect(server, fresh()) as talk:
            assert talk.plain(ANN, NEW).code == 454


# --- sources that answer another account


def test_source_is_no_way_into_an_account_kept_here(tmp_path: Path) -> None:
    """An account of the store is proved by what the store has: no source can say that somebody else is it."""
    section = people(tmp_path, ("mallory", ANN, ""))
    with EmbeddedServer(tmp_path / "place", guard=LENIENT, **section) as server:
        source = fresh()
        with connect(server, source) as talk:
            assert talk.plain("mallory@example.test", ELSEWHERE_PASSWORD) == FAILED
        assert [event["reason"] for event in told(server, source)] == ["unknown-account"]


def test_other_names_of_an_account_buy_no_guesses(tmp_path: Path) -> None:
    """However many names a source knows an account by, they have one budget; the account is told by its own name."""
    section = people(tmp_path, ("legacy", ELSEWHERE, ""))
    with EmbeddedServer(tmp_path / "place", guard=TIGHT, **section) as server:
        source = fresh()
        with connect(server, source) as talk:
            assert talk.say(b"AUTH PLAIN " + b64(f"legacy+a\0legacy+a\0{ELSEWHERE_PASSWORD}")).code == 235
        for number in range(2):
            with connect(server, fresh()) as talk:
                assert talk.plain(f"legacy+{number}@example.test", f"wrong {number}") == FAILED
        with connect(server, fresh()) as talk:
            assert talk.plain("legacy+2@example.test", ELSEWHERE_PASSWORD).code == 454
        with connect(server, source) as talk:
            assert talk.plain("legacy+a", ELSEWHERE_PASSWORD).code == 235

        accounts = {event["account"] for event in server.events("login.failed", "login.succeeded")}
        assert accounts == {ELSEWHERE}


def test_outsiders_do_not_use_up_an_account_kept_elsewhere(tmp_path: Path) -> None:
    """Those outside the networks that a source names for its account guess from a budget of their own."""
    section = people(tmp_path, ("legacy", ELSEWHERE, "127.0.0.1"))
    with EmbeddedServer(tmp_path / "place", guard=TIGHT, **section) as server:
        for number in range(4):
            with connect(server, fresh()) as talk:
                talk.plain(ELSEWHERE, f"wrong {number}")
        with connect(server, "127.0.0.1") as talk:
            assert talk.plain(ELSEWHERE, ELSEWHERE_PASSWORD).code == 235


# --- tokens


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[IdentityProvider]:
    with identity_provider(tmp_path) as running:
        yield running


def trusting(provider: IdentityProvider) -> dict[str, str]:
    return {"issuer": provider.url, "audience": AUDIENCE, "jwks": provider.jwks, "ca": str(provider.ca)}


def both(talk: Talk, token: str) -> tuple[bytes, Answer]:
    answer = by_token(talk, "OAUTHBEARER", ANN, token)
    return base64.b64decode(answer.lines[0]), talk.say("AQ==")


@pytest.mark.parametrize("how", [{"disabled": True}, {"allow_from": ["192.0.2.0/24"]}])
def test_right_token_that_opens_nothing(tmp_path: Path, provider: IdentityProvider, how: dict[str, object]) -> None:
    """A thief cannot try a token from where it is of no use: a good one is refused with the words of a bad one."""
    good, bad = (provider.token(provider.claims(time.time(), **each)) for each in ({}, {"aud": "another"}))
    section: dict[str, Any] = {f'account."{ANN}"': how}
    with EmbeddedServer(tmp_path / "place", guard=LENIENT, oauth2=trusting(provider), **section) as server:
        source = fresh()
        with connect(server, source) as talk:
            assert both(talk, bad) == both(talk, good) == (BAD_TOKEN, FAILED)

        reasons = [event["reason"] for event in told(server, source)]
        assert reasons == ["bad-token", "disabled" if "disabled" in how else "not-allowed"]


def test_bad_token_holds_no_guess(tmp_path: Path, provider: IdentityProvider) -> None:
    """Whoever waits at the error challenge keeps none of the account's guesses from others."""
    with EmbeddedServer(tmp_path / "place", guard=TIGHT, oauth2=trusting(provider)) as server:
        waiting = [connect(server, fresh()) for _ in range(2)]
        for talk in waiting:
            assert by_token(talk, "OAUTHBEARER", ANN, "not.a.token").code == 334
        with connect(server, fresh()) as talk:
            assert talk.plain(ANN, PASSWORD).code == 235
        for talk in waiting:
            with talk:
                assert talk.say("AQ==") == FAILED


# --- what cannot be judged


def test_why_nobody_could_judge_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The client hears 454 and nothing more; the operator reads which source is out of order, and never a password."""
    section = people(tmp_path, ("legacy", ELSEWHERE, ""))
    section["[account_source]"]["query"] = "SELECT missing FROM people WHERE name = :local_part"
    with EmbeddedServer(tmp_path / "place", guard=LENIENT, **section) as server, connect(server, fresh()) as talk:
        assert talk.plain(ELSEWHERE, ELSEWHERE_PASSWORD).code == 454

    (line,) = [each.getMessage() for each in caplog.records if "could not be judged" in each.getMessage()]
    assert "the account source 'sqlite'" in line
    assert "no such column" in line
    assert ELSEWHERE_PASSWORD not in caplog.text

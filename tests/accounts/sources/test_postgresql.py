"""Accounts in a real PostgreSQL."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mailward.accounts.hasher import Hasher
from mailward.accounts.sources.bounded import BoundedSource
from mailward.accounts.sources.postgresql import Postgres, PostgresSettings
from mailward.accounts.sources.source import UNKNOWN, OutOfOrder, SourceAnswer
from mailward.errors import AuthUnavailable, InvalidConfig
from mailward.secret import Secret
from tests.support.account_sources import question, quick_hasher
from tests.support.certificates import authority
from tests.support.postgresql import PASSWORD, PostgreSQL

pytestmark = [pytest.mark.asyncio, pytest.mark.e2e, pytest.mark.peer("postgresql", "runuser")]
QUERY = "SELECT verifier AS password, senders, allow_from, locked AS disabled FROM users WHERE name = $1"


@pytest.fixture(scope="module")
def hasher() -> Iterator[Hasher]:
    with quick_hasher() as made:
        yield made


@pytest.fixture(scope="module")
def server(hasher: Hasher) -> Iterator[PostgreSQL]:
    """With ann in its table."""
    with PostgreSQL() as running:
        running.execute(
            "CREATE TABLE users"
            " (name text PRIMARY KEY, verifier text, senders text[], allow_from text, locked boolean);"
            f"INSERT INTO users VALUES ('ann@example.test', '{hasher.hash(Secret('four words of ann'))}',"
            " ARRAY['sales@example.test'], '192.0.2.0/24', false)"
        )
        yield running


def settings(server: PostgreSQL, *, query: str = QUERY, timeout: float = 5.0) -> PostgresSettings:
    return PostgresSettings(
        host=server.host,
        port=server.port,
        database="postgres",
        user="postgres",
        query=query,
        timeout=timeout,
        connections=2,
    )


async def test_right_wrong_nobody(server: PostgreSQL, hasher: Hasher) -> None:
    """What the row says is what counts, also for several logins at once on few connections."""
    source = Postgres(settings(server), hasher=hasher)

    assert await source.ask(question()) == SourceAnswer(
        "ann@example.test",
        right=True,
        senders=("ann@example.test", "sales@example.test"),
        allow_from=("192.0.2.0/24",),
    )
    many = await asyncio.gather(*(source.ask(question(password=f"wrong {number}")) for number in range(8)))
    assert [(answer.account, answer.right) for answer in many] == [("ann@example.test", False)] * 8
    assert await source.ask(question("bob")) == UNKNOWN
    await source.close()


@pytest.mark.parametrize("name", ["' OR '1'='1", "ann@example.test' --", "x'; DROP TABLE users; --", "$1", "\\"])
async def test_a_name_is_never_sql(server: PostgreSQL, hasher: Hasher, name: str) -> None:
    """A name that is SQL is looked up like any other, in vain, and the table is as before."""
    source = Postgres(settings(server), hasher=hasher)

    assert await source.ask(question(name)) == UNKNOWN
    assert (await source.ask(question())).right
    await source.close()


async def test_local_part_and_domain(server: PostgreSQL, hasher: Hasher) -> None:
    """The parts of the name are parameters too."""
    query = "SELECT verifier AS password FROM users WHERE name = $1 AND $2::text = 'ann' AND $3::text = 'example.test'"
    source = Postgres(settings(server, query=query), hasher=hasher)

    assert (await source.ask(question())).right
    await source.close()


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("DELETE FROM users WHERE name = $1 RETURNING verifier AS password", "cursor|read-only"),
        ("SELECT nothing FROM users WHERE name = $1", "does not exist"),
    ],
)
async def test_what_cannot_work(server: PostgreSQL, hasher: Hasher, query: str, why: str) -> None:
    """A query that writes and one that is wrong are outages which say why, and change nothing."""
    source = Postgres(settings(server, query=query), hasher=hasher)

    with pytest.raises(OutOfOrder, match=why):
        await source.ask(question())
    await source.close()


async def test_a_slow_query_is_ended(server: PostgreSQL, hasher: Hasher) -> None:
    """The login ends at its time limit, and the connection serves the next one."""
    slow = (
        "SELECT verifier AS password FROM users"
        " WHERE (SELECT pg_sleep(CASE WHEN $1::text = 'slow' THEN 30 ELSE 0 END)) IS NOT NULL AND name <> $1"
    )
    configured = settings(server, query=slow, timeout=0.5)
    source = BoundedSource(Postgres(configured, hasher=hasher), configured, now=time.monotonic)
    started = time.monotonic()

    with pytest.raises(OutOfOrder):
        await source.verify("slow", Secret("x"))
    assert time.monotonic() - started < 3
    assert (await source.verify("quick", Secret("four words of ann"))).right
    await source.close()


async def test_it_comes_back(server: PostgreSQL, hasher: Hasher) -> None:
    """While the server is down logins are put off; when it is back, so are they."""
    source = Postgres(settings(server), hasher=hasher)
    assert (await source.ask(question())).right
    server.stop()
    with pytest.raises(OutOfOrder):
        await source.ask(question())

    server.start()
    assert (await source.ask(question())).right
    await source.close()


async def test_over_tcp(server: PostgreSQL, hasher: Hasher, tmp_path: Path) -> None:
    """With the password of a file and a certificate that is trusted; without either, and where there is no TLS, not."""
    (tmp_path / "ca.pem").write_bytes(authority().pem)
    (tmp_path / "secret").write_text(PASSWORD + "\n")
    (tmp_path / "secret").chmod(0o600)
    over_tcp = replace(settings(server), host="127.0.0.1")
    secret, ca = str(tmp_path / "secret"), str(tmp_path / "ca.pem")

    source = Postgres(replace(over_tcp, ca=ca, password_file=secret), hasher=hasher)
    assert (await source.ask(question())).right
    await source.close()
    for wrong in (replace(over_tcp, password_file=secret), replace(over_tcp, ca=ca)):
        with pytest.raises(OutOfOrder):
            await Postgres(wrong, hasher=hasher).ask(question())
    with PostgreSQL(tls=False) as plain, pytest.raises(OutOfOrder):
        await Postgres(
            replace(over_tcp, ca=ca, password_file=secret, port=plain.port, query="SELECT $1::text AS password"),
            hasher=hasher,
        ).ask(question())


async def test_no_tls_is_said(server: PostgreSQL, hasher: Hasher, tmp_path: Path) -> None:
    """A host is reached over verified TLS, or not at all; a query without the name is refused."""
    with pytest.raises(InvalidConfig, match=r"\$1"):
        Postgres(settings(server, query="SELECT password FROM users"), hasher=hasher)
    with pytest.raises(InvalidConfig, match=r"gone\.pem"):
        Postgres(
            PostgresSettings(
                host="db.example.test", database="d", user="u", query=QUERY, ca=str(tmp_path / "gone.pem")
            ),
            hasher=hasher,
        )


async def test_names_that_the_database_cannot_hold(server: PostgreSQL, hasher: Hasher) -> None:
    """Anybody can send a name that the query stumbles over: it does not make the others wait for a pause."""
    query = "SELECT verifier AS password FROM users WHERE convert_to($1::text, 'LATIN1') = convert_to(name, 'LATIN1')"
    configured = replace(settings(server, query=query), failures=2)
    source = BoundedSource(Postgres(configured, hasher=hasher), configured, now=time.monotonic)
    for _ in range(4):
        with pytest.raises(AuthUnavailable, match="no equivalent"):
            await source.verify("☃", Secret("x"))

    assert (await source.verify("ann@example.test", Secret("four words of ann"))).right
    await source.close()

"""The credentials table, and how it came out of the accounts table."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from mailward.errors import StoreError
from mailward.store import accounts as table
from mailward.store import credentials
from mailward.store.accounts import AccountRow
from mailward.store.credentials import CredentialRow, NewAppPassword, NewPassword
from mailward.store.database import Database
from mailward.store.migrate import migrate, shipped
from mailward.store.writer import Writer

ANN = AccountRow("ann@example.test", b"salt", 4096, "[]", 1.0, 1.0)
FIRST = NewPassword("v1", b"k1", b"s1", 1.0)
SECOND = NewPassword("v2", b"k2", b"s2", 2.0)
THIRD = NewPassword("v3", None, None, 3.0)
PHONE = NewAppPassword(
    digest="d", stored_key=b"k", server_key=b"s", created=5.0, ends=9.0, selector="abcdefgh", label="phone",
    scopes='["smtp"]', allow_from="[]",
)  # fmt: skip


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database.open(tmp_path / "state" / "mailward.db")
    yield database
    database.close()


@pytest.fixture
def writer(database: Database) -> Iterator[Writer]:
    writer = Writer(database, deliver=lambda call: call())
    writer.run(table.insert(ANN, FIRST))
    yield writer
    writer.close()


def found(database: Database) -> AccountRow:
    row = table.find(database.reader(), ANN.name)
    assert row is not None
    return row


def states(database: Database) -> list[tuple[str, str]]:
    return [(each.state, each.verifier) for each in found(database).credentials]


def test_one_for_another(database: Database, writer: Writer) -> None:
    """The former is old, the account has changed and must not change any more; only on what was expected."""
    writer.run(table.change(ANN.name, {"must_change": 1}, now=1.0))
    [current] = found(database).credentials

    assert writer.run(credentials.replace(ANN.name, SECOND, expected=current.id + 1, keep=5)) is False
    assert writer.run(credentials.replace(ANN.name, SECOND, expected=current.id, keep=5)) is True
    assert writer.run(credentials.replace(ANN.name, SECOND, expected=current.id, keep=5)) is False
    assert states(database) == [("current", "v2"), ("old", "v1")]
    assert (found(database).changed, found(database).must_change) == (2.0, 0)


def test_only_so_many_are_kept(database: Database, writer: Writer) -> None:
    """The newest old ones; none, if none shall be."""
    for number, keep in ((2, 2), (3, 2), (4, 2), (5, 0)):
        current = found(database).credentials[0]
        writer.run(
            credentials.replace(ANN.name, replace(SECOND, verifier=f"v{number}"), expected=current.id, keep=keep)
        )
        if number == 4:
            assert states(database) == [("current", "v4"), ("old", "v3"), ("old", "v2")]

    assert states(database) == [("current", "v5")]


def test_two_overlap(database: Database, writer: Writer) -> None:
    """The older one ends later; a third ends it now, and only that ends sessions."""
    first = found(database).credentials[0].id
    assert writer.run(credentials.overlap(ANN.name, SECOND, expected=first, until=50.0, keep=5)) is True
    assert states(database) == [("current", "v2"), ("former", "v1")]
    assert found(database).changed == 1.0
    assert (found(database).credentials[1].ends, found(database).credentials[1].since) == (50.0, 2.0)

    assert writer.run(credentials.overlap(ANN.name, THIRD, expected=first, until=60.0, keep=5)) is False
    second = found(database).credentials[0].id
    assert writer.run(credentials.overlap(ANN.name, THIRD, expected=second, until=60.0, keep=5)) is True
    assert states(database) == [("current", "v3"), ("former", "v2"), ("old", "v1")]
    assert found(database).changed == 3.0
    assert writer.run(credentials.retire(ANN.name, now=4.0, keep=5)) is True
    assert writer.run(credentials.retire(ANN.name, now=4.0, keep=5)) is False
    assert states(database) == [("current", "v3"), ("old", "v2"), ("old", "v1")]


def test_silence(database: Database, writer: Writer) -> None:
    """Since the newer one came or since its last use, whichever is later; or the end of the overlap."""
    first = found(database).credentials[0].id
    writer.run(credentials.overlap(ANN.name, replace(SECOND, created=10.0), expected=first, until=50.0, keep=5))

    def silent(now: float, unused_since: float) -> bool:
        return credentials.any_silent(database.reader(), now=now, unused_since=unused_since)

    assert [silent(20.0, 9.9), silent(20.0, 10.0), silent(50.0, 0.0)] == [False, True, True]
    writer.run(credentials.used(ANN.name, first, now=15.0, every=1.0))
    assert [silent(20.0, 14.9), silent(20.0, 15.0)] == [False, True]
    assert writer.run(credentials.retire_silent(now=20.0, unused_since=14.0, keep=5)) == ()
    assert writer.run(credentials.retire_silent(now=20.0, unused_since=15.0, keep=5)) == ((ANN.name, False),)
    assert states(database) == [("current", "v2"), ("old", "v1")]


def test_app_passwords_come_and_go(database: Database, writer: Writer) -> None:
    """At most so many, one of each label, for accounts that there are; an id is never given twice."""
    number = writer.run(credentials.add_app_password(ANN.name, PHONE, most=2))
    assert number is not None
    assert found(database).credentials[0] == CredentialRow(
        number, "app", "d", b"k", b"s", 5.0, ends=9.0, selector="abcdefgh", label="phone", scopes='["smtp"]',
        allow_from="[]",
    )  # fmt: skip
    again = replace(PHONE, selector="abcdefgi")
    assert writer.run(credentials.add_app_password(ANN.name, again, most=2)) is None
    assert writer.run(credentials.add_app_password("bob", again, most=2)) is None
    tablet = replace(again, label="tablet")
    assert writer.run(credentials.add_app_password(ANN.name, tablet, most=1)) is None
    assert writer.run(credentials.revoke_app_password("bob", number, now=7.0)) is False
    assert writer.run(credentials.revoke_app_password(ANN.name, number, now=7.0)) is True
    assert writer.run(credentials.revoke_app_password(ANN.name, number, now=7.0)) is False
    assert found(database).changed == 7.0
    later = writer.run(credentials.add_app_password(ANN.name, tablet, most=1))
    assert later is not None
    assert later > number


def test_a_stage_is_told_once(database: Database, writer: Writer) -> None:
    """Later stages are lower; an earlier one does not come after them."""
    number = found(database).credentials[0].id

    assert [writer.run(credentials.warned(number, stage)) for stage in (14, 14, 7, 14, 0)] == [
        True, False, True, False, True,
    ]  # fmt: skip
    assert not writer.run(credentials.warned(number + 1, 14))


def test_a_verifier_is_renewed(database: Database, writer: Writer) -> None:
    """Only over the one it was made from; keys that are not given stay."""
    number = found(database).credentials[0].id
    bare = replace(FIRST, verifier="new", stored_key=None, server_key=None)

    assert writer.run(credentials.rehash(ANN.name, number, bare, before="other")) is False
    assert writer.run(credentials.rehash(ANN.name, number, bare, before="v1")) is True
    [row] = found(database).credentials
    assert (row.verifier, row.stored_key, row.server_key) == ("new", b"k1", b"s1")


def test_a_code_is_taken_once(database: Database, writer: Writer) -> None:
    """Steps only go up, and only under the secret they were found with."""
    assert writer.run(credentials.set_totp(ANN.name, b"secret", second_factor=1, now=2.0)) is True
    assert writer.run(credentials.set_totp("bob", b"secret", second_factor=1, now=2.0)) is False
    assert credentials.totp_secret(database.reader(), ANN.name) == b"secret"
    assert credentials.totp_secret(database.reader(), "bob") is None

    takes = [(b"secret", 5), (b"secret", 5), (b"secret", 4), (b"other", 9), (b"secret", 6)]
    assert [writer.run(credentials.take_step(ANN.name, secret, step)) for secret, step in takes] == [
        True, False, False, False, True,
    ]  # fmt: skip


def test_the_schema_refuses_nonsense(writer: Writer) -> None:
    """Two current passwords, half a pair of keys, an app password without a selector, nobody's credential."""
    insert = "INSERT INTO credentials (account, state, verifier, stored_key, created) VALUES (?, ?, 'v', ?, 1.0)"
    for values in (
        (ANN.name, "current", None),
        (ANN.name, "old", b"k"),
        (ANN.name, "app", None),
        (ANN.name, "other", None),
        ("bob", "old", None),
    ):
        with pytest.raises(StoreError, match="constraint"):
            writer.run(partial(_execute, insert, values))


def _execute(statement: str, values: tuple[str, str, bytes | None], connection: sqlite3.Connection) -> int:
    return connection.execute(statement, values).rowcount


def test_a_row_shows_no_secret() -> None:
    """Neither verifiers, nor digests, nor keys are in a repr."""
    row = CredentialRow(1, "old", "canary", b"canary", b"canary", 1.0)
    new = NewPassword("canary", b"canary", b"canary", 1.0)
    app = replace(PHONE, digest="canary", stored_key=b"canary", server_key=b"canary")

    assert "canary" not in repr((row, new, app))


def test_accounts_of_an_older_version_stay(tmp_path: Path) -> None:
    """A database of migration 4 keeps every account with its password, its keys, its senders and its times."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute("PRAGMA foreign_keys = ON")
    before = tuple(each for each in shipped() if each.version <= 4)
    migrate(connection, tmp_path, before)
    columns = (
        "name, verifier, scram_salt, scram_iterations, scram_stored_key, scram_server_key, senders, created, changed"
    )
    people = [(f"user{number}", f"v{number}", b"s%d" % number, 4096, b"k", b"r", '["a@b.test"]', 1.5, 2.5 + number)
              for number in range(30)]  # fmt: skip
    connection.executemany(f"INSERT INTO accounts ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", people)
    migrate(connection, tmp_path, shipped())

    found = {row.name: row for row in table.listing(connection)}
    assert len(found) == 30
    for name, verifier, salt, iterations, stored, server, senders, created, changed in people:
        row = found[name]
        assert replace(row, credentials=()) == AccountRow(name, salt, iterations, senders, created, changed)
        [password] = row.credentials
        assert password == CredentialRow(password.id, "current", verifier, stored, server, changed)
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()

"""Accounts of another server, taken over in one transaction or not at all."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailward.accounts.directory import Accounts
from mailward.accounts.hasher import Hasher
from mailward.accounts.imported import BadLine, Entry, Skipped, Told
from mailward.accounts.importing import Importer, Plan, Wishes
from mailward.errors import InputError
from mailward.sasl.mechanism import ScramKeys
from mailward.sasl.scram import DEFAULT_ITERATIONS, derive_keys
from mailward.secret import Secret
from mailward.store import accounts as table
from mailward.store.accounts import AccountRow
from mailward.store.database import Database
from mailward.store.writer import Writer

SSHA = "{SSHA}" + "YWFh" * 8
PASSWORD = "kite-9f3m-amber-72qd-otter"
ANN = Entry(line=1, name="Ann@Example.test", verifier=SSHA, scheme="salted-sha", allow_from=("192.0.2.0/24",))
BOB = Entry(line=2, name="bob", password=Secret(PASSWORD), disabled=True)
EVE = Entry(line=3, name="eve@example.test", verifier="{SHA}x", scheme="unsalted", weak=True)


@dataclasses.dataclass
class Place:
    """An empty store."""

    database: Database
    writer: Writer
    hasher: Hasher

    def take(self, *told: Told, **wishes: object) -> Plan:
        importer = Importer(self.database.reader(), self.writer.run, hasher=self.hasher, now=lambda: 1000.0)
        return importer.take(iter(told), dataclasses.replace(Wishes(), **wishes))  # type: ignore[arg-type]

    def rows(self) -> dict[str, AccountRow]:
        return {row.name: row for row in table.listing(self.database.reader())}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    database = Database.open(tmp_path / "mailward.db", create=True)
    writer = Writer(database, deliver=lambda call: call())
    hasher = Hasher(workers=1, memory_kib=8, time_cost=1)
    yield Place(database, writer, hasher)
    hasher.close()
    writer.close()
    database.close()


def test_taken_over(place: Place) -> None:
    """A verifier as it is and without SCRAM keys; a password in clear as argon2id with them; limits and locks."""
    plan = place.take(ANN, BOB, Skipped(4, "no password"), domain="example.net")
    ann, bob = place.rows()["ann@example.test"], place.rows()["bob@example.net"]

    assert plan.written
    assert ann.credentials[0].verifier == SSHA
    assert ann.credentials[0].stored_key is None
    assert (ann.allow_from, ann.disabled) == ('["192.0.2.0/24"]', 0)
    assert place.hasher.verify(bob.credentials[0].verifier, Secret(PASSWORD))
    keys = derive_keys(PASSWORD, bob.scram_salt, bob.scram_iterations)
    assert (bob.credentials[0].stored_key, bob.credentials[0].server_key) == (keys.stored_key, keys.server_key)
    assert bob.disabled == 1
    assert PASSWORD not in repr(plan)


def test_all_or_nothing(place: Place) -> None:
    """One bad line and nothing is written, unless bad lines are to be left out."""
    bad = BadLine(9, "what")

    assert not place.take(ANN, bad).written
    assert place.rows() == {}
    assert place.take(ANN, bad, skip_bad=True).written
    assert list(place.rows()) == ["ann@example.test"]


def test_a_dry_run_writes_nothing(place: Place) -> None:
    """It tells the same."""
    plan = place.take(ANN, BOB, dry_run=True)

    assert (list(plan.new), plan.written, place.rows()) == (["ann@example.test", "bob"], False, {})


def test_weak_ones_are_asked_for(place: Place) -> None:
    """Refused with the reason, and taken when that is wished."""
    (bad,) = place.take(EVE).bad
    assert "weak (unsalted)" in bad.why
    assert place.take(EVE, allow_weak=True).written


@pytest.mark.parametrize(
    "entry, why",
    [
        (dataclasses.replace(ANN, line=8), "line 1 has the account"),
        (dataclasses.replace(ANN, line=8, name="a b"), "space"),
        (dataclasses.replace(ANN, line=8, name="a@@b"), "mailbox"),
        (dataclasses.replace(BOB, line=8, name="c", password=Secret("tab\there")), "control character"),
    ],
)
def test_bad_names_and_passwords(place: Place, entry: Entry, why: str) -> None:
    """Twice the same account, no account's name, no password: the line is told."""
    (bad,) = place.take(ANN, entry).bad

    assert bad.line == 8
    assert why in bad.why


def test_accounts_that_are_there(place: Place) -> None:
    """Refused, or given the new password with --replace; a limit or a lock that is there stays."""
    place.take(ANN, dataclasses.replace(BOB, name="bob@example.test"))
    again = [Entry(line=1, name=name, verifier=SSHA[:-4] + "YmJi") for name in ("ann@example.test", "bob@example.test")]

    assert [bad.why for bad in place.take(*again).bad] == [
        "there is an account 'ann@example.test' already",
        "there is an account 'bob@example.test' already",
    ]
    assert list(place.take(*again, replace=True).replaced) == ["ann@example.test", "bob@example.test"]
    ann, bob = place.rows().values()
    assert [each.verifier for each in ann.credentials if each.state == "current"] == [SSHA[:-4] + "YmJi"]
    assert ann.allow_from == '["192.0.2.0/24"]'
    assert bob.disabled == 1


def test_one_that_appears_meanwhile(place: Place) -> None:
    """Between the plan and the commit somebody adds one of the names: nothing of the import is written."""
    importer = Importer(place.database.reader(), place.writer.run, hasher=place.hasher, now=lambda: 1.0)
    late = dataclasses.replace(ANN, name="zoe")

    def told() -> Iterator[Told]:
        yield ANN
        yield late
        place.take(late)

    with pytest.raises(InputError, match="changed meanwhile"):
        importer.take(told(), Wishes())
    assert list(place.rows()) == ["zoe"]


@pytest.mark.parametrize("iterations, kept", [(DEFAULT_ITERATIONS, True), (4096, False)])
def test_scram_keys(place: Place, iterations: int, kept: bool) -> None:
    """Kept where they look as nobody's do; others would show at the first challenge which accounts exist."""
    keys = ScramKeys(b"s" * 16, iterations, b"k" * 32, b"v" * 32)
    place.take(dataclasses.replace(ANN, scram=keys))
    (row,) = place.rows().values()

    assert row.scram_iterations == DEFAULT_ITERATIONS
    assert (row.scram_salt == keys.salt) is kept
    assert row.credentials[0].stored_key == (keys.stored_key if kept else None)


def test_the_first_login_replaces_the_hash(place: Place) -> None:
    """The imported hash proves the password, which then gets an argon2id verifier and SCRAM keys."""
    digest = hashlib.sha1(PASSWORD.encode() + b"salt", usedforsecurity=False).digest() + b"salt"
    place.take(dataclasses.replace(ANN, verifier="{SSHA}" + base64.b64encode(digest).decode()))
    accounts = Accounts(place.database.reader(), place.writer.run, hasher=place.hasher, now=lambda: 2000.0)
    imported = accounts.find_key("ann@example.test")
    assert imported is not None
    assert imported.passwords[0].scram is None
    assert place.hasher.verify(imported.passwords[0].verifier, Secret(PASSWORD))
    assert place.hasher.outdated(imported.passwords[0].verifier)

    assert accounts.rehash(imported.name, imported.passwords[0].id, Secret(PASSWORD))
    account = accounts.find_key("ann@example.test")
    assert account is not None
    assert place.hasher.verify(account.passwords[0].verifier, Secret(PASSWORD))
    assert not place.hasher.outdated(account.passwords[0].verifier)
    assert account.passwords[0].scram == derive_keys(PASSWORD, account.scram_salt, account.scram_iterations)


def test_too_many(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """What one transaction holds in memory is bounded."""
    monkeypatch.setattr("mailward.accounts.importing.MOST_LINES", 1)
    with pytest.raises(InputError, match="split the file"):
        place.take(ANN, BOB)

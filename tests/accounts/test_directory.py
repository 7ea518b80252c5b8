"""The accounts of an installation."""

from __future__ import annotations

import sqlite3
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from mailward.accounts.directory import Accounts
from mailward.accounts.hasher import Hasher
from mailward.errors import InputError, MailwardError, PasswordRefused, StoreError
from mailward.sasl.scram import DEFAULT_ITERATIONS, derive_keys
from mailward.secret import Secret
from mailward.store.database import Database
from mailward.store.writer import Writer
from mailward.wire.address import Mailbox

CANARY = "canary-horse-battery-7"
OTHER = "purple umbrella dentist 9"


class Installation:
    """A database with a writer, as one process has it open."""

    def __init__(self, path: Path, hasher: Hasher) -> None:
        self.clock = 100.0
        self.database = Database.open(path)
        self.writer = Writer(self.database, deliver=lambda call: call())
        self.accounts = Accounts(self.database.reader(), self.writer.run, hasher=hasher, now=lambda: self.clock)

    def close(self) -> None:
        self.writer.close()
        self.database.close()


@pytest.fixture(scope="module")
def hasher() -> Iterator[Hasher]:
    hasher = Hasher(workers=1, memory_kib=8, time_cost=1)
    yield hasher
    hasher.close()


@pytest.fixture
def installation(tmp_path: Path, hasher: Hasher) -> Iterator[Installation]:
    installation = Installation(tmp_path / "state" / "mailward.db", hasher)
    yield installation
    installation.close()


@pytest.fixture
def accounts(installation: Installation) -> Accounts:
    return installation.accounts


def test_an_account_is_found_in_every_case(accounts: Accounts, hasher: Hasher) -> None:
    """What was added is there, with a verifier and SCRAM keys of the same password."""
    added = accounts.add("Ann@Example.test", Secret(CANARY))

    for name in ("ann@example.test", "ANN@EXAMPLE.TEST", "Ann@Example.test"):
        assert accounts.find(name) == added
    assert (added.name, added.senders) == ("ann@example.test", ("ann@example.test",))
    assert (added.created, added.changed) == (100.0, 100.0)
    assert hasher.verify(added.verifier, Secret(CANARY))
    assert added.scram == derive_keys(CANARY, added.scram.salt, DEFAULT_ITERATIONS)


@pytest.mark.parametrize("name", ["bob@example.test", "", "a\x00b", "user\u202e", "x" * 9999])
def test_nobody_is_nobody(accounts: Accounts, name: str) -> None:
    """An unknown name and one that can be none are found alike."""
    assert accounts.find(name) is None


def test_another_process_sees_it_at_once(installation: Installation, hasher: Hasher) -> None:
    """Added, changed and removed elsewhere counts at the next login here."""
    other = Installation(installation.database.path, hasher)
    other.accounts.add("ann@example.test", Secret(CANARY))
    first = installation.accounts.find("ann@example.test")
    other.accounts.set_password("ann@example.test", Secret(OTHER))
    second = installation.accounts.find("ann@example.test")
    other.accounts.remove("ann@example.test")
    third = installation.accounts.find("ann@example.test")
    other.close()

    assert first is not None
    assert second is not None
    assert hasher.verify(first.verifier, Secret(CANARY))
    assert hasher.verify(second.verifier, Secret(OTHER))
    assert third is None


def test_a_new_password_replaces_the_old_one(installation: Installation, hasher: Hasher) -> None:
    """For PLAIN and for SCRAM, with a new salt; creation and senders stay."""
    accounts = installation.accounts
    before = accounts.add("ann@example.test", Secret(CANARY), senders=["sales@example.test"])
    installation.clock = 200.0
    accounts.set_password("ANN@example.test", Secret(OTHER))
    after = accounts.find("ann@example.test")

    assert after is not None
    assert not hasher.verify(after.verifier, Secret(CANARY))
    assert after.scram.salt != before.scram.salt
    assert after.scram == derive_keys(OTHER, after.scram.salt, after.scram.iterations)
    assert (after.created, after.changed, after.senders) == (100.0, 200.0, before.senders)


def test_senders(accounts: Accounts) -> None:
    """Its own address always; others when listed; a plain name only what is listed."""
    ann = accounts.add("ann@example.test", Secret(CANARY), senders=["Sales@Example.test", "sales@example.test"])
    plain = accounts.add("plain", Secret(CANARY))
    scanner = accounts.add("scanner", Secret(CANARY), senders=["ann@example.test", "Scans@BÜCHER.example"])

    assert ann.senders == ("ann@example.test", "sales@example.test")
    assert plain.senders == ()
    assert scanner.senders == ("ann@example.test", "scans@xn--bcher-kva.example")
    assert accounts.listing() == (ann, plain, scanner)
    found = accounts.find("scanner")
    assert found is not None
    assert found.may_send_as(Mailbox.parse("SCANS@bücher.example"))


def test_a_name_is_given_once(accounts: Accounts, hasher: Hasher) -> None:
    """Adding it again, in any case, changes nothing and says so."""
    accounts.add("ann@example.test", Secret(CANARY))

    with pytest.raises(InputError, match=r"there is an account 'ann@example.test' already") as caught:
        accounts.add("Ann@Example.test", Secret(OTHER))
    found = accounts.find("ann@example.test")
    assert found is not None
    assert hasher.verify(found.verifier, Secret(CANARY))
    assert "passwd" in caught.value.advice


def test_an_unknown_name_brings_the_nearest(accounts: Accounts) -> None:
    """Changing or removing nobody's account names whose it may have been."""
    accounts.add("ann@example.test", Secret(CANARY))

    changes: list[Callable[[], None]] = [
        lambda: accounts.remove("anne@example.test"),
        lambda: accounts.set_password("anne@example.test", Secret(OTHER)),
    ]
    for change in changes:
        with pytest.raises(InputError, match=r"no account 'anne@example.test'; is it 'ann@example.test'\?"):
            change()
    with pytest.raises(InputError, match=r"no account 'zzz'$"):
        accounts.remove("zzz")


def test_a_weak_password_is_refused_with_every_reason(accounts: Accounts) -> None:
    """The policy knows the account, the host and the words; nothing is stored, and a change is refused alike."""
    with pytest.raises(PasswordRefused) as caught:
        accounts.add("annabel@example.test", Secret("annabel mx9"), hostname="mx9.example.test")
    assert len(caught.value.reasons) >= 3
    assert accounts.listing() == ()

    accounts.add("annabel@example.test", Secret(CANARY))
    with pytest.raises(PasswordRefused):
        accounts.set_password("annabel@example.test", Secret("annabel"))


@pytest.mark.parametrize("name,senders", [("a\x00b", []), ("a b", []), ("ann@", []), ("ann", ["nobody"])])
def test_bad_names_are_refused(accounts: Accounts, name: str, senders: list[str]) -> None:
    """Neither an account nor a sender comes of a name that is none."""
    with pytest.raises(InputError):
        accounts.add(name, Secret(CANARY), senders=senders)
    assert accounts.listing() == ()


def _damage(connection: sqlite3.Connection, *, senders: str) -> None:
    connection.execute("UPDATE accounts SET senders = ? WHERE name = 'ann'", (senders,))


def test_quoted_names_are_found_and_removed(accounts: Accounts) -> None:
    """A mailbox that must be quoted is an account like any other: its key reads as itself."""
    added = accounts.add('"Ann X"@example.test', Secret(CANARY))

    assert added.name == '"ann x"@example.test'
    assert added.may_send_as(Mailbox.parse('"ANN X"@example.test'))
    assert accounts.find(added.name) == accounts.find_key(added.name) == added
    accounts.remove(added.name)
    assert accounts.listing() == ()


def test_a_key_is_looked_up_as_it_is(accounts: Accounts) -> None:
    """`find_key` takes the canonical name and makes no other of it."""
    added = accounts.add("ann@example.test", Secret(CANARY))

    assert accounts.find_key("ann@example.test") == added
    assert accounts.find_key("ANN@example.test") is None


def test_damaged_senders_are_a_store_error(installation: Installation) -> None:
    """A row that was tampered with is told, not guessed at."""
    installation.accounts.add("ann", Secret(CANARY))
    for damage in ("{", "7", "null"):
        installation.writer.run(partial(_damage, senders=damage))
        with pytest.raises(StoreError, match="senders of the account 'ann' are damaged"):
            installation.accounts.find("ann")


def test_no_secret_is_shown_or_stored(installation: Installation) -> None:
    """Neither the database, nor an account, nor an error with its frames holds the password."""
    accounts = installation.accounts
    shown = [repr(accounts.add("ann@example.test", Secret(CANARY)))]
    refused: list[Callable[[], object]] = [
        lambda: accounts.add("ann@example.test", Secret(CANARY)),
        lambda: accounts.add("canary@example.test", Secret(f"{CANARY}\x00")),
        lambda: accounts.set_password("bob@example.test", Secret(CANARY)),
    ]
    for add in refused:
        with pytest.raises(MailwardError) as caught:
            add()
        shown.append("".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format()))
    installation.writer.close()
    stored = b"".join(path.read_bytes() for path in installation.database.path.parent.iterdir())

    found = [line for text in shown for line in text.splitlines() if CANARY in line]
    assert found == []
    assert CANARY.encode() not in stored
    assert b"ann@example.test" in stored

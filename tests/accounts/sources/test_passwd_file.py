"""Accounts in a passwd-file."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mailward.accounts.hasher import Hasher
from mailward.accounts.sources.passwd_file import PasswdFile, PasswdFileSettings
from mailward.accounts.sources.source import UNKNOWN, SourceAnswer
from mailward.errors import AuthUnavailable, InvalidConfig
from mailward.secret import Secret
from tests.support.account_sources import question, quick_hasher

Write = Callable[[str], Path]


@pytest.fixture
def hasher() -> Iterator[Hasher]:
    with quick_hasher() as made:
        yield made


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes the file; each time its stamp is another."""
    path = tmp_path / "passwd"
    stamps = iter(range(1, 100))

    def writes(text: str) -> Path:
        path.write_text(text)
        path.chmod(0o640)
        moment = 1_700_000_000 + next(stamps)
        os.utime(path, (moment, moment))
        return path

    return writes


def opened(path: Path, hasher: Hasher) -> PasswdFile:
    return PasswdFile(PasswdFileSettings(path=str(path)), hasher=hasher)


@pytest.mark.asyncio
async def test_dovecots_form(write: Write, hasher: Hasher) -> None:
    """Name, verifier and the extra fields count, in any spelling of the name; comments and blank lines do not."""
    verifier = hasher.hash(Secret("four words of ann"))
    extra = "allow_nets=192.0.2.0/24,2001:db8::/32 userdb_senders=sales@example.test userdb_mail=maildir:~/m"
    source = opened(
        write(f"# people\n\nAnn@Example.test:{verifier}:1000:1000:Ann:/home/ann:/bin/sh:{extra}\r\nbob:{verifier}\n"),
        hasher,
    )

    assert await source.ask(question()) == SourceAnswer(
        "ann@example.test",
        right=True,
        senders=("ann@example.test", "sales@example.test"),
        allow_from=("192.0.2.0/24", "2001:db8::/32"),
    )
    assert await source.ask(question("bob", "wrong")) == SourceAnswer("bob", right=False)
    assert await source.ask(question("eve")) == UNKNOWN
    assert source.faults() == ()


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("extra", "disabled"),
    [("nologin", True), ("nologin=y", True), ("x=1 nologin=yes", True), ("nologin=n", False), ("", False)],
)
async def test_nologin(write: Write, hasher: Hasher, extra: str, *, disabled: bool) -> None:
    """An account that may not log in says so, right password or not."""
    source = opened(write(f"ann:{hasher.hash(Secret('right'))}::::::{extra}\n"), hasher)

    assert await source.ask(question("ann", "right")) == SourceAnswer("ann", right=True, disabled=disabled)


@pytest.mark.asyncio
async def test_no_password_is_no_way_in(write: Write, hasher: Hasher) -> None:
    """An empty field is an account nobody can log in to, not one that needs no password."""
    source = opened(write("ann::1000:1000\n"), hasher)

    assert await source.ask(question("ann", "anything")) == SourceAnswer("ann", right=False)


@pytest.mark.asyncio
async def test_a_verifier_that_is_none_is_no_wrong_password(write: Write, hasher: Hasher) -> None:
    """A line whose password cannot be checked is told as an account that cannot be judged now."""
    source = opened(write("ann:{PLAIN}right:::\n"), hasher)

    with pytest.raises(AuthUnavailable):
        await source.ask(question("ann", "right"))


@pytest.mark.asyncio
async def test_it_is_read_again_when_it_changes(write: Write, hasher: Hasher) -> None:
    """A new password and a removed account count at the next login."""
    source = opened(write(f"ann:{hasher.hash(Secret('old'))}\nbob:x\n"), hasher)
    write(f"ann:{hasher.hash(Secret('new'))}\n")

    assert [(await source.ask(question("ann", word))).right for word in ("new", "old")] == [True, False]
    assert await source.ask(question("bob")) == UNKNOWN


@pytest.mark.asyncio
async def test_a_bad_file_keeps_the_old_one_and_says_so(write: Write, hasher: Hasher) -> None:
    """The fault names the line and goes away with the next good file; a file that is gone is a bad one."""
    good = f"ann:{hasher.hash(Secret('right'))}\n"
    source = opened(path := write(good), hasher)
    write(good + "bob:x::::::allow_nets=nonsense\n")
    for _ in range(2):
        assert (await source.ask(question("ann", "right"))).right
    [fault] = source.faults()
    assert f"{path}:2: " in fault
    assert "the old one is kept" in fault

    path.unlink()
    assert (await source.ask(question("ann", "right"))).right
    assert "No such file" in source.faults()[0]

    write(good)
    assert (await source.ask(question("ann", "right"))).right
    assert source.faults() == ()


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("ann\n", 1, "without a colon"),
        ("ann:x\n\nANN:y\n", 3, "twice"),
        ("two words:x\n", 1, "has a space"),
        ("ann:x::::::nologin=perhaps\n", 1, "neither yes nor no"),
    ],
)
def test_a_bad_file_at_the_start(write: Write, hasher: Hasher, text: str, line: int, why: str) -> None:
    """It is refused with its name and line."""
    with pytest.raises(InvalidConfig, match=why) as refused:
        opened(path := write(text), hasher)

    assert (refused.value.file, refused.value.line) == (str(path), line)


def test_open_to_others(write: Write, hasher: Hasher, tmp_path: Path) -> None:
    """Verifiers that everybody can read, or a file that is none, are refused."""
    path = write("ann:x\n")
    path.chmod(0o644)
    os.mkfifo(tmp_path / "pipe", 0o600)

    with pytest.raises(InvalidConfig, match="open to others"):
        opened(path, hasher)
    with pytest.raises(InvalidConfig, match="not a regular file"):
        opened(tmp_path / "pipe", hasher)


def test_twenty_thousand_accounts(write: Write, hasher: Hasher) -> None:
    """A big file opens in seconds, and its look-up is one of a dictionary."""
    path = write("".join(f"user{number}@example.test:$2b$x:1:1\n" for number in range(20_000)))
    started = time.perf_counter()
    opened(path, hasher)

    assert time.perf_counter() - started < 5

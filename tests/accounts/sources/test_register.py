"""Every kind of source, opened from what a configuration says."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailward.accounts.hasher import Hasher
from mailward.accounts.sources.ldap import LdapSettings
from mailward.accounts.sources.passwd_file import PasswdFileSettings
from mailward.accounts.sources.register import KINDS, open_source, open_sources, settings_of
from mailward.errors import InvalidConfig
from mailward.secret import Secret
from tests.support.account_sources import quick_hasher

EXAMPLES: dict[str, dict[str, object]] = {
    "passwd-file": {"path": "{folder}/passwd"},
    "sqlite": {"path": "{folder}/users.db", "query": "SELECT verifier AS password FROM users WHERE name = :user"},
    "postgresql": {"host": "/run/postgresql", "database": "d", "user": "u", "query": "SELECT $1::text AS password"},
    "ldap": {"url": "ldaps://ldap.example.test", "base": "dc=example,dc=test"},
    "pam": {"service": "mail", "confdir": "{folder}"},
    "http": {"url": "https://accounts.example.test/login"},
}


@pytest.fixture
def hasher() -> Iterator[Hasher]:
    with quick_hasher() as made:
        yield made


@pytest.fixture
def folder(tmp_path: Path, hasher: Hasher) -> Path:
    """A passwd-file with ann, a database with bob, a PAM service."""
    (tmp_path / "passwd").write_text(f"ann:{hasher.hash(Secret('password of ann'))}\n")
    (tmp_path / "passwd").chmod(0o640)
    (tmp_path / "mail").write_text("auth required pam_deny.so\naccount required pam_deny.so\n")
    with sqlite3.connect(tmp_path / "users.db") as database:
        database.execute("CREATE TABLE users (name TEXT, verifier TEXT)")
        database.execute("INSERT INTO users VALUES ('bob', ?)", (hasher.hash(Secret("password of bob")),))
        database.execute("INSERT INTO users VALUES ('ann', ?)", (hasher.hash(Secret("another one")),))
    database.close()
    return tmp_path


def given(kind: str, folder: Path) -> dict[str, object]:
    return {
        key: value.format(folder=folder) if isinstance(value, str) else value for key, value in EXAMPLES[kind].items()
    }


@pytest.mark.asyncio
@pytest.mark.filterwarnings("ignore:.*is deprecated:DeprecationWarning")
@pytest.mark.parametrize("kind", KINDS)
async def test_every_kind_opens(kind: str, folder: Path, hasher: Hasher) -> None:
    """It is called as its kind unless it is named, has no faults, and closes without having been asked."""
    settings = settings_of(kind, {**given(kind, folder), "name": None, "timeout": 2.0})
    source = open_source(settings, hasher=hasher, now=time.monotonic)

    assert (source.name, settings.timeout) == (kind, 2.0)
    assert source.faults() == ()
    await source.close()


@pytest.mark.asyncio
async def test_several_in_their_order(folder: Path, hasher: Hasher) -> None:
    """Each name is judged by the first source that knows it, in any spelling."""
    listed = [settings_of(kind, given(kind, folder)) for kind in ("passwd-file", "sqlite")]
    sources = open_sources(listed, hasher=hasher, now=time.monotonic)

    ann = await sources.verify("ANN", Secret("password of ann"))
    bob = await sources.verify("bob", Secret("password of bob"))
    shadowed = await sources.verify("ann", Secret("another one"))
    nobody = await sources.verify("eve", Secret("another one"))

    assert [(answer.account, answer.right) for answer in (ann, bob, shadowed, nobody)] == [
        ("ann", True),
        ("bob", True),
        ("ann", False),
        (None, False),
    ]
    await sources.close()


@pytest.mark.parametrize(
    ("kind", "changes", "key"),
    [
        ("ldap", {"url": None}, "url"),
        ("pam", {"url": "ldaps://h"}, "url"),
        ("sqlite", {"query": ""}, "query"),
        ("nis", {}, "kind"),
    ],
)
def test_keys_of_a_kind(kind: str, changes: dict[str, object], key: str) -> None:
    """A key it does not have and one it needs are named; None is what was not said."""
    with pytest.raises(InvalidConfig) as refused:
        settings_of(kind, {**EXAMPLES.get(kind, {}), **changes})

    assert refused.value.key == f"account_source.{key}"


def test_one_name_each(folder: Path, hasher: Hasher) -> None:
    """Two sources of one kind need names to be told apart by."""
    settings = settings_of("passwd-file", given("passwd-file", folder))

    with pytest.raises(InvalidConfig, match="two account sources"):
        open_sources([settings, settings], hasher=hasher, now=time.monotonic)


def test_settings_are_what_was_said() -> None:
    """Defaults stand for what was not."""
    assert settings_of("ldap", {"url": "ldapi:///s", "base": "dc=test"}) == LdapSettings(
        url="ldapi:///s", base="dc=test"
    )
    assert settings_of("passwd-file", {"path": "p", "name": "old"}) == PasswdFileSettings(path="p", name="old")

"""Every kind of account source by its name, and how its settings become one that can be asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, fields
from typing import TypeAlias

from mailward.accounts.hasher import Hasher
from mailward.accounts.sources.bounded import BoundedSource
from mailward.accounts.sources.http import Http, HttpSettings
from mailward.accounts.sources.ldap import Ldap, LdapSettings
from mailward.accounts.sources.pam import Pam, PamSettings
from mailward.accounts.sources.passwd_file import PasswdFile, PasswdFileSettings
from mailward.accounts.sources.postgresql import Postgres, PostgresSettings
from mailward.accounts.sources.several import Several
from mailward.accounts.sources.source import AccountSource, Backend, needed
from mailward.accounts.sources.sqlite import Sqlite, SqliteSettings
from mailward.errors import InvalidConfig

Settings: TypeAlias = PasswdFileSettings | SqliteSettings | PostgresSettings | LdapSettings | PamSettings | HttpSettings
KINDS: Mapping[str, type[Settings]] = {
    "passwd-file": PasswdFileSettings,
    "sqlite": SqliteSettings,
    "postgresql": PostgresSettings,
    "ldap": LdapSettings,
    "pam": PamSettings,
    "http": HttpSettings,
}


def settings_of(kind: str, given: Mapping[str, object]) -> Settings:
    """The settings of a kind from what the configuration says; None stands for what it does not say. InvalidConfig."""
    form = KINDS.get(kind)
    if form is None:
        raise needed(kind, "kind", f"there is no such kind; there are {', '.join(KINDS)}")
    said = {key: value for key, value in given.items() if value is not None}
    known = {field.name: field for field in fields(form)}
    for key in said.keys() - known.keys():
        raise needed(kind, key, f"has no key {key!r}; it has {', '.join(known)}")
    for key, field in known.items():
        if field.default is MISSING and not said.get(key):
            raise needed(kind, key, f"{key} is missing")
    build: Callable[..., Settings] = form
    return build(**said)


def open_source(settings: Settings, *, hasher: Hasher, now: Callable[[], float]) -> AccountSource:
    """One source, ready to be asked; what is far is reached at the first login. InvalidConfig: it never could be."""
    return BoundedSource(_backend(settings, hasher=hasher, now=now), settings, now=now)


def open_sources(settings: Iterable[Settings], *, hasher: Hasher, now: Callable[[], float]) -> Several:
    """All of them, asked in this order. InvalidConfig also for two of one name."""
    listed = tuple(settings)
    names = [each.name for each in listed]
    for name in names:
        if names.count(name) > 1:
            raise InvalidConfig(
                f"two account sources are called {name!r}",
                key="account_source.name",
                advice="give each a name of its own",
            )
    return Several([open_source(each, hasher=hasher, now=now) for each in listed], now=now)


def _backend(settings: Settings, *, hasher: Hasher, now: Callable[[], float]) -> Backend:
    match settings:
        case PasswdFileSettings():
            return PasswdFile(settings, hasher=hasher)
        case SqliteSettings():
            return Sqlite(settings, hasher=hasher, now=now)
        case PostgresSettings():
            return Postgres(settings, hasher=hasher)
        case LdapSettings():
            return Ldap(settings)
        case PamSettings():
            return Pam(settings)
        case HttpSettings():
            return Http(settings)

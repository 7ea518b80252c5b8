"""Accounts in an LDAP directory: found by a search and proved by a bind (RFC 4513 §5.1.3), or by a bind alone."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from mailward.accounts.sources.extra import load
from mailward.accounts.sources.ldap_connection import Door, Found, LdapConnection, Target
from mailward.accounts.sources.ldap_text import fill, names_the_user
from mailward.accounts.sources.pool import Idle, Threads
from mailward.accounts.sources.secret_file import read_secret
from mailward.accounts.sources.source import (
    UNKNOWN,
    OutOfOrder,
    Question,
    SourceAnswer,
    SourceSettings,
    answer,
    bad_answer,
    needed,
    out_of_order,
    truth,
)
from mailward.accounts.sources.trust import trusting


@dataclass(frozen=True, kw_only=True)
class LdapSettings(SourceSettings):
    """url: ldaps://, ldap:// (StartTLS is required then) or ldapi://. bind_dn with password_file: who searches.

    base and filter: where an account is found; or dn: what its name is. `{user}`, `{local_part}` and `{domain}` stand
    in `filter` and `dn` for the name that wants to log in. insecure_plaintext: no TLS, anyone on the path reads the
    passwords.
    """

    name: str = "ldap"
    url: str
    ca: str = ""
    insecure_plaintext: bool = False
    bind_dn: str = ""
    password_file: str = ""
    base: str = ""
    filter: str = "(mail={user})"
    dn: str = ""
    senders_attribute: str = ""
    allow_from_attribute: str = ""
    disabled_attribute: str = ""


class Ldap:
    """Two kinds of connections, both kept: those that search stay bound as `bind_dn`; those that prove change hands."""

    def __init__(self, settings: LdapSettings) -> None:
        _check(settings)
        library = load("ldap3", kind="ldap", extra="ldap")
        target = Target.parse(settings.url)
        plain = settings.insecure_plaintext or target.scheme == "ldapi"
        if settings.insecure_plaintext and target.scheme == "ldaps":
            raise needed("ldap", "insecure_plaintext", "ldaps is not plaintext; say one of them")
        tls = None if plain else trusting("ldap", settings.ca)
        self._settings = settings
        self._door = Door(settings.name, library, target, tls, settings.timeout)
        self._attributes = [
            name
            for name in (settings.senders_attribute, settings.allow_from_attribute, settings.disabled_attribute)
            if name
        ]
        self._threads = Threads(settings.name, 2 * settings.connections)
        self._searching: Idle[LdapConnection] = Idle(settings.connections)
        self._proving: Idle[LdapConnection] = Idle(settings.connections)

    async def ask(self, question: Question) -> SourceAnswer:
        judge = self._by_name if self._settings.dn else self._by_search
        return await self._threads.run(lambda: judge(question))

    def faults(self) -> tuple[str, ...]:
        return ()

    async def close(self) -> None:
        for connection in (*self._searching.close(), *self._proving.close()):
            connection.close()

    def _by_search(self, question: Question) -> SourceAnswer:
        found = self._find(question)
        if len(found) > 1:
            raise bad_answer(self._settings.name, "more than one entry for one name")
        if not found:
            self._prove(f"cn={secrets.token_hex(8)},{self._settings.base}", question, read=False)  # takes as long
            return UNKNOWN
        right, _ = self._prove(found[0].dn, question, read=False)
        return self._answer(question, found[0], right=right)

    def _by_name(self, question: Question) -> SourceAnswer:
        dn = fill(self._settings.dn, _values(question))
        right, entry = self._prove(dn, question, read=bool(self._attributes))
        return self._answer(question, entry, right=right)

    def _find(self, question: Question) -> list[Found]:
        text = fill(self._settings.filter, _values(question))
        kept = self._searching.take()
        if kept is not None:
            try:
                return self._search(kept, text)
            except OutOfOrder:
                pass  # the server closed it while it was idle; a new one tells whether there is more to it
        return self._search(self._bound(), text)

    def _search(self, connection: LdapConnection, text: str) -> list[Found]:
        found = connection.search(self._settings.base, text, self._attributes)
        if not self._searching.give(connection):
            connection.close()
        return found

    def _bound(self) -> LdapConnection:
        """A new connection that may search."""
        connection = self._door.open()
        if self._settings.bind_dn:
            password = read_secret(self._settings.name, self._settings.password_file)
            if not connection.bind(self._settings.bind_dn, password):
                connection.close()
                raise out_of_order(self._settings.name, "it refuses bind_dn with the password of password_file")
        return connection

    def _prove(self, dn: str, question: Question, *, read: bool) -> tuple[bool, Found]:
        """Whether this is the entry's password; `read`: and its attributes, as the account itself sees them."""
        kept = self._proving.take()
        if kept is not None:
            try:
                return self._proved(kept, dn, question, read=read)
            except OutOfOrder:
                pass
        return self._proved(self._door.open(), dn, question, read=read)

    def _proved(self, connection: LdapConnection, dn: str, question: Question, *, read: bool) -> tuple[bool, Found]:
        right = connection.bind(dn, question.password)
        entry: Found | None = Found(dn, {})
        if right and read:
            seen = connection.search(dn, "(objectClass=*)", self._attributes, whole=False)
            entry = seen[0] if seen else None
        if not self._proving.give(connection):
            connection.close()
        if entry is None:
            raise bad_answer(self._settings.name, "an account that may not read its own entry")
        return right, entry

    def _answer(self, question: Question, entry: Found, *, right: bool) -> SourceAnswer:
        listed = {
            name: entry.attributes.get(name.partition(";")[0].lower(), ()) if name else ()
            for name in (
                self._settings.senders_attribute,
                self._settings.allow_from_attribute,
                self._settings.disabled_attribute,
            )
        }
        return answer(
            self._settings.name,
            question.name,
            right=right,
            senders=listed[self._settings.senders_attribute],
            allow_from=listed[self._settings.allow_from_attribute],
            disabled=any(truth(self._settings.name, text) for text in listed[self._settings.disabled_attribute]),
        )


def _values(question: Question) -> dict[str, str]:
    return {"user": question.name, "local_part": question.local_part, "domain": question.domain}


def _check(settings: LdapSettings) -> None:
    if settings.dn:
        if not names_the_user(settings.dn):
            raise needed("ldap", "dn", "dn must have {user} or {local_part} in it")
    elif not settings.base:
        raise needed("ldap", "base", "say base and filter, or dn")
    elif not names_the_user(settings.filter):
        raise needed("ldap", "filter", "filter must have {user} or {local_part} in it")
    if bool(settings.bind_dn) != bool(settings.password_file):
        raise needed("ldap", "bind_dn", "bind_dn and password_file belong together")

"""One connection to an LDAP server (RFC 4511), secured before anything is said on it (RFC 4513 §3)."""

from __future__ import annotations

import math
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from mailward.accounts.sources.extra import load
from mailward.accounts.sources.source import OutOfOrder, bad_answer, needed, out_of_order
from mailward.secret import Secret

# invalidCredentials, noSuchObject, inappropriateAuthentication, insufficientAccessRights, unwillingToPerform,
# constraintViolation (a lock of the password policy): the server judged, and said no.
_NO = frozenset({49, 32, 48, 50, 53, 19})
_SUCCESS, _NO_SUCH_OBJECT, _SIZE_LIMIT, _INVALID_DN = 0, 32, 4, 34


class Target(NamedTuple):
    """Where the server is. path: of its Unix socket."""

    scheme: str
    host: str
    port: int
    path: str

    @classmethod
    def parse(cls, url: str) -> Target:
        """ldaps://host, ldap://host, ldapi://%2Fpath or ldapi:///path. InvalidConfig."""
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port
        except ValueError:
            raise needed("ldap", "url", "url is not an LDAP URL") from None
        path = unquote(parts.netloc) or parts.path
        if parts.scheme == "ldapi" and path.startswith("/"):
            return cls("ldapi", "", 0, path)
        if parts.scheme not in ("ldap", "ldaps") or not host or parts.username is not None:
            raise needed("ldap", "url", "url must be ldaps://host, ldap://host or ldapi:///path, without a password")
        return cls(parts.scheme, host, port or (636 if parts.scheme == "ldaps" else 389), "")


class Found(NamedTuple):
    """An entry: its distinguished name and its attributes, keys in lower case."""

    dn: str
    attributes: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Door:
    """How connections are opened. tls: None on a Unix socket and where the operator said insecure-plaintext."""

    source: str
    library: Any
    target: Target
    tls: ssl.SSLContext | None
    timeout: float

    def open(self) -> LdapConnection:
        """OutOfOrder: no connection, or none that is secured."""
        connection = self._connection()
        problem = ""
        try:
            connection.open(read_server_info=False)
            if self.tls is not None and self.target.scheme == "ldap":
                connection.start_tls(read_server_info=False)
        except _faults(self.library) as error:
            problem = str(error) or type(error).__name__
        if not problem and self.tls is not None and not isinstance(connection.socket, ssl.SSLSocket):
            problem = "the connection is not secured"
        if problem:
            _drop(connection)
            raise out_of_order(self.source, problem)
        return LdapConnection(self.source, self.library, connection)

    def _connection(self) -> Any:
        """Each with a server of its own, for ldap3 keeps the state of a connection there."""
        ldap3, target = self.library, self.target
        options: dict[str, Any] = {"get_info": ldap3.NONE, "connect_timeout": self.timeout}
        if self.tls is not None:
            options["tls"] = ldap3.Tls(validate=ssl.CERT_REQUIRED)
            options["tls"].wrap_socket = partial(_secure, self.tls, target.host)
        if target.scheme == "ldapi":
            server = ldap3.Server("ldapi://" + target.path.replace("/", "%2F"), **options)
        else:
            server = ldap3.Server(target.host, port=target.port, use_ssl=target.scheme == "ldaps", **options)
        return ldap3.Connection(
            server,
            client_strategy=ldap3.SYNC,
            authentication=ldap3.SIMPLE,
            auto_referrals=False,
            check_names=False,
            receive_timeout=max(1, math.ceil(self.timeout)),
        )


class LdapConnection:
    """For one thread at a time; of no use, and closed, after an error."""

    def __init__(self, source: str, library: Any, connection: Any) -> None:
        self._source = source
        self._library = library
        self._connection = connection

    def bind(self, dn: str, password: Secret) -> bool:
        """Whether the server takes this password for this name; both not empty, or it would be an anonymous login."""
        if not dn or not password:
            return False
        problem = ""
        try:
            self._connection.user, self._connection.password = dn, password.reveal().encode()
            self._connection.authentication = self._library.SIMPLE
            self._connection.bind(read_server_info=False)
        except _faults(self._library) as error:
            problem = str(error) or type(error).__name__
        finally:
            self._connection.user = self._connection.password = self._connection.request = None
        if problem:
            raise self._lost(problem)  # a new one: frames of the old one hold the password
        return self._judged()

    def search(self, base: str, text: str, attributes: Sequence[str], *, whole: bool = True) -> list[Found]:
        """At most two entries under `base`, or `base` itself."""
        try:
            self._connection.search(
                base,
                text,
                search_scope=self._library.SUBTREE if whole else self._library.BASE,
                dereference_aliases=self._library.DEREF_NEVER,
                attributes=list(attributes) or [self._library.NO_ATTRIBUTES],
                size_limit=2,
                time_limit=self._connection.receive_timeout,
            )
        except _faults(self._library) as error:
            raise self._lost(str(error) or type(error).__name__) from None
        result = self._connection.result or {}
        if result.get("result") not in (_SUCCESS, _NO_SUCH_OBJECT, _SIZE_LIMIT):
            raise self._lost(f"the search ended with {result.get('description')}")
        entries = [entry for entry in self._connection.response or () if entry.get("type") == "searchResEntry"]
        return [Found(entry["dn"], self._attributes(entry["raw_attributes"])) for entry in entries]

    def close(self) -> None:
        try:
            self._connection.unbind()
        except _faults(self._library):
            _drop(self._connection)  # it was gone already

    def _lost(self, problem: str) -> OutOfOrder:
        _drop(self._connection)
        return out_of_order(self._source, problem)

    def _judged(self) -> bool:
        result = self._connection.result or {}
        code = result.get("result")
        if code == _INVALID_DN:  # a name makes it; anybody can send five of them, and the source works on
            _drop(self._connection)
            raise bad_answer(self._source, "its dn does not fit this name (invalidDNSyntax)")
        if code != _SUCCESS and code not in _NO:
            raise self._lost(f"the login there ended with {result.get('description')}")
        return bool(code == _SUCCESS)

    def _attributes(self, raw: Mapping[str, Sequence[bytes]]) -> dict[str, tuple[str, ...]]:
        try:
            return {key.lower(): tuple(value.decode() for value in values) for key, values in raw.items()}
        except UnicodeDecodeError:
            _drop(self._connection)
            raise bad_answer(self._source, "an attribute that is not UTF-8") from None


def _secure(context: ssl.SSLContext, host: str, connection: Any, *, do_handshake: bool = False) -> None:
    """In place of ldap3's own: the name is checked by the handshake itself, with SNI."""
    connection.socket = context.wrap_socket(
        connection.socket, server_hostname=host, do_handshake_on_connect=do_handshake
    )


def _drop(connection: Any) -> None:
    """ldap3 forgets to close what failed."""
    if connection.socket is not None:
        connection.socket.close()


def _faults(library: Any) -> tuple[type[Exception], ...]:
    """What ldap3 raises for a server that is gone, or that writes what cannot be read."""
    return (
        library.core.exceptions.LDAPException,
        load("pyasn1.error", kind="ldap", extra="ldap").PyAsn1Error,
        OSError,
        ValueError,
        TypeError,
        LookupError,
        AttributeError,
    )

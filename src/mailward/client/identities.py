"""Who logs in: with a password, with a client certificate, with a ticket, or as nobody (RFC 4422, RFC 4505)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mailward.client.passwords import AnySecret, SecretSource, source_of
from mailward.errors import InputError
from mailward.sasl.mechanism import Credentials
from mailward.secret import Secret

if TYPE_CHECKING:
    from mailward.client.credentials import CredentialSource
    from mailward.net.ports import Ports
    from mailward.sasl.mechanism import Kind


@dataclass(frozen=True, slots=True)
class Login:
    """A user, and where the password is. For Kerberos and NTLM too, which know passwords."""

    user: str
    secret: SecretSource
    kind: Kind = "password"

    async def ready(self, ports: Ports, *, until: float | None) -> None:
        pass  # a password is soon found, and a human who must unlock a keyring is asked only when it is needed

    async def current(self, ports: Ports, *, until: float | None, host: str, port: int) -> Credentials:
        secret = await self.secret.read(ports, user=self.user, host=host, until=until)
        return Credentials(self.user, secret, kind=self.kind, host=host, port=port)

    async def rejected(self, credentials: Credentials, ports: Ports, *, until: float | None) -> bool:  # noqa: ARG002
        return self.secret.refused(credentials.password, credentials.host)

    def accepted(self, credentials: Credentials) -> None:
        self.secret.accepted(credentials.password, credentials.host)


@dataclass(frozen=True, slots=True)
class WithoutPassword:
    """Who is known by something else than a secret of ours: a client certificate, a ticket, or by nothing."""

    user: str
    kind: Kind

    async def ready(self, ports: Ports, *, until: float | None) -> None:
        pass

    async def current(self, ports: Ports, *, until: float | None, host: str, port: int) -> Credentials:  # noqa: ARG002
        return Credentials(self.user, Secret(""), kind=self.kind, host=host, port=port)

    async def rejected(self, credentials: Credentials, ports: Ports, *, until: float | None) -> bool:  # noqa: ARG002
        return False

    def accepted(self, credentials: Credentials) -> None:
        pass


def External(user: str = "") -> CredentialSource:  # noqa: N802  # reads as the others do: auth=External()
    """Whoever the client certificate of `cert=` is (SASL EXTERNAL, RFC 4422 appendix A). user: whom to act as."""
    return WithoutPassword(user, "certificate")


def Anonymous(trace: str = "") -> CredentialSource:  # noqa: N802
    """Nobody (RFC 4505). trace: an address or a word for the server's log, which everybody may read."""
    return WithoutPassword(trace, "anonymous")


def Kerberos(user: str = "", password: AnySecret | None = None) -> CredentialSource:  # noqa: N802
    """GSSAPI with a ticket that is there (`kinit`), or one that `user` and `password` get. Needs mailward[kerberos]."""
    if password is None:
        return WithoutPassword(user, "kerberos")
    try:
        return Login(user_named(user), source_of(password), "kerberos")
    finally:
        del password


def NTLM(user: str, password: AnySecret) -> CredentialSource:  # noqa: N802
    r"""`DOMAIN\user`, for servers of old. Needs mailward[kerberos]."""
    try:
        return Login(user_named(user), source_of(password), "ntlm")
    finally:
        del password


def user_named(user: str) -> str:
    if not user:
        raise InputError("auth= has an empty user name", phase="options")
    return user

"""What `auth=` may be, made into one thing that a login asks for credentials."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias, TypeGuard

from mailward.client.breaker import BREAKER
from mailward.client.identities import Login, user_named
from mailward.client.password_places import Keyring
from mailward.client.passwords import AnySecret, Fixed, source_of
from mailward.errors import InputError, MailwardError
from mailward.sasl.mechanism import Credentials
from mailward.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailward.client.url import Target
    from mailward.net.ports import Ports
    from mailward.sasl.mechanism import Kind


class CredentialSource(Protocol):
    """Somebody who can log in. `user`: "" where the server finds that out. Shared by all logins of a client, or more.

    `kind`: which mechanisms fit.
    """

    @property
    def user(self) -> str: ...

    @property
    def kind(self) -> Kind: ...

    async def ready(self, ports: Ports, *, until: float | None) -> None:
        """Does what may take long, before a connection is opened for it. Raises MailwardError."""
        ...

    async def current(self, ports: Ports, *, until: float | None, host: str, port: int) -> Credentials:
        """What to log in with at this server, now. Raises MailwardError."""
        ...

    async def rejected(self, credentials: Credentials, ports: Ports, *, until: float | None) -> bool:
        """The server refused them, or did so before. Whether `current` may give others now."""
        ...

    def accepted(self, credentials: Credentials) -> None: ...


AnyAuth: TypeAlias = "tuple[str, AnySecret] | AnySecret | CredentialSource"


@dataclass(frozen=True, slots=True)
class Authority:
    """Who logs in, and by which mechanisms only; None for the strongest that fits."""

    source: CredentialSource
    mechanisms: tuple[str, ...] | None = None

    @classmethod
    def of(cls, auth: object, target: Target, mechanisms: Sequence[str] | None = None) -> Authority | None:
        """None where nobody logs in. Raises InputError, which shows no secret."""
        try:
            source = _source(auth, target)
        except MailwardError as error:
            refusal = InputError(error.message, phase="options", advice=error.advice)
        else:
            if source is not None:
                return cls(source, _mechanisms(mechanisms, source.kind))
            if mechanisms is None:
                return None
            refusal = InputError(
                "mechanisms= says how to log in, and nobody does", phase="options", advice="give auth="
            )
        finally:
            del auth, target
        raise refusal  # a new one: the frames of the old one hold what was given

    @property
    def user(self) -> str:
        return self.source.user

    @property
    def kind(self) -> Kind:
        return self.source.kind

    async def ready(self, ports: Ports, *, until: float | None, hosts: Sequence[str] = ()) -> None:
        """Before a connection to one of `hosts`: raises CredentialsBlocked where it would be of no use to make one."""
        await self.source.ready(ports, until=until)
        if isinstance(self.source, Login) and isinstance(self.source.secret, Fixed):  # others may give another secret
            BREAKER.check(hosts, Credentials(self.source.user, self.source.secret.secret))

    async def current(self, ports: Ports, *, until: float | None, host: str, port: int) -> Credentials:
        return await self.source.current(ports, until=until, host=host, port=port)

    async def rejected(self, credentials: Credentials, ports: Ports, *, until: float | None) -> bool:
        return await self.source.rejected(credentials, ports, until=until)

    def accepted(self, credentials: Credentials) -> None:
        self.source.accepted(credentials)


def _source(auth: object, target: Target) -> CredentialSource | None:
    if auth is None:
        return _of_url(target)
    if isinstance(auth, str) and auth == "keyring":
        auth = Keyring()
    match auth:
        case (str() as user, password):
            if target.password is not None or target.user not in (None, user):
                raise InputError("auth= and the URL both say who logs in", advice="say it in one place")
            return Login(user_named(user), source_of(password))
        case _ if _is_whole(auth):
            if target.password is not None or target.user not in (None, auth.user):
                raise InputError("auth= and the URL both say who logs in", advice="say it in one place")
            return auth
    return _of_url(target, auth)


def _of_url(target: Target, password: object = None) -> CredentialSource | None:
    """The URL names the user; its password, or `password`."""
    if target.user is None:
        if password is None:
            return None
        raise InputError("auth= must be a pair: user name and password", advice="or name the user in the URL")
    if password is None and target.password is None:
        raise InputError("the URL names a user and no password", advice='give auth=(user, password), or auth="keyring"')
    if password is None:
        return Login(target.user, Fixed(target.password or Secret("")))
    if target.password is not None:
        raise InputError("auth= and the URL both say who logs in", advice="say it in one place")
    if isinstance(password, str):
        raise InputError("auth= must be a pair: user name and password")
    return Login(target.user, source_of(password))


def _is_whole(auth: object) -> TypeGuard[CredentialSource]:
    return hasattr(auth, "current") and hasattr(auth, "rejected") and hasattr(auth, "accepted")


def _mechanisms(names: Sequence[str] | None, kind: Kind) -> tuple[str, ...] | None:
    """Raises InputError for a name we do not know, and for one that does not fit what auth= gives."""
    if names is None:
        return None
    from mailward.sasl.register import client_mechanisms, named  # noqa: PLC0415  # a file for each mechanism is read

    wanted = named(names)
    fitting = [name for name, each in client_mechanisms().items() if kind == each.credential or kind in each.by_name]
    if not set(wanted) & set(fitting):
        raise InputError(
            f"mechanisms= names {', '.join(wanted)}, and auth= gives a {kind}",
            phase="options",
            advice=f"with a {kind} there are {', '.join(fitting)}",
        )
    return wanted

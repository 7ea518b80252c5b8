"""Everything a client was told, checked once and then never changed."""

from __future__ import annotations

import ipaddress
import math
from dataclasses import dataclass
from typing import TypeAlias, TypedDict, Unpack

from mailward.client.authenticate import without_trace
from mailward.client.tls_mode import Endpoint, TlsMode, endpoints
from mailward.client.trust import Ca, Trust
from mailward.client.url import Target, parse_target
from mailward.errors import InputError, MailwardError
from mailward.sasl.mechanism import Credentials
from mailward.secret import Secret
from mailward.wire.command import Ehlo

Auth: TypeAlias = tuple[str, str | Secret]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeout:
    """Seconds. `total` holds for one message, with the connection and the login it may need; None for no limit.

    The others hold within it: `connect` for TCP, `greeting` for the server's first line and for TLS, `command` for
    each reply, `data` for the content and its reply, which may take ten minutes by RFC 5321 §4.5.3.2.6; whoever gives
    up earlier risks to send a message twice.
    """

    total: float | None = 300.0
    connect: float = 30.0
    greeting: float = 60.0
    command: float = 120.0
    data: float = 600.0

    def __post_init__(self) -> None:
        for name in ("total", "connect", "greeting", "command", "data"):
            seconds: object = getattr(self, name)
            if seconds is None and name == "total":
                continue
            if not isinstance(seconds, int | float) or not 0 < seconds < math.inf:
                raise InputError(f"timeout {name}: it must be a number of seconds above 0", phase="options")

    @classmethod
    def of(cls, value: float | Timeout | None) -> Timeout:
        """A number is the total; None the defaults."""
        if isinstance(value, Timeout):
            return value
        return cls() if value is None else cls(total=value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """`connections`: how many the client may have open at once, when several threads or tasks send through it."""

    connections: int = 1

    def __post_init__(self) -> None:
        if self.connections < 1:
            raise InputError("limits: connections must be a whole number from 1", phase="options")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientOptions:
    endpoints: tuple[Endpoint, ...]
    credentials: Credentials | None
    trust: Trust
    timeout: Timeout
    limits: Limits
    local_address: str | None
    ehlo_name: str | None


class ClientArguments(TypedDict, total=False):
    """What `Client`, `AsyncClient` and `mailward.send` may be told, each by its name.

    auth: (user, password), the password a str or a `mailward.Secret`.
    tls: "auto" (TLS from the first octet for smtps:, on port 465 and on 1465, 2465 … 9465; else STARTTLS; never clear
        text), "implicit", "starttls", or `mailward.INSECURE_PLAINTEXT`.
    ca: a file, a directory or the octets of certificates, trusted instead of the system's. Verification is never off.
    timeout: seconds for one whole `send` (300), or a `Timeout`.
    limits: more than one connection serves threads or tasks that send at the same time.
    local_address: the IP address to connect from. ehlo_name: what to call ourselves, our address by default.
    """

    auth: Auth | None
    tls: str | TlsMode
    ca: Ca | None
    timeout: float | Timeout | None
    limits: Limits | None
    local_address: str | None
    ehlo_name: str | None


def client_options(host_or_url: str, port: int | None = None, **arguments: Unpack[ClientArguments]) -> ClientOptions:
    """Raises InputError for what cannot be used; nothing is opened."""
    unknown = arguments.keys() - ClientArguments.__annotations__.keys()
    if unknown:
        raise TypeError(f"a client has no option {', '.join(sorted(unknown))}")
    try:
        target, credentials = _who_and_where(host_or_url, arguments.pop("auth", None))
    except MailwardError as error:
        raise without_trace(error)  # noqa: B904  # its frames hold the password
    finally:
        arguments.pop("auth", None)
        del host_or_url  # what is refused below is refused without them
    return ClientOptions(
        endpoints=endpoints(target, port=port, tls=arguments.get("tls", "auto")),
        credentials=credentials,
        trust=Trust(arguments.get("ca")),
        timeout=Timeout.of(arguments.get("timeout")),
        limits=arguments.get("limits") or Limits(),
        local_address=_checked_address(arguments.get("local_address")),
        ehlo_name=_checked_name(arguments.get("ehlo_name")),
    )


def _who_and_where(host_or_url: str, auth: Auth | None) -> tuple[Target, Credentials | None]:
    target = parse_target(host_or_url)
    return target, _credentials(target, auth)


def _credentials(target: Target, auth: Auth | None) -> Credentials | None:
    if auth is None:
        if target.user is None:
            return None
        if target.password is None:
            raise InputError(
                "the URL names a user and no password", phase="options", advice="give auth=(user, password)"
            )
        return Credentials(target.user, target.password)
    user, password = _pair(auth)
    if target.password is not None or target.user not in (None, user):
        raise InputError("auth= and the URL both say who logs in", phase="options", advice="say it in one place")
    if not user or not password:
        raise InputError("auth= has an empty user name or password", phase="options")
    return Credentials(user, password)


def _pair(auth: object) -> tuple[str, Secret]:
    match auth:
        case (str() as user, str() | Secret() as password):
            return user, Secret.of(password)
    raise InputError("auth= must be a pair: user name and password", phase="options")


def _checked_address(address: str | None) -> str | None:
    try:
        return None if address is None else str(ipaddress.ip_address(address))
    except ValueError:
        raise InputError("local_address= must be an IP address of this machine", phase="options") from None


def _checked_name(name: str | None) -> str | None:
    if name is not None:
        Ehlo(name).encode()
    return name

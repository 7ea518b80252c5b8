"""Everything a client was told, checked once and then never changed."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING, Protocol, TypeAlias, TypedDict, Unpack

from mailward.client.authenticate import without_trace
from mailward.client.client_certificate import Cert, ClientCertificate
from mailward.client.credentials import AnyAuth, Authority
from mailward.client.introduction import HeaderValue, Introduction, xclient_command
from mailward.client.limits import Limits
from mailward.client.memory import Memory
from mailward.client.observer import Hook, Observer
from mailward.client.proxies import Proxies, ProxyValue
from mailward.client.session_log import Log, observer_of
from mailward.client.tls_mode import TLS, Endpoint, TlsMode, endpoints
from mailward.client.trust import Ca, Trust
from mailward.client.url import Target, parse_target
from mailward.errors import InputError, MailwardError
from mailward.net.clock import Clock
from mailward.net.local_address import Choice, LocalAddress
from mailward.net.ports import Resolve
from mailward.net.query import Dns
from mailward.wire.command import Ehlo, XClient

if TYPE_CHECKING:
    from datetime import datetime

    from mailward.message.octets import Octets

Auth: TypeAlias = AnyAuth


class Signer(Protocol):
    """Signs a message as it will be sent. `names`: of its signatures, as `selector._domainkey.domain`."""

    @property
    def names(self) -> tuple[str, ...]: ...

    def sign(self, content: bytes | Octets, *, at: datetime | None = None) -> bytes:
        """The header fields to put in front of it, each with its CRLF."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeout:
    """Seconds. `total` holds for one message, with the connection and the login it may need; None for no limit.

    The others hold within it: `connect` for TCP, `greeting` for the server's first line and for TLS, `command` for
    each reply, `data` for the content and its reply: RFC 5321 §4.5.3.2 allows five minutes for the greeting and a
    command, ten for the last reply; whoever gives up earlier risks to send a message twice.
    """

    total: float | None = 900.0
    connect: float = 30.0
    greeting: float = 300.0
    command: float = 300.0
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
class ClientOptions:
    endpoints: tuple[Endpoint, ...]
    authority: Authority | None
    trust: Trust
    timeout: Timeout
    limits: Limits
    local_address: LocalAddress | None
    resolve: Resolve | None
    proxies: Proxies | None
    proxy_header: Introduction | None
    xclient: XClient | None
    ehlo_name: str | None
    memory: Memory | None
    observer: Observer | None
    signers: tuple[Signer, ...]
    dns: Dns | None

    @property
    def plain(self) -> bool:
        """Whether the channel may be clear text, which was asked for."""
        return not all(endpoint.mode.encrypts for endpoint in self.endpoints)


class ClientArguments(TypedDict, total=False):
    """What `Client`, `AsyncClient` and `mailward.send` may be told, each by its name.

    auth: (user, password), the password a str, a `mailward.Secret`, a function, a `Password`, `PasswordFile`, `Keyring`
        or `Environment`; or a whole login: `OAuth2…`, `External`, `Anonymous`, `Kerberos`, `NTLM`.
    mechanisms: the only SASL mechanisms to be used; the strongest that fits without it.
    tls: "auto" (TLS from the first octet for smtps:, on port 465 and on 1465, 2465 … 9465; else STARTTLS; never clear
        text), "implicit", "starttls", `mailward.TLS(…)`, or `mailward.INSECURE_PLAINTEXT`.
    ca: a file, a directory or the octets of certificates, trusted instead of the system's. Verification is never off.
    pin: one or several `sha256/…` of the server's key; without ca= the key alone says who the server is.
    cert: the client's own certificate: (file, key file[, password]), PEM; read again when a file changes.
    timeout: seconds for one whole `send` (900), or a `Timeout`.
    limits: a `Limits`: connections at once, messages for each, seconds they may be idle, and the rate of messages.
    local_address: the IP address to connect from ("192.0.2.7", with ports "192.0.2.7:40000-40999"), a list of them
        for use in turn, or a function of the host's name. IPv4 serves peers with IPv4, IPv6 the others.
    resolve: a function of host and port that gives the host's IP addresses (for AsyncClient it may be asynchronous).
    proxy: the URL of a proxy (socks5://user:password@host:1080, socks4a:, http:, https:), a `mailward.Proxy`, a chain
        of them as a list, or "env" for what ALL_PROXY and NO_PROXY say.
    proxy_header: "v1" or "v2" begins each connection with a PROXY header; ("v2", "192.0.2.7:40000", "192.0.2.25:25")
        says whose.
    xclient: what XCLIENT shall say of the client we speak for: {"ADDR": "192.0.2.7", "NAME": "client.example"}.
    protocol: "lmtp", as lmtp: in a URL. ehlo_name: what to call ourselves, our address by default.
    memory: the file of what is known of servers, so that a downgrade is refused; this user's, False for none.
    dkim: a `DKIM`, or several, that sign each message.
    event_hooks: by the kind of event, or "*" for all, a function of a `SessionEvent`, or several.
    log: a file for the dialogue without its secrets (JSON lines if it ends in .jsonl; %Y-%m-%d in its name is the
        date), a `logging.Logger`, "otel" for spans, or several of them.
    dns: a `Dns`, for who is asked about MX, TLSA and TXT records.
    """

    auth: Auth | None
    mechanisms: Sequence[str] | None
    tls: str | TlsMode | TLS
    ca: Ca | None
    pin: str | Sequence[str] | None
    cert: Cert | None
    timeout: float | Timeout | None
    limits: Limits | None
    local_address: str | Sequence[str] | Choice | LocalAddress | None
    resolve: Resolve | None
    proxy: ProxyValue | Proxies | None
    proxy_header: HeaderValue | Introduction | None
    xclient: Mapping[str, str | None] | None
    protocol: str | None
    ehlo_name: str | None
    memory: str | PathLike[str] | Memory | bool | None
    dkim: Signer | Sequence[Signer] | None
    event_hooks: Mapping[str, Hook | Iterable[Hook]] | None
    log: Log | Iterable[Log] | None
    dns: Dns | None


def client_options(host_or_url: str, port: int | None = None, **arguments: Unpack[ClientArguments]) -> ClientOptions:
    """Raises InputError for what cannot be used; nothing is opened."""
    unknown = arguments.keys() - ClientArguments.__annotations__.keys()
    if unknown:
        raise TypeError(f"a client has no option {', '.join(sorted(unknown))}")
    try:
        target, authority = _who_and_where(host_or_url, arguments.pop("auth", None), arguments.get("mechanisms"))
        proxies = Proxies.of(arguments.pop("proxy", None), environment=os.environ)
        cert = ClientCertificate.of(arguments.pop("cert", None))
    except MailwardError as error:
        raise without_trace(error)  # noqa: B904  # its frames hold the password
    finally:
        arguments.pop("auth", None)
        arguments.pop("proxy", None)
        arguments.pop("cert", None)
        del host_or_url  # what is refused below is refused without them
    tls = arguments.get("tls", "auto")
    return ClientOptions(
        endpoints=endpoints(target, port=port, tls=tls, protocol=arguments.get("protocol")),
        authority=authority,
        trust=Trust.of(tls, arguments.get("ca"), arguments.get("pin"), cert),
        timeout=Timeout.of(arguments.get("timeout")),
        limits=arguments.get("limits") or Limits(),
        local_address=LocalAddress.of(arguments.get("local_address")),
        resolve=arguments.get("resolve"),
        proxies=proxies,
        proxy_header=Introduction.of(arguments.get("proxy_header")),
        xclient=xclient_command(arguments.get("xclient")),
        ehlo_name=_checked_name(arguments.get("ehlo_name")),
        memory=Memory.of(arguments.get("memory")),
        observer=observer_of(arguments.get("event_hooks"), arguments.get("log"), utc=Clock().utc),
        signers=_signers(arguments.get("dkim")),
        dns=arguments.get("dns"),
    )


def _who_and_where(
    host_or_url: str, auth: Auth | None, mechanisms: Sequence[str] | None
) -> tuple[Target, Authority | None]:
    target = parse_target(host_or_url)
    return target, Authority.of(auth, target, mechanisms)


def _signers(dkim: object) -> tuple[Signer, ...]:
    several = dkim if isinstance(dkim, list | tuple) else () if dkim is None else (dkim,)
    if not all(callable(getattr(signer, "sign", None)) for signer in several):
        raise InputError("dkim= must be a mailward.DKIM, or several", phase="options")
    return tuple(several)


def _checked_name(name: str | None) -> str | None:
    if name is not None:
        Ehlo(name).encode()
    return name

"""How a session is secured, and on which port (RFC 8314). No mode falls back to clear text.

| mode | what somebody on the path can do |
|---|---|
| IMPLICIT | end the connection |
| STARTTLS | end the connection; see and change the greeting and the first EHLO, of which nothing is kept |
| LOCAL | there is nobody: a Unix socket, which only root and its owner can listen to |
| INSECURE_PLAINTEXT | read and change everything; the password is safe only with SCRAM |

`TLS(…)` says more than the mode: the least version, ciphers, whom to trust, a client's certificate.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Final

from mailward.client.client_certificate import ClientCertificate
from mailward.errors import InputError, InvalidUrl
from mailward.printable import printable

if TYPE_CHECKING:
    import ssl
    from collections.abc import Sequence

    from mailward.client.authorities import Ca
    from mailward.client.client_certificate import Cert
    from mailward.client.url import Target


class TlsMode(Enum):
    IMPLICIT = "implicit"
    STARTTLS = "starttls"
    LOCAL = "local"
    INSECURE_PLAINTEXT = "insecure-plaintext"

    @property
    def encrypts(self) -> bool:
        return self in (TlsMode.IMPLICIT, TlsMode.STARTTLS)

    def __repr__(self) -> str:
        return self.name


INSECURE_PLAINTEXT: Final = TlsMode.INSECURE_PLAINTEXT

_VERSIONS: Final = ("1.2", "1.3")
_LMTP_PORT: Final = 24
_DEFAULT_PORT: Final = {TlsMode.IMPLICIT: 465, TlsMode.STARTTLS: 587, TlsMode.INSECURE_PLAINTEXT: 25}


@dataclass(frozen=True, slots=True)
class TLS:
    """How one client secures its sessions. Nothing of it holds for the process, and none of it turns a check off.

    mode: "auto", "implicit" or "starttls". min_version: "1.2" or "1.3". ciphers: for TLS 1.2, in OpenSSL's words.
    context: an `ssl.SSLContext` of the caller's own, which must verify; then the fields it stands for stay unset.
    ca: as the client's `ca=`. pin: one or several `sha256/…` of the server's key. cert: (file, key file[, password]).
    names: what the certificate must be for, instead of the host that is connected to; one of them is enough.
    requiretls: every message asks for REQUIRETLS (RFC 8689), unless its own `requiretls=` says otherwise.
    """

    mode: str | TlsMode = "auto"
    _: KW_ONLY
    min_version: str = "1.2"
    ciphers: str | None = None
    context: ssl.SSLContext | None = None
    ca: Ca | None = None
    pin: str | Sequence[str] | None = None
    cert: Cert | None = field(default=None, repr=False)
    names: str | Sequence[str] = ()
    requiretls: bool = False

    def __post_init__(self) -> None:
        if _named(self.mode) is INSECURE_PLAINTEXT:
            raise InputError(
                "TLS(…) secures a session", phase="options", advice="clear text is only tls=mailward.INSECURE_PLAINTEXT"
            )
        if self.min_version not in _VERSIONS:
            raise InputError(
                f"min_version={printable(str(self.min_version), 40)!r}: the least version is 1.2 or 1.3",
                phase="options",
                advice="what is older than TLS 1.2 is broken (RFC 8996), and is not spoken here",
            )
        object.__setattr__(self, "cert", ClientCertificate.of(self.cert))  # at once, so that no password lies open
        if self.context is not None:
            self._check_alone()

    def _check_alone(self) -> None:
        said = {"ca": self.ca, "ciphers": self.ciphers, "cert": self.cert, "min_version": self.min_version != "1.2"}
        doubled = [name for name, value in said.items() if value]
        if doubled:
            raise InputError(
                f"TLS(context=…, {doubled[0]}=…): both say the same of a session",
                phase="options",
                advice="set it on the context, or give no context",
            )


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One way to reach the server. `path`: of its Unix socket; then there is no port. `protocol`: "smtp" or "lmtp"."""

    host: str
    port: int
    mode: TlsMode
    path: str | None = None
    protocol: str = "smtp"

    def __str__(self) -> str:
        return self.path or f"{self.host} port {self.port}"


def endpoints(
    target: Target, *, port: int | None, tls: str | TlsMode | TLS, protocol: str | None = None
) -> tuple[Endpoint, ...]:
    """The ways to try, in order. More than one only when nothing was said: 465 first, then 587 (RFC 8314 §3.3)."""
    protocol = _agreed_protocol(protocol, target.protocol)
    mode = _agreed(_named(tls.mode if isinstance(tls, TLS) else tls), _of_url(target))
    port = _agreed_port(port, target.port)
    if target.path is not None:
        if port is not None:
            raise InputError("a Unix socket has no port", phase="options")
        return (Endpoint(target.host, 0, mode or TlsMode.LOCAL, target.path, protocol),)
    if mode is not None:
        modes = [mode]
    elif port is None and target.scheme is None and protocol == "smtp":
        modes = [TlsMode.IMPLICIT, TlsMode.STARTTLS]
    else:
        modes = [TlsMode.IMPLICIT if _is_submissions(port) else TlsMode.STARTTLS]
    default = dict.fromkeys(modes, _LMTP_PORT) if protocol == "lmtp" else _DEFAULT_PORT
    return tuple(Endpoint(target.host, port or default[mode], mode, None, protocol) for mode in modes)


def _is_submissions(port: int | None) -> bool:
    """465, and what stands in for it where 465 cannot be had: 1465, 2465 … 9465. Not a port the system picked."""
    return port is not None and port % 1000 == 465 and port < 10_000


def _named(tls: object) -> TlsMode | None:
    if isinstance(tls, TlsMode) and tls is not TlsMode.LOCAL:  # only the URL of a Unix socket makes it LOCAL
        return tls
    modes: dict[object, TlsMode | None] = {"auto": None, "implicit": TlsMode.IMPLICIT, "starttls": TlsMode.STARTTLS}
    if not isinstance(tls, str) or tls not in modes:
        raise InputError(
            f"tls={printable(str(tls), 40)!r} is not a way to secure a session",
            phase="options",
            advice='it may be "auto", "implicit", "starttls" or mailward.TLS(…); '
            "clear text is only tls=mailward.INSECURE_PLAINTEXT",
        )
    return modes[tls]


def _of_url(target: Target) -> TlsMode | None:
    query = None if target.tls in (None, "auto") else TlsMode(target.tls)
    if target.scheme != "smtps":
        return query
    if query not in (None, TlsMode.IMPLICIT):
        raise InvalidUrl("smtps: is TLS from the first octet, which tls= in the same URL denies", advice="use smtp://")
    return TlsMode.IMPLICIT


def _agreed(argument: TlsMode | None, url: TlsMode | None) -> TlsMode | None:
    if argument is not None and url is not None and argument is not url:
        raise InputError(f"tls= says {argument.value} and the URL says {url.value}", advice="say it in one place")
    return argument or url


def _agreed_protocol(argument: str | None, url: str | None) -> str:
    if argument not in (None, "smtp", "lmtp"):
        raise InputError(f'protocol={printable(str(argument), 40)!r}: it is "smtp" or "lmtp"', phase="options")
    if argument is not None and url is not None and argument != url:
        raise InputError(f"protocol= says {argument} and the URL says {url}", advice="say it in one place")
    return argument or url or "smtp"


def _agreed_port(argument: int | None, url: int | None) -> int | None:
    if argument is not None and not 1 <= argument <= 65535:
        raise InputError(f"port {argument} is not from 1 to 65535")
    if argument is not None and url is not None and argument != url:
        raise InputError(f"port= says {argument} and the URL says {url}", advice="say it in one place")
    return argument or url

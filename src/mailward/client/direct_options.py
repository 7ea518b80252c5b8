"""What a client that delivers by itself was told, checked once and then never changed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias, TypedDict, Unpack

from mailward.client.options import Timeout
from mailward.client.plan import Need
from mailward.client.session_log import Log, observer_of
from mailward.client.trust import Ca, Trust
from mailward.errors import InputError
from mailward.net.clock import Clock
from mailward.net.local_address import Choice, LocalAddress
from mailward.net.query import Dns
from mailward.store.client_routes import ClientRoutes
from mailward.wire.command import Ehlo

if TYPE_CHECKING:
    import ssl

    from mailward.client.observer import Hook, Observer
    from mailward.client.options import Signer


class DirectTls(Enum):
    """What a server must prove of which no policy says anything.

    REQUIRE: that it speaks TLS. VERIFY: a certificate for its name, too. INSECURE_OPPORTUNISTIC: nothing at all;
    where TLS cannot be had, the message goes in clear text, and whoever stands in between can see to that.
    """

    REQUIRE = "require"
    VERIFY = "verify"
    INSECURE_OPPORTUNISTIC = "insecure-opportunistic"

    def __repr__(self) -> str:
        return self.name


INSECURE_OPPORTUNISTIC: Final = DirectTls.INSECURE_OPPORTUNISTIC

State: TypeAlias = str | PathLike[str] | bool | None

_NEEDS: Final = {
    DirectTls.REQUIRE: Need.ENCRYPTED,
    DirectTls.VERIFY: Need.VERIFIED,
    DirectTls.INSECURE_OPPORTUNISTIC: Need.OPPORTUNISTIC,
}


class DirectArguments(TypedDict, total=False):
    """What `DirectClient` and `AsyncDirectClient` may be told, each by its name.

    tls: "require" (the default: TLS with every server; a certificate is checked where DANE or MTA-STS ask for it),
        "verify" (checked with every server), or `mailward.INSECURE_OPPORTUNISTIC` (clear text where TLS is not to be
        had). No choice loosens what a domain asks for by DANE or MTA-STS.
    ca: a file, a directory or the octets of certificates, trusted instead of the system's.
    dns: `Dns(…)`, or the addresses of name servers. DANE is used where the server that answers is on this machine, or
        is trusted with `Dns(…, trust_ad=True)`, and validates DNSSEC.
    state: the file that keeps MTA-STS policies and the counts for TLS reports, this user's by default; False keeps
        them in memory.
    timeout: seconds for one whole `send` (300), or a `Timeout`.
    dkim: a `DKIM`, or several, that sign each message; large providers take no mail without.
    local_address: as of `Client`. ehlo_name: what to call ourselves; other servers want a name that the DNS has for us.
    event_hooks, log: as of `Client`. port: 25 everywhere on the Internet.
    """

    tls: str | DirectTls
    ca: Ca | None
    dns: Dns | Sequence[str] | None
    state: State
    dkim: Signer | Sequence[Signer] | None
    timeout: float | Timeout | None
    local_address: str | Sequence[str] | Choice | LocalAddress | None
    ehlo_name: str | None
    event_hooks: Mapping[str, Hook | Iterable[Hook]] | None
    log: Log | Iterable[Log] | None
    port: int


@dataclass(frozen=True, kw_only=True)
class DirectOptions:
    """`least`: what a server must prove of which no policy says anything."""

    least: Need
    trust: Trust
    dns: Dns | None
    book: ClientRoutes
    timeout: Timeout
    local_address: LocalAddress | None
    ehlo_name: str | None
    port: int
    signers: tuple[Signer, ...] = ()
    observer: Observer | None = None

    @cached_property
    def any_certificate(self) -> ssl.SSLContext:
        """For encryption alone, or for DANE, which checks by itself."""
        import ssl  # noqa: PLC0415

        context = self.trust.for_a_look()
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context


def direct_options(**arguments: Unpack[DirectArguments]) -> DirectOptions:
    """Raises InputError for what cannot be used; nothing is opened."""
    unknown = arguments.keys() - DirectArguments.__annotations__.keys()
    if unknown:
        raise TypeError(f"a direct client has no option {', '.join(sorted(unknown))}")
    port = arguments.get("port", 25)
    if not 1 <= port <= 65535:
        raise InputError(f"port {port} is not from 1 to 65535", phase="options")
    name = arguments.get("ehlo_name")
    if name is not None:
        Ehlo(name).encode()
    return DirectOptions(
        least=_NEEDS[_named(arguments.get("tls", DirectTls.REQUIRE))],
        trust=Trust.of("auto", arguments.get("ca")),
        dns=_servers(arguments.get("dns")),
        book=ClientRoutes(state_path(arguments.get("state"))),
        timeout=Timeout.of(arguments.get("timeout")),
        local_address=LocalAddress.of(arguments.get("local_address")),
        ehlo_name=name,
        port=port,
        signers=_signers(arguments.get("dkim")),
        observer=observer_of(arguments.get("event_hooks"), arguments.get("log"), utc=Clock().utc),
    )


def state_path(state: State, *, environ: Mapping[str, str] = os.environ) -> Path | None:
    """Where routes are kept: None for in memory, which is all a service without a home has."""
    if state is False:
        return None
    if state is not None and state is not True:
        return Path(fspath(state))
    base = environ.get("XDG_STATE_HOME", "")
    if not os.path.isabs(base):  # noqa: PTH117 - the XDG specification wants others ignored
        base = f"{environ['HOME']}/.local/state" if environ.get("HOME") else ""
    return Path(base) / "mailward" / "routes.db" if base else None


def _signers(dkim: object) -> tuple[Signer, ...]:
    several = tuple(dkim) if isinstance(dkim, list | tuple) else () if dkim is None else (dkim,)
    if not all(callable(getattr(signer, "sign", None)) for signer in several):
        raise InputError("dkim= must be a mailward.DKIM, or several", phase="options")
    return several


def _named(tls: str | DirectTls) -> DirectTls:
    if isinstance(tls, DirectTls):
        return tls
    if tls not in ("require", "verify"):
        raise InputError(
            'tls= of a direct client must be "require" or "verify"',
            phase="options",
            advice="clear text, where TLS is not to be had, is only tls=mailward.INSECURE_OPPORTUNISTIC",
        )
    return DirectTls(tls)


def _servers(dns: Dns | Sequence[str] | None) -> Dns | None:
    if dns is None or isinstance(dns, Dns):
        return dns
    return Dns((dns,) if isinstance(dns, str) else tuple(dns))

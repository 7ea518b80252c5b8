"""One question to the DNS, with DNSSEC's verdict on the answer, for both drivers (RFC 1035, RFC 4035, RFC 6840).

We believe that DNSSEC vouches for an answer only where we check the signatures ourselves (`Dns(anchors=…)`), or where
the AD bit comes from a name server on this very machine, or from one that `Dns(trust_ad=True)` says is reached safely:
on a network anybody can set a bit. Else every answer counts as insecure, so that DANE is not used and MTA-STS is.
"""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from mailward.errors import DnsError, InputError
from mailward.net.dnssec import Bogus, KeyRing, Validator
from mailward.printable import printable
from mailward.records.answer import DnsAnswer, MxRecord, Record, SrvRecord, TlsaRecord

if TYPE_CHECKING:
    from dns.asyncresolver import Resolver as AsyncResolver
    from dns.message import Message
    from dns.name import Name
    from dns.resolver import Answer, Resolver

Resolve: TypeAlias = "Callable[..., Awaitable[Answer]]"

KINDS: Final = frozenset({"A", "AAAA", "CNAME", "MX", "SRV", "TLSA", "TXT"})
MOST_RECORDS: Final = 256
_UDP: Final = 1232  # octets of an answer that no path has to fragment (DNS flag day 2020)
_WITHIN: Final = 30.0
_NOTHING_HOLDS: Final = 300.0  # seconds that "no such name" is believed
_ADVICE = "check the spelling of the domain and this machine's DNS; try again later"
_BOGUS_REASONS: Final = frozenset({6, 7, 8, 9, 10, 12})  # extended errors about DNSSEC (RFC 8914)


@dataclass(frozen=True, slots=True)
class Dns:
    """Whom to ask. nameservers: IP addresses, those of this machine by default; port: theirs.

    trust_ad: whether their word on DNSSEC counts; None, only of those on this machine (127.0.0.1, ::1). anchors: DS
    records, `ROOT_ANCHORS` for the Internet's; with them every signature is checked here, and no word is taken.
    """

    nameservers: tuple[str, ...] = ()
    port: int = 53
    trust_ad: bool | None = None
    anchors: tuple[str, ...] = ()
    ring: KeyRing = field(default_factory=KeyRing, compare=False, repr=False)  # what was checked before

    def __post_init__(self) -> None:
        try:
            for server in self.nameservers:
                ipaddress.ip_address(server)
        except ValueError:
            raise InputError("dns= must name its servers by their IP addresses", phase="options") from None
        if not all(" DS " in anchor for anchor in self.anchors):
            raise InputError("dns= anchors must be DS records: NAME DS TAG ALGORITHM TYPE DIGEST", phase="options")

    def trusts(self, server: str) -> bool:
        """Whether the AD bit of this server counts."""
        if self.trust_ad is not None:
            return self.trust_ad
        try:
            return ipaddress.ip_address(server).is_loopback
        except ValueError:
            return False


async def ask(name: str, kind: str, *, within: float | None, dns: Dns | None = None) -> DnsAnswer:
    """Blocking, though it looks otherwise. Raises DnsError, to be tried later, when nothing can be believed."""
    from dns.resolver import Resolver  # noqa: PLC0415 - a tenth of a second that few need

    dns = dns or Dns()
    resolver = _prepared(Resolver, dns)

    async def resolve(name: Any, kind: str, **how: Any) -> Answer:
        answer: Answer = resolver.resolve(name, kind, **how)
        return answer

    return await _ask(resolve, name, _kind(kind), within, dns)


async def ask_async(name: str, kind: str, *, within: float | None, dns: Dns | None = None) -> DnsAnswer:
    """The same on the running loop."""
    from dns.asyncresolver import Resolver  # noqa: PLC0415

    dns = dns or Dns()
    return await _ask(_prepared(Resolver, dns).resolve, name, _kind(kind), within, dns)


async def _ask(resolve: Resolve, name: str, kind: str, within: float | None, dns: Dns) -> DnsAnswer:
    from dns.exception import DNSException  # noqa: PLC0415

    until = time.monotonic() + (_WITHIN if within is None else within)
    try:
        if dns.anchors:
            return await _validated(resolve, name, kind, until, dns)
        answer = await resolve(name, kind, **_how(until))
    except (DNSException, OSError, EOFError, UnicodeError) as problem:
        return _without_records(name, problem)
    return _told(answer, kind, dns)


async def _validated(resolve: Resolve, name: str, kind: str, until: float, dns: Dns) -> DnsAnswer:
    """Each step of the proof is asked for, and checked here; nobody's word is taken."""
    from dns.name import from_text  # noqa: PLC0415
    from dns.resolver import NXDOMAIN  # noqa: PLC0415

    async def asked(name: Name, kind: str) -> Message:
        try:
            answer = await resolve(name, kind, **_how(until))
        except NXDOMAIN as problem:
            denial: Message = problem.kwargs["responses"][name]
            return denial
        return answer.response

    try:
        checked = await Validator(asked, dns.anchors, time.time(), dns.ring).answer(from_text(name), kind)
    except Bogus:
        return DnsAnswer(state="bogus")
    records = tuple(_record(kind, rdata) for rdata in (checked.rrset or ()))[:MOST_RECORDS]
    return DnsAnswer(
        records,
        authenticated=checked.secure,
        ttl=_NOTHING_HOLDS if checked.rrset is None else float(checked.rrset.ttl),
        state="found" if records else "nothing" if checked.exists else "no-name",
        canonical=_text(checked.canonical),
    )


def _kind(kind: str) -> str:
    if kind not in KINDS:
        raise InputError(f"{printable(kind, 20)} is no kind of record that is asked for", phase="dns")
    return kind


def _how(until: float) -> dict[str, Any]:
    return {"lifetime": max(until - time.monotonic(), 0.001), "search": False, "raise_on_no_answer": False}


def _prepared(kind: type[Resolver | AsyncResolver], dns: Dns) -> Any:
    from dns.exception import DNSException  # noqa: PLC0415
    from dns.flags import AD, CD, DO, RD  # noqa: PLC0415

    try:
        resolver = kind(configure=not dns.nameservers)
    except (DNSException, OSError) as problem:
        raise DnsError(
            f"this machine names no DNS server: {printable(str(problem))}",
            phase="dns",
            advice="name a server in /etc/resolv.conf, or give dns=",
        ) from problem
    if dns.nameservers:
        resolver.nameservers = list(dns.nameservers)
        resolver.port = dns.port
    if dns.anchors:
        resolver.flags = RD | CD
        resolver.use_edns(0, DO, _UDP)
    else:
        resolver.flags = RD | AD  # asked for by a bit, AD tells without the octets of the proof (RFC 6840 §5.7)
        resolver.use_edns(0, 0, _UDP)
    return resolver


def _told(answer: Answer, kind: str, dns: Dns) -> DnsAnswer:
    from dns.flags import AD  # noqa: PLC0415

    records = tuple(_record(kind, rdata) for rdata in (answer.rrset or ()))
    return DnsAnswer(
        records[:MOST_RECORDS],
        authenticated=bool(answer.response.flags & AD) and dns.trusts(str(answer.nameserver)),
        ttl=float(answer.chaining_result.minimum_ttl) if records else _NOTHING_HOLDS,
        state="found" if records else "nothing",
        canonical=_text(answer.canonical_name),
    )


def _record(kind: str, rdata: Any) -> Record:
    if kind == "MX":
        return MxRecord(rdata.preference, _text(rdata.exchange))
    if kind == "TXT":
        return b"".join(rdata.strings)
    if kind == "TLSA":
        return TlsaRecord(rdata.usage, rdata.selector, rdata.mtype, rdata.cert)
    if kind == "SRV":
        return SrvRecord(rdata.priority, rdata.weight, rdata.port, _text(rdata.target))
    return _text(rdata.target) if kind == "CNAME" else str(rdata.address)


def _text(name: Any) -> str:
    return str(name.to_text(omit_final_dot=True)).lower().removesuffix(".")


def _without_records(name: str, problem: Exception) -> DnsAnswer:
    """No such name is an answer; that nobody answers is an error, and a lie that was found out is told as one."""
    from dns.resolver import NXDOMAIN, NoNameservers  # noqa: PLC0415

    if isinstance(problem, NXDOMAIN):
        return DnsAnswer(state="no-name", ttl=_NOTHING_HOLDS, canonical=name.lower().removesuffix("."))
    if isinstance(problem, NoNameservers) and _is_bogus(problem):
        return DnsAnswer(state="bogus")
    raise DnsError(
        f"{printable(name, 255)} does not resolve: {printable(str(problem), 300)}", phase="dns", advice=_ADVICE
    ) from problem


def _is_bogus(problem: Any) -> bool:
    """Whether each server that failed said that it was for DNSSEC."""
    reasons = [
        {int(option.code) for option in error[4].options if int(option.otype) == 15}
        for error in problem.kwargs.get("errors", ())
        if error[4] is not None
    ]
    return bool(reasons) and all(reason & _BOGUS_REASONS for reason in reasons)

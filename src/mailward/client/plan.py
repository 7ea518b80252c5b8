"""What each server of a domain must prove before a message leaves, decided without asking (RFC 7672, RFC 8461)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Final

from mailward.errors import RouteError
from mailward.records.tls_rpt import AppliedPolicy, Failure, PolicyKind
from mailward.records.tlsa import in_words, usable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailward.client.sts import StsFound
    from mailward.records.answer import TlsaRecord
    from mailward.records.mta_sts import StsPolicy
    from mailward.records.mx import Exchanges

LATER: Final = "try again later; nothing is sent meanwhile on a way that may not be safe"


class Need(Enum):
    """What a server must prove before a message leaves, the strictest first. The value is said in a receipt."""

    DANE = "DANE"
    MTA_STS = "MTA-STS"
    VERIFIED = "verified"
    TESTING = "MTA-STS testing"
    ENCRYPTED = "nobody (encrypted only)"
    OPPORTUNISTIC = "nobody"


@dataclass(frozen=True, slots=True)
class Facts:
    """What the DNS says of one host. `names`: those a DANE-TA certificate may be for, the first asked for (SNI).

    `tlsa`: authenticated records, None if there are none. `problem`: why the host cannot be used now, "" if it can.
    """

    host: str
    addresses: tuple[str, ...] = ()
    tlsa: tuple[TlsaRecord, ...] | None = None
    names: tuple[str, ...] = ()
    problem: str = ""
    forged: bool = False


@dataclass(frozen=True, slots=True)
class Hop:
    """One server, its addresses, and what it must prove; `policy` and `failures` are for the TLS report.

    `otherwise`: what it must prove at least, where it does not prove what is only being tested.
    """

    host: str
    addresses: tuple[str, ...]
    need: Need
    policy: AppliedPolicy
    names: tuple[str, ...] = ()
    tlsa: tuple[TlsaRecord, ...] = ()
    failures: tuple[Failure, ...] = ()
    otherwise: Need | None = None


@dataclass(frozen=True, slots=True)
class Route:
    """`hops`: to be tried in order. `refused`: who was left out, and why. `secure`: nobody forged the choice.

    `failures`: what went wrong before anybody was connected to.
    """

    domain: str
    hops: tuple[Hop, ...]
    refused: tuple[str, ...] = ()
    secure: bool = False
    failures: tuple[tuple[AppliedPolicy, Failure], ...] = ()


def plan(
    domain: str, choice: Exchanges, facts: Sequence[Facts], sts: StsFound, *, least: Need = Need.ENCRYPTED
) -> Route:
    """`least`: what is asked of a server about which no policy says anything. Raises RouteError if nobody is left.

    A host with TLSA records is held to them, whatever MTA-STS says; any other to the policy.
    """
    hops: list[Hop] = []
    refused: list[str] = []
    for host in facts:
        if host.problem:
            refused.append(f"{host.host}: {host.problem}")
            continue
        hop = _with_dane(domain, host) or _without_dane(domain, host, sts, least)
        if hop is None:
            refused.append(f"{host.host}: the MTA-STS policy of {domain} does not name it")
        else:
            hops.append(hop)
    route = Route(domain, tuple(hops), tuple(refused), choice.secure, _failures(domain, facts, sts))
    if not hops:
        raise NoWay(route)
    return route


class NoWay(RouteError):
    """No server of a domain may be used now; `route` tells why, for the report."""

    def __init__(self, route: Route) -> None:
        told = "; ".join(route.refused)
        super().__init__(f"no server of {route.domain} may be used: {told}", phase="route", advice=LATER)
        self.route = route


def _with_dane(domain: str, host: Facts) -> Hop | None:
    records = usable(host.tlsa or ())
    if not records:
        return None
    text = tuple(in_words(record) for record in host.tlsa or ())
    policy = AppliedPolicy(PolicyKind.TLSA, domain, text, (host.host,))
    return Hop(host.host, host.addresses, Need.DANE, policy, host.names, records)


def _without_dane(domain: str, host: Facts, sts: StsFound, least: Need) -> Hop | None:
    """TLSA records of which none can be used still forbid clear text (RFC 7672 §2.2)."""
    need = Need.ENCRYPTED if host.tlsa and least is Need.OPPORTUNISTIC else least
    if sts.policy is None or sts.policy.mode == "none":
        return Hop(host.host, host.addresses, need, AppliedPolicy(PolicyKind.NONE, domain), (host.host,))
    hop = Hop(host.host, host.addresses, need, _applied(domain, sts.policy), (host.host,))
    allowed = sts.policy.allows(host.host)
    if sts.policy.mode == "enforce":
        return replace(hop, need=Need.MTA_STS) if allowed else None
    if not allowed:
        return replace(hop, failures=(Failure.VALIDATION,))
    return hop if need is Need.VERIFIED else replace(hop, need=Need.TESTING, otherwise=need)


def _applied(domain: str, policy: StsPolicy) -> AppliedPolicy:
    lines = ("version: STSv1", f"mode: {policy.mode}", *(f"mx: {mx}" for mx in policy.mx), f"max_age: {policy.max_age}")
    return AppliedPolicy(PolicyKind.STS, domain, lines, policy.mx)


def _failures(domain: str, facts: Sequence[Facts], sts: StsFound) -> tuple[tuple[AppliedPolicy, Failure], ...]:
    """What already failed before anybody was connected to."""
    found: list[tuple[AppliedPolicy, Failure]] = []
    if sts.failure is not None:
        kept = AppliedPolicy(PolicyKind.STS, domain) if sts.policy is None else _applied(domain, sts.policy)
        found.append((kept, sts.failure))
    for host in facts:
        tlsa = AppliedPolicy(PolicyKind.TLSA, domain, (), (host.host,))
        if host.forged:
            found.append((tlsa, Failure.DNSSEC_INVALID))
        elif host.tlsa and not usable(host.tlsa):
            found.append((tlsa, Failure.TLSA_INVALID))
    if sts.policy is not None and sts.policy.mode == "enforce":
        left_out = [host for host in facts if not host.problem and not usable(host.tlsa or ())]
        found += [
            (_applied(domain, sts.policy), Failure.VALIDATION) for host in left_out if not sts.policy.allows(host.host)
        ]
    return tuple(found)

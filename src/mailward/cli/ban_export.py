"""Bans as other programs take them, made of parsed addresses and numbers only: no text of anybody's gets into it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import TypeAlias

Network: TypeAlias = IPv4Network | IPv6Network
_IPSET_LONGEST = 2_147_483  # seconds
_IPSET_LEAST_ROOM = 65_536
_WRAPPED = "smtpd exim exim4 sendmail"  # mail servers that read hosts.deny


@dataclass(frozen=True, slots=True)
class Exported:
    """bans: a network with the whole seconds that are left of its ban. ports: those of mail that it is kept from."""

    bans: tuple[tuple[Network, int], ...]
    time: datetime
    ports: tuple[int, ...]

    @property
    def v4(self) -> list[tuple[Network, int]]:
        return [each for each in self.bans if each[0].version == 4]

    @property
    def v6(self) -> list[tuple[Network, int]]:
        return [each for each in self.bans if each[0].version == 6]

    def heading(self) -> str:
        return f"# bans of Mailward: {len(self.bans)}, at {_moment(self.time)}; written anew by: mailward bans export"


def network_of(subject: str) -> Network | None:
    """Of an `ip:` subject; None for any other text."""
    try:
        return ip_network(subject.removeprefix("ip:")) if subject.startswith("ip:") else None
    except ValueError:
        return None


def written(exported: Exported, form: str) -> str:
    return "".join(f"{line}\n" for line in FORMS[form](exported))


def _plain(exported: Exported) -> Iterator[str]:
    yield exported.heading()
    for network, _ in exported.bans:
        yield _short(network)


def _json(exported: Exported) -> Iterator[str]:
    bans = [{"address": _short(network), "seconds": seconds} for network, seconds in exported.bans]
    yield json.dumps({"time": _moment(exported.time), "ports": list(exported.ports), "bans": bans}, indent=2)


def _nftables(exported: Exported) -> Iterator[str]:
    """One transaction: the old table is there until the new one is."""
    ports = ", ".join(map(str, exported.ports))
    yield exported.heading()
    yield "table inet mailward"
    yield "delete table inet mailward"
    yield "table inet mailward {"
    yield from _nft_set("banned4", "type ipv4_addr; flags timeout;", exported.v4)
    yield from _nft_set("banned6", "type ipv6_addr; flags interval, timeout;", exported.v6)
    yield "  chain input {"
    yield "    type filter hook input priority -10; policy accept;"
    yield f"    tcp dport {{ {ports} }} ip saddr @banned4 drop"
    yield f"    tcp dport {{ {ports} }} ip6 saddr @banned6 drop"
    yield "  }"
    yield "}"


def _nft_set(name: str, kind: str, bans: list[tuple[Network, int]]) -> Iterator[str]:
    yield f"  set {name} {{"
    yield f"    {kind}"
    if bans:  # an empty list of elements is a syntax error
        yield "    elements = {"
        yield from (f"      {_short(network)} timeout {seconds}s," for network, seconds in bans)
        yield "    }"
    yield "  }"


def _ipset(exported: Exported) -> Iterator[str]:
    """For `ipset restore`: the sets are filled beside those in force, and then take their places."""
    ports = ",".join(map(str, exported.ports))
    yield exported.heading()
    yield f"# once: iptables -I INPUT -p tcp -m multiport --dports {ports} -m set --match-set mailward4 src -j DROP"
    yield f"# once: ip6tables -I INPUT -p tcp -m multiport --dports {ports} -m set --match-set mailward6 src -j DROP"
    yield from _ipset_of("mailward4", "hash:ip family inet", exported.v4)
    yield from _ipset_of("mailward6", "hash:net family inet6", exported.v6)


def _ipset_of(name: str, kind: str, bans: list[tuple[Network, int]]) -> Iterator[str]:
    room = max(_IPSET_LEAST_ROOM, 2 * len(bans))
    yield f"create {name} {kind} maxelem {room} timeout 86400 -exist"
    yield f"create {name}-new {kind} maxelem {room} timeout 86400 -exist"
    yield f"flush {name}-new"
    for network, seconds in bans:
        yield f"add {name}-new {_short(network)} timeout {min(seconds, _IPSET_LONGEST)}"
    yield f"swap {name}-new {name}"
    yield f"destroy {name}-new"


def _postfix_cidr(exported: Exported) -> Iterator[str]:
    yield exported.heading()
    yield "# main.cf: smtpd_client_restrictions = check_client_access cidr:/etc/postfix/mailward-bans.cidr"
    for network, _ in exported.bans:
        yield f"{network} REJECT"


def _hosts_deny(exported: Exported) -> Iterator[str]:
    yield exported.heading()
    for network, _ in exported.bans:
        address = str(network.network_address) if network.version == 4 else f"[{network.network_address}]/64"
        yield f"{_WRAPPED} : {address}"


FORMS: dict[str, Callable[[Exported], Iterator[str]]] = {
    "plain": _plain,
    "json": _json,
    "nftables": _nftables,
    "ipset": _ipset,
    "postfix-cidr": _postfix_cidr,
    "hosts-deny": _hosts_deny,
}


def collected(bans: Iterable[tuple[str, float]], now: datetime, ports: tuple[int, ...]) -> Exported:
    """bans: subjects with when they end, Unix seconds."""
    moment = now.timestamp()
    found = {
        network: max(1, int(until - moment)) for subject, until in bans if (network := network_of(subject)) is not None
    }
    inside = sorted(found.items(), key=lambda each: (each[0].version, int(each[0].network_address)))
    return Exported(tuple(inside), now, ports)


def _short(network: Network) -> str:
    return str(network.network_address) if network.prefixlen == network.max_prefixlen else str(network)


def _moment(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%SZ}"

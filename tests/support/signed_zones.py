"""A name server with signed zones below its own root, which answers as a resolver does that leaves validation to us."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import dns.dnssec
import dns.flags
import dns.message
import dns.name
import dns.node
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdataset
import dns.rdatatype
import dns.rrset
import dns.zone
from cryptography.hazmat.primitives.asymmetric import ed25519

from tests.support.name_server import NameServer

DAYS = 30 * 86_400


@dataclass
class SignedZone:
    """`lines`: NAME TYPE DATA, names relative. `kind`: "nsec", "nsec3", "opt-out", or "" for a zone that is not signed.

    `vouched`: its parent has its DS record.
    """

    name: str
    lines: tuple[str, ...] = ()
    kind: str = "nsec"
    vouched: bool = True
    key: ed25519.Ed25519PrivateKey = field(default_factory=ed25519.Ed25519PrivateKey.generate)

    @property
    def origin(self) -> dns.name.Name:
        return dns.name.from_text(self.name)

    @property
    def dnskey(self) -> dns.rdata.Rdata:
        return dns.dnssec.make_dnskey(self.key.public_key(), "ED25519", flags=257)

    @property
    def ds(self) -> str:
        return dns.dnssec.make_ds(self.origin, self.dnskey, "SHA256").to_text()


class SignedNameServer(NameServer):
    """`change` may do anything to an answer before it is sent."""

    def __init__(self, *zones: SignedZone) -> None:
        super().__init__()
        self.change: Callable[[dns.message.Message], None] = _nothing
        self._zones = {zone.origin: _made(zone, zones) for zone in zones}
        root = next(zone for zone in zones if zone.name == ".")
        self.anchors = (f". DS {root.ds}",)

    def _answer(self, query: dns.message.Message, name: str, kind: str) -> dns.message.Message:
        answer = dns.message.make_response(query, recursion_available=True)
        answer.request_payload = 65_535  # loopback takes it in one piece
        wanted = dns.rdatatype.from_text(kind)
        for _ in range(5):
            qname = query.question[0].name if not answer.answer else answer.answer[-2][0].target
            if not self._add(answer, qname, wanted):
                break
        self.change(answer)
        return answer

    def _add(self, answer: dns.message.Message, name: dns.name.Name, kind: dns.rdatatype.RdataType) -> bool:
        """Whether an alias is to be followed."""
        zone = self._zone_of(name, kind)
        node, owner, wild = _node(zone, name)
        for each in (kind, dns.rdatatype.CNAME):
            rdataset = None if node is None else node.get_rdataset(dns.rdataclass.IN, each)
            if rdataset is not None:
                assert node is not None
                answer.answer.append(dns.rrset.from_rdata_list(owner, rdataset.ttl, list(rdataset)))
                signatures = node.get_rdataset(dns.rdataclass.IN, dns.rdatatype.RRSIG, each)
                if signatures is not None:
                    answer.answer.append(dns.rrset.from_rdata_list(owner, signatures.ttl, list(signatures)))
                if wild:
                    _deny(answer, zone)
                return each != kind and signatures is not None
        if node is None and not any(other.is_subdomain(name) for other in zone.nodes):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        _deny(answer, zone)
        return False

    def _zone_of(self, name: dns.name.Name, kind: dns.rdatatype.RdataType) -> dns.zone.Zone:
        above = [
            origin
            for origin in self._zones
            if name.is_subdomain(origin) and not (kind == dns.rdatatype.DS and origin == name and len(name) > 1)
        ]
        return self._zones[max(above, key=len)]


def _nothing(_: dns.message.Message) -> None:
    pass


def _node(zone: dns.zone.Zone, name: dns.name.Name) -> tuple[dns.node.Node | None, dns.name.Name, bool]:
    if name in zone.nodes:
        return zone.nodes[name], name, False
    for depth in range(len(name) - 1, 0, -1):
        above = name.split(depth)[1]
        star = dns.name.Name((b"*", *above.labels))
        if star in zone.nodes:
            return zone.nodes[star], name, True
        if any(other.is_subdomain(above) for other in zone.nodes):
            break
    return None, name, False


def _deny(answer: dns.message.Message, zone: dns.zone.Zone) -> None:
    """Every denial the zone has: small zones, and the validator picks what it needs."""
    for name, node in zone.nodes.items():
        for kind in (dns.rdatatype.NSEC, dns.rdatatype.NSEC3):
            for rdataset in (
                node.get_rdataset(dns.rdataclass.IN, kind),
                node.get_rdataset(dns.rdataclass.IN, dns.rdatatype.RRSIG, kind),
            ):
                if rdataset is not None:
                    answer.authority.append(dns.rrset.from_rdata_list(name, rdataset.ttl, list(rdataset)))


def _made(zone: SignedZone, zones: tuple[SignedZone, ...]) -> dns.zone.Zone:
    origin = zone.origin
    made = dns.zone.Zone(origin, relativize=False)
    _put(made, origin, "SOA", "ns.invalid. admin.invalid. 1 3600 600 86400 300")
    _put(made, origin, "NS", "ns.invalid.")
    for line in zone.lines:
        name, kind, data = line.split(" ", 2)
        _put(made, dns.name.from_text(name, origin), kind, data)
    for child in zones:
        if len(child.origin) > 1 and _parent(child, zones) == origin:
            _put(made, child.origin, "NS", "ns.invalid.")
            if child.kind and child.vouched:
                _put(made, child.origin, "DS", child.ds)
    if zone.kind == "nsec":
        dns.dnssec.sign_zone(made, keys=[(zone.key, zone.dnskey)], lifetime=DAYS)  # type: ignore[list-item]
    elif zone.kind:
        _put(made, origin, "DNSKEY", zone.dnskey.to_text())
        _sign_with_nsec3(made, zone, opt_out=zone.kind == "opt-out")
    return made


def _parent(child: SignedZone, zones: tuple[SignedZone, ...]) -> dns.name.Name:
    above = [zone.origin for zone in zones if child.origin != zone.origin and child.origin.is_subdomain(zone.origin)]
    return max(above, key=len)


def _put(zone: dns.zone.Zone, name: dns.name.Name, kind: str, data: str) -> None:
    rdata = dns.rdata.from_text("IN", kind, data, origin=zone.origin, relativize=False)
    zone.find_rdataset(name, rdata.rdtype, covers=rdata.covers(), create=True).add(rdata, 300)


def _sign_with_nsec3(made: dns.zone.Zone, zone: SignedZone, *, opt_out: bool) -> None:
    origin = zone.origin
    cuts = {name for name, node in made.nodes.items() if name != origin and _has(node, "NS")}
    names = {above for name in made.nodes for above in _between(name, origin)}
    if opt_out:
        names -= {name for name in cuts if not _has(made.nodes[name], "DS")}
    hashes = sorted((dns.dnssec.nsec3_hash(name, "abcd", 1, 1), name) for name in names)
    for at, (digest, name) in enumerate(hashes):
        kinds = [dns.rdatatype.to_text(each.rdtype) for each in made.nodes.get(name, ())]
        kinds += ["RRSIG"] if name not in cuts or "DS" in kinds else []
        following = hashes[(at + 1) % len(hashes)][0]
        data = f"1 {int(opt_out)} 1 abcd {following} {' '.join(dict.fromkeys(kinds))}"
        _put(made, dns.name.from_text(digest, origin), "NSEC3", data)
    for name, node in list(made.nodes.items()):
        for rdataset in list(node):
            if name in cuts and rdataset.rdtype == dns.rdatatype.NS:
                continue
            signed = dns.dnssec.sign((name, rdataset), zone.key, origin, zone.dnskey, lifetime=DAYS)  # type: ignore[arg-type]
            made.find_rdataset(name, dns.rdatatype.RRSIG, covers=rdataset.rdtype, create=True).add(signed, 300)


def _has(node: dns.node.Node, kind: str) -> bool:
    return node.get_rdataset(dns.rdataclass.IN, dns.rdatatype.from_text(kind)) is not None


def _between(name: dns.name.Name, origin: dns.name.Name) -> list[dns.name.Name]:
    found = [name]
    while name != origin:
        name = name.parent()
        found.append(name)
    return found

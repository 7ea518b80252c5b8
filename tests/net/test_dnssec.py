"""Signed zones on loopback, checked down from their root on both drivers; what is forged or left out is bogus."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import dns.dnssec
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdatatype
import dns.rrset
import pytest

from mailward.net.dnssec import KeyRing
from mailward.net.ports import Ports
from mailward.net.query import Dns
from mailward.records.answer import DnsAnswer, MxRecord
from tests.support.drivers import Driver, both_drivers
from tests.support.signed_zones import DAYS, SignedNameServer, SignedZone

MAIL = (
    "@ MX 10 mx",
    "mx A 192.0.2.1",
    "_25._tcp.mx TLSA 3 1 1 " + "ab" * 32,
    "alias CNAME mx",
    "out CNAME mx.plain.test.",
    "*.wild A 192.0.2.9",
    "a.b.empty A 192.0.2.8",
)
STRANGER = SignedZone("good.tld.", MAIL)
STRANGER_KEY = dns.dnssec.make_dnskey(STRANGER.key.public_key(), "ED25519", flags=257)


@pytest.fixture(scope="module")
def server() -> Iterator[SignedNameServer]:
    zones = (
        SignedZone("."),
        SignedZone("test."),
        SignedZone("good.test.", MAIL),
        SignedZone("hashed.test.", MAIL, kind="nsec3"),
        SignedZone("plain.test.", MAIL, kind=""),
        SignedZone("island.test.", MAIL, vouched=False),
        SignedZone("tld.", kind="opt-out"),
        STRANGER,
        SignedZone("zone."),
        SignedZone("good.zone.", MAIL),
        SignedZone("plain.tld.", MAIL, kind=""),
        SignedZone("under.plain.tld.", MAIL),
    )
    with SignedNameServer(*zones) as running:
        yield running


@pytest.fixture(autouse=True)
def honest(server: SignedNameServer) -> None:
    server.change = lambda _: None


def ask(driver: Driver, server: SignedNameServer, name: str, kind: str) -> DnsAnswer:
    dns_ = Dns(("127.0.0.1",), port=server.port, anchors=server.anchors, trust_ad=True)

    async def flow(ports: Ports) -> DnsAnswer:
        return await ports.query(name, kind, within=10, dns=dns_)

    return driver.run(flow)


SIGNED = ("good.test", "hashed.test", "good.tld")
UNSIGNED = ("plain.test", "island.test", "plain.tld", "under.plain.tld")


@both_drivers
@pytest.mark.parametrize("zone", SIGNED)
def test_signed(driver: Driver, server: SignedNameServer, zone: str) -> None:
    """From the root to the record each signature is right, whoever sends it."""
    answer = ask(driver, server, zone, "MX")

    assert (answer.state, answer.authenticated) == ("found", True)
    assert answer.records == (MxRecord(10, f"mx.{zone}"),)
    assert ask(driver, server, f"_25._tcp.mx.{zone}", "TLSA").authenticated


@both_drivers
@pytest.mark.parametrize("zone", UNSIGNED)
def test_not_signed(driver: Driver, server: SignedNameServer, zone: str) -> None:
    """A parent that proves that it knows no key makes a zone insecure, not bogus; what is there is told."""
    for name, kind, state in ((zone, "MX", "found"), (f"mx.{zone}", "AAAA", "nothing"), (f"no.{zone}", "A", "no-name")):
        answer = ask(driver, server, name, kind)
        assert (answer.state, answer.authenticated) == (state, False)


@both_drivers
@pytest.mark.parametrize("zone", SIGNED)
@pytest.mark.parametrize(
    ("name", "kind", "state"),
    [
        ("mx", "AAAA", "nothing"),
        ("_25._tcp.alias", "TLSA", "no-name"),
        ("missing", "A", "no-name"),
        ("a.b.missing", "A", "no-name"),
        ("empty", "A", "nothing"),
        ("b.empty", "A", "nothing"),
        ("x.wild", "AAAA", "nothing"),
    ],
)
def test_nothing_is_proven(
    driver: Driver, server: SignedNameServer, zone: str, name: str, kind: str, state: str
) -> None:
    """That there is no such record, or no such name, is signed as well."""
    answer = ask(driver, server, f"{name}.{zone}", kind)

    assert (answer.state, answer.records, answer.authenticated) == (state, (), True)


@both_drivers
@pytest.mark.parametrize("zone", SIGNED)
def test_aliases_and_wildcards(driver: Driver, server: SignedNameServer, zone: str) -> None:
    """An alias within is signed throughout, one to a zone that is not, is not; a wildcard's answer is proven."""
    alias = ask(driver, server, f"alias.{zone}", "A")
    assert (alias.canonical, alias.authenticated) == (f"mx.{zone}", True)
    out = ask(driver, server, f"out.{zone}", "A")
    assert (out.canonical, out.authenticated, out.state) == ("mx.plain.test", False, "found")
    wild = ask(driver, server, f"x.y.wild.{zone}", "A")
    assert (wild.addresses, wild.authenticated) == (("192.0.2.9",), True)


def forge(message: dns.message.Message) -> None:
    """Another address under the old signature."""
    message.answer = [
        dns.rrset.from_text(each.name, 300, "IN", "A", "203.0.113.6") if each.rdtype == dns.rdatatype.A else each
        for each in message.answer
    ]


def strip(message: dns.message.Message) -> None:
    """No signature on what was asked for."""
    message.answer = [rrset for rrset in message.answer if rrset.covers != dns.rdatatype.A]


def hide(message: dns.message.Message) -> None:
    """The answer is cut out, and what denies other things left in."""
    if message.question[0].rdtype == dns.rdatatype.A:
        message.answer = []


def deny(message: dns.message.Message) -> None:
    """No such name, says somebody in between, without a proof."""
    if message.question[0].rdtype == dns.rdatatype.A:
        message.answer, message.authority = [], []
        message.set_rcode(dns.rcode.NXDOMAIN)


def borrow(message: dns.message.Message) -> None:
    """Nothing is there, and what should prove it comes from a zone that signs nothing."""
    if message.question[0].rdtype == dns.rdatatype.A:
        message.answer = []
        message.authority = [dns.rrset.from_text("mx.plain.test.", 300, "IN", "NSEC", "z.plain.test. AAAA")]


def unsign(message: dns.message.Message) -> None:
    """The zone is said to have no keys, and nothing to be signed."""
    message.answer = [rrset for rrset in message.answer if rrset.rdtype not in (dns.rdatatype.RRSIG, dns.rdatatype.DS)]
    message.authority = []


def many(message: dns.message.Message) -> None:
    """So many signatures that to check them all would be work."""
    for rrset in message.answer:
        if rrset.rdtype == dns.rdatatype.RRSIG:
            first = rrset[0]
            for tag in range(20):
                rrset.add(first.replace(key_tag=tag), 300)


def other_keys(message: dns.message.Message) -> None:
    """The keys of somebody else, signed by themselves."""
    if message.question[0].rdtype == dns.rdatatype.DNSKEY:
        stranger = SignedZone(message.question[0].name.to_text())
        message.answer[0] = dns.rrset.from_rdata(message.question[0].name, 300, stranger.dnskey)


@both_drivers
@pytest.mark.parametrize("zone", SIGNED)
@pytest.mark.parametrize(
    "change", [forge, strip, hide, deny, borrow, unsign, other_keys], ids=lambda change: change.__name__
)
def test_bogus(
    driver: Driver, server: SignedNameServer, zone: str, change: Callable[[dns.message.Message], None]
) -> None:
    """Whoever stands in between can neither change a record nor take it away, nor say that nothing is signed."""
    server.change = change

    assert ask(driver, server, f"mx.{zone}", "A").state == "bogus"


def by_stranger(kind: str, data: str, *, owner: str = "a.good.tld.", signed_as: str = "") -> list[dns.rrset.RRset]:
    """A record that the holder of good.tld has signed, who may sign what he likes."""
    name = dns.name.from_text(owner)
    rrset = dns.rrset.from_text(signed_as or owner, 300, "IN", kind, data)
    signature = dns.dnssec.sign(
        rrset,
        STRANGER.key,
        STRANGER.origin,
        STRANGER_KEY,
        lifetime=DAYS,
    )
    return [dns.rrset.from_rdata_list(name, 300, list(rrset)), dns.rrset.from_rdata(name, 300, signature)]


TOO_COSTLY = "1 0 151 abcd " + "1" * 32 + " A"


@both_drivers
@pytest.mark.parametrize(
    ("asked", "denial"),
    [
        ("TLSA", ("NSEC", "x._25._tcp.mx.good.zone. A RRSIG NSEC")),
        ("TLSA", ("NSEC3", TOO_COSTLY)),
        ("DS", ("NSEC3", TOO_COSTLY)),
        ("TLSA", ("NSEC", "b.good.tld. A RRSIG NSEC", "*.good.tld.")),
    ],
    ids=["a span over the victim", "too many iterations", "no key for the victim", "a wildcard"],
)
def test_denials_of_a_stranger(driver: Driver, server: SignedNameServer, asked: str, denial: tuple[str, ...]) -> None:
    """Whoever has a signed zone of his own can deny with it nothing that is in another's."""
    kind, data, *wildcard = denial
    victim = dns.name.from_text("good.zone" if asked == "DS" else "_25._tcp.mx.good.zone")

    def change(message: dns.message.Message) -> None:
        if message.question[0].name == victim and message.question[0].rdtype == dns.rdatatype.from_text(asked):
            message.answer = []
            message.authority = by_stranger(kind, data, signed_as=wildcard[0] if wildcard else "")

    server.change = change
    assert ask(driver, server, "_25._tcp.mx.good.zone", "TLSA").state == "bogus"


@both_drivers
def test_keys_alike(driver: Driver, server: SignedNameServer) -> None:
    """Keys of one tag, each of which every signature would have to be checked with, are not tried (CVE-2023-50387)."""
    real = STRANGER_KEY

    def change(message: dns.message.Message) -> None:
        if message.question[0].rdtype == dns.rdatatype.DNSKEY and message.question[0].name == STRANGER.origin:
            for rrset in message.answer:
                if rrset.rdtype == dns.rdatatype.DNSKEY:
                    for at in range(0, 8, 2):  # two words exchanged: the same sum, and the same tag
                        key = bytearray(real.key)
                        key[at : at + 2], key[at + 2 : at + 4] = key[at + 2 : at + 4], key[at : at + 2]
                        rrset.add(real.replace(key=bytes(key)), 300)
            keys = message.answer[0]
            signature = dns.dnssec.sign(
                keys,
                STRANGER.key,
                STRANGER.origin,
                real,
                lifetime=DAYS,
            )
            message.answer = [keys, dns.rrset.from_rdata(keys.name, 300, signature)]

    server.change = change
    assert ask(driver, server, "mx.good.tld", "A").state == "bogus"


@both_drivers
def test_a_wildcard_in_place_of_a_name(driver: Driver, server: SignedNameServer) -> None:
    """The answer of a wildcard, rightly signed, for a name that exists: it lacks the proof."""
    wild: list[dns.rrset.RRset] = []

    def keep(message: dns.message.Message) -> None:
        wild.extend(message.answer)

    server.change = keep
    ask(driver, server, "x.wild.good.test", "A")
    exists = dns.name.from_text("mx.wild.good.test")

    def replace(message: dns.message.Message) -> None:
        if message.question[0].name == exists and message.question[0].rdtype == dns.rdatatype.A:
            message.answer = [dns.rrset.from_rdata_list(exists, 300, list(rrset)) for rrset in wild[:2]]
            message.authority = []
            message.set_rcode(dns.rcode.NOERROR)

    server.change = replace
    assert ask(driver, server, "mx.wild.good.test", "A").state == "bogus"


@both_drivers
def test_keys_are_kept(driver: Driver, server: SignedNameServer) -> None:
    """One Dns asks for the keys of a zone once while they hold; another one asks by itself."""
    dns_ = Dns(("127.0.0.1",), port=server.port, anchors=server.anchors)

    async def flow(ports: Ports) -> list[str]:
        asked = []
        for _ in range(2):
            server.questions.clear()
            assert (await ports.query("good.test", "MX", within=10, dns=dns_)).authenticated
            asked.append(" ".join(sorted(f"{name}/{kind}" for name, kind in server.questions)))
        return asked

    keys = "./DNSKEY good.test/DNSKEY good.test/DS good.test/MX test/DNSKEY test/DS"
    assert driver.run(flow) == [keys, "good.test/MX"]


def test_kept_keys_are_forgotten() -> None:
    """When they no longer hold, and when there are too many."""
    ring = KeyRing()
    keys = dns.rrset.from_text("test.", 60, "IN", "DNSKEY", SignedZone("test.").dnskey.to_text())
    ring.keep(keys.name, keys, 1000.0)
    assert ring.get(keys.name, 1059.0) is keys
    assert ring.get(keys.name, 1060.0) is None
    for number in range(2000):
        ring.keep(dns.name.from_text(f"z{number}."), keys, 1000.0)
    assert ring.get(keys.name, 1001.0) is None
    assert ring.get(dns.name.from_text("z1999."), 1001.0) is keys


@both_drivers
def test_other_anchors(driver: Driver, server: SignedNameServer) -> None:
    """Nothing is believed below another root's key; outside every anchor nothing is signed."""
    other = SignedZone(".")
    assert _with_anchors(driver, server, f". DS {other.ds}").state == "bogus"
    outside = _with_anchors(driver, server, f"elsewhere. DS {other.ds}")
    assert (outside.state, outside.authenticated) == ("found", False)


def _with_anchors(driver: Driver, server: SignedNameServer, anchor: str) -> DnsAnswer:
    dns_ = Dns(("127.0.0.1",), port=server.port, anchors=(anchor,))

    async def flow(ports: Ports) -> DnsAnswer:
        return await ports.query("mx.good.test", "A", within=10, dns=dns_)

    return driver.run(flow)

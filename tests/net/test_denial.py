"""What records of denial prove, and above all what they do not."""

from __future__ import annotations

import dns.dnssec
import dns.name
import dns.rdata
import pytest

from mailward.net.denial import Denials, Proof

A, NS, DS, TLSA = 1, 2, 43, 52


def name(text: str) -> dns.name.Name:
    return dns.name.from_text(text)


def nsec(*lines: str) -> Denials:
    """Each: owner, next name and types."""
    made = []
    for line in lines:
        owner, data = line.split(" ", 1)
        made.append((name(owner), dns.rdata.from_text("IN", "NSEC", data)))
    return Denials(tuple(made))


ZONE = nsec(
    "z.test. b.z.test. NS SOA RRSIG NSEC DNSKEY",
    "b.z.test. cut.z.test. A RRSIG NSEC",
    "cut.z.test. x.e.z.test. NS RRSIG NSEC",
    "x.e.z.test. z.test. A RRSIG NSEC",
)


@pytest.mark.parametrize(
    ("asked", "kind", "proof"),
    [
        ("b.z.test.", TLSA, "proven"),
        ("b.z.test.", A, None),
        ("b.z.test.", DS, "proven"),
        ("e.z.test.", A, "proven"),
        ("cut.z.test.", DS, "delegation"),
        ("cut.z.test.", A, None),
        ("below.cut.z.test.", A, None),
        ("z.test.", DS, None),
        ("c.z.test.", A, None),
        ("other.test.", A, None),
    ],
)
def test_no_data(asked: str, kind: int, proof: Proof) -> None:
    """The parent's record at a delegation speaks of DS alone, and of no name below; the child's says nothing of DS."""
    assert ZONE.no_data(name(asked), kind) == proof


@pytest.mark.parametrize(
    ("asked", "proof"),
    [
        ("c.z.test.", "proven"),
        ("zz.z.test.", "proven"),
        ("a.b.z.test.", "proven"),
        ("b.z.test.", None),
        ("below.cut.z.test.", None),
        ("zzz.test.", None),
        ("a.test.", None),
    ],
)
def test_no_name(asked: str, proof: Proof) -> None:
    """The last record goes round to the first of its zone, and says nothing of what lies beyond it."""
    assert ZONE.no_name(name(asked)) == proof


def test_a_wildcard_must_be_denied_too() -> None:
    """Where `*` exists there is no "no such name", and no "no such record" that its types do not bear out."""
    zone = nsec("z.test. *.z.test. NS SOA", "*.z.test. b.z.test. A", "b.z.test. z.test. A")

    assert zone.no_name(name("c.z.test.")) is None
    assert zone.no_data(name("c.z.test."), TLSA) == "proven"
    assert zone.no_data(name("c.z.test."), A) is None
    assert zone.no_closer(name("c.z.test."), 2) == "proven"
    assert zone.no_closer(name("b.z.test."), 2) is None


def hashed(*names: str, flags: int = 0, iterations: int = 1, types: str = "A RRSIG") -> Denials:
    """A zone z.test with these names and its top."""
    digests = {dns.dnssec.nsec3_hash(each, "ab", iterations, 1): each for each in (*names, "z.test.")}
    ordered = sorted(digests)
    made = []
    for at, digest in enumerate(ordered):
        kinds = "NS SOA RRSIG" if digests[digest] == "z.test." else types
        data = f"1 {flags} {iterations} ab {ordered[(at + 1) % len(ordered)]} {kinds}"
        made.append((name(f"{digest}.z.test."), dns.rdata.from_text("IN", "NSEC3", data)))
    return Denials(nsec3=tuple(made))


def test_hashed_names() -> None:
    """As with names in clear."""
    zone = hashed("b.z.test.")

    assert zone.no_data(name("b.z.test."), TLSA) == "proven"
    assert zone.no_data(name("b.z.test."), A) is None
    assert zone.no_name(name("c.z.test.")) == "proven"
    assert zone.no_name(name("x.b.z.test.")) == "proven"
    assert zone.no_name(name("b.z.test.")) is None
    assert zone.no_name(name("c.other.test.")) is None
    assert zone.no_data(name("c.other.test."), A) is None
    assert zone.no_closer(name("c.z.test."), 2) == "proven"
    assert zone.no_closer(name("c.other.test."), 2) is None


def test_a_hashed_delegation() -> None:
    """It denies DS, and nothing below it."""
    zone = hashed("cut.z.test.", types="NS")

    assert zone.no_data(name("cut.z.test."), DS) == "delegation"
    assert zone.no_data(name("cut.z.test."), A) is None
    assert zone.no_name(name("x.cut.z.test.")) is None


def test_opt_out() -> None:
    """What lies in an opted-out span may exist without a signature: nothing about it is proven but that."""
    zone = hashed("b.z.test.", flags=1)

    assert zone.no_data(name("c.z.test."), DS) == "opt-out"
    assert zone.no_name(name("c.z.test.")) == "opt-out"
    assert zone.no_data(name("c.z.test."), A) is None


def test_too_many_iterations() -> None:
    """They are not computed, and prove nothing."""
    zone = hashed("b.z.test.", iterations=200)

    assert zone.no_name(name("c.z.test.")) == "opt-out"
    assert zone.no_closer(name("c.z.test."), 2) is None


def test_no_records_at_all() -> None:
    """They prove nothing."""
    assert Denials().no_name(name("a.test.")) is None
    assert Denials().no_data(name("a.test."), A) is None
    assert Denials().no_closer(name("a.test."), 1) is None

"""What each server must prove, from what the DNS and the policy say."""

from __future__ import annotations

import pytest

from mailward.client.plan import Facts, Need, NoWay, Route, plan
from mailward.client.sts import StsFound
from mailward.records.answer import TlsaRecord
from mailward.records.mta_sts import Mode, StsPolicy
from mailward.records.mx import Exchanges
from mailward.records.tls_rpt import AppliedPolicy, Failure, PolicyKind

GOOD = TlsaRecord(3, 1, 1, b"\x01" * 32)
UNUSABLE = TlsaRecord(1, 1, 1, b"\x01" * 32)
HOSTS = ("mx1.example.test", "mx2.example.test")


def facts(host: str, *tlsa: TlsaRecord) -> Facts:
    return Facts(host, ("192.0.2.1",), tlsa or None, (host, "example.test"))


def sts(mode: Mode, *mx: str) -> StsFound:
    return StsFound(StsPolicy(mode, mx, 600))


def planned(*hosts: Facts, found: StsFound | None = None, least: Need = Need.ENCRYPTED) -> Route:
    return plan("example.test", Exchanges(HOSTS, secure=True), hosts, found or StsFound(), least=least)


@pytest.mark.parametrize("least", [Need.ENCRYPTED, Need.VERIFIED, Need.OPPORTUNISTIC])
def test_no_policy(least: Need) -> None:
    """What the client asks of everybody, in the order of preference."""
    route = planned(facts(HOSTS[0]), facts(HOSTS[1]), least=least)

    assert [(hop.host, hop.need) for hop in route.hops] == [(HOSTS[0], least), (HOSTS[1], least)]
    assert route.hops[0].policy == AppliedPolicy(PolicyKind.NONE, "example.test")


@pytest.mark.parametrize("least", [Need.ENCRYPTED, Need.OPPORTUNISTIC, Need.VERIFIED])
def test_dane_goes_before_all(least: Need) -> None:
    """A host with usable TLSA records is held to them, whatever an MTA-STS policy or the client says."""
    route = planned(facts(HOSTS[0], GOOD, UNUSABLE), found=sts("enforce", "other.test"), least=least)

    (hop,) = route.hops
    assert (hop.need, hop.tlsa, hop.names) == (Need.DANE, (GOOD,), (HOSTS[0], "example.test"))
    assert hop.policy.kind is PolicyKind.TLSA


def test_each_host_by_itself() -> None:
    """One with DANE beside one without."""
    route = planned(facts(HOSTS[0], GOOD), facts(HOSTS[1]), found=sts("enforce", HOSTS[1]))

    assert [hop.need for hop in route.hops] == [Need.DANE, Need.MTA_STS]


def test_tlsa_records_that_cannot_be_used() -> None:
    """They demand TLS where clear text was allowed, leave verified what was to be, and are told (row C23)."""
    for least, need in ((Need.OPPORTUNISTIC, Need.ENCRYPTED), (Need.VERIFIED, Need.VERIFIED)):
        route = planned(facts(HOSTS[0], UNUSABLE), least=least)
        assert [hop.need for hop in route.hops] == [need]
        assert [failure for _, failure in route.failures] == [Failure.TLSA_INVALID]
    assert planned(facts(HOSTS[0], UNUSABLE), found=sts("enforce", HOSTS[0])).hops[0].need is Need.MTA_STS


def test_enforce() -> None:
    """Only hosts that the policy names, and each verified; who else is in the MX record is told."""
    route = planned(facts(HOSTS[0]), facts(HOSTS[1]), found=sts("enforce", HOSTS[1]), least=Need.OPPORTUNISTIC)

    assert [(hop.host, hop.need) for hop in route.hops] == [(HOSTS[1], Need.MTA_STS)]
    assert "mx1.example.test" in route.refused[0]
    assert [failure for _, failure in route.failures] == [Failure.VALIDATION]


def test_enforce_with_nobody_left() -> None:
    """Nothing is sent, to be tried again; the domain may mend its policy."""
    with pytest.raises(NoWay, match="does not name it") as caught:
        planned(facts(HOSTS[0]), found=sts("enforce", "other.test"))

    assert caught.value.retryable
    assert caught.value.route.failures


def test_testing() -> None:
    """It is looked at, counted, and stops nobody."""
    route = planned(facts(HOSTS[0]), facts(HOSTS[1]), found=sts("testing", HOSTS[1]), least=Need.OPPORTUNISTIC)

    assert [(hop.need, hop.otherwise) for hop in route.hops] == [
        (Need.OPPORTUNISTIC, None),
        (Need.TESTING, Need.OPPORTUNISTIC),
    ]
    assert route.hops[0].failures == (Failure.VALIDATION,)
    assert planned(facts(HOSTS[1]), found=sts("testing", HOSTS[1]), least=Need.VERIFIED).hops[0].need is Need.VERIFIED


def test_mode_none() -> None:
    """The domain has taken its policy back."""
    route = planned(facts(HOSTS[0]), found=sts("none"))

    assert (route.hops[0].need, route.hops[0].policy.kind) == (Need.ENCRYPTED, PolicyKind.NONE)


def test_hosts_with_a_problem() -> None:
    """They are left out and named; forged ones are counted; with nobody left it is tried again."""
    forged = Facts(HOSTS[0], problem="forged", forged=True)
    route = planned(forged, facts(HOSTS[1]))

    assert [hop.host for hop in route.hops] == [HOSTS[1]]
    assert route.refused == ("mx1.example.test: forged",)
    assert [failure for _, failure in route.failures] == [Failure.DNSSEC_INVALID]
    with pytest.raises(NoWay) as caught:
        planned(forged)
    assert caught.value.retryable


def test_a_policy_that_could_not_be_fetched() -> None:
    """It is told in the report, under what was kept if something was."""
    route = planned(facts(HOSTS[0]), found=StsFound(None, Failure.POLICY_FETCH))

    assert route.failures == ((AppliedPolicy(PolicyKind.STS, "example.test"), Failure.POLICY_FETCH),)
    assert route.hops[0].need is Need.ENCRYPTED

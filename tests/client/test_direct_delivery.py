"""Messages to several domains at once, each by its own way, on both drivers against real servers on loopback."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from mailward.client.direct_delivery import Director, DirectReceipt, Kept
from mailward.client.direct_options import INSECURE_OPPORTUNISTIC, DirectOptions
from mailward.client.how import How
from mailward.client.judgement import Delivery
from mailward.client.receipt import Outcome
from mailward.client.submission import prepare
from mailward.errors import CertificateError, InputError, OutcomeUnknown, RouteError, TlsRequired
from mailward.message.dkim import DKIM
from mailward.net.ports import Ports
from mailward.records.mta_sts import StsPolicy
from mailward.records.tls_rpt import Failure
from mailward.store.client_routes import KeptPolicy
from mailward.wire.address import Mailbox
from tests.support.certificates import NOW, issue, self_signed
from tests.support.domains import World, tlsa_of, world
from tests.support.drivers import Driver, both_drivers
from tests.support.hostile import drip, hang_up, then_close

pytestmark = both_drivers

CONTENT = b"From: ann@home.test\r\nTo: bob@example.test\r\nSubject: hi\r\n\r\nhi\r\n"


@pytest.fixture
def around() -> Iterator[World]:
    with world() as made:
        made.mx("example.test", "mx1.example.test", "mx2.example.test")
        made.mx("other.test", "mx.other.test")
        made.host("mx1.example.test", "192.0.2.1")
        made.host("mx2.example.test", "192.0.2.2")
        yield made


def deliver(
    driver: Driver,
    around: World,
    *recipients: str | Mailbox,
    options: DirectOptions | None = None,
    how: How | None = None,
    **arguments: Any,
) -> Delivery:
    parsed = options or around.options(**arguments)
    submission = prepare(CONTENT, sender="ann@home.test", recipients=recipients, how=how or How.of())

    async def flow(ports: Ports) -> Delivery:
        return await Director(parsed, around.ports(ports)).deliver(submission)

    return driver.run(flow)


def test_each_domain_by_its_own_server(driver: Driver, around: World) -> None:
    """One transaction for each, one receipt for all, recipients in their order."""
    with around.server("mx1.example.test", "192.0.2.1") as first, around.server("mx.other.test", "192.0.2.3") as other:
        delivery = deliver(driver, around, "bob@example.test", "eve@other.test", "cid@example.test")

    receipt = delivery.result()
    assert isinstance(receipt, DirectReceipt)
    assert (receipt.outcome, [result.address for result in receipt.recipients]) == (
        Outcome.ACCEPTED,
        ["bob@example.test", "eve@other.test", "cid@example.test"],
    )
    assert first.verbs.count("RCPT") == 2
    assert other.verbs.count("RCPT") == 1
    assert first.contents == other.contents == [CONTENT]
    domains = dict(receipt.domains)
    assert {domain: each.host for domain, each in domains.items()} == {
        "example.test": "mx1.example.test",
        "other.test": "mx.other.test",
    }
    told = receipt.as_dict()["domains"]
    assert isinstance(told, dict)
    assert told["other.test"]["host"] == "mx.other.test"


def test_one_domain_tells_how_it_was_secured(driver: Driver, around: World) -> None:
    """Its TLS is the receipt's own."""
    pair = self_signed(("x.test",))
    around.names.signed = {"example.test"}
    around.tlsa("mx1.example.test", tlsa_of(pair, 3))
    with around.server("mx1.example.test", "192.0.2.1", pair=pair):
        receipt = deliver(driver, around, "bob@example.test").result()

    assert receipt.tls is not None
    assert (receipt.tls.verified_by, receipt.queue_id) == ("DANE-EE", "4FdQ1z")


@pytest.mark.parametrize(
    "script",
    [
        None,
        {"says": {"": b"421 4.3.2 not now\r\n"}},
        {"says": {"": b"554 5.3.2 never\r\n"}},
        {"says": {"MAIL": b"451 4.3.0 not now\r\n"}},
        {"says": {".": b"451 4.3.0 not now\r\n"}},
        {"says": {"RCPT": b"450 4.2.0 not now\r\n"}},
        {"says": {"DATA": hang_up}},
        {"tls": None},
    ],
    ids=["nobody", "421", "554", "mail", "content", "rcpt", "lost", "stripped"],
)
def test_the_next_server(driver: Driver, around: World, script: dict[str, Any] | None) -> None:
    """It is asked when the first cannot be reached, refuses for now or cannot be used safely; once, and no more."""
    with around.server("mx2.example.test", "192.0.2.2") as second:
        if script is None:
            receipt = deliver(driver, around, "bob@example.test").result()
        else:
            with around.server("mx1.example.test", "192.0.2.1", **script):
                receipt = deliver(driver, around, "bob@example.test").result()

    assert (receipt.outcome, receipt.host) == (Outcome.ACCEPTED, "mx2.example.test")
    assert second.contents == [CONTENT]


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "."])
def test_no_next_server_after_a_refusal_for_good(driver: Driver, around: World, verb: str) -> None:
    """550 is the domain's answer."""
    with (
        around.server("mx1.example.test", "192.0.2.1", says={verb: b"550 5.1.1 no\r\n"}),
        around.server("mx2.example.test", "192.0.2.2") as second,
    ):
        delivery = deliver(driver, around, "bob@example.test")

    assert delivery.receipt.outcome is Outcome.REJECTED
    assert second.verbs == []


def test_no_next_server_after_a_lost_verdict(driver: Driver, around: World) -> None:
    """The first may have it: it is unknown, and not sent again."""
    with (
        around.server("mx1.example.test", "192.0.2.1", says={".": hang_up}),
        around.server("mx2.example.test", "192.0.2.2") as second,
        around.server("mx.other.test", "192.0.2.3"),
    ):
        delivery = deliver(driver, around, "bob@example.test", "eve@other.test")

    assert isinstance(delivery.error, OutcomeUnknown)
    assert delivery.error.outcome == delivery.receipt.outcome == Outcome.UNKNOWN
    assert [result.accepted for result in delivery.receipt.recipients] == [False, True]
    assert second.verbs == []


def test_one_domain_of_two(driver: Driver, around: World) -> None:
    """That the other takes no mail is partial, and no error."""
    around.names.zone["null.test", "MX"] = (60, ["0 ."])
    with around.server("mx1.example.test", "192.0.2.1"):
        receipt = deliver(driver, around, "bob@example.test", "eve@null.test").result()

    assert receipt.outcome is Outcome.PARTIAL
    assert "null MX" in receipt.error
    assert [result.accepted for result in receipt.recipients] == [True, False]


def test_null_mx_alone(driver: Driver, around: World) -> None:
    """It is told, for good, and nobody is connected to."""
    around.names.zone["null.test", "MX"] = (60, ["0 ."])
    around.host("null.test", "192.0.2.1")
    delivery = deliver(driver, around, "eve@null.test")

    assert isinstance(delivery.error, RouteError)
    assert (delivery.error.enhanced_code, delivery.error.retryable) == ("5.1.10", False)
    assert delivery.error.receipt is delivery.receipt
    assert around.reached == []


def test_never_weaker_than_the_domain_asks(driver: Driver, around: World) -> None:
    """DANE and MTA-STS hold for a client that would send in clear text, with every server (rows C22, C23)."""
    around.names.signed = {"example.test"}
    for host in ("mx1.example.test", "mx2.example.test"):
        around.tlsa(host, tlsa_of(self_signed(), 3))
    options = around.options(tls=INSECURE_OPPORTUNISTIC)
    options.book.keep_policy("other.test", KeptPolicy("1", StsPolicy("enforce", ("mx.other.test",), 600), time.time()))
    with (
        around.server("mx1.example.test", "192.0.2.1") as first,
        around.server("mx2.example.test", "192.0.2.2", tls=None) as second,
        around.server("mx.other.test", "192.0.2.3", pair=issue(("evil.test",))) as other,
    ):
        to_dane = deliver(driver, around, "bob@example.test", options=options)
        to_sts = deliver(driver, around, "eve@other.test", options=options)

    assert isinstance(to_dane.error, RouteError)
    assert isinstance(to_sts.error, CertificateError)
    assert (to_dane.error.retryable, to_sts.error.retryable) == (True, True)
    assert (to_dane.receipt.outcome, to_sts.receipt.outcome) == (Outcome.NOT_SENT, Outcome.NOT_SENT)
    assert {"MAIL", "DATA"}.isdisjoint(first.verbs + second.verbs + other.verbs)


def test_clear_text_only_where_asked_for(driver: Driver, around: World) -> None:
    """The default refuses a server without STARTTLS; INSECURE_OPPORTUNISTIC sends, and its receipt has no TLS."""
    with around.server("mx.other.test", "192.0.2.3", tls=None) as server:
        refused = deliver(driver, around, "eve@other.test")
        sent = deliver(driver, around, "eve@other.test", tls=INSECURE_OPPORTUNISTIC).result()

    assert isinstance(refused.error, TlsRequired)
    assert (sent.outcome, sent.tls) == (Outcome.ACCEPTED, None)
    assert len(server.contents) == 1


def test_verify(driver: Driver, around: World) -> None:
    """Asks every server for a certificate that fits."""
    with around.server("mx.other.test", "192.0.2.3", pair=self_signed(("mx.other.test",))):
        assert isinstance(deliver(driver, around, "eve@other.test", tls="verify").error, CertificateError)
    with around.server("mx.other.test", "192.0.2.3"):
        receipt = deliver(driver, around, "eve@other.test", tls="verify").result()
    assert receipt.tls is not None
    assert receipt.tls.verified_by == "ca="


def test_requiretls(driver: Driver, around: World) -> None:
    """Only to where the way is vouched for: by DANE here, and not by the MX record of just anybody (RFC 8689)."""
    how = How.of(requiretls=True)
    pair = issue(("mx1.example.test",))
    around.names.signed = {"example.test"}
    around.tlsa("mx1.example.test", tlsa_of(pair, 3))
    keywords = ("PIPELINING", "REQUIRETLS", "8BITMIME")
    with (
        around.server("mx1.example.test", "192.0.2.1", pair=pair, keywords=keywords) as first,
        around.server("mx.other.test", "192.0.2.3", keywords=keywords) as other,
    ):
        sent = deliver(driver, around, "bob@example.test", how=how)
        refused = deliver(driver, around, "eve@other.test", how=how)

    assert sent.result().ok
    assert b"REQUIRETLS" in bytes(first.connections[0].inside)
    assert isinstance(refused.error, RouteError)
    assert (refused.error.enhanced_code, other.verbs) == ("5.7.30", [])


def test_signed_once_for_all(driver: Driver, around: World) -> None:
    """With DKIM, the same octets for each domain; the receipt names the signature."""
    key = ed25519.Ed25519PrivateKey.generate()
    with around.server("mx1.example.test", "192.0.2.1") as first, around.server("mx.other.test", "192.0.2.3") as other:
        delivery = deliver(
            driver,
            around,
            "bob@example.test",
            "eve@other.test",
            dkim=DKIM("home.test", "s1", key),
            ehlo_name="home.test",
        )

    assert first.contents == other.contents
    assert first.contents[0].startswith(b"DKIM-Signature: ")
    assert delivery.result().dkim == ("s1._domainkey.home.test",)
    assert b"EHLO home.test\r\n" in first.heard


def test_a_domain_that_is_not_ascii(driver: Driver, around: World) -> None:
    """Is asked for by its A-labels."""
    around.mx("xn--bcher-kva.test", "mx.other.test")
    with around.server("mx.other.test", "192.0.2.3") as server:
        receipt = deliver(driver, around, "eve@bücher.test").result()

    assert receipt.recipients[0].address == "eve@xn--bcher-kva.test"
    assert ("xn--bcher-kva.test", "MX") in around.names.questions
    assert b"RCPT TO:<eve@xn--bcher-kva.test>" in server.heard


def test_an_address_in_place_of_a_domain(driver: Driver, around: World) -> None:
    """[192.0.2.3] is its own server; no name vouches for it."""
    with around.server("mx.other.test", "192.0.2.3") as server:
        sent = deliver(driver, around, "eve@[192.0.2.3]").result()
        refused = deliver(driver, around, "eve@[192.0.2.3]", tls="verify")

    assert sent.tls is not None
    assert sent.tls.verified_by == "nobody (encrypted only)"
    assert isinstance(refused.error, CertificateError)
    assert len(server.contents) == 1


def test_more_recipients_than_a_server_takes(driver: Driver, around: World) -> None:
    """Several transactions in one session."""
    recipients = [f"r{number}@other.test" for number in range(5)]
    with around.server("mx.other.test", "192.0.2.3", keywords=("PIPELINING", "LIMITS RCPTMAX=2")) as server:
        receipt = deliver(driver, around, *recipients).result()

    assert (receipt.outcome, [result.address for result in receipt.recipients]) == (Outcome.ACCEPTED, recipients)
    assert (server.verbs.count("MAIL"), len(server.connections)) == (3, 1)


def several(driver: Driver, around: World, count: int, between: Callable[[int], None]) -> list[Delivery]:
    """So many messages to bob, one after the other, in sessions that are kept."""
    options = around.options()
    submission = prepare(CONTENT, sender="ann@home.test", recipients=["bob@example.test"])

    async def flow(ports: Ports) -> list[Delivery]:
        director = Director(options, around.ports(ports))
        kept: Kept = {}
        deliveries: list[Delivery] = []
        for number in range(count):
            deliveries.append(await director.deliver(submission, kept))
            between(number)
        await director.end(kept)
        assert kept == {}
        return deliveries

    return driver.run(flow)


def test_sessions_are_kept(driver: Driver, around: World) -> None:
    """Several messages to a domain go through one session, which ends with QUIT."""
    with around.server("mx1.example.test", "192.0.2.1") as server:
        deliveries = several(driver, around, 3, lambda _: None)

    assert [delivery.result().ok for delivery in deliveries] == [True] * 3
    assert len(server.connections) == 1
    assert (server.verbs.count("MAIL"), server.verbs[-1]) == (3, "QUIT")
    assert deliveries[2].receipt.host == "mx1.example.test"


@pytest.mark.parametrize("how", ["421", "closed", "last", "550"])
def test_a_kept_session_that_is_over(driver: Driver, around: World, how: str) -> None:
    """Another is opened, and nothing is sent twice; a refusal for good is the answer."""
    says = {
        "421": {"MAIL": [b"250 2.1.0 OK\r\n", b"421 4.3.2 enough\r\n", b"250 2.1.0 OK\r\n"]},
        "closed": {".": then_close(b"250 2.0.0 OK\r\n")},
        "last": {},
        "550": {"MAIL": [b"250 2.1.0 OK\r\n", b"550 5.7.1 no\r\n", b"250 2.1.0 OK\r\n"]},
    }[how]
    keywords = ("PIPELINING", "LIMITS MAILMAX=1") if how == "last" else ("PIPELINING",)
    with around.server("mx1.example.test", "192.0.2.1", says=says, keywords=keywords) as server:
        deliveries = several(driver, around, 3, lambda _: time.sleep(0.05))

    if how == "550":
        assert [delivery.receipt.outcome for delivery in deliveries] == ["accepted", "rejected", "accepted"]
        assert server.contents.count(CONTENT) == 2
        return
    assert [delivery.receipt.ok for delivery in deliveries] == [True] * 3
    assert (len(server.connections) > 1, len(server.contents)) == (True, 3)


def test_the_time_of_a_call(driver: Driver, around: World) -> None:
    """Holds for all servers of all domains together, within a twentieth, however slowly they talk."""
    slow = {"": drip(b"220 never\r\n", every=0.05)}
    options = around.options(timeout=1.0)

    async def flow(ports: Ports) -> float:
        begun = ports.now()
        submission = prepare(CONTENT, sender="ann@home.test", recipients=["bob@example.test", "eve@other.test"])
        delivery = await Director(options, around.ports(ports)).deliver(submission)
        assert delivery.receipt.outcome is Outcome.NOT_SENT
        return ports.now() - begun

    with (
        around.server("mx1.example.test", "192.0.2.1", says=slow),
        around.server("mx2.example.test", "192.0.2.2", says=slow),
        around.server("mx.other.test", "192.0.2.3", says=slow),
    ):
        assert 0.7 < driver.run(flow) < 1.05


def test_an_address_without_a_domain(driver: Driver, around: World) -> None:
    """Has no server."""
    with pytest.raises(InputError, match="without a domain"):
        deliver(driver, around, Mailbox("postmaster", ""))


def test_what_is_counted(driver: Driver, around: World) -> None:
    """One success and one failure, for the report."""
    options = around.options()
    with around.server("mx1.example.test", "192.0.2.1", tls=None), around.server("mx2.example.test", "192.0.2.2"):
        deliver(driver, around, "bob@example.test", options=options)
    counts = {counted.failure: counted for counted in options.book.counts(NOW.date())}

    assert {failure: counted.sessions for failure, counted in counts.items()} == {
        None: 1,
        Failure.STARTTLS_NOT_SUPPORTED: 1,
    }
    assert counts[Failure.STARTTLS_NOT_SUPPORTED].host == "mx1.example.test"
    assert counts[Failure.STARTTLS_NOT_SUPPORTED].receiving_ip == "127.0.0.1"

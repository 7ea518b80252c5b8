"""Sessions with real servers on loopback, each held to what its hop asks: nobody gets mail who does not prove it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, TypeAlias

import pytest

from mailward.client.direct_options import INSECURE_OPPORTUNISTIC
from mailward.client.hop_session import HopSession
from mailward.client.plan import Hop, Need
from mailward.client.receipt import TlsInfo
from mailward.client.tls_report import TlsCounter
from mailward.errors import (
    CertificateError,
    MailwardError,
    ServiceUnavailable,
    StartTlsInjection,
    TlsError,
    TlsRequired,
)
from mailward.net.ports import Ports
from mailward.records.answer import TlsaRecord
from mailward.records.tls_rpt import AppliedPolicy, Failure, PolicyKind
from tests.support.certificates import DAY, NOW, Pair, authority, issue, self_signed
from tests.support.domains import World, tlsa_of, with_chain, world
from tests.support.drivers import Driver, both_drivers

pytestmark = both_drivers

NAME = "mx.example.test"
ADDRESS = "192.0.2.1"
PAIR = issue((NAME,))

Counts: TypeAlias = dict[Failure | None, int]


@pytest.fixture
def around() -> Iterator[World]:
    with world() as made:
        yield made


def hop(need: Need, *records: str, **fields: Any) -> Hop:
    tlsa = []
    for record in records:
        usage, selector, matching, data = record.split()
        tlsa.append(TlsaRecord(int(usage), int(selector), int(matching), bytes.fromhex(data)))
    policy = AppliedPolicy(PolicyKind.NONE, "example.test")
    return Hop(NAME, (ADDRESS,), need, policy, (NAME, "example.test"), tuple(tlsa), **fields)


def opened(
    driver: Driver, around: World, wanted: Hop, **options: Any
) -> tuple[TlsInfo | None, dict[Failure | None, int]]:
    """The TLS of the session, or the error raised; and what was counted."""
    parsed = around.options(**options)
    errors: list[MailwardError] = []

    async def flow(ports: Ports) -> TlsInfo | None:
        there = around.ports(ports)
        until = ports.now() + 5
        try:
            session = await HopSession(wanted, parsed, there, TlsCounter(parsed.book, there), until=until).open()
        except MailwardError as error:
            errors.append(error)
            return None
        await session.end()
        return session.tls

    tls = driver.run(flow)
    counted = {counted.failure: counted.sessions for counted in parsed.book.counts(NOW.date())}
    if errors:
        errors[0].receipt = counted
        raise errors[0]
    return tls, dict(counted)


def refused(
    driver: Driver, around: World, wanted: Hop, error: type[MailwardError], **options: Any
) -> set[Failure | None]:
    """What was counted."""
    with pytest.raises(error) as caught:
        opened(driver, around, wanted, **options)
    return set(caught.value.receipt)


def only_ehlo(clear: bytes) -> bool:
    return clear.count(b"\r\n") <= 3 and b"MAIL" not in clear


@pytest.mark.parametrize(("usage", "told"), [(3, "DANE-EE"), (2, "DANE-TA")])
def test_dane(driver: Driver, around: World, usage: int, told: str) -> None:
    """By the key itself, or by an authority that the server sent along."""
    record = tlsa_of(PAIR if usage == 3 else authority(), usage)
    with around.server(NAME, ADDRESS, pair=PAIR, context=with_chain(PAIR, authority())) as server:
        tls, counted = opened(driver, around, hop(Need.DANE, record))

    assert tls is not None
    assert (tls.verified_by, tls.version) == (told, "TLSv1.3")
    assert counted == {None: 1}
    assert server.verbs == ["EHLO", "STARTTLS", "EHLO", "QUIT"]


def test_dane_by_the_key_alone(driver: Driver, around: World) -> None:
    """With DANE-EE another name and a date that is over do not matter (RFC 7671 §5.1)."""
    pair = issue(("other.test",), end=NOW - DAY / 2)
    with around.server(NAME, ADDRESS, pair=pair):
        tls, _ = opened(driver, around, hop(Need.DANE, tlsa_of(pair, 3)))

    assert tls is not None
    assert tls.verified_by == "DANE-EE"


@pytest.mark.parametrize(
    ("pair", "record"),
    [
        (PAIR, tlsa_of(self_signed((NAME,)), 3)),
        (issue(("other.test",)), tlsa_of(authority(), 2)),
        (issue((NAME,), end=NOW - DAY / 2), tlsa_of(authority(), 2)),
        (self_signed((NAME,)), tlsa_of(authority(), 2)),
        (PAIR, tlsa_of(authority("Another"), 2, 0, 0)),
    ],
    ids=["key", "name", "date", "issuer", "authority"],
)
def test_dane_refuses(driver: Driver, around: World, pair: Pair, record: str) -> None:
    """Before a word is said inside TLS, and never by going on in clear text (row C23)."""
    with around.server(NAME, ADDRESS, pair=pair, context=with_chain(pair, authority())) as server:
        counted = refused(driver, around, hop(Need.DANE, record), CertificateError, tls=INSECURE_OPPORTUNISTIC)

    assert counted == {Failure.VALIDATION}
    assert server.verbs == ["EHLO", "STARTTLS"]
    assert bytes(server.connections[0].inside) == b""


def test_mta_sts(driver: Driver, around: World) -> None:
    """A certificate for the host's name by an authority that is trusted."""
    with around.server(NAME, ADDRESS):
        tls, counted = opened(driver, around, hop(Need.MTA_STS))

    assert tls is not None
    assert (tls.verified_by, counted) == ("MTA-STS", {None: 1})


@pytest.mark.parametrize("need", [Need.MTA_STS, Need.VERIFIED])
@pytest.mark.parametrize(
    ("pair", "failure"),
    [
        (issue(("other.test",)), Failure.HOST_MISMATCH),
        (issue((NAME,), end=NOW - DAY / 2), Failure.EXPIRED),
        (self_signed((NAME,)), Failure.NOT_TRUSTED),
    ],
    ids=["name", "date", "issuer"],
)
def test_verification_refuses(driver: Driver, around: World, need: Need, pair: Pair, failure: Failure) -> None:
    """Each with its reason for the report."""
    with around.server(NAME, ADDRESS, pair=pair) as server:
        assert refused(driver, around, hop(need), CertificateError, tls=INSECURE_OPPORTUNISTIC) == {failure}

    assert bytes(server.connections[0].inside) == b""


def test_testing_only_counts(driver: Driver, around: World) -> None:
    """A policy in testing mode is held to, counted, and then done without (RFC 8461 §5)."""
    wanted = hop(Need.TESTING, otherwise=Need.ENCRYPTED)
    with around.server(NAME, ADDRESS, pair=self_signed((NAME,))):
        tls, counted = opened(driver, around, wanted)
        assert tls is not None
        assert (tls.verified_by, counted) == ("nobody (encrypted only)", {Failure.NOT_TRUSTED: 1})
    with around.server(NAME, ADDRESS):
        tls, counted = opened(driver, around, wanted)
        assert tls is not None
        assert (tls.verified_by, counted) == ("MTA-STS", {None: 1})


def test_a_test_that_fails_is_counted_once(driver: Driver, around: World) -> None:
    """Without TLS at all the policy under test has failed once, whatever is tried then."""
    for otherwise, least in ((Need.OPPORTUNISTIC, INSECURE_OPPORTUNISTIC), (Need.ENCRYPTED, "require")):
        wanted = hop(Need.TESTING, otherwise=otherwise)
        with around.server(NAME, ADDRESS, tls=None):
            if otherwise is Need.OPPORTUNISTIC:
                assert opened(driver, around, wanted, tls=least) == (None, {Failure.STARTTLS_NOT_SUPPORTED: 1})
                continue
            with pytest.raises(TlsRequired) as caught:
                opened(driver, around, wanted, tls=least)
            assert caught.value.receipt == {Failure.STARTTLS_NOT_SUPPORTED: 1}


def test_encryption_alone(driver: Driver, around: World) -> None:
    """Any certificate will do, and the receipt says that nobody vouched for it."""
    with around.server(NAME, ADDRESS, pair=self_signed(("other.test",))):
        tls, counted = opened(driver, around, hop(Need.ENCRYPTED))

    assert tls is not None
    assert (tls.verified_by, counted) == ("nobody (encrypted only)", {None: 1})


def test_verified_without_a_policy(driver: Driver, around: World) -> None:
    """By whom the client trusts."""
    with around.server(NAME, ADDRESS):
        tls, _ = opened(driver, around, hop(Need.VERIFIED))

    assert tls is not None
    assert tls.verified_by == "ca="


STRIPPED: list[dict[str, Any]] = [{"tls": None}, {"says": {"STARTTLS": b"454 4.7.0 not now\r\n"}}]


@pytest.mark.parametrize("need", [Need.DANE, Need.MTA_STS, Need.VERIFIED, Need.ENCRYPTED])
@pytest.mark.parametrize("script", STRIPPED, ids=["stripped", "refused"])
def test_no_tls_no_mail(driver: Driver, around: World, need: Need, script: dict[str, Any]) -> None:
    """Where TLS is asked for, its absence ends the session, whatever the client would put up with elsewhere."""
    with around.server(NAME, ADDRESS, **script) as server:
        counted = refused(driver, around, hop(need), TlsRequired, tls=INSECURE_OPPORTUNISTIC)

    assert counted == {Failure.STARTTLS_NOT_SUPPORTED}
    assert only_ehlo(server.heard_in_clear)


@pytest.mark.parametrize("script", STRIPPED, ids=["stripped", "refused"])
def test_clear_text_where_it_was_asked_for(driver: Driver, around: World, script: dict[str, Any]) -> None:
    """Only as INSECURE_OPPORTUNISTIC, and it is counted."""
    with around.server(NAME, ADDRESS, **script):
        tls, counted = opened(driver, around, hop(Need.OPPORTUNISTIC))

    assert tls is None
    assert counted == {Failure.STARTTLS_NOT_SUPPORTED: 1}


def test_a_handshake_that_fails(driver: Driver, around: World) -> None:
    """A server that cannot speak TLS 1.2 gets mail in clear text only where that was asked for, in a new session."""

    def broken(connection: Any) -> bytes:
        connection.say(b"220 2.0.0 go\r\n")
        connection.socket.recv(5)
        connection.say(b"\x15\x03\x03\x00\x02\x02\x28")
        raise OSError

    with around.server(NAME, ADDRESS, says={"STARTTLS": broken}) as server:
        assert refused(driver, around, hop(Need.ENCRYPTED), TlsError) == {Failure.VALIDATION}
        tls, counted = opened(driver, around, hop(Need.OPPORTUNISTIC))

    assert tls is None
    assert counted == {Failure.VALIDATION: 1}
    assert server.verbs[-2:] == ["EHLO", "QUIT"]


def test_injection_after_220(driver: Driver, around: World) -> None:
    """Somebody writes into the connection: nothing goes on, not even in clear text."""
    injected = b"220 go\r\n250-x\r\n250 AUTH PLAIN\r\n"
    with around.server(NAME, ADDRESS, says={"STARTTLS": injected}) as server:
        refused(driver, around, hop(Need.OPPORTUNISTIC), StartTlsInjection)

    assert len(server.connections) == 1


def test_it_can_be_watched(driver: Driver, around: World) -> None:
    """Each session by its host: connected, secured by whom, what was said, closed."""
    events: list[Any] = []
    with around.server(NAME, ADDRESS):
        opened(driver, around, hop(Need.MTA_STS), event_hooks={"*": events.append})

    assert {event.host for event in events} == {NAME}
    kinds = [event.kind for event in events]
    assert (kinds[0], kinds[-1], kinds.count("said")) == ("connected", "closed", 4)
    (secured,) = [event for event in events if event.kind == "secured"]
    assert secured.data["verified_by"] == "MTA-STS"


@pytest.mark.parametrize("code", ["421", "554"])
def test_a_server_that_turns_us_away(driver: Driver, around: World, code: str) -> None:
    """It is told with its code, and is no failure of TLS."""
    with around.server(NAME, ADDRESS, says={"": f"{code} no\r\n".encode()}):
        assert refused(driver, around, hop(Need.ENCRYPTED), ServiceUnavailable) == set()


def test_the_time_of_the_call(driver: Driver, around: World) -> None:
    """A server that says nothing has until the end of the call."""

    def silent(connection: Any) -> None:
        time.sleep(1.5)

    parsed = around.options()

    async def flow(ports: Ports) -> float:
        there = around.ports(ports)
        begun = ports.now()
        with pytest.raises(MailwardError):
            await HopSession(
                hop(Need.ENCRYPTED), parsed, there, TlsCounter(parsed.book, there), until=begun + 0.3
            ).open()
        return ports.now() - begun

    with around.server(NAME, ADDRESS, says={"": silent}):
        assert driver.run(flow) < 0.8

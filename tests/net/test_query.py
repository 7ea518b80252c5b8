"""Questions to a real name server on loopback, on both drivers."""

from __future__ import annotations

from collections.abc import Iterator

import dns.rcode
import pytest

from mailward.errors import DnsError, InputError
from mailward.net.ports import Ports
from mailward.net.query import Dns
from mailward.records.answer import DnsAnswer, MxRecord, SrvRecord, TlsaRecord
from tests.support.drivers import Driver, both_drivers
from tests.support.name_server import NameServer

pytestmark = both_drivers


@pytest.fixture
def server() -> Iterator[NameServer]:
    with NameServer() as running:
        running.zone = {
            ("example.test", "MX"): (600, ["10 MX1.example.test.", "20 mx2.example.test."]),
            ("null.test", "MX"): (60, ["0 ."]),
            ("mx1.example.test", "A"): (300, ["192.0.2.1", "192.0.2.2"]),
            ("mx1.example.test", "AAAA"): (200, ["2001:db8::1"]),
            ("_25._tcp.mx1.example.test", "TLSA"): (100, ["3 1 1 " + "ab" * 32]),
            ("_mta-sts.example.test", "TXT"): (50, ['"v=STSv1; " "id=1;"']),
            ("_submission._tcp.example.test", "SRV"): (50, ["0 1 587 mail.example.test."]),
            ("alias.example.test", "CNAME"): (40, ["mx1.example.test."]),
            ("alias.other.test", "CNAME"): (40, ["mx1.example.test."]),
        }
        running.signed = {"example.test"}
        yield running


def ask(driver: Driver, server: NameServer, name: str, kind: str, *, trust_ad: bool | None = None) -> DnsAnswer:
    dns = Dns(("127.0.0.1",), port=server.port, trust_ad=trust_ad)

    async def flow(ports: Ports) -> DnsAnswer:
        return await ports.query(name, kind, within=5, dns=dns)

    return driver.run(flow)


@pytest.mark.parametrize(
    ("name", "kind", "records"),
    [
        ("example.test", "MX", (MxRecord(10, "mx1.example.test"), MxRecord(20, "mx2.example.test"))),
        ("null.test", "MX", (MxRecord(0, ""),)),
        ("mx1.example.test", "A", ("192.0.2.1", "192.0.2.2")),
        ("mx1.example.test", "AAAA", ("2001:db8::1",)),
        ("_25._tcp.mx1.example.test", "TLSA", (TlsaRecord(3, 1, 1, b"\xab" * 32),)),
        ("_mta-sts.example.test", "TXT", (b"v=STSv1; id=1;",)),
        ("_submission._tcp.example.test", "SRV", (SrvRecord(0, 1, 587, "mail.example.test"),)),
        ("alias.example.test", "CNAME", ("mx1.example.test",)),
    ],
)
def test_each_kind(driver: Driver, server: NameServer, name: str, kind: str, records: tuple[object, ...]) -> None:
    """Each record comes as a value; names in lower case without the final dot, a text's strings joined."""
    answer = ask(driver, server, name, kind)

    assert (answer.state, set(answer.records)) == ("found", set(records))


def test_an_alias(driver: Driver, server: NameServer) -> None:
    """The name at its end is told, and it holds as long as the shortest on the way."""
    answer = ask(driver, server, "alias.example.test", "A")

    assert (answer.canonical, answer.ttl) == ("mx1.example.test", 40)
    assert set(answer.addresses) == {"192.0.2.1", "192.0.2.2"}


def test_dnssec_vouches(driver: Driver, server: NameServer) -> None:
    """A server on this machine is believed; an alias on the way that is not signed takes the whole answer down."""
    assert ask(driver, server, "mx1.example.test", "A").authenticated
    assert ask(driver, server, "alias.example.test", "A").authenticated
    assert not ask(driver, server, "alias.other.test", "A").authenticated
    assert not ask(driver, server, "null.test", "MX").authenticated


def test_no_word_that_is_not_believed(driver: Driver, server: NameServer) -> None:
    """trust_ad=False takes even this machine's word for nothing."""
    assert not ask(driver, server, "mx1.example.test", "A", trust_ad=False).authenticated


@pytest.mark.parametrize(
    ("name", "state"), [("mx2.example.test", "no-name"), ("example.test", "nothing"), ("missing.test", "no-name")]
)
def test_nothing(driver: Driver, server: NameServer, name: str, state: str) -> None:
    """A name that does not exist and one without such records are answers, and told apart."""
    answer = ask(driver, server, name, "AAAA")

    assert (answer.state, answer.records) == (state, ())


def test_bogus_is_not_nothing(driver: Driver, server: NameServer) -> None:
    """What DNSSEC found forged is told as that."""
    server.bogus = {("mx1.example.test", "A")}

    assert ask(driver, server, "mx1.example.test", "A").state == "bogus"


def test_a_failure_is_not_nothing(driver: Driver, server: NameServer) -> None:
    """SERVFAIL raises an error to try again after."""
    server.rcode = dns.rcode.SERVFAIL
    with pytest.raises(DnsError, match=r"example\.test does not resolve") as caught:
        ask(driver, server, "example.test", "MX")

    assert caught.value.retryable
    assert caught.value.advice


def test_a_silent_server(driver: Driver, server: NameServer) -> None:
    """Waiting has an end."""
    server.silent = True

    async def flow(ports: Ports) -> float:
        begun = ports.now()
        with pytest.raises(DnsError):
            await ports.query("example.test", "MX", within=0.3, dns=Dns(("127.0.0.1",), port=server.port))
        return ports.now() - begun

    assert 0.2 < driver.run(flow) < 1.5


def test_what_cannot_be_asked(driver: Driver, server: NameServer) -> None:
    """A label that is too long never leaves, nor does a kind we do not read."""
    with pytest.raises(DnsError):
        ask(driver, server, "a" * 64 + ".test", "A")
    with pytest.raises(InputError):
        ask(driver, server, "example.test", "ANY")
    assert server.questions == []


def test_servers_by_address(driver: Driver) -> None:
    """A name server has no name that would have to be resolved."""
    with pytest.raises(InputError):
        Dns(("dns.example",))
    assert not Dns().trusts("192.0.2.53")
    assert Dns().trusts("::1")
    assert Dns(trust_ad=True).trusts("192.0.2.53")

"""Where the user of an address sends mail, found out with both drivers from a name server and servers of our own."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID

from mailward.client import discover as module
from mailward.client.check import check
from mailward.client.discover import Found, discover
from mailward.client.options import client_options
from mailward.client.tls_mode import TLS, TlsMode
from mailward.errors import InputError
from mailward.net.query import Dns
from tests.support.certificates import Pair, authority, issue, self_signed
from tests.support.drivers import Driver, both_drivers
from tests.support.hostile import Connection, HostileServer, Script, hostile_server, silence
from tests.support.name_server import NameServer
from tests.support.web_server import page, web_server

URLS = module._autoconfig_urls
ANN = "ann@example.test"
HERE = ("smtp.example.test", "mail.example.test", "backup.example.test", "smtp.provider.test")
SCRIPT = Script(tls="starttls", auth=("SCRAM-SHA-256", "PLAIN"))
SUBMISSION, SUBMISSIONS = "_submission._tcp.example.test", "_submissions._tcp.example.test"


@pytest.fixture(scope="module")
def pair() -> Pair:
    return issue((*HERE, "localhost"))


@pytest.fixture(autouse=True)
def no_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names without an address would be looked up by this machine's own DNS; a test that serves a file says so."""
    monkeypatch.setattr(module, "_autoconfig_urls", lambda _domain: ())


@pytest.fixture
def names() -> Iterator[NameServer]:
    with NameServer() as server:
        yield server


@pytest.fixture
def submission(pair: Pair) -> Iterator[HostileServer]:
    """With STARTTLS, under every name of HERE."""
    with hostile_server(Script(tls="starttls", pair=pair, auth=SCRIPT.auth)) as server:
        yield server


def found_by(driver: Driver, names: NameServer, address: str = ANN, **arguments: Any) -> tuple[Found, ...]:
    told: Any = {
        "ca": authority().pem,
        "memory": False,
        "timeout": 20,
        "dns": Dns(("127.0.0.1",), names.port),
        "resolve": lambda host, _port: ["127.0.0.1"] if host in HERE else [],
        **arguments,
    }
    return driver.run(lambda ports: discover(address, ports, told, public_only=False))


def srv(*records: tuple[int, int, int, str]) -> tuple[int, list[str]]:
    return 300, [f"{priority} {weight} {port} {host}." for priority, weight, port, host in records]


def summary(found: tuple[Found, ...], *, source: str) -> list[tuple[str, int, bool]]:
    return [(each.host, each.port, each.works) for each in found if each.source == source]


@both_drivers
def test_by_srv_record(driver: Driver, names: NameServer, submission: HostileServer) -> None:
    """The domain's own server is found, works, and is given as a URL; the session was without a login."""
    names.zone[SUBMISSION, "SRV"] = srv((0, 1, submission.port, "smtp.example.test"))
    found = found_by(driver, names, auth=("ann@example.test", "correct horse"), mechanisms=["PLAIN"])

    first = found[0]
    assert (first.source, first.works, first.ours, first.mode) == ("srv", True, True, TlsMode.STARTTLS)
    assert first.url == f"smtp://ann%40example.test@smtp.example.test:{submission.port}"
    assert first.report is not None
    assert first.report.mechanisms == ("SCRAM-SHA-256", "PLAIN")
    assert submission.verbs == ["EHLO", "STARTTLS", "EHLO", "QUIT"]
    assert b"ann" not in submission.heard
    assert (SUBMISSIONS, "SRV") in names.questions
    assert not any("ann" in name for name, _ in names.questions)
    told = json.loads(json.dumps([each.as_dict() for each in found]))
    assert told[0]["works"] is True
    assert "correct horse" not in json.dumps(told)


@both_drivers
def test_implicit_tls_counts_more(driver: Driver, names: NameServer, submission: HostileServer, pair: Pair) -> None:
    """RFC 8314: _submissions before _submission."""
    with hostile_server(Script(tls="implicit", pair=pair)) as implicit:
        names.zone[SUBMISSION, "SRV"] = srv((0, 1, submission.port, "smtp.example.test"))
        names.zone[SUBMISSIONS, "SRV"] = srv((9, 1, implicit.port, "mail.example.test"))
        first, second = found_by(driver, names)[:2]

    assert (first.mode, first.host, first.works) == (TlsMode.IMPLICIT, "mail.example.test", True)
    assert first.url == f"smtps://ann%40example.test@mail.example.test:{implicit.port}"
    assert (second.mode, second.works) == (TlsMode.STARTTLS, True)


@both_drivers
def test_priority_then_weight(driver: Driver, names: NameServer, submission: HostileServer) -> None:
    """RFC 2782: the lower priority first, of one priority the heavier; what works goes before what does not."""
    names.zone[SUBMISSION, "SRV"] = srv(
        (20, 99, submission.port, "backup.example.test"),
        (10, 1, submission.port, "mail.example.test"),
        (10, 5, submission.port, "smtp.example.test"),
        (5, 5, submission.port, "gone.example.test"),
    )
    found = found_by(driver, names)

    assert summary(found, source="srv") == [
        ("smtp.example.test", submission.port, True),
        ("mail.example.test", submission.port, True),
        ("backup.example.test", submission.port, True),
        ("gone.example.test", submission.port, False),
    ]


@both_drivers
def test_another_domain_is_marked(driver: Driver, names: NameServer, submission: HostileServer) -> None:
    """Who forges a record can name a server of his own, with a good certificate: it is not said to be the domain's.

    DNSSEC's word makes it so.
    """
    names.zone[SUBMISSION, "SRV"] = srv((0, 1, submission.port, "smtp.provider.test"))
    assert [(each.works, each.ours) for each in found_by(driver, names) if each.source == "srv"] == [(True, False)]

    names.signed = {"example.test"}
    assert found_by(driver, names)[0].ours
    assert not found_by(driver, names, dns=Dns(("127.0.0.1",), names.port, trust_ad=False))[0].ours


@both_drivers
def test_the_service_is_not_there(driver: Driver, names: NameServer) -> None:
    """A target of "." (RFC 6186 §3.4): names that were guessed are not tried with what the domain says it has not."""
    names.zone[SUBMISSION, "SRV"] = (300, ["0 0 0 ."])
    found = found_by(driver, names)
    assert {(each.source, each.mode) for each in found} == {("guess", TlsMode.IMPLICIT)}

    names.zone[SUBMISSIONS, "SRV"] = (300, ["0 0 0 ."])
    assert found_by(driver, names) == ()


@both_drivers
@pytest.mark.parametrize(
    "host",
    ["lmtp+unix:///run/x", "smtps://u:p@h", "127.0.0.1", "b\\001c"],
    ids=["socket", "url", "address", "control"],
)
def test_what_is_no_host_name(driver: Driver, names: NameServer, host: str) -> None:
    """A record or a file that names a socket of this machine, a URL or an address is passed over."""
    names.zone[SUBMISSION, "SRV"] = (300, [f"0 1 587 {host}."])
    assert summary(found_by(driver, names), source="srv") == []


@both_drivers
def test_nobody_answers(driver: Driver, names: NameServer) -> None:
    """The usual names are told, each with why it does not work; nothing is raised."""
    found = found_by(driver, names, "ann@example.test")

    assert [(each.host, each.port, each.source) for each in found] == [
        (f"{name}.example.test", port, "guess") for name in ("smtp", "mail", "submission") for port in (465, 587)
    ]
    assert not any(each.works for each in found)
    assert all(each.as_dict()["error"] for each in found)


@both_drivers
def test_a_name_server_that_fails(driver: Driver, names: NameServer) -> None:
    """No source is needed, and what DNSSEC finds forged is not believed."""
    names.zone[SUBMISSION, "SRV"] = srv((0, 1, 587, "smtp.provider.test"))
    names.bogus = {(SUBMISSION, "SRV")}
    names.failing = {("example.test", "MX")}

    assert {each.source for each in found_by(driver, names)} == {"guess"}


@both_drivers
def test_the_provider_behind_the_mx(driver: Driver, names: NameServer) -> None:
    """By the end of the MX's name, at a label; a person must confirm it."""
    names.zone["example.test", "MX"] = (300, ["10 aspmx.l.google.com."])
    provider = [each for each in found_by(driver, names) if each.source == "provider"]
    assert [(each.host, each.port, each.mode, each.ours) for each in provider] == [
        ("smtp.gmail.com", 465, TlsMode.IMPLICIT, False)
    ]
    names.zone["example.test", "MX"] = (300, ["10 example-test.mail.protection.outlook.com."])
    assert summary(found_by(driver, names), source="provider") == [("smtp.office365.com", 587, False)]
    names.zone["example.test", "MX"] = (300, ["10 notgoogle.com."])
    assert summary(found_by(driver, names), source="provider") == []


def file_of(port: int, host: str = "smtp.provider.test") -> bytes:
    return (
        f"<clientConfig><emailProvider><outgoingServer type='smtp'><hostname>{host}</hostname><port>{port}</port>"
        "<socketType>STARTTLS</socketType><username>%EMAILLOCALPART%</username>"
        "<authentication>OAuth2</authentication></outgoingServer></emailProvider></clientConfig>"
    ).encode()


def test_where_a_file_may_be() -> None:
    """At two places, by https only, and without the address."""
    assert URLS("example.test") == (
        "https://autoconfig.example.test/mail/config-v1.1.xml",
        "https://example.test/.well-known/autoconfig/mail/config-v1.1.xml",
    )


@both_drivers
def test_an_autoconfig_file(
    driver: Driver, names: NameServer, submission: HostileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second place counts where the first has none; the file's word on another domain is the domain's own."""
    with web_server(page(b"no", status="404 Not Found")) as first, web_server(page(file_of(submission.port))) as second:
        urls = (f"https://localhost:{first.port}/mail/config-v1.1.xml", f"https://localhost:{second.port}/x")
        monkeypatch.setattr(module, "_autoconfig_urls", lambda _domain: urls)
        found = found_by(driver, names)

    assert (found[0].source, found[0].works, found[0].ours, found[0].oauth2) == ("autoconfig", True, True, True)
    assert found[0].url == f"smtp://ann@smtp.provider.test:{submission.port}"
    assert b"ann" not in first.requests[0] + second.requests[0]


@both_drivers
def test_an_autoconfig_file_of_somebody_else(
    driver: Driver, names: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a certificate for the name by an authority there is no file; a pin is one of the mail server."""
    pair = self_signed()
    with web_server(page(file_of(587)), pair=pair) as web:
        monkeypatch.setattr(module, "_autoconfig_urls", lambda _domain: (f"https://localhost:{web.port}/x",))
        pin = "sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
        assert summary(found_by(driver, names), source="autoconfig") == []
        assert summary(found_by(driver, names, ca=None, pin=pin), source="autoconfig") == []
        assert web.requests == []


@both_drivers
def test_what_is_not_asked(driver: Driver, names: NameServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """An address inside this network is not asked for a file, and nobody goes past a proxy for one."""
    with web_server(page(file_of(587))) as web:
        monkeypatch.setattr(module, "_autoconfig_urls", lambda _domain: (f"https://web.example.test:{web.port}/x",))
        names.zone["web.example.test", "A"] = (300, ["127.0.0.1"])
        arguments: Any = {"memory": False, "ca": authority().pem, "dns": Dns(("127.0.0.1",), names.port)}
        arguments["resolve"] = lambda _host, _port: []
        assert all(each.source == "guess" for each in driver.run(lambda ports: discover(ANN, ports, arguments)))
        assert ("web.example.test", "A") in names.questions
        names.questions.clear()
        found_by(driver, names, proxy="socks5://127.0.0.1:1")
        assert ("web.example.test", "A") not in names.questions
        assert web.requests == []


@both_drivers
def test_no_certificate_of_ours_is_shown(driver: Driver, names: NameServer, tmp_path: Path, pair: Pair) -> None:
    """Who we are is not told to a server that may be anybody's, by cert= or TLS(cert=), though it asks."""
    own = issue(("ann",), usage=ExtendedKeyUsageOID.CLIENT_AUTH)
    (tmp_path / "own.pem").write_bytes(own.pem)
    (tmp_path / "own.key").write_bytes(own.key_pem)
    (tmp_path / "own.key").chmod(0o600)
    cert = (tmp_path / "own.pem", tmp_path / "own.key")
    shown: list[object] = []

    def bye(connection: Connection) -> bytes:
        assert isinstance(connection.socket, ssl.SSLSocket)
        shown.append(connection.socket.getpeercert())
        return b"221 2.0.0 Bye\r\n"

    context = pair.server_context()
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_verify_locations(cadata=authority().pem.decode())
    with hostile_server(Script(tls="starttls", context=context, says={"QUIT": bye})) as server:
        names.zone[SUBMISSION, "SRV"] = srv((0, 1, server.port, "smtp.example.test"))
        for arguments in ({"cert": cert}, {"tls": TLS(cert=cert, ca=authority().pem), "ca": None}):
            assert found_by(driver, names, **arguments)[0].works
        options = client_options("localhost", server.port, ca=authority().pem, cert=cert, memory=False)
        assert driver.run(lambda ports: check(options, ports, until=None)).ok  # a check of one's own server shows it

    assert [bool(certificate) for certificate in shown] == [False, False, True]


@both_drivers
def test_all_of_it_ends_in_time(driver: Driver, names: NameServer, pair: Pair) -> None:
    """timeout= holds for all candidates together, however slow each is."""
    with hostile_server(Script(pair=pair, says={"": silence})) as slow:
        names.zone[SUBMISSION, "SRV"] = srv(*((n, 1, slow.port, host) for n, host in enumerate(HERE)))
        found = found_by(driver, names, timeout=0.5)

    assert len(slow.connections) == 1
    assert not any(each.works for each in found)
    assert "time" in str(found[1].as_dict()["error"])


@both_drivers
@pytest.mark.parametrize("address", ["ann", "ann@[192.0.2.1]", "@example.test", "ann@ex ample.test"])
def test_no_address(driver: Driver, names: NameServer, address: str) -> None:
    """Nobody is asked."""
    with pytest.raises(InputError):
        found_by(driver, names, address)
    assert names.questions == []


@both_drivers
def test_an_international_domain(driver: Driver, names: NameServer) -> None:
    """Asked for by its A-labels."""
    found = found_by(driver, names, "ann@bücher.example")

    assert found[0].host == "smtp.xn--bcher-kva.example"
    assert ("_submissions._tcp.xn--bcher-kva.example", "SRV") in names.questions
    assert found[0].url == "smtps://ann%40xn--bcher-kva.example@smtp.xn--bcher-kva.example"

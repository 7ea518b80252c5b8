"""Both faces of direct delivery, from the outside: names, servers and keys on loopback, and nothing replaced."""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from mailward.client.direct import AsyncDirectClient, DirectClient, DirectReceipt
from mailward.client.receipt import Outcome, Receipt
from mailward.client.tls_report import TlsReports
from mailward.errors import CertificateError, InputError, RouteError
from mailward.net.query import Dns
from tests.support.certificates import NOW, Pair, issue, self_signed
from tests.support.domains import tlsa_of
from tests.support.hostile import HostileServer, Script, hostile_server
from tests.support.name_server import NameServer
from tests.support.signed_zones import SignedNameServer, SignedZone

PAIR = issue(("mx.example.test",))


@contextmanager
def domain(*, pair: Pair = PAIR, published: Pair = PAIR) -> Iterator[tuple[HostileServer, NameServer]]:
    """example.test, signed, whose server is on loopback and whose TLSA record names `published`."""
    with hostile_server(Script(tls="starttls", pair=pair)) as server, NameServer() as names:
        names.zone = {
            ("example.test", "MX"): (60, ["10 mx.example.test."]),
            ("mx.example.test", "A"): (60, ["127.0.0.1"]),
            (f"_{server.port}._tcp.mx.example.test", "TLSA"): (60, [tlsa_of(published, 3)]),
            ("null.test", "MX"): (60, ["0 ."]),
        }
        names.signed = {"example.test"}
        yield server, names


def message(recipient: str = "bob@example.test", subject: str = "hi") -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = "ann@home.test", recipient, subject
    made.set_content("hello\n")
    return made


def arguments(server: HostileServer, names: NameServer, path: Path) -> Any:
    dns = Dns(("127.0.0.1",), port=names.port)
    return {"dns": dns, "port": server.port, "state": path / "routes.db", "timeout": 20}


def send(face: str, given: Any, *messages: EmailMessage) -> list[Receipt]:
    if face == "sync":
        with DirectClient(**given) as client:
            return [client.send(messages[0])] if len(messages) == 1 else list(client.send_many(messages))

    async def run() -> list[Receipt]:
        async with AsyncDirectClient(**given) as client:
            if len(messages) == 1:
                return [await client.send(messages[0])]
            return [receipt async for receipt in client.send_many(messages)]

    return asyncio.run(run())


def policies(path: Path) -> Any:
    return TlsReports(path / "routes.db").report(NOW.date())["policies"]


@pytest.mark.parametrize("face", ["sync", "async"])
def test_send(face: str, tmp_path: Path) -> None:
    """From a name to a mailbox, held to the key that DNSSEC names; the report has it."""
    with domain() as (server, names):
        (receipt,) = send(face, arguments(server, names, tmp_path), message())

    assert isinstance(receipt, DirectReceipt)
    assert (receipt.outcome, receipt.host) == (Outcome.ACCEPTED, "mx.example.test")
    assert receipt.tls is not None
    assert receipt.tls.verified_by == "DANE-EE"
    assert b"Subject: hi\r\n" in server.contents[0]
    (policy,) = policies(tmp_path)
    assert policy["policy"]["policy-type"] == "tlsa"
    assert policy["summary"] == {"total-successful-session-count": 1, "total-failure-session-count": 0}


@pytest.mark.parametrize("face", ["sync", "async"])
@pytest.mark.parametrize("published", [PAIR, self_signed()], ids=["right", "wrong"])
def test_signatures_checked_here(face: str, published: Pair, tmp_path: Path) -> None:
    """With anchors no name server is believed: DANE rests on the root's key alone."""
    with hostile_server(Script(tls="starttls", pair=PAIR)) as server:
        lines = ("@ MX 10 mx", "mx A 127.0.0.1", f"_{server.port}._tcp.mx TLSA {tlsa_of(published, 3)}")
        with SignedNameServer(SignedZone("."), SignedZone("example.test.", lines)) as names:
            given = arguments(server, names, tmp_path)
            given["dns"] = Dns(("127.0.0.1",), port=names.port, anchors=names.anchors, trust_ad=False)
            if published is not PAIR:
                with pytest.raises(CertificateError, match="DANE"):
                    send(face, given, message())
                return
            (receipt,) = send(face, given, message())

    assert receipt.tls is not None
    assert receipt.tls.verified_by == "DANE-EE"


@pytest.mark.parametrize("face", ["sync", "async"])
def test_another_key(face: str, tmp_path: Path) -> None:
    """The server in between gets nothing."""
    with domain(pair=self_signed(("mx.example.test",))) as (server, names), pytest.raises(CertificateError) as caught:
        send(face, arguments(server, names, tmp_path), message())

    assert caught.value.receipt.outcome is Outcome.NOT_SENT
    assert server.verbs == ["EHLO", "STARTTLS"]


@pytest.mark.parametrize("face", ["sync", "async"])
def test_null_mx(face: str, tmp_path: Path) -> None:
    """There is no other way to a domain that takes no mail."""
    with domain() as (server, names), pytest.raises(RouteError, match="takes no mail"):
        send(face, arguments(server, names, tmp_path), message("eve@null.test"))

    assert server.verbs == []


@pytest.mark.parametrize("face", ["sync", "async"])
def test_send_many(face: str, tmp_path: Path) -> None:
    """A receipt for each, in order, whatever befalls one of them."""
    bad = EmailMessage()
    bad["From"] = "ann@home.test"
    with domain() as (server, names):
        given = [message(), message("eve@null.test"), bad, message(subject="last")]
        receipts = send(face, arguments(server, names, tmp_path), *given)

    assert [receipt.outcome for receipt in receipts] == [
        Outcome.ACCEPTED,
        Outcome.NOT_SENT,
        Outcome.NOT_SENT,
        Outcome.ACCEPTED,
    ]
    assert len(server.contents) == 2


def test_several_threads(tmp_path: Path) -> None:
    """One client serves them all, and no count is lost."""
    with (
        domain() as (server, names),
        DirectClient(**arguments(server, names, tmp_path)) as client,
        concurrent.futures.ThreadPoolExecutor(4) as pool,
    ):
        receipts = list(pool.map(lambda number: client.send(message(subject=str(number))), range(8)))

    assert all(receipt.ok for receipt in receipts)
    (policy,) = policies(tmp_path)
    assert policy["summary"]["total-successful-session-count"] == 8


def test_inside_a_running_loop(tmp_path: Path) -> None:
    """The plain face needs no loop and minds none."""
    with domain() as (server, names):

        async def run() -> Receipt:
            with DirectClient(**arguments(server, names, tmp_path)) as client:
                return client.send(message())

        assert asyncio.run(run()).ok


def test_options_are_checked_at_once() -> None:
    """Before anything is sent."""
    with pytest.raises(InputError):
        DirectClient(tls="none")
    with pytest.raises(InputError):
        AsyncDirectClient(port=0)

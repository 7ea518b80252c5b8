"""Direct delivery to a real Postfix, whose key our name server publishes, and to one in its place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from typing import Any

import pytest

import mailward
from tests.support.certificates import Pair, issue, self_signed
from tests.support.domains import tlsa_of
from tests.support.postfix import DOMAIN, Postfix
from tests.support.signed_zones import SignedNameServer, SignedZone

pytestmark = [pytest.mark.e2e, pytest.mark.peer("postfix")]

PAIR = issue((f"mx.{DOMAIN}",))


@pytest.fixture(scope="module")
def postfix() -> Iterator[Postfix]:
    with Postfix(tls=PAIR) as running:
        yield running


@contextmanager
def options(postfix: Postfix, published: Pair) -> Iterator[Any]:
    """Of a client that checks DNSSEC by itself, down from a root of the tests' own."""
    lines = ("@ MX 10 mx", "mx A 127.0.0.1", f"_{postfix.port}._tcp.mx TLSA {tlsa_of(published, 3)}")
    with SignedNameServer(SignedZone("."), SignedZone("test."), SignedZone(f"{DOMAIN}.", lines)) as names:
        dns = mailward.Dns(("127.0.0.1",), port=names.port, anchors=names.anchors)
        yield {"dns": dns, "port": postfix.port, "state": False}


def message() -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = "ann@home.test", f"bob@{DOMAIN}", "straight to you"
    made.set_content("no relay in between\n")
    return made


def test_delivered(postfix: Postfix) -> None:
    """From the root's key to the mailbox."""
    with options(postfix, PAIR) as given, mailward.DirectClient(**given) as client:
        receipt = client.send(message())
    (raw,) = postfix.delivered("bob", 1)

    assert receipt.ok
    assert receipt.tls is not None
    assert receipt.tls.verified_by == "DANE-EE"
    assert receipt.queue_id
    assert b"Subject: straight to you" in raw


def test_another_server_in_its_place(postfix: Postfix) -> None:
    """With another key it gets nothing."""
    with (
        options(postfix, self_signed()) as given,
        mailward.DirectClient(**given) as client,
        pytest.raises(mailward.CertificateError, match="DANE"),
    ):
        client.send(message())

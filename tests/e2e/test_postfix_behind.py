"""A real Postfix behind Mailward: every octet arrives, what it cannot take now waits, what it never takes bounces."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

import mailward
from tests.support.certificates import authority, issue
from tests.support.installation import ANN, IMPLICIT, PASSWORD, until
from tests.support.mailward_server import MailwardServer
from tests.support.postfix import Postfix

pytestmark = [pytest.mark.e2e, pytest.mark.peer("postfix")]

BOB, CAROL, DAVE, NOBODY = (f"{name}@inbox.test" for name in ("bob", "carol", "dave", "nobody"))
HEADER = (
    b"From: Ann <ann@example.test>\r\nTo: undisclosed-recipients:;\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
    b"Date: Tue, 24 Nov 2026 14:28:52 +0000\r\nMessage-ID: <1@example.test>\r\n"
    b"X-Folded: first\r\n  second, with two spaces\r\n\tthird, with a tab\r\nX-Empty:\r\nx-case: As It Is  \r\n\r\n"
)
RANDOM = random.Random(5321)


def lines_of(octets: int) -> bytes:
    """Text of at least so many octets, of lines of every length up to 998."""
    words = bytearray()
    while len(words) < octets:
        words += bytes(RANDOM.choices(range(33, 127), k=RANDOM.randrange(998))) + b"\r\n"
    return bytes(words)


BODIES = {
    "empty": b"",
    "dots": b".\r\n..\r\n...\r\n.\t.\r\n. \r\nx.\r\n.x\r\n\r\n.\r\n",
    "long-lines": b"x" * 998 + b"\r\n" + b"." * 998 + b"\r\n" + b"\t" * 998 + b"\r\n",
    "8-bit": "Grüße, 世界, مرحبا\r\n".encode() + bytes(range(128, 256)) + b"\r\n",
    "control": bytes(octet for octet in range(1, 32) if octet not in b"\r\n") + b"\x7f\r\n",
    "many-empty-lines": b"\r\n" * 3000,
    "from-line": b"From here\r\n>From there\r\n",
    "mebibyte": lines_of(1 << 20),
}


QUICK = {"first_retry": 0.2, "longest_retry": 0.2}


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("ca") / "ca.pem"
    file.write_bytes(authority().pem)
    return file


@pytest.fixture(scope="module")
def postfix() -> Iterator[Postfix]:
    """One that wants TLS, with a certificate by the test CA."""
    with Postfix(tls=issue(("localhost",)), encrypt=True) as running:
        yield running


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, postfix: Postfix, ca: Path) -> Iterator[MailwardServer]:
    with in_front_of(postfix, tmp_path_factory.mktemp("server"), ca=str(ca)) as running:
        yield running


def in_front_of(postfix: Postfix, directory: Path, *, tls: str = "starttls", **delivery: str) -> MailwardServer:
    to = f"smtp://localhost:{postfix.port}?tls={tls}"
    return MailwardServer(directory, delivery={"to": to, **delivery}, queue=QUICK)


def send(server: MailwardServer, content: bytes, *recipients: str) -> str:
    """Through the implicit door, with our own client; the queue id."""
    url = f"smtps://localhost:{server.ports[IMPLICIT]}"
    with mailward.Client(url, auth=(ANN, PASSWORD), ca=server.ca, timeout=30) as client:
        receipt = client.send(content, sender=ANN, recipients=recipients)
    assert receipt.ok
    assert receipt.queue_id is not None
    return receipt.queue_id


def told(server: MailwardServer, identifier: str) -> list[tuple[str, list[str]]]:
    """The events of one message, in order: type and recipients."""
    return [
        (event["type"].removeprefix("message."), event["envelope_to"])
        for event in server.events()
        if event.get("message") == identifier
    ]


def after_received(raw: bytes) -> bytes:
    """What a mailbox has after the fields that the two servers put before it, which are these and no others."""
    names: list[bytes] = []
    rest = raw
    while len(names) < 5:
        name, _, rest = rest.partition(b":")
        names.append(name)
        _, _, rest = rest.partition(b"\n")
        while rest.startswith((b" ", b"\t")):
            _, _, rest = rest.partition(b"\n")
    assert names == [b"Return-Path", b"X-Original-To", b"Delivered-To", b"Received", b"Received"]
    return rest


# --- octets


@pytest.mark.parametrize("name", BODIES)
def test_octet_for_octet(server: MailwardServer, postfix: Postfix, name: str) -> None:
    """Over verified STARTTLS each content arrives as it was sent, after Postfix's Received field and ours."""
    content = HEADER + BODIES[name]
    before = len(postfix.mailbox("bob"))
    identifier = send(server, content, BOB)
    raw = postfix.delivered("bob", before + 1)[-1]

    assert after_received(raw) == content.replace(b"\r\n", b"\n")
    assert f"id {identifier} for <{BOB}>".encode() in raw
    until(lambda: told(server, identifier) == [("accepted", [BOB]), ("delivered", [BOB])])


def test_in_clear_where_it_was_asked_for(tmp_path: Path) -> None:
    """With the named danger insecure-plaintext the same octets arrive at a Postfix that has no TLS."""
    contents = [HEADER + body for body in BODIES.values()]
    with Postfix() as postfix, in_front_of(postfix, tmp_path, tls="insecure-plaintext") as server:
        for content in contents:
            send(server, content, BOB)
        arrived = postfix.delivered("bob", len(contents))

    expected = sorted(content.replace(b"\r\n", b"\n") for content in contents)
    assert sorted(map(after_received, arrived)) == expected


# --- now, later, never


def test_waits_while_postfix_is_down(server: MailwardServer, postfix: Postfix) -> None:
    """With Postfix stopped the message waits in the queue and says why; it goes out when Postfix is back, once."""
    before = len(postfix.mailbox("carol"))
    postfix.stop()
    try:
        identifier = send(server, HEADER + b"waiting\r\n", CAROL)
        until(lambda: [kind for kind, _ in told(server, identifier)].count("deferred") >= 2)
        (waiting,) = server.listing("queue", "list")
    finally:
        postfix.start()
    raw = postfix.delivered("carol", before + 1)[-1]

    assert waiting["id"] == identifier
    assert waiting["attempts"] >= 2
    assert str(postfix.port) in waiting["last_reply"]
    assert [each["state"] for each in waiting["recipients"]] == ["deferred"]
    assert after_received(raw) == (HEADER + b"waiting\r\n").replace(b"\r\n", b"\n")
    until(lambda: told(server, identifier)[-1] == ("delivered", [CAROL]))
    assert server.listing("queue", "list") == []
    assert server.listing("mail", "list") == []


def test_waits_over_a_restart(server: MailwardServer, postfix: Postfix) -> None:
    """What waits when Mailward stops is sent by the next one."""
    before = len(postfix.mailbox("carol"))
    postfix.stop()
    try:
        identifier = send(server, HEADER + b"over a restart\r\n", CAROL)
        until(lambda: ("deferred", [CAROL]) in told(server, identifier))
        server.stop()
    finally:
        postfix.start()
    server.start()

    assert b"over a restart" in postfix.delivered("carol", before + 1)[-1]


def test_refused_recipient_bounces(server: MailwardServer, postfix: Postfix) -> None:
    """A recipient that Postfix refuses for good has an event of its own; the others get their mail."""
    before = {user: len(postfix.mailbox(user)) for user in ("bob", "dave")}
    identifier = send(server, HEADER + b"for three\r\n", BOB, NOBODY, DAVE)
    for user, count in before.items():
        assert b"for three" in postfix.delivered(user, count + 1)[-1]
    until(lambda: len(told(server, identifier)) == 3)

    assert sorted(told(server, identifier)) == [
        ("accepted", [BOB, NOBODY, DAVE]),
        ("bounced", [NOBODY]),
        ("delivered", [BOB, DAVE]),
    ]
    (bounce,) = [event for event in server.recorded("message.bounced") if event["message"] == identifier]
    assert bounce["reply"].startswith("550 5.1.1")
    (kept,) = server.listing("queue", "list")
    assert (kept["id"], kept["state"]) == (identifier, "bounced")


def test_refused_for_now_waits(tmp_path: Path, ca: Path) -> None:
    """A sender whom Postfix puts off at MAIL, so that RCPT hears 503, waits and does not bounce."""
    settings = f"""
smtpd_delay_reject = no
smtpd_sender_restrictions = check_sender_access inline:{{ {{ {ANN} = 450 4.7.1 come back later }} }}
"""
    with Postfix(settings=settings) as postfix, in_front_of(postfix, tmp_path, tls="insecure-plaintext") as server:
        identifier = send(server, HEADER, BOB, CAROL)
        until(lambda: [kind for kind, _ in told(server, identifier)].count("deferred") >= 2)
        (waiting,) = server.queue()

        assert "come back later" in waiting.last_reply
        assert {kind for kind, _ in told(server, identifier)} == {"accepted", "deferred"}


# --- TLS or nothing


@pytest.mark.parametrize(
    "problem", ["another CA", "another name", "no TLS at all"], ids=["other-ca", "other-name", "stripped"]
)
def test_never_without_verified_tls(tmp_path: Path, ca: Path, problem: str) -> None:
    """When Postfix cannot show that it is the right one the mail waits and says why; Postfix hears no sender."""
    tls = {
        "another CA": issue(("localhost",), issuer=authority("Another CA")),
        "another name": issue(("elsewhere.test",)),
        "no TLS at all": None,
    }[problem]
    with Postfix(tls=tls) as postfix, in_front_of(postfix, tmp_path, ca=str(ca)) as server:
        identifier = send(server, HEADER, BOB)
        until(lambda: ("deferred", [BOB]) in told(server, identifier))
        (waiting,) = server.queue()

        assert ANN not in postfix.log
        assert ("STARTTLS" if tls is None else "certificate") in waiting.last_reply

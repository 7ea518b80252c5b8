"""Delivery status notifications, in the shapes in which servers write them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from email import message_from_bytes, policy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailward.errors import InvalidMessage
from mailward.message.dsn import DeliveryReport, RecipientReport, read_report


def report(about: str, returned: str = "", kind: str = "text/rfc822-headers", outer: str = "") -> bytes:
    """A multipart/report around these parts."""
    text = (
        "Return-Path: <>\nFrom: MAILER-DAEMON@mx.example.test\nTo: ann@example.test\nSubject: Undelivered\n"
        f'MIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status;\n boundary="b/1"\n{outer}\n'
        "Preamble\n--b/1\nContent-Type: text/plain\n\nSorry.\n"
        f"--b/1\nContent-Description: Delivery report\nContent-Type: message/delivery-status\n\n{about}\n"
    )
    returned = f"--b/1\nContent-Type: {kind}\n\n{returned}\n" if returned else ""
    return f"{text}{returned}--b/1--\n".replace("\n", "\r\n").encode()


POSTFIX = report(
    "Reporting-MTA: dns; mx.example.test\nX-Postfix-Queue-ID: 4F1A2B3C\nX-Postfix-Sender: rfc822; ann@example.test\n"
    "Original-Envelope-Id: job-17.4\nArrival-Date: Mon, 24 Nov 2025 13:44:00 +0000 (UTC)\n\n"
    "Final-Recipient: rfc822; bob@example.net\nOriginal-Recipient: rfc822;Bob@example.net\nAction: failed\n"
    "Status: 5.1.1\nRemote-MTA: dns; mail.example.net\n"
    "Diagnostic-Code: smtp; 550 5.1.1 <bob@example.net>: Recipient address rejected: User\n    unknown\n\n"
    "Final-Recipient: rfc822; eve@example.net\nAction: delayed\nStatus: 4.4.1\n",
    "From: ann@example.test\nTo: bob@example.net\nSubject: Hi\nMessage-ID: <1@example.test>\n\nbody",
    "message/rfc822",
)
EXIM = report(
    "Reporting-MTA: dns; mx.example.test\n\nAction: failed\nFinal-Recipient: rfc822;bob@example.net\nStatus: 5.0.0\n"
    "Remote-MTA: dns; mail.example.net\nDiagnostic-Code: smtp; 550 Unrouteable address\n",
    "Return-path: <ann@example.test>\nReceived: from x\n\tby y\nMessage-Id: <1@example.test>\n",
)
EXCHANGE = report(
    "Reporting-MTA: dns;AM0PR01.example.test\nReceived-From-MTA: dns;x.example.test\n\n"
    "Original-Recipient: rfc822;bob@example.net\nFinal-Recipient: rfc822;bob@example.net\nAction: failed\n"
    "Status: 5.1.10\nDiagnostic-Code: smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; not found\n"
    "X-Display-Name: Bob\n",
    "From: ann@example.test\nMessage-ID: <1@example.test>\nX-MS: y\n",
    "message/rfc822",
)
GMAIL = report(
    "Reporting-MTA: dns; googlemail.example\nReceived-From-MTA: dns; ann@example.test\n"
    "Arrival-Date: Mon, 24 Nov 2025 05:44:00 -0800 (PST)\nX-Original-Message-ID: <1@example.test>\n\n"
    "Final-Recipient: rfc822; bob@example.net\nAction: failed\nStatus: 5.1.1\n"
    "Remote-MTA: dns; gmail-smtp-in.example. (192.0.2.1, the server for the domain example.net.)\n"
    "Diagnostic-Code: smtp; 550-5.1.1 The email account that you tried to reach does not exist.\n"
    " 550 5.1.1 https://support.example/ x - gsmtp\nLast-Attempt-Date: Mon, 24 Nov 2025 05:44:01 -0800 (PST)\n"
)
SUCCESS = report(
    "Original-Envelope-Id: job-17.4\nReporting-MTA: dns; mx.example.test\n\n"
    "Original-Recipient: rfc822;bob@example.net\nFinal-Recipient: rfc822;bob@example.net\n"
    "Action: delivered (to mailbox)\nStatus: 2.0.0 (ok)\n",
    "Message-ID:\n <1@example.test>\n",
)


def read(content: bytes) -> DeliveryReport:
    found = read_report(content)
    assert found is not None
    return found


def test_postfix() -> None:
    """Everything it says: envelope id, each recipient, the words of the server, the message that came back."""
    found = read(POSTFIX)

    assert (found.envid, found.message_id, found.reporting_mta) == ("job-17.4", "<1@example.test>", "mx.example.test")
    assert found.recipients == (
        RecipientReport(
            original="Bob@example.net",
            final="bob@example.net",
            action="failed",
            status="5.1.1",
            diagnostic="550 5.1.1 <bob@example.net>: Recipient address rejected: User    unknown",
            remote_mta="mail.example.net",
        ),
        RecipientReport("", "eve@example.net", "delayed", "4.4.1"),
    )
    assert [recipient.final for recipient in found.failed] == ["bob@example.net"]
    assert ("subject", b"Hi") in found.header


@pytest.mark.parametrize(
    "content, status, action",
    [
        (EXIM, "5.0.0", "failed"),
        (EXCHANGE, "5.1.10", "failed"),
        (GMAIL, "5.1.1", "failed"),
        (SUCCESS, "2.0.0", "delivered"),
    ],
)
def test_others(content: bytes, status: str, action: str) -> None:
    """Order, case and comments differ; the message is found all the same."""
    found = read(content)

    assert found.message_id == "<1@example.test>"
    assert [(each.final, each.status, each.action) for each in found.recipients] == [
        ("bob@example.net", status, action)
    ]
    assert read(bytes(message_from_bytes(content, policy=policy.SMTP))) == found


@pytest.mark.parametrize(
    "about, wanted",
    [
        ("Final-Recipient: rfc822;a@b.c\nAction: failed\nStatus: 5.1.1", ("a@b.c", "failed", "5.1.1")),
        ("Reporting-MTA: x\n\n\n \nFinal-Recipient: a@b.c\nAction: FAILED", ("a@b.c", "failed", "")),
        ("X: y\n\nFinal-Recipient: rfc822;<a@b.c>\nStatus: 4.2.2", ("a@b.c", "delayed", "4.2.2")),
        ("X: y\n\nFinal-Recipient: rfc822;a@b.c\nDiagnostic-Code: smtp; 550 5.7.1 no", ("a@b.c", "failed", "5.7.1")),
        (r"X: y" + "\n\n" + r"Final-Recipient: utf-8;\x{FC}@b.c" + "\nStatus: 5.1.1", ("ü@b.c", "failed", "5.1.1")),
        (
            r"X: y" + "\n\n" + r"Final-Recipient: utf-8;\x{0A}@b.c" + "\nStatus: 5.1.1",
            (r"\x{0A}@b.c", "failed", "5.1.1"),
        ),
        ("X: y\n\nFinal-Recipient: rfc822;a@b.c\nAction: eaten\nStatus: x", ("a@b.c", "", "")),
    ],
)
def test_what_is_left_out(about: str, wanted: tuple[str, str, str]) -> None:
    """What nobody says is "", and what can be told from the rest is."""
    (found,) = read(report(about)).recipients

    assert (found.final, found.action, found.status) == wanted


@pytest.mark.parametrize("encoding", ["base64", "quoted-printable"])
def test_an_encoded_report(encoding: str) -> None:
    """It should not be, and is."""
    body = {
        "base64": "WDogeQoKRmluYWwtUmVjaXBpZW50OiByZmM4MjI7YUBiLmMK",
        "quoted-printable": "X: y\n\nFinal-Recipient: a@b=\n.c",
    }
    content = report("@").replace(
        b"\r\n\r\n@", f"\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n{body[encoding]}".encode()
    )

    assert [each.final for each in read(content).recipients] == ["a@b.c"]


@dataclass(frozen=True)
class Kept:
    envid: str | None
    message_id: str | None


def test_its_receipt_is_found() -> None:
    """By the envelope id, which is ours alone, before the message id; never by what neither of them says."""
    by_both, by_id, other = Kept("job-17.4", "<1@example.test>"), Kept(None, "<1@example.test>"), Kept("", "")

    assert read(POSTFIX).receipt_among([other, by_id, by_both]) is by_both
    assert read(EXIM).receipt_among([other, by_id, by_both]) is by_id
    assert read(POSTFIX).receipt_among([other, Kept(None, None)]) is None
    assert read(report("X: y")).receipt_among([other, Kept(None, None)]) is None


def test_what_is_no_report() -> None:
    """None, not an error."""
    assert read_report(b"From: a@b.c\r\n\r\nContent-Type: message/delivery-status\r\n") is None
    assert read_report(b"") is None
    assert read(report("")).recipients == ()


def test_hostile_words_are_escaped() -> None:
    """Terminals and logs show what a stranger's server said."""
    found = read(
        report(
            "Original-Envelope-Id: a\x1b[2J\n\nFinal-Recipient: rfc822;a\u202eb@c.d\n"
            "Diagnostic-Code: smtp; =?utf-8?q?=1B=5D0=3Bpwn=07?="
        )
    )

    assert found.envid == r"a\x1b[2J"
    assert found.recipients[0].final == r"a\u202eb@c.d"
    assert found.recipients[0].diagnostic == r"\x1b]0;pwn\x07"


@pytest.mark.parametrize(
    "content",
    [
        report("X: y\n\n" + "Final-Recipient: a@b.c\n\n" * 20_000),
        report("X: y", "Content-Type: message/rfc822\n\n" * 1_000, "message/rfc822"),
        report("X: y", outer="Content-Disposition: a" + "; n*1*=%41" * 5_000 + "\n"),
    ],
)
def test_too_much_is_refused(content: bytes) -> None:
    """E13: a typed error, soon."""
    begun = time.process_time()
    with pytest.raises(InvalidMessage):
        read_report(content)

    assert time.process_time() - begun < 1


def test_long_and_many_fields_cost_little() -> None:
    """E13: half a megabyte of words, and of fields."""
    begun = time.process_time()
    found = read(report("X: y\n\nFinal-Recipient: a@b.c\nDiagnostic-Code: smtp; " + "word " * 100_000))
    read(report("X: y\n" * 100_000 + "\nFinal-Recipient: a@b.c"))

    assert len(found.recipients[0].diagnostic) <= 2_000
    assert time.process_time() - begun < 1


@given(st.binary(max_size=300))
def test_anything_is_read(about: bytes) -> None:
    """Or refused in one way."""
    try:
        found = read_report(report("@").replace(b"@", about))
    except InvalidMessage:
        return
    assert found is None or all(each.action in {"", *ACTIONS} for each in found.recipients)


ACTIONS = ("failed", "delayed", "delivered", "relayed", "expanded")

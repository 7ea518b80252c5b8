"""Read receipts."""

from __future__ import annotations

from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from mailward.errors import InputError
from mailward.message.builder import Message
from mailward.message.mdn import read_receipt

DATE = datetime(2025, 11, 24, 13, 44, tzinfo=UTC)
ASKING = (
    b"Return-Path: <ann@example.test>\r\nFrom: ann@example.test\r\nTo: bob@example.test\r\nBcc: x@example.test\r\n"
    b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nMessage-ID: <1@example.test>\r\n"
    b"Disposition-Notification-To: Ann <ann@example.test>\r\n\r\nHello\r\n"
)


def sent(draft: Message) -> EmailMessage:
    content = draft.complete(lambda: DATE, lambda: "1").as_octets()
    assert isinstance(content, bytes)
    found = message_from_bytes(content, policy=policy.default)
    assert isinstance(found, EmailMessage)
    return found


def test_a_receipt() -> None:
    """Words for people, fields for programs, the header that is meant; failures go to nobody (RFC 8098 §3)."""
    draft = read_receipt(ASKING, reader="Bob <bob@example.test>")
    message = sent(draft)
    words, report, original = message.iter_parts()

    assert (draft.envelope.sender, [str(each) for each in draft.envelope.recipients]) == (None, ["ann@example.test"])
    assert message.get_content_type() == "multipart/report"
    assert message.get_param("report-type") == "disposition-notification"
    assert (message["From"], message["To"]) == ("Bob <bob@example.test>", "Ann <ann@example.test>")
    assert message["Subject"] == "Read: Grüße"
    assert (message["In-Reply-To"], message["Auto-Submitted"]) == ("<1@example.test>", "auto-replied")
    assert "Bob" in words.get_content()
    assert report.get_content_type() == "message/disposition-notification"
    told = report.as_bytes().split(b"\n\n", 1)[1].strip()
    assert told == (
        b"Final-Recipient: rfc822;bob@example.test\nOriginal-Message-ID: <1@example.test>\n"
        b"Disposition: manual-action/MDN-sent-manually; displayed"
    )
    assert original.get_content_type() == "text/rfc822-headers"
    assert "Subject: =?utf-8?q?Gr" in original.get_content()
    assert "x@example.test" not in original.get_content()


def test_automatically() -> None:
    """Only to where failures go as well: else a message could make us write to anybody."""
    assert b"automatic-action" in sent(read_receipt(ASKING, reader="bob@example.test", automatic=True)).as_bytes()
    for path in (b"", b"Return-Path: <>\r\n", b"Return-Path: <eve@example.test>\r\n"):
        content = path + ASKING.partition(b"\r\n")[2]
        with pytest.raises(InputError, match="elsewhere"):
            read_receipt(content, reader="bob@example.test", automatic=True)


@pytest.mark.parametrize(
    "content",
    [
        ASKING.replace(b"Disposition-Notification-To", b"X-Other"),
        ASKING.replace(b"Ann <ann@example.test>", b"ann@example.test, eve@example.test"),
        ASKING.replace(b"Ann <ann@example.test>", b""),
        ASKING.replace(b"Ann <ann@example.test>", b"ann@example.test)eve@example.test"),
        b"Content-Type: multipart/report; report-type=disposition-notification\r\n" + ASKING,
        b"Disposition-Notification-Options: sign=required,x\r\n" + ASKING,
    ],
)
def test_where_none_may_be_sent(content: bytes) -> None:
    """Nobody asks, several do, it is a report itself, or it wants what we do not know."""
    with pytest.raises(InputError):
        read_receipt(content, reader="bob@example.test")


def test_hostile_fields_are_not_copied() -> None:
    """E09: a Message-ID that is none is left out; what is told of the rest is escaped."""
    content = ASKING.replace(b"<1@example.test>", b"<1@example.test> x y").replace(
        b"Subject:", b"Original-Recipient: rfc822;\x7f=?utf-8?q?a=0D=0AFinal-Recipient=3A?=\r\nSubject:"
    )
    with pytest.raises(InputError):
        read_receipt(content, reader="bob@example.test")

    message = sent(read_receipt(content.replace(b"\x7f", b""), reader="bob@example.test"))
    report = list(message.iter_parts())[1].as_bytes()
    assert message["In-Reply-To"] is None
    assert report.count(b"Final-Recipient: ") == 1
    assert rb"\x0d\x0aFinal-Recipient" in report

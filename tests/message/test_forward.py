"""Messages passed on."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest

from mailward.errors import InputError, InvalidMessage
from mailward.message.builder import Message
from mailward.message.content import octets_of
from mailward.message.envelope import envelope_of
from mailward.message.forward import forward, redirect
from mailward.message.headers import fields, header

DATE = datetime(2025, 11, 24, 13, 44, tzinfo=UTC)
ANN, BOB = "Ann <ann@example.test>", "bob@example.test"


def original() -> EmailMessage:
    message = EmailMessage()
    message["From"] = "Cäsar <c@example.test>"
    message["To"] = "ann@example.test"
    message["Bcc"] = "secret@example.test"
    message["Subject"] = "Grüße"
    message.set_content("Some words\n")
    message.add_alternative('<html><body class="a"><img src="cid:pic"></body></html>', subtype="html")
    html = message.get_payload(1)
    assert isinstance(html, EmailMessage)
    html.add_related(b"\x89PNG", "image", "png", cid="<pic>")
    message.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="Übersicht.pdf")
    return message


def sent(draft: Message) -> EmailMessage:
    content = draft.complete(lambda: DATE, lambda: "1").as_octets()
    assert isinstance(content, bytes)
    found = message_from_bytes(content, policy=policy.default)
    assert isinstance(found, EmailMessage)
    return found


def test_inline() -> None:
    """Its words are quoted in both forms, its files and pictures come along; its Bcc does not."""
    message = sent(forward(original(), from_=ANN, to=BOB, text="Look <here>"))
    text, html = message.get_body(["plain"]), message.get_body(["html"])
    assert text is not None
    assert html is not None

    assert message["Subject"] == "Fwd: Grüße"
    said = text.get_content().replace("\r\n", "\n")
    assert said.startswith("Look <here>\n\n---------- Forwarded message ----------\nFrom: Cäsar <c@example.test>\n")
    assert said.endswith("\nTo: ann@example.test\n\nSome words\n")
    assert '<body class="a"><div>Look &lt;here&gt;</div>' in html.get_content()
    assert "Cäsar &lt;c@example.test&gt;" in html.get_content()
    assert [part["Content-ID"] for part in message.walk() if part["Content-ID"]] == ["<pic>"]
    assert [(part.get_filename(), part.get_content()) for part in message.iter_attachments()][-1] == (
        "Übersicht.pdf",
        b"%PDF",
    )
    assert b"secret@example.test" not in octets_of(message)


def test_html_alone() -> None:
    """Has a text made of it."""
    html = EmailMessage()
    html["Subject"] = "Fwd: x"
    html.set_content("<p>Some <b>words</b></p>", subtype="html")
    message = sent(forward(html, from_=ANN, to=BOB))
    text = message.get_body(["plain"])

    assert message["Subject"] == "Fwd: x"
    assert text is not None
    assert text.get_content().endswith("Some words\r\n")


def test_attached() -> None:
    """Byte for byte, so that its signatures hold; a file name made of its subject."""
    content = b"DKIM-Signature: v=1; x\r\nSubject: a/b\\c\r\n\r\n--x  \r\n.\r\nbody\r\n"
    draft = forward(content, from_=ANN, to=BOB, how="attached", text="See", subject="Mine").complete(
        lambda: DATE, lambda: "1"
    )
    octets = draft.as_octets()

    assert isinstance(octets, bytes)
    assert b"\r\n\r\n" + content in octets
    attachment = next(sent(draft).iter_attachments())
    assert (attachment.get_content_type(), attachment.get_filename()) == ("message/rfc822", "a-b-c.eml")
    assert draft.subject == "Mine"


HOSTILE = b"""From: =?utf-8?q?x=0D=0ABcc=3A_e=40x?= <a@b.c>\r
Subject: =?utf-8?q?a=0D=0ABcc=3A_e=40x?=\r
Content-Type: multipart/mixed; boundary=x\r
\r
--x\r
Content-Type: text/plain\r
\r
hi\r
--x\r
Content-Type: application/pdf; name*=utf-8''%0D%0AX%3A%20y\r
Content-ID: <a>\r
\r
x\r
--x\r
Content-Type: multipart/mixed\r
Content-Disposition: attachment; filename="../../etc/passwd"\r
\r
y\r
--x\r
Content-Type: message/delivery-status\r
\r
z\r
--x--\r
"""


@pytest.mark.parametrize("how", ["inline", "attached"])
def test_nothing_of_it_becomes_a_header(how: Any) -> None:
    """E09: an encoded line break in its subject or a file's name shows as an escape."""
    draft = forward(HOSTILE, from_=ANN, to=BOB, how=how)
    message = sent(draft)
    content = draft.as_octets()
    assert isinstance(content, bytes)
    names = [part.get_filename() for part in message.iter_attachments()]

    assert [name for name, _ in fields(content)].count("bcc") == 0
    assert message["Subject"] == r"Fwd: a\x0d\x0aBcc: e@x"
    assert [str(each) for each in draft.envelope.recipients] == [BOB]
    wanted = [r"-x0d-x0aX: y", "..-..-etc-passwd", None] if how == "inline" else [r"a-x0d-x0aBcc: e@x.eml"]
    assert names == wanted


@pytest.mark.parametrize(
    "content",
    [
        b"Subject: " + b"\r\n ".join([b"word " * 190] * 526) + b"\r\n\r\nx\r\n",
        b"Subject: " + b"\r\n ".join([b"=?utf-8?q?a=C3=BC?= " * 40] * 500) + b"\r\n\r\nx\r\n",
        b"To: " + b"\r\n ".join([b"(" * 90] * 10) + b"\r\n\r\nx\r\n",
    ],
)
def test_hostile_headers_cost_little(content: bytes) -> None:
    """E13: 500 kB of subject, 20,000 encoded words, 900 comments."""
    begun = time.process_time()
    assert len(forward(content, from_=ANN, to=BOB).subject) < 600

    assert time.process_time() - begun < 0.5


def test_redirect() -> None:
    """Resent- fields before it, and nothing else changed but Bcc gone; the envelope is theirs."""
    content = b"From: a@b.c\r\nTo: d@e.f\r\nBcc: g@h.i\r\nSubject: x\r\n\r\nbody\r\n"
    octets = redirect(content, from_=ANN, to=[BOB, "eve@example.test"], date=DATE, message_id="<2@x.y>")

    assert octets == (
        b"Resent-From: Ann <ann@example.test>\r\nResent-To: bob@example.test, eve@example.test\r\n"
        b"Resent-Date: Mon, 24 Nov 2025 13:44:00 +0000\r\nResent-Message-ID: <2@x.y>\r\n"
        b"From: a@b.c\r\nTo: d@e.f\r\nSubject: x\r\n\r\nbody\r\n"
    )
    assert str(envelope_of(octets).sender) == "ann@example.test"
    assert [str(each) for each in envelope_of(octets).recipients] == [BOB, "eve@example.test"]
    assert header(octets, "Resent-Message-ID") == b"<2@x.y>"
    for to in ("a@b.c\r\nX: y", "a@b.c, d@e.f"):
        with pytest.raises(InputError):
            redirect(content, from_=ANN, to=to, date=DATE, message_id="<2@x.y>")


def test_no_other_way() -> None:
    """Inline or attached."""
    with pytest.raises(InvalidMessage, match="inline or attached"):
        forward(b"A: b\r\n\r\nx\r\n", from_=ANN, to=BOB, how="bounced")  # type: ignore[arg-type]

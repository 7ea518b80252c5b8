from __future__ import annotations

import re
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import TypedDict, Unpack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailward.errors import InputError, InvalidAddress, InvalidMessage
from mailward.message.compose import compose
from mailward.message.content import content_of, needs_8bit, needs_smtputf8_headers, octets_of
from mailward.message.envelope import envelope_of, recipients_of
from mailward.message.headers import fields, header, subject

DATE = datetime(2025, 11, 24, 13, 44, tzinfo=UTC)


class Parts(TypedDict, total=False):
    sender: str
    to: str | list[str]
    cc: str | list[str]
    bcc: str | list[str]
    subject: str
    text: str | None
    html: str | None
    date: datetime
    message_id: str
    headers: dict[str, str]
    eight_bit: bool


def composed(**changes: Unpack[Parts]) -> EmailMessage:
    parts: Parts = {
        "sender": "ann@example.test",
        "to": "bob@example.test",
        "subject": "Hello",
        "text": "Hello Bob,\n\nyours, Ann",
        "date": DATE,
        "message_id": "<1@example.test>",
    }
    return compose(**(parts | changes))


def test_a_plain_message() -> None:
    """Every octet of it, and the same octets each time."""
    expected = (
        b"From: ann@example.test\r\nTo: bob@example.test\r\nSubject: Hello\r\nDate: Mon, 24 Nov 2025 13:44:00 +0000\r\n"
        b'Message-ID: <1@example.test>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset="utf-8"\r\n'
        b"Content-Transfer-Encoding: 7bit\r\n\r\nHello Bob,\r\n\r\nyours, Ann\r\n"
    )

    assert octets_of(composed()) == content_of(composed()) == expected


def test_text_and_html_are_alternatives() -> None:
    """The better one last (RFC 2046 §5.1.4); the boundary is no chance, and in neither of them."""
    octets = octets_of(composed(html="<p>Grüße</p>"))
    message = message_from_bytes(octets, policy=policy.default)

    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    assert [part.get_content().strip() for part in message.iter_parts()] == [
        "Hello Bob,\r\n\r\nyours, Ann",
        "<p>Grüße</p>",
    ]
    assert octets == octets_of(composed(html="<p>Grüße</p>"))
    assert octets != octets_of(composed(html="<p>Grüsse</p>"))


def test_html_alone() -> None:
    """Is the body itself."""
    assert header(octets_of(composed(text=None, html="<p>x</p>")), "Content-Type") == b'text/html; charset="utf-8"'


def test_an_attachment_may_still_be_added() -> None:
    """The message is an EmailMessage like any other."""
    message = composed(html="<p>x</p>")
    message.add_attachment(b"\0\xff", maintype="application", subtype="octet-stream", filename="ü.bin")
    octets = octets_of(message)
    parsed = message_from_bytes(octets, policy=policy.default)

    assert octets.isascii()
    assert [part.get_filename() for part in parsed.iter_attachments()] == ["ü.bin"]
    assert next(parsed.iter_attachments()).get_content() == b"\0\xff"
    assert parsed["Subject"] == "Hello"


def test_names_and_subject_beyond_ascii_are_encoded() -> None:
    """And domains are A-labels, so every server can take it."""
    octets = octets_of(
        composed(
            sender="Änn Ünn <ann@bücher.example>", to=["Bob Q. <bob@example.test>", "c@faß.example"], subject="Grüße"
        )
    )

    assert octets.isascii()
    assert header(octets, "From") == b"=?utf-8?b?w4RubiDDnG5u?= <ann@xn--bcher-kva.example>"
    assert header(octets, "To") == b'"Bob Q." <bob@example.test>, c@xn--fa-hia.example'
    assert subject(octets) == "Grüße"
    assert [str(box) for box in recipients_of(octets)] == ["bob@example.test", "c@xn--fa-hia.example"]


def test_only_a_local_part_needs_smtputf8() -> None:
    """RFC 6531; nothing else in the header is left in UTF-8."""
    octets = octets_of(composed(to="Böb <böb@bücher.example>", subject="Grüße"))

    assert needs_smtputf8_headers(octets)
    assert header(octets, "To") == "=?utf-8?q?B=C3=B6b?= <böb@xn--bcher-kva.example>".encode()
    assert envelope_of(octets).recipients[0].needs_smtputf8
    assert not needs_smtputf8_headers(octets_of(composed(sender="Böb <bob@bücher.example>", subject="Grüße")))


def test_cc_and_bcc() -> None:
    """Both are in the envelope, Bcc not in the content; without To there is no To."""
    octets = octets_of(composed(to=[], cc="c@example.test", bcc=["B <b@example.test>", "d@example.test"]))

    assert [str(box) for box in recipients_of(octets)] == ["c@example.test", "b@example.test", "d@example.test"]
    assert [name for name, _ in fields(octets)][:3] == ["from", "cc", "bcc"]
    assert header(content_of(octets), "Bcc") is None


@pytest.mark.parametrize(
    "address",
    [
        # E01
        "a@b.test\r\nRCPT TO:<x@y.test>",
        "a@b.test\n",
        "a@b.test\r",
        "a@b.test\0",
        "a@b.test\x0b",
        "a@b.test\x7f",
        "a@b.test\x85",
        "a@b.test\u2028",
        "Ann\r\nBcc: e@x.test <a@b.test>",
        "Ann\r\n <a@b.test>",
        "=?utf-8?q?a=0D=0ABcc=3A_e=40x?= <a@b.test>",
        # E02
        "a@b.test> SIZE=1",
        "<a@b.test>",
        "a@b.test,d@e.test",
        " a@b.test",
        "a@b.test ",
        "",
        "a@",
        "@b.test",
        # E03, E04
        "x\u760d\u760aRCPT TO:<e@x.test>@b.test",
        '"a\r\nRCPT TO:<e@x.test>\r\n"@c.test',
        '"a\\\r\n"@c.test',
        # E07
        "alice@example.org)bob@evil.com",
        "alice@example.org]<bob@evil.com>",
        "a@b.test <d@e.test>",
        # E11
        "a@evil．com",
        "a@ﬀ.com",
        "a@İ.com",
        "a@xn--a.com",
        "a@exam\u200bple.com",
    ],
)
def test_hostile_addresses_are_refused(address: str) -> None:
    """As sender and as recipient, never truncated, never split."""
    for changes in (Parts(sender=address), Parts(to=[address]), Parts(cc=[address]), Parts(bcc=["a@b.test", address])):
        with pytest.raises(InputError):
            composed(**changes)


def test_a_quoted_local_part_goes_where_its_domain_says() -> None:
    """E06."""
    octets = octets_of(composed(to='"victim@gmail.com x"@internal.domain'))

    assert [box.domain for box in recipients_of(octets)] == ["internal.domain"]
    assert header(octets, "To") == b'"victim@gmail.com x"@internal.domain'


@pytest.mark.parametrize("text", ["a\r\nBcc: e@x.test", "a\nb", "a\rb", "a\0", "\x1b[2J", "a\x85", "a\u2028", "\ud800"])
def test_a_hostile_subject_is_refused(text: str) -> None:
    """No line break or control character (E08)."""
    with pytest.raises(InvalidMessage, match="header Subject"):
        composed(subject=text)


def test_an_encoded_subject_is_encoded_again() -> None:
    """It shows as it was given, and no reader decodes a line break out of it (E09)."""
    hostile = "=?utf-8?q?a=0D=0ABcc=3A_e=40x?="
    octets = octets_of(composed(subject=hostile))

    assert b"=?utf-8?q?a=0D" not in octets
    assert subject(octets) == hostile


def test_further_headers() -> None:
    """Text is encoded, addresses are written as addresses."""
    extra = {
        "X-Note": "Grüße",
        "List-Unsubscribe": "<https://x.test/u>",
        "Reply-To": "Änn <ann@example.test>, b@c.test",
    }
    octets = octets_of(composed(headers=extra))

    assert header(octets, "X-Note") == b"=?utf-8?b?R3LDvMOfZQ==?="
    assert header(octets, "List-Unsubscribe") == b"<https://x.test/u>"
    assert header(octets, "Reply-To") == b"=?utf-8?q?=C3=84nn?= <ann@example.test>, b@c.test"


@pytest.mark.parametrize(
    "name, value",
    [
        ("X\r\nBcc: e@x.test\r\nY", "v"),
        ("Bcc: e\nX", "v"),
        ("", "v"),
        ("X Y", "v"),
        ("X:", "v"),
        ("X", "a\r\nBcc: e@x.test"),
        ("X", "a\0"),
        ("X", "a\x1b"),
        ("Reply-To", "alice@example.org)bob@evil.com"),
        ("bcc", "e@x.test"),
        ("Subject", "again"),
        ("MIME-Version", "2.0"),
        ("Content-Type", "text/html"),
    ],
)
def test_hostile_headers_are_refused(name: str, value: str) -> None:
    """Names, values, and those that compose() writes itself (E08)."""
    with pytest.raises(InputError):
        composed(headers={name: value})


@pytest.mark.parametrize(
    "message_id",
    [
        "",
        "1@example.test",
        "<1>",
        "<a b@example.test>",
        "<a@b>\r\nBcc: e@x.test",
        "<a@b><c@d>",
        "<ü@b.test>",
        "<a..b@c.test>",
    ],
)
def test_a_message_id_is_one(message_id: str) -> None:
    """RFC 5322 §3.6.4, without its obsolete forms."""
    with pytest.raises(InvalidMessage, match="no message id"):
        composed(message_id=message_id)


def test_what_is_missing_is_named() -> None:
    """A recipient, a body, a time zone."""
    for changes, reason in (
        (Parts(to=[]), "no recipient"),
        (Parts(text=None), "neither text nor html"),
        (Parts(date=datetime(2025, 1, 1)), "no time zone"),  # noqa: DTZ001  # that is the point
        (Parts(text="\ud800"), "lone surrogate at character 1"),
    ):
        with pytest.raises(InvalidMessage, match=reason):
            composed(**changes)


@pytest.mark.parametrize(
    "text, encoding",
    [
        ("", b"7bit"),
        ("x" * 998, b"7bit"),
        ("x" * 999, b"quoted-printable"),
        ("Viele Grüße aus Köln, hier ist alles gut.", b"quoted-printable"),
        ("こんにちは", b"base64"),
        ("a\0b", b"quoted-printable"),
    ],
)
def test_a_body_is_encoded_if_it_must_be(text: str, encoding: bytes) -> None:
    """998 octets fit a line, and without being asked no 8-bit octet goes out."""
    octets = octets_of(composed(text=text))
    parsed = message_from_bytes(octets, policy=policy.default)

    assert header(octets, "Content-Transfer-Encoding") == encoding
    assert not needs_8bit(octets)
    assert max(map(len, octets.split(b"\r\n"))) <= 998
    assert parsed.get_content() == (text + "\r\n" if text else "")


def test_eight_bits_when_asked() -> None:
    """In the body, if the server takes them; the header stays ASCII. Long lines are encoded even so."""
    message = composed(text="Grüße", subject="Grüße", eight_bit=True)

    assert octets_of(message, eight_bit=True).endswith("\r\n\r\nGrüße\r\n".encode())
    assert header(octets_of(message, eight_bit=True), "Content-Transfer-Encoding") == b"8bit"
    assert not needs_smtputf8_headers(octets_of(message, eight_bit=True))
    assert not needs_8bit(octets_of(message))
    assert not needs_8bit(octets_of(composed(text="ü" * 500, eight_bit=True), eight_bit=True))


def test_a_hostile_body_stays_a_body() -> None:
    """Bare CR and LF become CRLF, dots stay for the transparency of the wire, ten megabytes in a line fold (E10)."""
    octets = octets_of(composed(text="a\r.\r\nb\n.\n.c\rMAIL FROM:<x@y.test>"))
    long = octets_of(composed(text="x" * 10_000_000))

    assert octets.endswith(b"\r\n\r\na\r\n.\r\nb\r\n.\r\n.c\r\nMAIL FROM:<x@y.test>\r\n")
    assert max(map(len, long.split(b"\r\n"))) <= 78


_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


@given(_texts, _texts, _texts)
def test_any_text_is_sent_whole_or_refused(line: str, text: str, html: str) -> None:
    """The subject and the bodies arrive as they were given, in octets that any server can carry."""
    try:
        octets = octets_of(composed(subject=line, text=text, html=html))
    except InvalidMessage:
        assert re.search(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]", line)
        return
    parsed = message_from_bytes(octets, policy=policy.default)

    assert octets.isascii()
    assert max(map(len, octets.split(b"\r\n"))) <= 998
    assert [name for name, _ in fields(octets)].count("subject") == 1
    for part, given_text in zip(parsed.iter_parts(), (text, html), strict=True):
        lines = re.split("\r\n|\r|\n", given_text)
        assert re.split("\r\n|\r|\n", part.get_content()) in (lines, [*lines, ""])


def test_every_address_error_is_an_invalid_address() -> None:
    """So a caller can tell it from a bad message."""
    with pytest.raises(InvalidAddress):
        composed(to="nobody")

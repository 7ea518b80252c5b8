"""Taking other people's messages apart."""

from __future__ import annotations

import time
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailward.errors import InvalidMessage
from mailward.message.content import octets_of
from mailward.message.reading import ReadPart, read_parts


def written() -> bytes:
    message = EmailMessage()
    message["From"] = "a@b.c"
    message.set_content("Grüße\n")
    message.add_alternative("<p>Grüße</p>", subtype="html")
    message.add_attachment(bytes(range(256)), maintype="application", subtype="pdf", filename="Übersicht.pdf")
    inner = EmailMessage()
    inner["Subject"] = "inner"
    inner.set_content("in")
    message.add_attachment(inner)
    return octets_of(message)


def test_what_the_standard_library_wrote() -> None:
    """Each leaf with type, name and content; a message inside is one leaf with its own parts."""
    leaves = read_parts(written()).leaves()

    assert [leaf.type for leaf in leaves] == ["text/plain", "text/html", "application/pdf", "message/rfc822"]
    assert (leaves[0].text(), leaves[1].text()) == ("Grüße\n", "<p>Grüße</p>\n")
    assert (leaves[2].name, leaves[2].content(), leaves[2].disposition) == (
        "Übersicht.pdf",
        bytes(range(256)),
        "attachment",
    )
    assert leaves[3].parts[0].value("subject") == b"inner"


def part(fields: bytes, body: bytes) -> ReadPart:
    return read_parts(fields + b"\r\n\r\n" + body)


@pytest.mark.parametrize(
    "fields, body, text",
    [
        (b"X: y", b"a\r\n", "a\n"),
        (b"Content-Type: text/plain; charset=iso-8859-1", b"\xfc\n", "ü\n"),
        (b"Content-Type: text/plain; charset=rot13", b"abc", "abc"),
        (b"Content-Type: text/plain; charset=us-ascii", b"\xc3\xbc", "ü"),
        (b"Content-Type: text/plain; charset=utf-8", b"\xff", "\ufffd"),
        (b"Content-Transfer-Encoding: base64", b"YW Jj\r\n!!", "abc"),
        (b"Content-Transfer-Encoding: base64", b"YWJj=YW", "abc"),
        (b"Content-Transfer-Encoding: BASE64", b"YWJjZ", "abc"),
        (b"Content-Transfer-Encoding: quoted-printable", b"=C3=BC=\r\n=ZZ", "ü=ZZ"),
        (b"Content-Transfer-Encoding: x-what", b"a", "a"),
        (b"Content-Type: nonsense", b"a", "a"),
        (b"Content-Type: multipart/mixed", b"a", "a"),
    ],
)
def test_text_in_any_dress(fields: bytes, body: bytes, text: str) -> None:
    """Only charsets of mail are read; what breaks the rules is passed over."""
    assert part(fields, body).text() == text


@pytest.mark.parametrize(
    "body, bodies",
    [
        (b"pre\r\n--x\r\n\r\na\r\n--x\r\n\r\nb\r\n--x--\r\npost\r\n--x\r\n\r\nc", [b"a", b"b"]),
        (b"--x\r\n\r\na", [b"a"]),
        (b"--x  \r\n\r\na\r\n--xy\r\n--x--", [b"a\r\n--xy"]),
        (b"--x--\r\n", []),
        (b"none", []),
        (b"--x\r\n--x--", [b""]),
    ],
)
def test_boundaries(body: bytes, bodies: list[bytes]) -> None:
    """Only whole lines; what comes after the last is nothing; a missing last one is taken as said."""
    found = part(b"Content-Type: multipart/mixed; boundary=x", body)

    assert [each.body for each in found.parts] == bodies


def _nested(levels: int, *, as_messages: bool) -> bytes:
    if as_messages:
        return b"Content-Type: message/rfc822\r\n\r\n" * levels + b"Subject: x\r\n\r\nx\r\n"
    message = b"Content-Type: text/plain\r\n\r\nx\r\n"
    for level in range(levels):
        opened = b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (level, level)
        message = opened + message + b"\r\n--b%d--\r\n" % level
    return message


@pytest.mark.parametrize("as_messages", [False, True])
def test_depth_is_bounded(as_messages: bool) -> None:
    """E13: nested 1,000 deep is a typed error, no recursion; 49 is read."""
    assert len(read_parts(_nested(48, as_messages=as_messages)).leaves()) == 1
    begun = time.process_time()
    with pytest.raises(InvalidMessage, match="deeper than 50"):
        read_parts(_nested(1_000, as_messages=as_messages))

    assert time.process_time() - begun < 0.5


@pytest.mark.parametrize(
    "fields, body",
    [
        (b"Content-Type: multipart/mixed; boundary=x", b"--x\r\n\r\na\r\n" * 200_000),
        (b"Content-Type: multipart/mixed; boundary=x" + b"; n*1*=%41" * 5_000, b"--x\r\n\r\n"),
        (b"Content-Disposition: a" + b"; n*1*=%41" * 101, b""),
        (b"\r\n".join([b"X: y"] * 300_000), b""),
    ],
)
def test_numbers_are_bounded(fields: bytes, body: bytes) -> None:
    """E13: parts, parameters, fields; each a typed error, soon."""
    begun = time.process_time()
    with pytest.raises(InvalidMessage):
        part(fields, body)

    assert time.process_time() - begun < 1


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_anything_is_read(fields: bytes, body: bytes) -> None:
    """Or refused in one way."""
    try:
        found = part(b"Content-Type: multipart/mixed; boundary=x\r\n" + fields, body)
    except InvalidMessage:
        return
    for leaf in found.leaves():
        assert isinstance(leaf.text(), str)

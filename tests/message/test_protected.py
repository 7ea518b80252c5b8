from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage
from quopri import decodestring

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailward.errors import InvalidMessage
from mailward.message.content import content_of, octets_of
from mailward.message.protected import Parted, boundary_of, signed, written

LINES = st.lists(
    st.sampled_from(["From ", "from", ".", " ", "\t", "x" * 75, "x" * 1100, "ß", "=46", "a b", "", "--=_"]), max_size=4
).map("".join)
TEXT = st.lists(LINES, max_size=6).map(lambda lines: "".join(f"{line}\n" for line in lines))


def message(text: str = "Hello.\n", **fields: str) -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"] = "ann@example.org", "bob@example.net"
    for name, value in fields.items():
        made[name.replace("_", "-")] = value
    made.set_content(text)
    return made


@given(TEXT)
def test_what_is_signed_survives_transport(text: str) -> None:
    """Seven bits, short lines, no white space at their ends, no From at their starts; and the text is the same."""
    entity = Parted.of(message(text)).entity
    header, _, body = entity.partition(b"\r\n\r\n")
    lines = body.split(b"\r\n")
    read = message_from_bytes(entity, policy=policy.default).get_content().replace("\r\n", "\n")

    assert entity.isascii()
    assert max(map(len, lines)) <= 998
    assert not any(line.endswith((b" ", b"\t")) or line.startswith(b"From ") for line in lines)
    assert read.rstrip("\n") == text.rstrip("\n")
    if b"quoted-printable" in header:
        assert max(map(len, lines)) <= 78  # the standard library's own has 78
        assert decodestring(body).rstrip() == text.replace("\n", "\r\n").encode().rstrip()


def test_a_signed_part_is_sent_as_it_was_signed() -> None:
    """Through our own serialisation, twice, not an octet of the first part is another."""
    parted = Parted.of(message("x \n" * 3))
    boundary = boundary_of(parted.entity)
    body = signed(parted.entity, written([("Content-Type", "text/x-signature")], b"x\r\n"), boundary)
    joined = parted.joined([("Content-Type", f'multipart/signed; boundary="{boundary}"')], body)

    content = content_of(joined)
    assert content.endswith(b"\r\n\r\n" + body)
    assert content_of(octets_of(joined)) == content
    assert content.split(f"--{boundary}".encode())[1] == b"\r\n" + parted.entity + b"\r\n"


def test_what_was_signed_before_is_left_alone() -> None:
    """A fragile line inside a part that is signed already cannot be mended any more."""
    outer = EmailMessage()
    outer["From"], outer["To"] = "ann@example.org", "bob@example.net"
    outer["Content-Type"] = 'multipart/signed; boundary="b"'
    inner = EmailMessage()
    inner.set_content("x \n")
    outer.attach(inner)
    outer.attach(inner)

    assert Parted.of(outer).entity.count(b"\r\n\r\nx \r\n") == 2


def test_the_outer_fields_stay_in_order() -> None:
    """Content- fields go with the part, all others stay outside, Bcc too; MIME-Version is there once."""
    parted = Parted.of(b"From: a@b.c\r\nBcc: d@e.f\r\nContent-type: text/html\r\nX: y\r\n z\r\n\r\n<p>\r\n")
    joined = parted.joined([("Content-Type", "application/x")], b"x\r\n")

    assert parted.entity == b"Content-type: text/html\r\n\r\n<p>\r\n"
    assert [name for name, _ in joined.items()] == ["From", "Bcc", "X", "MIME-Version", "Content-Type"]
    assert octets_of(joined).startswith(b"From: a@b.c\r\nBcc: d@e.f\r\nX: y\r\n z\r\n")


def test_a_message_without_a_type() -> None:
    """It is plain text, and says so where it is signed; an empty one too."""
    assert Parted.of(b"From: a@b.c\r\n\r\nx\r\n").entity == b"Content-Type: text/plain; charset=us-ascii\r\n\r\nx\r\n"
    assert Parted.of(b"From: a@b.c\r\n").entity == b"Content-Type: text/plain; charset=us-ascii\r\n\r\n"


def test_the_header_goes_inside() -> None:
    """Each field that is the author's, once more; what tells of the way or of hidden readers stays outside."""
    parted = Parted.of(message(Subject="x", Bcc="eve@example.net", Received="from a", Reply_To="c@example.org"))
    clear, cipher = (parted.with_header_inside(protection) for protection in ("clear", "cipher"))

    assert clear.entity.startswith(
        b"From: ann@example.org\r\nTo: bob@example.net\r\nSubject: x\r\nReply-To: c@example.org\r\nContent-Type: "
    )
    assert b';\r\n hp="clear"\r\n' in clear.entity
    assert clear.fields == parted.fields
    assert ("Subject", " [...]\r\n") in cipher.fields
    assert b"HP-Outer: Subject: [...]\r\nHP-Outer: Reply-To: c@example.org\r\n" in cipher.entity
    assert b"eve@" not in cipher.entity + clear.entity


@pytest.mark.parametrize(
    ("octets", "told"),
    [
        (b"From: a@b.c\r\n\r\n\xff\r\n", "8-bit"),
        (b"From: a@b.c\r\nContent-Type: text/plain; x=\xc3\xa4\r\n\r\nx\r\n", "beyond ASCII"),
        (b"From a\r\n\r\nx\r\n", "no header field"),
    ],
)
def test_octets_that_cannot_be_signed(octets: bytes, told: str) -> None:
    """Octets are taken as they are, so those that servers may change are refused."""
    with pytest.raises(InvalidMessage, match=told):
        Parted.of(octets)


def test_a_field_that_may_be_there_once() -> None:
    """Of two Bcc fields nobody knows which is meant; it is told and not a fault of ours."""
    parted = Parted.of(b"From: a@b.c\r\nBcc: d@e.f\r\nBcc: g@h.i\r\n\r\nx\r\n")

    with pytest.raises(InvalidMessage, match="more than one Bcc"):
        parted.joined([("Content-Type", "x/y")], b"x\r\n")


def test_a_header_in_utf8_is_not_repeated_in_clear() -> None:
    """A signed part is seven-bit; inside an encrypted one UTF-8 is at home."""
    parted = Parted.of("From: jürgen@example.org\r\n\r\nx\r\n".encode())

    with pytest.raises(InvalidMessage, match="UTF-8"):
        parted.with_header_inside("clear")
    assert "From: jürgen@example.org\r\n".encode() in parted.with_header_inside("cipher").entity
    assert "From: jürgen@example.org\r\n".encode() in octets_of(parted.joined([("Content-Type", "x/y")], b"x\r\n"))

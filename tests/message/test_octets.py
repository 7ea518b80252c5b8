"""Content in pieces."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailward.errors import InvalidMessage
from mailward.message.files import FileSource, spool
from mailward.message.octets import (
    Base64,
    Octets,
    Prefixed,
    Segments,
    base64_lines,
    header_of,
    joined,
    octets_of_file,
    whole_lines,
)

HEAD = b"From: a@b.c\r\nSubject: x\r\n\r\n"


def all_of(content: Octets) -> bytes:
    return b"".join(content.pieces())


def test_a_file_is_byte_exact(tmp_path: Path) -> None:
    """Of any length, twice, in whole lines of about 64 KiB."""
    path = tmp_path / "mail.eml"
    path.write_bytes(HEAD + b"".join(b"%0*d\r\n" % (number % 998 + 1, number) for number in range(2_000)))

    content = octets_of_file(path)
    pieces = list(content.pieces())

    assert b"".join(pieces) == all_of(content) == path.read_bytes()
    assert content.size == path.stat().st_size
    assert all(piece.endswith(b"\r\n") and len(piece) <= 65_536 + 1_000 for piece in pieces)
    assert len(pieces) >= content.size // 66_536
    assert not content.eight_bit
    assert not content.smtputf8_headers


def test_what_the_server_must_offer() -> None:
    """8-bit octets anywhere, UTF-8 in the header section alone."""
    body = octets_of_file(io.BytesIO(HEAD + b"\xc3\xbc\r\n"))
    header = octets_of_file(io.BytesIO("To: ü@b.c\r\n\r\n".encode() + b"x\r\n" * 50_000))

    assert (body.eight_bit, body.smtputf8_headers) == (True, False)
    assert (header.eight_bit, header.smtputf8_headers) == (True, True)


@pytest.mark.parametrize(
    "content, told",
    [
        (b"", "empty"),
        (HEAD + b"x\n", "other than CRLF"),
        (HEAD + b"x\ry\r\n", "other than CRLF"),
        (HEAD + b"x\r\n.\n.\r\n", "other than CRLF"),
        (HEAD.replace(b"\r\n", b"\n"), "other than CRLF"),
        (HEAD + b"x", "does not end with CRLF"),
        (HEAD + b"x\r", "other than CRLF"),
        (HEAD + b"a\0b\r\n", "NUL"),
        (HEAD + b"x" * 999 + b"\r\n", "998"),
        (HEAD + b"x" * 200_000, "998"),
        (b"hello\r\n\r\nx\r\n", "no header field"),
        (b"A: \x1b[2J\r\n\r\nx\r\n", "control character"),
        (b"A: b\r\nBcc: c@d.e\r\n\r\nx\r\n", "Bcc"),
        (b"A: b\r\nresent-BCC: c@d.e\r\n\r\nx\r\n", "Bcc"),
        (b"A: b\r\n" * 300_000 + b"\r\n", "header fields"),
    ],
)
def test_what_cannot_be_sent_as_it_is(content: bytes, told: str) -> None:
    """Is refused and never mended; E10 for a stream."""
    with pytest.raises(InvalidMessage, match=told):
        octets_of_file(io.BytesIO(content))


def test_bcc_only_when_said() -> None:
    """A Bcc field would be read by everybody; in a body it is but text."""
    content = b"Bcc: c@d.e\r\n\r\nx\r\n"

    assert all_of(octets_of_file(io.BytesIO(content), bcc=True)) == content
    assert all_of(octets_of_file(io.BytesIO(HEAD + content))) == HEAD + content
    assert octets_of_file(io.BytesIO(b"X: a\r\n bcc: b\r\n\r\nx\r\n")).size == 20


def test_a_spooled_stream() -> None:
    """Goes the same way."""
    assert all_of(octets_of_file(spool(io.BytesIO(HEAD + b"x\r\n"), most=1_000))) == HEAD + b"x\r\n"


def test_a_file_that_changed_is_not_sent(tmp_path: Path) -> None:
    """Between the look at it and the sending."""
    path = tmp_path / "mail.eml"
    path.write_bytes(HEAD + b"x\r\n")
    content = octets_of_file(path)
    path.write_bytes(HEAD + b"x\r\n.\r\nMAIL FROM:<e@x>\r\n")

    with pytest.raises(InvalidMessage, match="changed"):
        all_of(content)


def test_the_header_of_pieces() -> None:
    """Is found without reading all."""
    content = octets_of_file(io.BytesIO(HEAD + b"x\r\n" * 100_000))

    assert header_of(content).startswith(HEAD)
    assert len(header_of(content)) < 70_000


@given(st.binary(max_size=300))
def test_base64_is_what_it_says(octets: bytes) -> None:
    """The size is known before the file is read, and lines have 76 characters at most."""
    content = Base64(FileSource(io.BytesIO(octets)))
    text = b"".join(content.pieces())

    assert len(text) == content.size
    assert base64.b64decode(text, validate=False) == octets
    assert text == base64_lines(octets)
    assert all(len(line) <= 76 for line in text.split(b"\r\n"))


@pytest.mark.parametrize("size", [65_549, 65_550, 65_551, 131_101, 400_000])
def test_base64_of_several_blocks(size: int) -> None:
    """The blocks are whole lines: nothing shows where one ended."""
    octets = bytes(number % 251 for number in range(size))
    text = b"".join(Base64(FileSource(io.BytesIO(octets))).pieces())

    assert text == base64_lines(octets)
    assert base64.b64decode(text) == octets


def test_segments_in_a_row() -> None:
    """Held octets and files, one after the other, in pieces of their own."""
    parts = (HEAD + b"x\r\n" * 60_000, Base64(FileSource(io.BytesIO(b"abc"))), b"end\r\n")
    content = Segments(parts, len(parts[0]) + 6 + 5, eight_bit=False, smtputf8_headers=False)

    assert all_of(content) == parts[0] + b"YWJj\r\n" + b"end\r\n"
    assert len(all_of(content)) == content.size
    assert max(map(len, content.pieces())) <= 65_536 + 1_000


def test_segments_become_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Octets where nothing has to be read; what is held is bounded."""
    file = Base64(FileSource(io.BytesIO(b"abc")))
    content = joined([b"To: \xc3\xbc@b.c\r\n", b"\r\n", file, b"a\r\n", b"b\r\n"])

    assert joined([b"a\r\n", b"b\r\n"]) == b"a\r\nb\r\n"
    assert isinstance(content, Segments)
    assert len(content.segments) == 3
    assert (content.size, content.eight_bit, content.smtputf8_headers) == (len(all_of(content)), True, True)
    monkeypatch.setattr("mailward.message.octets.MOST_HELD", 10)
    with pytest.raises(InvalidMessage, match="more than 10 octets"):
        joined([b"12345\r\n", file, b"6789\r\n"])


@given(st.lists(st.binary(max_size=5), max_size=20))
def test_lines_stay_whole(blocks: list[bytes]) -> None:
    """However the blocks were cut."""
    joined = b"".join(blocks)
    if joined and not joined.endswith(b"\r\n"):
        with pytest.raises(InvalidMessage):
            list(whole_lines(blocks))
        return
    pieces = list(whole_lines(blocks))

    assert b"".join(pieces) == joined
    assert all(piece.endswith(b"\r\n") for piece in pieces)


def test_fields_in_front() -> None:
    """Such as a signature; nothing else changes."""
    content = octets_of_file(io.BytesIO(HEAD + b"\xc3\xbc\r\n"))
    signed = Prefixed(b"DKIM-Signature: x\r\n", content)

    assert all_of(signed) == b"DKIM-Signature: x\r\n" + HEAD + b"\xc3\xbc\r\n"
    assert (signed.size, signed.eight_bit, signed.smtputf8_headers) == (len(all_of(signed)), True, False)

from __future__ import annotations

import re
import time
from base64 import b64decode
from quopri import decodestring

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailward.message.transfer_encoding import encoded, has_long_line, is_carried, normalised

_breaks = st.lists(st.sampled_from([b"\r\n", b"\n", b"\r", b"a", b".", b""]), max_size=12).map(b"".join)


@pytest.mark.parametrize(
    "octets, result",
    [
        (b"", b""),
        (b"a\r\nb", b"a\r\nb"),
        (b"a\nb\n", b"a\r\nb\r\n"),
        (b"a\rb\r", b"a\r\nb\r\n"),
        (b"a\r\r\nb", b"a\r\n\r\nb"),
        (b"a\n\r\nb", b"a\r\n\r\nb"),
        (b"a \r b \n c", b"a \r\n b \r\n c"),
        (b"\n.\n", b"\r\n.\r\n"),
        (b"\r.\r\n", b"\r\n.\r\n"),
    ],
)
def test_every_break_becomes_crlf(octets: bytes, result: bytes) -> None:
    """Bare LF and bare CR too (E10)."""
    assert normalised(octets) == result


@given(_breaks)
def test_breaks_are_counted_as_python_counts_them(octets: bytes) -> None:
    """The same lines, all ended by CRLF, and nothing bare is left."""
    result = normalised(octets)

    assert result.splitlines() == octets.splitlines()
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", result)
    assert normalised(result) is result


@pytest.mark.parametrize("tail", [b"", b"\r\n", b"\r\nshort", b"\r\n\r\n"])
def test_long_lines_are_found(tail: bytes) -> None:
    """998 octets are allowed, 999 are not, wherever they are."""
    for head in (b"", b"\r\n", b"x\r\n" * 500, (b"y" * 998 + b"\r\n") * 3):
        assert not has_long_line(head + b"x" * 998 + tail)
        assert has_long_line(head + b"x" * 999 + tail)


@given(st.lists(st.integers(0, 1100), max_size=6))
def test_long_lines_are_found_as_by_splitting(lengths: list[int]) -> None:
    """The fast way agrees with the plain way."""
    octets = b"\r\n".join(b"x" * length for length in lengths)

    assert has_long_line(octets) == any(length > 998 for length in lengths)


def test_what_is_carried() -> None:
    """Short ASCII lines; 8-bit octets when asked; NUL never."""
    assert is_carried(b"a\r\n", eight_bit=False)
    assert not is_carried(b"\xc3\xbc\r\n", eight_bit=False)
    assert is_carried(b"\xc3\xbc\r\n", eight_bit=True)
    assert not is_carried(b"\0\r\n", eight_bit=True)
    assert not is_carried(b"x" * 999, eight_bit=True)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), max_size=300))
def test_text_survives(text: str) -> None:
    """Decoded it is the same text, and the wire sees short ASCII lines without trailing white space."""
    octets = normalised(text.encode())
    encoding, body = encoded(octets, text=True)
    decoded = decodestring(body.encode()) if encoding == "quoted-printable" else b64decode(body)

    assert decoded == octets
    assert body.isascii()
    assert all(len(line) <= 76 for line in body.splitlines())
    assert encoding == "base64" or not re.search(r"[ \t]$", body, re.MULTILINE)


@given(st.binary(max_size=300))
def test_octets_survive(octets: bytes) -> None:
    """Base64, in lines of 76."""
    encoding, body = encoded(octets, text=False)

    assert encoding == "base64"
    assert b64decode(body) == octets
    assert all(len(line) <= 76 for line in body.splitlines())


def test_mostly_ascii_text_stays_readable() -> None:
    """Quoted-printable for German, base64 for Japanese."""
    assert encoded("Viele Grüße aus Köln, hier ist alles gut.\r\n".encode(), text=True)[0] == "quoted-printable"
    assert encoded("こんにちは\r\n".encode(), text=True)[0] == "base64"


def test_a_line_of_ten_megabytes_is_encoded_at_once() -> None:
    """E10: well under a second and short lines."""
    octets = b"x" * 10_000_000
    started = time.process_time()

    _, body = encoded(octets, text=True)

    assert time.process_time() - started < 2
    assert not has_long_line(normalised(body.encode()))

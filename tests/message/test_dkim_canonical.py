from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailward.message.dkim_canonical import CRLF, body_hash, fields_of, relaxed_value, split

TEXT = st.lists(st.sampled_from([b" ", b"\t", b"a", b"\r\n", b"\r\n", b"\r", b"\n", b"bc"]), max_size=40).map(b"".join)


@given(TEXT, st.booleans())
def test_the_body_as_the_rfc_words_it(body: bytes, relaxed: bool) -> None:
    """The same hash as the steps of RFC 6376 §3.4.3 and §3.4.4 taken one by one, bare CR and LF kept."""
    from hashlib import sha256  # noqa: PLC0415

    expected = body
    if relaxed:
        expected = re.sub(rb"[ \t]+(?=\r\n|\Z)", b"", expected)
        expected = re.sub(rb"[ \t]+", b" ", expected)
    expected = re.sub(rb"(?:\r\n)*\Z", b"", expected, count=1)
    if expected or not relaxed:
        expected += CRLF
    _, pieces = split(CRLF + body)

    assert body_hash(pieces, relaxed=relaxed) == sha256(expected).digest()


@given(TEXT)
def test_the_relaxed_value(value: bytes) -> None:
    """Unfolded, compressed, stripped."""
    assert relaxed_value(value) == re.sub(rb"[ \t]+", b" ", value.replace(CRLF, b"")).strip(b" ")


def test_fields_keep_their_order_and_their_folding() -> None:
    """Each name's fields from the top, whole and as they are written."""
    section = b"To: a\r\n b\r\nTO : c\r\nX: d\r\n"
    to = fields_of(section)[b"to"]

    assert [field.written for field in to] == [b"To: a\r\n b\r\n", b"TO : c\r\n"]
    assert [field.canonical(relaxed=True) for field in to] == [b"to:a b\r\n", b"to:c\r\n"]


def test_a_body_is_cut_between_lines() -> None:
    """Pieces hold whole lines and about 64 KiB, or one longer line whole."""
    body = b"x" * 99_998 + CRLF + (b"y" * 998 + CRLF) * 200 + b"no end"
    _, pieces = split(b"From: a\r\n\r\n" + body)
    cut = [*pieces]

    assert b"".join(cut) == body
    assert all(piece.endswith(CRLF) for piece in cut[:-1])
    assert max(map(len, cut[1:])) <= 65_536


@pytest.mark.parametrize(
    "body",
    [b" " * 2**20, b" \r\n" * 2**18, b"\t \t" * 2**18 + b"x", b"\r\n" * 2**19, b"\r" * 2**20, b"x \t" * 2**18],
    ids=["spaces", "blank lines", "tabs", "breaks", "bare CR", "words"],
)
def test_hostile_bodies_cost_no_more(body: bytes) -> None:
    """A mebibyte of what makes patterns slow is hashed in under half a second of this machine."""
    started = time.process_time()
    _, pieces = split(CRLF + body)
    body_hash(pieces, relaxed=True)
    relaxed_value(body)

    assert time.process_time() - started < 0.5

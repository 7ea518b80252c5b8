"""The lines of a SASL exchange."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailward.errors import BadCommand, ProtocolError
from mailward.wire.reply import BAD_BASE64, Reply
from mailward.wire.response import MAX_BASE64, decode_base64, encode_base64, parse_initial_response, parse_response


@pytest.mark.parametrize(
    "line",
    [
        b"AGEAYR==",
        b"AGE\nAYQ==",
        b"AGE AYQ==",
        b"AGEAYQ",
        b"AGEAYQ=",
        b"AGEAYQ===",
        b"=",
        b"====",
        b"**",
        b"AGEAYQ==AA==",
        b"AGEAY-_=",
        b"\xff",
        b"A" * (MAX_BASE64 + 1),
        b"A" * (MAX_BASE64 + 4),
    ],
)
def test_only_canonical_base64(line: bytes) -> None:
    """S52: one spelling for each response, white space and surplus padding refused, and a bound on its length."""
    with pytest.raises(ProtocolError):
        decode_base64(line)
    with pytest.raises(BadCommand) as caught:
        parse_response(line)

    assert Reply.of(caught.value) == BAD_BASE64


def test_star_cancels_and_nothing_is_empty() -> None:
    """RFC 4954 §4: `*` cancels, an empty line is an empty response."""
    assert parse_response(b"*") is None
    assert parse_response(b"") == b""


def test_initial_response() -> None:
    """`=` is an empty initial response; an empty word or a cancellation is none."""
    assert parse_initial_response(b"=") == b""
    assert parse_initial_response(b"AGEAYQ==") == b"\0a\0a"
    for word in (b"", b"*"):
        with pytest.raises(BadCommand):
            parse_initial_response(word)


def test_the_longest_response_is_taken() -> None:
    """RFC 4954 §4 asks for 12288 octets."""
    assert decode_base64(b"A" * MAX_BASE64) == bytes(MAX_BASE64 // 4 * 3)


@given(st.binary())
def test_what_is_written_reads_back(data: bytes) -> None:
    """Any octets survive."""
    assert parse_response(encode_base64(data).encode()) == data


@given(st.binary() | st.text("AQ=+/\n ").map(str.encode))
def test_any_line_is_a_response_or_refused(line: bytes) -> None:
    """Nothing but BadCommand comes out, and what is read has no other spelling."""
    try:
        data = parse_response(line)
    except BadCommand:
        return

    assert data is None or encode_base64(data).encode() == line

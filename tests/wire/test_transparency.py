"""Dot-stuffing: what goes in comes out, and nothing else ends it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailward.errors import InvalidMessage
from mailward.wire.transparency import BareNewline, LongLine, Unstuffer, has_bare_newline, stuff

lines = st.lists(st.sampled_from([b"", b".", b"..", b".a", b"a.", b"text", b"\xff"]), max_size=30)


@given(lines, st.integers(1, 11), st.binary(max_size=5))
def test_round_trip(content_lines: list[bytes], cut: int, after: bytes) -> None:
    """Content survives stuffing and unstuffing in any pieces, and the bytes after it are left over."""
    content = b"".join(line + b"\r\n" for line in content_lines)
    wire = stuff(content) + after
    unstuffer = Unstuffer()
    decoded, rest = b"", b""
    for start in range(0, len(wire), cut):
        if unstuffer.done:
            rest += wire[start:]
            break
        decoded += unstuffer.feed(wire[start : start + cut])

    assert unstuffer.done
    assert decoded == content
    assert unstuffer.rest + rest == after


@given(st.binary(max_size=200))
def test_bare_newlines_against_a_slow_oracle(octets: bytes) -> None:
    """The fast check says what splitting by CRLF says."""
    slow = any(b"\r" in part or b"\n" in part for part in octets.split(b"\r\n"))

    assert has_bare_newline(octets) is slow


@pytest.mark.parametrize("content", [b"a\nb", b"a\rb", b"\n", b"a\x00", b"a\r\r\nb"])
def test_sending_refuses_what_could_smuggle(content: bytes) -> None:
    """No such octet leaves us."""
    with pytest.raises(InvalidMessage):
        stuff(content)


def test_the_last_line_is_ended() -> None:
    """Content without a final CRLF gets one; an empty one is only the dot."""
    assert stuff(b"a") == b"a\r\n.\r\n"
    assert stuff(b"") == b".\r\n"
    assert stuff(b".") == b"..\r\n.\r\n"


@pytest.mark.parametrize("octets", [b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r\n", b"a\x00b\r\nc"])
def test_receiving_refuses_what_could_smuggle(octets: bytes) -> None:
    """It is noticed at once, not at the end."""
    with pytest.raises(BareNewline):
        Unstuffer().feed(octets + b"more\r\n")


def test_line_limit_counts_over_pieces() -> None:
    """A long line is long in whatever pieces it comes."""
    unstuffer = Unstuffer(line_limit=10)
    unstuffer.feed(b"12345678\r\n")
    unstuffer.feed(b"1234")
    with pytest.raises(LongLine):
        unstuffer.feed(b"56789")

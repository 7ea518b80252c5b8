"""Lines are bounded and strict however they are cut."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailward.wire.buffer import BadLineEnd, LineBuffer, LineTooLong


def fed(*pieces: bytes) -> LineBuffer:
    buffer = LineBuffer()
    for piece in pieces:
        buffer.feed(piece)
    return buffer


@given(st.lists(st.binary(max_size=20).filter(lambda line: not set(line) & set(b"\r\n\x00"))), st.integers(1, 9))
def test_lines_come_back(lines: list[bytes], cut: int) -> None:
    """What was joined by CRLF comes apart at CRLF, whatever the pieces."""
    octets = b"".join(line + b"\r\n" for line in lines)
    buffer = LineBuffer()
    seen = []
    for start in range(0, len(octets), cut):
        buffer.feed(octets[start : start + cut])
        while (line := buffer.line(100)) is not None:
            seen.append(line)

    assert seen == lines
    assert len(buffer) == 0


@pytest.mark.parametrize("octets", [b"a\n", b"\n", b"a\rb\r\n", b"a\r\r\n", b"a\x00b\r\n"])
def test_a_bad_line_is_consumed(octets: bytes) -> None:
    """The line after it is read as usual."""
    buffer = fed(octets + b"next\r\n")

    with pytest.raises(BadLineEnd):
        buffer.line(100)
    assert buffer.line(100) == b"next"


def test_limits() -> None:
    """The limit counts the CRLF; an unfinished line that reaches it is refused before its end is seen."""
    assert fed(b"abc\r\n").line(5) == b"abc"
    with pytest.raises(LineTooLong) as complete:
        fed(b"abcd\r\n").line(5)
    assert complete.value.complete
    with pytest.raises(LineTooLong) as unfinished:
        fed(b"abcde").line(5)
    assert not unfinished.value.complete


def test_taking_and_putting_back() -> None:
    """Raw pieces and lines share one position."""
    buffer = fed(b"abcdef\r\n")

    assert buffer.take(2) == b"ab"
    buffer.put_back(b"XY")
    assert buffer.peek(3) == b"XYc"
    assert buffer.line(100) == b"XYcdef"
    assert buffer.take_all() == b""


def test_a_dripped_line_is_searched_once() -> None:
    """Octet by octet up to the AUTH limit stays far from quadratic trouble."""
    buffer = LineBuffer()
    began = time.process_time()
    for _ in range(12_000):
        buffer.feed(b"A")
        assert buffer.line(12_288) is None

    assert time.process_time() - began < 2

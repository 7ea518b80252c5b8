"""The content of a transaction is counted, and a fault in it is told once, at its end."""

from __future__ import annotations

from mailward.wire import reply as replies
from mailward.wire.buffer import LineBuffer
from mailward.wire.content import Content, IncomingContent
from mailward.wire.state import EndOfChunk, EndOfContent


def reading(octets: bytes, *, limit: int = 100) -> tuple[IncomingContent, LineBuffer]:
    buffer = LineBuffer()
    buffer.feed(octets)
    return IncomingContent(limit=limit, text=True), buffer


def test_small_content_is_one_event() -> None:
    """A message that arrives whole is not cut up."""
    content, buffer = reading(b"hello\r\n.\r\nNOOP\r\n")
    content.begin_data(line_limit=None)

    assert content.read(buffer) == EndOfContent(b"hello\r\n")
    assert buffer.peek(4) == b"NOOP"


def test_pieces_and_the_end() -> None:
    """Pieces come as they arrive."""
    content, buffer = reading(b"hello\r\nwor")
    content.begin_data(line_limit=None)

    assert content.read(buffer) == Content(b"hello\r\nwor")
    assert content.read(buffer) is None
    buffer.feed(b"ld\r\n.\r\n")
    assert content.read(buffer) == EndOfContent(b"ld\r\n")


def test_over_the_limit_nothing_is_given_out() -> None:
    """The size counts over all chunks."""
    content, buffer = reading(b"aaaabbbb", limit=6)
    content.begin_chunk(4, last=False)

    assert content.read(buffer) == EndOfChunk(b"aaaa")
    content.begin_chunk(4, last=True)
    assert content.read(buffer) == EndOfContent(b"", fault=replies.TOO_BIG)


def test_a_last_chunk_must_not_end_in_half_a_newline() -> None:
    """A CR with nothing to follow is bare."""
    content, buffer = reading(b"a\r")
    content.begin_chunk(2, last=True)
    end = content.read(buffer)

    assert isinstance(end, EndOfContent)
    assert end.fault is replies.BARE_NEWLINE

"""BDAT chunks take exactly their octets."""

from __future__ import annotations

import pytest

from mailward.wire.buffer import LineBuffer
from mailward.wire.chunking import ChunkReader
from mailward.wire.transparency import BareNewline


def test_a_chunk_takes_its_octets_and_no_more() -> None:
    """What comes after stays in the buffer."""
    buffer = LineBuffer()
    buffer.feed(b"abc")
    reader = ChunkReader(5, text=True)

    assert reader.read(buffer) == b"abc"
    assert not reader.done
    buffer.feed(b"deNOOP\r\n")
    assert reader.read(buffer) == b"de"
    assert reader.done
    assert buffer.line(100) == b"NOOP"


def test_a_split_crlf_is_carried() -> None:
    """The CR waits for its LF in the next piece, or in the next chunk."""
    buffer = LineBuffer()
    buffer.feed(b"a\r")
    reader = ChunkReader(2, text=True)
    reader.read(buffer)

    assert reader.carry
    buffer.feed(b"x")
    with pytest.raises(BareNewline):
        ChunkReader(1, text=True, carry=True).read(buffer)


def test_binary_chunks_hold_anything() -> None:
    """BINARYMIME content is not lines."""
    buffer = LineBuffer()
    buffer.feed(b"\r\x00\n")

    assert ChunkReader(3, text=False).read(buffer) == b"\r\x00\n"

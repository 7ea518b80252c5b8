"""BDAT (RFC 3030): the size and the flag of a chunk, and the octets that belong to it."""

from __future__ import annotations

from mailward.wire.buffer import LineBuffer
from mailward.wire.transparency import BareNewline, has_bare_newline


class ChunkReader:
    """Takes exactly one chunk from a buffer. `text`: refuse bare CR, LF and NUL (everything but BINARYMIME).

    `carry` is true when the chunk before ended in a CR whose LF must come first in this one.
    """

    __slots__ = ("_carry", "_left", "_text")

    def __init__(self, size: int, *, text: bool, carry: bool = False) -> None:
        self._left = size
        self._text = text
        self._carry = carry

    @property
    def done(self) -> bool:
        return self._left == 0

    @property
    def carry(self) -> bool:
        return self._carry

    def read(self, buffer: LineBuffer) -> bytes:
        """The octets of this chunk that are there. Raises BareNewline; what it read is then consumed."""
        piece = buffer.take(self._left)
        self._left -= len(piece)
        if piece and self._text:
            self._check(piece)
        return piece

    def _check(self, piece: bytes) -> None:
        if b"\x00" in piece:
            raise BareNewline
        body = b"\r" + piece if self._carry else piece
        self._carry = body.endswith(b"\r")
        if has_bare_newline(body[:-1] if self._carry else body):
            raise BareNewline

"""The content of one mail transaction as it arrives: by DATA until the final dot, or by BDAT chunks (RFC 3030)."""

from __future__ import annotations

from dataclasses import dataclass, field

from mailward.wire import reply as replies
from mailward.wire.buffer import LineBuffer
from mailward.wire.chunking import ChunkReader
from mailward.wire.reply import Reply
from mailward.wire.state import EndOfChunk, EndOfContent
from mailward.wire.transparency import BadContent, LongLine, Unstuffer


@dataclass(frozen=True, slots=True)
class Content:
    """Decoded octets of the message; more will follow. Wants no reply."""

    data: bytes = field(repr=False)


class IncomingContent:
    """Counts and checks what a transaction receives; over `limit` octets it reads on and keeps nothing."""

    __slots__ = ("_carry", "_chunk", "_fault", "_last", "_limit", "_size", "_text", "_unstuffer", "chunks")

    def __init__(self, *, limit: int, text: bool) -> None:
        self._limit = limit
        self._text = text
        self._size = 0
        self._fault: Reply | None = None
        self._unstuffer: Unstuffer | None = None
        self._chunk: ChunkReader | None = None
        self._last = False
        self._carry = False
        self.chunks = 0

    @property
    def in_chunk(self) -> bool:
        return self._chunk is not None

    def begin_data(self, *, line_limit: int | None) -> None:
        self._unstuffer = Unstuffer(line_limit=line_limit)

    def begin_chunk(self, size: int, *, last: bool) -> None:
        self._chunk = ChunkReader(size, text=self._text, carry=self._carry)
        self._last = last
        self.chunks += 1

    def read(self, buffer: LineBuffer) -> Content | EndOfChunk | EndOfContent | None:
        return self._read_chunk(self._chunk, buffer) if self._chunk is not None else self._read_data(buffer)

    def _read_data(self, buffer: LineBuffer) -> Content | EndOfContent | None:
        unstuffer = self._unstuffer
        if unstuffer is None:
            return None
        try:
            data = self._counted(unstuffer.feed(buffer.take_all()))
        except BadContent as problem:
            return EndOfContent(fault=_refusal(problem), fatal=True)
        if unstuffer.done:
            buffer.put_back(unstuffer.rest)
            return EndOfContent(data, fault=self._fault)
        return Content(data) if data else None

    def _read_chunk(self, chunk: ChunkReader, buffer: LineBuffer) -> Content | EndOfChunk | EndOfContent | None:
        data = b""
        try:
            data = self._counted(chunk.read(buffer))
        except BadContent as problem:
            self._fault = self._fault or _refusal(problem)
        if not chunk.done:
            return Content(data) if data and self._fault is None else None
        self._chunk = None
        self._carry = chunk.carry
        if not self._last:
            return EndOfChunk(data, fault=self._fault)
        if self._carry:
            self._fault = self._fault or replies.BARE_NEWLINE
        return EndOfContent(data, fault=self._fault)

    def _counted(self, data: bytes) -> bytes:
        self._size += len(data)
        if self._size > self._limit:
            self._fault = self._fault or replies.TOO_BIG
        return data if self._fault is None else b""


def _refusal(problem: BadContent) -> Reply:
    return replies.TEXT_LINE_TOO_LONG if isinstance(problem, LongLine) else replies.BARE_NEWLINE

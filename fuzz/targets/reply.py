"""Any octets are replies or ProtocolError, the same whether they come at once or in two parts."""

from __future__ import annotations

from mailward.errors import ProtocolError
from mailward.wire.reply import MAX_LINES, MAX_OCTETS, Reply, ReplyParser

SEEDS = [
    b"220 mx.example.test ESMTP\r\n",
    b"250-mx\r\n250-SIZE 5\r\n250 DSN\r\n",
    b"550-5.1.1 no\r\n550 5.1.1 such user\r\n354 go\r\n",
    b"250\r\n",
    b"22X OK\r\n",
    b"220OK\r\n",
    b"2_5 hi\r\n",
    b"+25 hi\r\n",
    b"699 x\r\n",
    b"SSH-2.0-x\r\n",
    b"250-a\r\n550 b\r\n",
    b"250 a\n",
    b"400 x \r y\r\n",
    b"500 \x03\r\n",
    b"250-" + b"A" * 100,
    b"2222",
    b"550 \x1b[2J\x1b]0;pwn\x07\r\n",
    b"550 \xff\xfe\r\n",
    b"550 a\xe2\x80\xaeb\r\n",
    b"454 x\r\n235 ok\r\n250 ok\r\n",
]


def target(data: bytes) -> None:
    whole = _read([data])
    for cut in {len(data) // 2, len(data) // 3, max(0, len(data) - 1)}:
        if _read([data[:cut], data[cut:]]) != whole:
            raise AssertionError((data, cut))
    for reply in whole:
        if isinstance(reply, Reply):
            _check(reply)


def _read(parts: list[bytes]) -> list[Reply | str]:
    parser = ReplyParser()
    found: list[Reply | str] = []
    try:
        for part in parts:
            parser.feed(part)
            while (reply := parser.next_reply()) is not None:
                found.append(reply)
    except ProtocolError as error:
        if not str(error).isprintable():
            raise AssertionError(str(error)) from error
        return [*found, "broken"]
    return [*found, f"pending: {parser.pending}"]


def _check(reply: Reply) -> None:
    if not (str(reply).isprintable() and repr(reply).isprintable()):
        raise AssertionError(reply.lines)
    if len(reply.lines) > MAX_LINES or sum(map(len, reply.lines)) > 4 * MAX_OCTETS:
        raise AssertionError(len(reply.lines))
    reply.text.encode()

"""The server's half of SMTP: any bytes, any cut, the same transcript, and content is never executed."""

from __future__ import annotations

from mailward.wire.server import ServerLimits
from tests.wire.dialogue import run

_OPEN = b"EHLO x.test\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\n"
_LIMITS = ServerLimits(content=4096, text_line=1000, chunks=20)

SEEDS = [
    _OPEN + b"DATA\r\nSubject: x\r\n\r\n..hi\r\n.\r\nQUIT\r\n",
    _OPEN + b"DATA\r\nhi\n.\r\nMAIL FROM:<evil@b.test>\r\n",
    _OPEN + b"BDAT 5\r\nab\r\ncBDAT 2 LAST\r\nde",
    b"EHLO x\r\nAUTH LOGIN\r\nYW5u\r\n*\r\nRSET\r\n",
    b"EHLO x\r\nSTARTTLS\r\n\x16\x03\x01",
    b"POST / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"EHLO x\r\nBDAT 18446744073709551616\r\nBDAT -1\r\n",
]


def target(data: bytes) -> None:
    """The first octet chooses the cut; STARTTLS is left out because there the cut is what matters."""
    if len(data) < 2:
        return
    cut, octets = data[0] % 16 + 1, data[1:].replace(b"STARTTLS", b"NOOP").replace(b"starttls", b"noop")
    whole = run([octets], _LIMITS)
    pieces = run([octets[index : index + cut] for index in range(0, len(octets), cut)], _LIMITS)
    if pieces != whole:
        raise AssertionError(f"cut by {cut}: {pieces} is not {whole}")
    for message in whole.messages:
        if message.count(b"\r\n") * 2 != message.count(b"\r") + message.count(b"\n"):
            raise AssertionError(f"a bare newline was accepted: {message!r}")

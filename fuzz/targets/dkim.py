"""Any octets as a message to sign: the same in pieces, never long, and over exactly the fields that it names."""

from __future__ import annotations

import io
import re
from base64 import b64decode
from collections.abc import Iterator

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mailward.errors import InvalidMessage
from mailward.message.dkim import DKIM
from mailward.message.dkim_canonical import relaxed_value

SEEDS: list[bytes] = [
    b"From: ann@example.test\r\nTo: bob@example.test\r\nSubject: x \t y\r\n\tz\r\n\r\nbody \t\r\n \r\n\r\n",
    b"From: a\r\nTO: b\r\nto : c\r\nTo: d\r\n\r\n",
    b"From: ann@example.test\r\n\r\n\r\r\n\n\r\n \r \r\n",
    b"Subject: no author\r\n\r\n",
    b"\r\nno header\r\n",
    b"From: a\nDKIM-Signature: v=1; b=\n\nunix\n",
    b"From: \xff;=\x00\r\n folded\r\n\r\nx",
]
_SIGNERS = [
    DKIM("example.test", "s1", Ed25519PrivateKey.from_private_bytes(bytes(32)), canonicalization=form)
    for form in ("relaxed/relaxed", "simple/simple")
]


class _Lines:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def pieces(self) -> Iterator[bytes]:
        for line in io.BytesIO(self._content.replace(b"\r\n", b"\n")).readlines():
            yield line.replace(b"\n", b"\r\n")


def target(data: bytes) -> None:
    for signer in _SIGNERS:
        try:
            field = signer.sign(data)
        except InvalidMessage as error:
            _check(str(error).isprintable(), error)
            continue
        lines = field.split(b"\r\n")
        _check(field.isascii() and lines.pop() == b"" and max(map(len, lines)) <= 78, field)
        _check(all(line.startswith(b" ") for line in lines[1:]), field)
        tags = dict(tag.split(b"=", 1) for tag in re.sub(rb"\s+", b"", field.partition(b":")[2]).split(b";"))
        _check(
            len(b64decode(tags[b"b"], validate=True)) == 64 and len(b64decode(tags[b"bh"], validate=True)) == 32, tags
        )
        _check(re.fullmatch(rb"[a-z-]+(?::[a-z-]+)*", tags[b"h"]) is not None, tags)
        if b"\n" not in data.replace(b"\r\n", b""):
            _check(signer.sign(_Lines(data)) == field, "pieces differ")
    value = relaxed_value(data)
    _check(relaxed_value(value) == value or b"\r\n" in value, value)


def _check(holds: bool, what: object) -> None:  # noqa: FBT001  # reads as an assertion
    if not holds:
        raise AssertionError(repr(what))

"""Any octets as a message: read, measured and shown without a crash; made content that has one reading only."""

from __future__ import annotations

import re

from mailward.errors import InvalidMessage
from mailward.message.content import content_of, needs_smtputf8_headers
from mailward.message.headers import fields, header_section, measure, subject

SEEDS: list[bytes] = [
    b"From: ann@example.test\r\nTo: bob@example.test\r\nBcc: eve@example.test\r\n\tx\r\nSubject: x\r\n\r\nbody\r\n",
    b"Subject: =?utf-8?q?a=0D=0ABcc=3A_e=40x?= =?utf-8?b?w7w=?=\r\n =?iso-2022-jp?b?GyRCJUYbKEI=?=\r\n\r\n",
    b"Subject: x\nBcc: a@example.test\n\nunix\n.\n",
    b"Subject: x\rBcc: a@example.test\r\rold\r",
    b"Subject: x\r\n\r\nbare \r and \n and \r\n.\r\n",
    b"__proto__: x\r\nconstructor:\r\nReceived: a\r\nRECEIVED: b\r\nresent-BCC:\r\n\r\n",
    b"X y: z\r\n\r\n",
    b" folded first\r\nSubject: x\r\n\r\n",
    "Subject: \u202etest\r\n\r\nä\r\n".encode(),
]

_BARE = re.compile(rb"(?<!\r)\n|\r(?!\n)")


def target(data: bytes) -> None:
    measure(data)
    list(fields(data))
    if not subject(data).isprintable():
        raise AssertionError("the subject is not fit for a terminal")
    try:
        content = content_of(data)
    except InvalidMessage as error:
        if not str(error).isprintable():
            raise AssertionError(f"not fit for a terminal: {error!r}") from None
        return
    needs_smtputf8_headers(content)
    names = [name for name, _ in fields(content)]
    if _BARE.search(content) or b"\0" in content or not content.endswith(b"\r\n"):
        raise AssertionError("bare CR, bare LF, NUL or no CRLF at the end")
    if {"bcc", "resent-bcc"} & set(names):
        raise AssertionError("a Bcc is left")
    if len(names) > measure(content).lines or content_of(content) != content:
        raise AssertionError("not read the same again")
    if max(map(len, header_section(content).split(b"\r\n"))) > 998:
        raise AssertionError("a long line is left")

"""Any reply to EHLO is read, and what is read makes sense."""

from __future__ import annotations

from mailward.errors import InputError
from mailward.wire.keyword import Keywords
from mailward.wire.reply import Reply

SEEDS = [
    b"mx.example.test hello\nPIPELINING\nSIZE 35882577\n8BITMIME\nSTARTTLS\nAUTH PLAIN LOGIN\nDSN\nCHUNKING",
    b"mx\nLIMITS RCPTMAX=20 MAILMAX=5 RCPTDOMAINMAX=1\nSMTPUTF8\nREQUIRETLS\nENHANCEDSTATUSCODES",
    b"mx\nSIZE 999999999999999999999",
    b"mx\nSIZE -1",
    b"mx\nSIZE 1_0",
    b"mx\nLIMITS RCPTMAX=0",
    b"mx\nAUTH=LOGIN",
    b"mx\nSTART\x01TLS\nAUTH \xff",
    b"\x1b[2J hello",
]
NUMBERS = range(2**63)


def target(data: bytes) -> None:
    try:
        reply = Reply(250, tuple(data.decode("utf-8", "backslashreplace").split("\n")))
    except InputError:
        return
    keywords = Keywords.parse(reply)
    if keywords.size is not None and keywords.size not in NUMBERS:
        raise AssertionError(keywords.size)
    if not all(limit in NUMBERS[1:] for limit in keywords.limits.values()):
        raise AssertionError(keywords.limits)
    words = [*keywords, *keywords.auth, *keywords.values(), keywords.greeting_domain]
    if not all(word.isascii() and (word.isprintable() or not word) for word in words):
        raise AssertionError(words)

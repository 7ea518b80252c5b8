"""Any text is a server or InvalidUrl, in one printable line that repeats no part that may hold a password."""

from __future__ import annotations

from mailward.client.url import parse_target
from mailward.errors import InvalidUrl

SEEDS = [
    b"smtp.example.test",
    b"smtp.example.test:587",
    b"[2001:db8::1]:465",
    b"smtps://ann%40example.test:secret@smtp.example.test",
    b"smtp://127.0.0.1:2525?tls=starttls",
    b"smtp://u:p%@h",
    b"::%::\xff\xff:",
    b"smtps://a:b@c:d@e:99999/path#f",
    "smtp://f\u00fc\u00df.example".encode(),
    b"lmtp+unix://a:b@/run/dovecot/lmtp?tls=starttls",
    b"smtp://[fe80::1%25eth0]:25",
    b"xn--fa-hia.de",
]
_CANARY = "c4n4ry"


def target(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    for given in (text, f"smtps://u:{_CANARY}@{text}", text.replace("@", f":{_CANARY}@", 1)):
        try:
            found = parse_target(given)
        except InvalidUrl as error:
            if not str(error).isprintable() or (_CANARY in str(error) and _CANARY not in text):
                raise AssertionError(f"told too much: {error!r}") from None
            continue
        if not found.host.isascii() or not (found.port is None or 1 <= found.port <= 65535):
            raise AssertionError(found)

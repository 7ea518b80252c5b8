"""Any text is a mailbox or a path that reads back as itself, or InvalidAddress."""

from __future__ import annotations

from mailward.errors import InvalidAddress
from mailward.wire.address import Mailbox, parse_path

SEEDS = [
    text.encode("utf-8", "surrogatepass")
    for text in (
        "ann@example.test",
        '"a b\\"c"@example.test',
        "jürgen@bücher.example",
        "葉士豪@臺網中心.tw",
        "ann@[192.0.2.1]",
        "ann@[IPv6:2001:db8::1]",
        "<ann@example.test> SIZE=1",
        "<>",
        "<postmaster>",
        "a@b.c\r\nRCPT TO:<x@y.z>",
        "a\x85@b.c",
        "t@exam\u200bple.com",
        "a@xn---",
        "henry\u2163@x",
        "t@[999.999.999.999]",
        "t@[IPv6:::ffff:127.0.0.1]",
        "a@[127.0.0.1]:25",
        '"victim@evil.com"@good.com',
        "<@evil.com:u@good.com>",
        "<Foo <a@b>>",
        "a@b.c,d@e.f",
        "x\u760d\u760aRCPT TO:<e@x>@b.c",
        '"a\\\r\n"@c',
        "alice@example.org)bob@evil.com",
        "a@faß.de",
        "a@evil\uff0ecom",
        "a@\ufb00.com",
        "a@\u0130.com",
        "a@xn--a.com",
        "a@אב.example",
        "a@127.0.0.1",
    )
]


def target(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    try:
        mailbox = Mailbox.parse(text)
    except InvalidAddress as error:
        _check(str(error).isprintable(), error)
    else:
        _check_mailbox(mailbox)
    for null in (True, False):
        try:
            path, rest = parse_path(text, null=null)
        except InvalidAddress as error:
            _check(str(error).isprintable(), error)
        else:
            _check(text.endswith(rest), rest)
            if path is not None and path.domain:
                _check_mailbox(path)


def _check_mailbox(mailbox: Mailbox) -> None:
    _check(Mailbox.parse(str(mailbox)) == mailbox, mailbox)
    _check(parse_path(f"<{mailbox}>", null=True) == (mailbox, ""), mailbox)
    _check(str(mailbox).isprintable() and mailbox.domain.isascii(), mailbox)
    _check(len(str(mailbox).encode()) <= 254 and mailbox.key.endswith(f"@{mailbox.domain}"), mailbox)


def _check(holds: bool, what: object) -> None:  # noqa: FBT001  # reads as an assertion
    if not holds:
        raise AssertionError(repr(what))

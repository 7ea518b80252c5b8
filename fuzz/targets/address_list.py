"""Any octets as an address list: refused, or read the same again after we have written it out."""

from __future__ import annotations

from mailward.errors import InputError, InvalidAddress
from mailward.message.address_list import flat, parse_address_list
from mailward.message.field import address_text

SEEDS: list[bytes] = [
    b"ann@example.test",
    b"Ann <ann@example.test>, =?utf-8?q?B=C3=B6b?= <bob@example.test>",
    b'"Doe, Jane" <"jane doe"@[192.0.2.1]>,\r\n\t(a (nested\\) comment)) x@[IPv6:2001:db8::1]',
    b"A group: ann@example.test, Bob Q. Public <bob@example.test>;, undisclosed-recipients:;",
    b"alice@example.org)bob@evil.com",
    b"alice@example.org]<bob@evil.com>",
    b"<@relay.test:user@example.test>, a@b.test <c@d.test>",
    "Ünn <ünn@bücher.example>".encode(),
    b"=?utf-8?q?x=40y=2Etest=3E=2C?=@example.test",
]


def target(data: bytes) -> None:
    try:
        entries = parse_address_list(data)
    except InvalidAddress as error:
        if not str(error).isprintable():
            raise AssertionError(f"not fit for a terminal: {error!r}") from None
        return
    try:
        text = address_text(entries)
    except InputError:
        return
    mailboxes = [address.mailbox for address in flat(entries)]
    again = [address.mailbox for address in flat(parse_address_list(text))]
    if mailboxes != again:
        raise AssertionError(f"{mailboxes} became {again}")

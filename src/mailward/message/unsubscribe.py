"""How a reader leaves a list with one click (RFC 2369 §3.2, RFC 8058 §3.1)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mailward.errors import InvalidMessage
from mailward.message.address_list import parse_address
from mailward.printable import printable

_URI = re.compile(r"https://[A-Za-z0-9.\-\[\]:]+(?:[/?][!#$%&'(*)+,\-./0-9:;=?@A-Z_a-z~\[\]]*)?")
_MAILTO = re.compile(r"mailto:([^?<>\s]+)(?:\?[!#$%&'(*)+,\-./0-9:;=?@A-Z_a-z~]*)?")


def unsubscribe_fields(ways: str | Sequence[str]) -> list[tuple[str, str]]:
    """The fields for an https URL, a mailto URI, or both. Raises InvalidMessage.

    With a URL they say that one POST to it is enough, without a question. The signature of DKIM must have both fields.
    """
    given = [ways] if isinstance(ways, str) else [way for way in ways if way]
    urls = [way for way in given if _URI.fullmatch(way)]
    mailboxes = [_checked_mailto(way) for way in given if way not in urls]
    if not given or len(urls) > 1 or len(mailboxes) > 1:
        raise InvalidMessage("list_unsubscribe takes one https URL, one mailto URI, or both")
    value = ", ".join(f"<{way}>" for way in (*mailboxes, *urls))
    post = [("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")] if urls else []
    return [("List-Unsubscribe", value), *post]


def _checked_mailto(way: str) -> str:
    found = _MAILTO.fullmatch(way)
    if found is None:
        raise InvalidMessage(
            f"{printable(way, 120)!r} is no way to unsubscribe",
            advice="give https://…, which RFC 8058 requires, or mailto:leave@example.org?subject=…",
        )
    parse_address(found[1])
    return way

"""A name inside an LDAP filter (RFC 4515 §3) or a distinguished name (RFC 4514 §2.4): never more than a value.

Whatever is not a letter, a digit or one of a few harmless signs is written as the hexadecimal of its octets, so there
is no list of dangerous characters that could miss one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

_PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
_PLACE = re.compile(r"\{(user|local_part|domain)\}")


def escaped(value: str) -> str:
    """`value` as it may stand in a filter and in a distinguished name alike."""
    harmless = _PLAIN | frozenset(b"@._-")
    return "".join(chr(octet) if octet in harmless else f"\\{octet:02x}" for octet in value.encode())


def fill(template: str, values: Mapping[str, str], escape: Callable[[str], str] = escaped) -> str:
    """`{user}`, `{local_part}` and `{domain}` replaced, once, by their escaped values."""
    return _PLACE.sub(lambda place: escape(values[place[1]]), template)


def names_the_user(template: str) -> bool:
    return any(place[1] != "domain" for place in _PLACE.finditer(template))

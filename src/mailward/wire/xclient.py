"""Reading XCLIENT, by which a trusted proxy names its client (Postfix's XCLIENT_README)."""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import ip_address

from mailward.errors import InputError
from mailward.wire import reply
from mailward.wire.verbs import XClient
from mailward.wire.xtext import from_xtext

_UNKNOWN = frozenset({"[UNAVAILABLE]", "[TEMPUNAVAIL]"})
_PORT = re.compile(r"[0-9]{1,5}")
_LONGEST = 255
_MOST_PORT = 65_535


def parse_xclient(rest: str) -> XClient:
    """Read what follows the verb. Raises BadCommand for an attribute that is unknown, wrong or said twice.

    LOGIN is read because some proxies send it unasked; nothing follows from it.
    """
    attributes: dict[str, str | None] = {}
    for word in rest.split(" "):
        name, equals, said = word.partition("=")
        name = name.upper()
        if not equals or name not in _RIGHT or name in attributes:
            raise reply.BAD_PARAMETER.refusal()
        attributes[name] = _value(name, said)
    return XClient(tuple(attributes.items()))


def _value(name: str, said: str) -> str | None:
    if said.upper() in _UNKNOWN:
        return None
    try:
        value = from_xtext(said)
    except InputError as problem:
        raise reply.BAD_PARAMETER.refusal() from problem
    if not value or len(value) > _LONGEST or not _RIGHT[name](value):
        raise reply.BAD_PARAMETER.refusal()
    return value


def _is_address(value: str) -> bool:
    tagged = value[:5].upper() == "IPV6:"
    try:
        address = ip_address(value[5:] if tagged else value)
    except ValueError:
        return False
    return "%" not in value and (address.version == 6 or not tagged)


_RIGHT: dict[str, Callable[[str], bool]] = {
    "ADDR": _is_address,
    "PORT": lambda value: _PORT.fullmatch(value) is not None and int(value) <= _MOST_PORT,
    "PROTO": lambda value: value.upper() in ("SMTP", "ESMTP"),
    "NAME": str.isascii,
    "HELO": str.isascii,
    "LOGIN": str.isascii,
}

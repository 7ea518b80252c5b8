"""Reading and writing XCLIENT, by which a trusted proxy names its client (Postfix's XCLIENT_README)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from ipaddress import ip_address

from mailward.errors import InputError
from mailward.printable import printable
from mailward.wire import reply
from mailward.wire.verbs import XClient
from mailward.wire.xtext import from_xtext

_UNKNOWN = frozenset({"[UNAVAILABLE]", "[TEMPUNAVAIL]"})
_PORT = re.compile(r"[0-9]{1,5}")
_LONGEST = 255
_LINE = 512  # octets with CRLF
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


def xclient_of(attributes: Mapping[str, str | None]) -> XClient:
    """The command that says `attributes`; None is what is not known. Raises InputError, naming what is wrong."""
    said: dict[str, str | None] = {}
    given: Iterable[tuple[object, object]] = attributes.items()
    for name, value in given:
        attribute = name.upper() if isinstance(name, str) else ""
        right = _RIGHT.get(attribute) or _DESTINATION.get(attribute)
        if right is None or attribute in said:
            raise _refused(f"{printable(str(name), 40)} is no attribute, or is said twice")
        if value is not None and not (isinstance(value, str) and 0 < len(value) <= _LONGEST and _fits(value, right)):
            raise _refused(f"{attribute} cannot be {printable(str(value), 80)!r}")
        said[attribute] = _tagged(value) if isinstance(value, str) and attribute.endswith("ADDR") else value
    command = XClient(tuple(said.items()))
    if not said or len(command.encode()) > _LINE:
        raise _refused(f"it must fit in one line of {_LINE} octets, and say something")
    return command


def _tagged(address: str) -> str:
    return f"IPV6:{address}" if ":" in address and address[:5].upper() != "IPV6:" else address


def _fits(value: str, right: Callable[[str], bool]) -> bool:
    return value.isascii() and value.isprintable() and right(value)


def _refused(why: str) -> InputError:
    known = ", ".join([*_RIGHT, *_DESTINATION])
    return InputError(
        f"xclient=: {why}", phase="options", advice=f"it is a mapping of {known} to texts, or to None for unknown"
    )


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

_DESTINATION: dict[str, Callable[[str], bool]] = {"DESTADDR": _RIGHT["ADDR"], "DESTPORT": _RIGHT["PORT"]}  # only said

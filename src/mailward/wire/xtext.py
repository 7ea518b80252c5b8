"""xtext, the armour of parameter values (RFC 3461 §4), and its Unicode sister (RFC 6533 §3)."""

from __future__ import annotations

import re

from mailward.errors import InputError

_XTEXT = re.compile(r"(?>(?:[!-*,-<>-~]|\+[0-9A-F]{2})*)")
_HEX = re.compile(r"\+([0-9A-F]{2})")
_MUST_HIDE = re.compile(r"[^!-*,-<>-~]")
_UTF8_XTEXT = re.compile(r"(?>(?:[!-*,-<>-\[\]-~\x80-\U0010ffff]|\\x\{[0-9A-F]{2,6}\})*)")
_POINT = re.compile(r"\\x\{([0-9A-F]{2,6})\}")
_UTF8_MUST_HIDE = re.compile(r"[^!-*,-<>-\[\]-~]")


def xtext(value: str) -> str:
    """`value`, printable ASCII and spaces, as xtext."""
    if not (value.isascii() and value.isprintable()):
        raise InputError("only printable ASCII can be written as xtext")
    return _MUST_HIDE.sub(lambda match: f"+{ord(match[0]):02X}", value)


def from_xtext(text: str) -> str:
    """The value behind xtext; what hides control characters is refused, since they end up in headers and logs."""
    if not _XTEXT.fullmatch(text):
        raise InputError("not xtext (RFC 3461 §4)")
    value = _HEX.sub(lambda match: chr(int(match[1], 16)), text)
    if not (value.isascii() and value.isprintable()):
        raise InputError("xtext that hides control characters")
    return value


def utf8_xtext(value: str) -> str:
    """`value` in the ASCII form of a utf-8 address."""
    if not value.isprintable():
        raise InputError("only printable text can be written as utf-8-addr-xtext")
    return _UTF8_MUST_HIDE.sub(lambda match: rf"\x{{{ord(match[0]):02X}}}", value)


def from_utf8_xtext(text: str) -> str:
    if not _UTF8_XTEXT.fullmatch(text):
        raise InputError("not a utf-8 address (RFC 6533 §3)")
    points = [int(match[1], 16) for match in _POINT.finditer(text)]
    if any(point > 0x10FFFF for point in points):
        raise InputError("a utf-8 address with a code point beyond Unicode")
    value = _POINT.sub(lambda match: chr(int(match[1], 16)), text)
    if not value.isprintable():
        raise InputError("a utf-8 address that hides control characters")
    return value

"""Reading the header section of content, at most a mebibyte of it (RFC 5322 §2.2)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from mailward.message.encoded_word import decode_words
from mailward.printable import printable

SECTION_LIMIT = 1_048_576  # octets
MOST_FIELDS = 10_000
_SHOWN = 2_000  # octets of a value that are decoded to be shown

_VALUE = rb":([^\n]*+\n?(?>(?:[ \t][^\n]*+\n?)*))"
_FIELD = re.compile(rb"^([!-9;-~]++)" + _VALUE, re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Measure:
    """How large a header section is: its octets, its lines and the Received fields (hops) among them.

    `octets` over SECTION_LIMIT means that it was not read to its end.
    """

    octets: int
    lines: int
    hops: int


def header_section(content: bytes) -> bytes:
    """The octets up to and with the CRLF of the last field. A section over SECTION_LIMIT is cut just above it."""
    if content.startswith(b"\r\n"):
        return b""
    end = content.find(b"\r\n\r\n", 0, SECTION_LIMIT + 4)
    return content[: end + 2] if end >= 0 else content[: SECTION_LIMIT + 1]


def fields(content: bytes) -> Iterator[tuple[str, bytes]]:
    """Each field in its order: lower-case name, unfolded value. Lines that are no fields are passed over."""
    for found in _FIELD.finditer(header_section(content)):
        yield found[1].decode("ascii").lower(), _unfolded(found[2])


def header(content: bytes, name: str) -> bytes | None:
    """The unfolded value of the first field called `name`, None without one."""
    found = _field_named(name).search(header_section(content))
    return None if found is None else _unfolded(found[1])


def subject(content: bytes) -> str:
    """The subject to show: encoded words read, hostile characters escaped, "" without one."""
    return shown(header(content, "subject") or b"")


def shown(value: bytes, limit: int = 512) -> str:
    """A field's value to show: encoded words read, hostile characters escaped, at most `limit` characters."""
    return printable(decode_words(value[:_SHOWN].decode("utf-8", "backslashreplace")), limit)


def measure(content: bytes) -> Measure:
    """The size of the header section and its hops, to refuse absurd ones and loops (RFC 5321 §6.3)."""
    section = header_section(content)
    hops = (b"\n" + section).lower().count(b"\nreceived:")
    return Measure(len(section), section.count(b"\n"), hops)


@lru_cache(maxsize=64)
def _field_named(name: str) -> re.Pattern[bytes]:
    return re.compile(rb"^" + re.escape(name.encode("ascii")) + _VALUE, re.MULTILINE | re.IGNORECASE)


def _unfolded(value: bytes) -> bytes:
    return value.replace(b"\r\n", b"").strip(b" \t\r\n")

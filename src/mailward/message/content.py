"""The final octets of a message, ready for DATA or BDAT (RFC 5321 §4.5, RFC 5322 §2.1).

Line breaks of every kind become CRLF, Bcc goes, and what could be read as another header or another message is refused.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from mailward.errors import InvalidMessage
from mailward.message.headers import MOST_FIELDS, SECTION_LIMIT, header_section
from mailward.message.transfer_encoding import has_long_line, normalised
from mailward.printable import printable

if TYPE_CHECKING:
    from email.message import Message

_FIELDS = re.compile(rb"(?>(?:[!-9;-~]++:[^\r\n]*+\r\n(?>(?:[ \t][^\r\n]*+\r\n)*))*)")
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_BARE_CR = re.compile(rb"\r(?!\n)")
_BLANK_LINE = re.compile(rb"(?:\A|\n)\r?\n")
_BCC = re.compile(rb"^(?:resent-)?bcc:[^\n]*+\n(?>(?:[ \t][^\n]*+\n)*)", re.IGNORECASE | re.MULTILINE)
_FIELD = re.compile(rb"^[^ \t]", re.MULTILINE)


def content_of(message: Message[Any, Any] | bytes, *, eight_bit: bool = False) -> bytes:
    """What goes to every recipient: `octets_of(message)` without its Bcc and Resent-Bcc fields.

    Of octets, everything else stays as it is. Raises InvalidMessage.
    """
    octets = octets_of(message, eight_bit=eight_bit)
    section = header_section(octets)
    if b"bcc:" not in section.lower():
        return octets
    return (_BCC.sub(b"", section) + octets[len(section) :]) or b"\r\n"


def octets_of(message: Message[Any, Any] | bytes, *, eight_bit: bool = False) -> bytes:
    """The whole message, Bcc too, with CRLF as its only and its last line break: what `envelope_of` reads.

    Octets are taken as they are but for bare LF and bare CR, which become CRLF. Of an EmailMessage or Message, bodies
    that have 8-bit octets (unless `eight_bit`) or lines over 998 octets are encoded, on a copy.
    """
    if not isinstance(message, bytes):
        from mailward.message.serialise import serialise  # noqa: PLC0415  # the email package is large

        message = serialise(message, eight_bit=eight_bit)
    if not message:
        raise InvalidMessage("the message is empty")
    octets = normalised(message)
    if octets is not message:
        _check_bare_cr(message)
    if not octets.endswith(b"\r\n"):
        octets += b"\r\n"
    _check(octets)
    return octets


def needs_8bit(content: bytes) -> bool:
    """Whether the server must offer 8BITMIME (RFC 6152) to take `content` as it is."""
    return not content.isascii()


def needs_smtputf8_headers(content: bytes) -> bool:
    """Whether its header section has UTF-8, so that the server must offer SMTPUTF8 (RFC 6531 §3.2)."""
    return not header_section(content).isascii()


def _check_bare_cr(octets: bytes) -> None:
    """A bare CR among the other breaks of a header section is an injection, not an old Macintosh."""
    end = _BLANK_LINE.search(octets, 0, SECTION_LIMIT)
    section = octets[: end.end() if end else SECTION_LIMIT]
    if b"\n" in section and b"\r" in section and (found := _BARE_CR.search(section)):
        raise InvalidMessage(f"bare CR at octet {found.start() + 1} of the header section")


def names_bcc(section: bytes) -> bool:
    """Whether a header section has a Bcc or Resent-Bcc field."""
    return b"bcc" in section.lower() and _BCC.search(section) is not None


def check_section(section: bytes) -> None:
    """Raise InvalidMessage unless every line of a header section belongs to a field of visible text."""
    many = section.count(b"\n") > MOST_FIELDS and len(_FIELD.findall(section)) > MOST_FIELDS
    if many or len(section) > SECTION_LIMIT:
        raise InvalidMessage(f"more than {MOST_FIELDS} header fields or {SECTION_LIMIT} octets of them")
    fields = _FIELDS.match(section)
    if fields is None or fields.end() != len(section):
        start = fields.end() if fields else 0
        line = section[start : section.find(b"\r\n", start)]
        number = section.count(b"\n", 0, start) + 1
        raise InvalidMessage(f"line {number} is no header field: {printable(line, 80)}")
    if found := _CONTROL.search(section):
        raise InvalidMessage(
            f"control character 0x{found[0][0]:02X} at octet {found.start() + 1} of the header section"
        )


def _check(octets: bytes) -> None:
    check_section(header_section(octets))
    if (nul := octets.find(b"\0")) >= 0:
        raise InvalidMessage(f"NUL at octet {nul + 1} of the message")
    if has_long_line(octets):
        raise InvalidMessage(
            "a line is longer than 998 octets (RFC 5322 §2.1.1)",
            advice="give an EmailMessage, whose bodies are encoded as needed, or encode that part as quoted-printable",
        )

"""Mailboxes and paths (RFC 5321 §4.1.2 and §4.1.3, RFC 6531 §3.3, IDNA2008)."""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from dataclasses import dataclass
from typing import Literal, overload

from mailward.errors import InvalidAddress
from mailward.printable import printable

MAX_LOCAL_PART = 64
MAX_DOMAIN = 255
MAX_LABEL = 63
MAX_PATH = 256
_LONGEST_LOCAL_PART = 2 * MAX_LOCAL_PART + 2  # with every character quoted

_ATEXT = r"A-Za-z0-9!#$%&'*+/=?^_`{|}~\-"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9\-]{0,61}[A-Za-z0-9])?"
# ASCII only, and no label that must be looked at twice (xn--…, a number at the end): everything else goes the long way.
PLAIN = rf"([{_ATEXT}]++(?>(?:\.[{_ATEXT}]++)*))@((?>(?:(?![Xx][Nn]--){_LABEL}\.)*)[A-Za-z]{{1,63}}+)"
_PLAIN_MAILBOX = re.compile(PLAIN)
_PLAIN_PATH = re.compile(rf"<{PLAIN}>")
_DOT_ATOM = re.compile(rf"[{_ATEXT}\x80-\U0010ffff]++(?>(?:\.[{_ATEXT}\x80-\U0010ffff]++)*)")
_INSIDE_QUOTES = re.compile(r'(?>(?:[^\x00-\x1f"\\\x7f]|\\[^\x00-\x1f\x7f])*)')
_PAIR = re.compile(r"\\(.)", re.DOTALL)
_DOMAIN_CHARACTERS = re.compile(r"[A-Za-z0-9.\-\x80-\U0010ffff]*+")
_LDH = re.compile(rf"{_LABEL}")
_NUMBER = re.compile(r"[0-9]+|0[Xx][0-9A-Fa-f]*")
_POSTMASTER = re.compile(r"<(postmaster)>", re.IGNORECASE | re.ASCII)
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


@dataclass(frozen=True, slots=True)
class Mailbox:
    """local-part@domain. `local_part` is the value without quotes; `domain` is ASCII, lower-case, A-labels.

    An address literal is a domain in brackets. An empty domain is the `<postmaster>` of RCPT.
    """

    local_part: str
    domain: str

    @classmethod
    def parse(cls, text: str) -> Mailbox:
        """Read `ann@example.test`, without angle brackets. Raises InvalidAddress."""
        match = _PLAIN_MAILBOX.fullmatch(text)
        if match is not None and fits(match):
            return cls(match[1], match[2].lower())
        mailbox, end = _mailbox(text, 0, len(text))
        if end != len(text):
            raise _refused(text, end, "must end here")
        return mailbox

    @property
    def needs_smtputf8(self) -> bool:
        return not self.local_part.isascii()

    @property
    def key(self) -> str:
        """The form to look up and compare by: case and normalisation of the local part do not count.

        It is a mailbox again, quoted where it must be, and its own key.
        """
        folded = unicodedata.normalize("NFC", self.local_part)
        while (again := unicodedata.normalize("NFC", folded.casefold())) != folded:
            folded = again
        return f"{Mailbox(folded, '')}@{self.domain}"

    def __str__(self) -> str:
        local_part = self.local_part
        if not _DOT_ATOM.fullmatch(local_part):
            escaped = local_part.replace("\\", "\\\\").replace('"', '\\"')
            local_part = f'"{escaped}"'
        return f"{local_part}@{self.domain}" if self.domain else local_part


@overload
def parse_path(text: str, *, null: Literal[False]) -> tuple[Mailbox, str]: ...
@overload
def parse_path(text: str, *, null: bool) -> tuple[Mailbox | None, str]: ...
def parse_path(text: str, *, null: bool) -> tuple[Mailbox | None, str]:
    """Read the path at the start of `text`; give the mailbox (None for `<>`, if `null` allows it) and what follows.

    Source routes are refused: a router and an access rule might read them differently.
    """
    match = _PLAIN_PATH.match(text)
    if match is not None and fits(match):
        return Mailbox(match[1], match[2].lower()), text[match.end() :]
    if not text.startswith("<"):
        raise InvalidAddress("a path must stand in angle brackets")
    if text.startswith("<>"):
        if null:
            return None, text[2:]
        raise InvalidAddress("the null path <> cannot be used here")
    if not null and (postmaster := _POSTMASTER.match(text)):
        return Mailbox(postmaster[1], ""), text[postmaster.end() :]
    if text.startswith("<@"):
        raise InvalidAddress("source routes (<@relay:user@host>) are refused")
    mailbox, end = _mailbox(text, 1, None)
    if not text.startswith(">", end):
        raise _refused(text, end, "must be the closing >")
    return mailbox, text[end + 1 :]


def fits(match: re.Match[str]) -> bool:
    """Whether what PLAIN matched keeps the limits of RFC 5321 §4.5.3.1."""
    start, at = match.span(1)
    end = match.end(2)
    return at - start <= MAX_LOCAL_PART and end - start <= MAX_PATH - 2


def _mailbox(text: str, start: int, stop: int | None) -> tuple[Mailbox, int]:
    local_part, at = _local_part(text, start)
    if not text.startswith("@", at):
        raise _refused(text, at, "must be the @ before the domain")
    end = stop if stop is not None else text.find(">", at)
    if end < 0:
        raise InvalidAddress("the path has no closing >")
    mailbox = Mailbox(local_part, _domain(text, at + 1, end))
    wire = str(mailbox).encode()
    if len(wire) - len(mailbox.domain) - 1 > MAX_LOCAL_PART:
        raise InvalidAddress(f"the local part is longer than {MAX_LOCAL_PART} octets")
    if len(wire) > MAX_PATH - 2:
        raise InvalidAddress(f"the path is longer than {MAX_PATH} octets")
    return mailbox, end


def _local_part(text: str, start: int) -> tuple[str, int]:
    value, end = _quoted(text, start + 1) if text.startswith('"', start) else _dot_atom(text, start)
    if not value:
        raise InvalidAddress("the local part is empty")
    if end - start > _LONGEST_LOCAL_PART:
        raise InvalidAddress(f"the local part is longer than {MAX_LOCAL_PART} octets")
    if not value.isascii():
        _check_unicode(text, start, end)
        _check_compatibility(value)
    return value, end


def _dot_atom(text: str, start: int) -> tuple[str, int]:
    match = _DOT_ATOM.match(text, start)
    if match is None:
        raise _refused(text, start, "cannot begin a local part")
    return match[0], match.end()


def _quoted(text: str, start: int) -> tuple[str, int]:
    end = _end(_INSIDE_QUOTES, text, start, len(text))
    if not text.startswith('"', end):
        raise _refused(text, end, "cannot stand in a quoted local part")
    return _PAIR.sub(r"\1", text[start:end]), end + 1


def _end(pattern: re.Pattern[str], text: str, start: int, stop: int) -> int:
    match = pattern.match(text, start, stop)
    return match.end() if match else start


def _check_unicode(text: str, start: int, end: int) -> None:
    for position in range(start, end):
        character = text[position]
        category = unicodedata.category(character)
        if category in _HIDDEN or (category == "Zs" and character != " "):
            raise _refused(text, position, "is not allowed in an address")


def _check_compatibility(value: str) -> None:
    """Full-width letters, ligatures, Roman numerals: they look like, and normalise to, somebody else's name."""
    plain = unicodedata.normalize("NFKC", value)
    if plain != unicodedata.normalize("NFC", value):
        raise InvalidAddress(f"the local part has compatibility characters; write it as {printable(plain, 80)}")


def _domain(text: str, start: int, end: int) -> str:
    domain = text[start:end]
    if not domain:
        raise InvalidAddress("the address has no domain")
    if len(domain) > MAX_DOMAIN:
        raise InvalidAddress(f"the domain is longer than {MAX_DOMAIN} octets")
    if domain.startswith("["):
        return _mailbox_literal(domain)
    stop = _end(_DOMAIN_CHARACTERS, text, start, end)
    if stop < end:
        raise _refused(text, stop, "cannot stand in a domain")
    if not domain.isascii():
        _check_unicode(text, start, end)
    labels = [_label(label) for label in domain.split(".")]
    if _NUMBER.fullmatch(labels[-1]):
        raise InvalidAddress("an IP address as domain must stand in brackets")
    ascii_domain = ".".join(labels)
    if len(ascii_domain) > MAX_DOMAIN:
        raise InvalidAddress(f"the domain is longer than {MAX_DOMAIN} octets")
    return ascii_domain


def _label(label: str) -> str:
    if len(label) > MAX_LABEL:
        raise InvalidAddress(f"a label of the domain is longer than {MAX_LABEL} octets")
    if label.isascii() and not _LDH.fullmatch(label):
        raise InvalidAddress(f"the domain has a label that is empty or has a hyphen at its edge: {printable(label)!r}")
    if label.isascii() and not label.lower().startswith("xn--"):
        return label.lower()
    return _a_label(label)


def _a_label(label: str) -> str:
    import idna  # noqa: PLC0415  # its tables are large and few addresses need them

    lowered = "".join(character.lower() if character.isascii() else character for character in label)
    try:
        a_label = idna.alabel(lowered).decode("ascii")
        if idna.alabel(idna.ulabel(a_label)).decode("ascii") == a_label:
            return a_label
    except ValueError as error:
        raise InvalidAddress(f"the label {printable(label)!r} is not IDNA2008: {printable(str(error))}") from error
    raise InvalidAddress(f"the label {printable(label)!r} is not IDNA2008: it does not survive a round trip")


def parse_literal(literal: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Read an address literal, `[192.0.2.1]` or `[IPv6:2001:db8::1]` (RFC 5321 §4.1.3)."""
    inside = literal[1:-1]
    if literal.startswith("[") and literal.endswith("]"):
        try:
            if inside[:5].lower() != "ipv6:":
                return ipaddress.IPv4Address(inside)
            if "%" not in inside:
                return ipaddress.IPv6Address(inside[5:])
        except ValueError:
            pass
    raise InvalidAddress(f"{printable(literal)!r} is not an address literal")


def _mailbox_literal(literal: str) -> str:
    address = parse_literal(literal)
    if isinstance(address, ipaddress.IPv4Address):
        return f"[{address}]"
    if address.ipv4_mapped is not None:
        raise InvalidAddress(f"write [{address.ipv4_mapped}] for an IPv4 address, not its IPv6 form")
    return f"[IPv6:{address}]"


def _refused(text: str, position: int, what: str) -> InvalidAddress:
    if position >= len(text):
        return InvalidAddress(f"the address ends at character {position + 1}, which {what}")
    character = text[position]
    name = unicodedata.name(character, "no name")
    return InvalidAddress(f"U+{ord(character):04X} ({name}) at character {position + 1}: it {what}")

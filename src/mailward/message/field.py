"""One header field as we write it: name and value checked, text encoded, lines folded (RFC 5322 §2.2, RFC 2047 §5)."""

from __future__ import annotations

import re

from mailward.errors import InvalidMessage
from mailward.message.address_list import Address, Group
from mailward.message.encoded_word import encode_words
from mailward.printable import printable

CRLF = "\r\n"
MAX_LINE = 998  # octets without CRLF that a line must not pass (RFC 5322 §2.1.1)
LINE = 78  # … and that it should not

ADDRESS_FIELDS = frozenset(
    prefix + name for prefix in ("", "resent-") for name in ("from", "sender", "reply-to", "to", "cc", "bcc")
)

_NAME = re.compile(r"[!-9;-~]+")
_FORBIDDEN = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_BREAK = re.compile(r"\r\n|\r|\n")
_PIECE = re.compile(r"[ \t]*+[^ \t]++")
_RUN = re.compile(r"([ \t]*+)([^ \t]++)")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\-]++(?>(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~\-]++)*)")
_LONGEST_WORD = 900  # a longer one is encoded, which makes room to fold


def check_name(name: str) -> None:
    """Raise InvalidMessage unless `name` is a field name (RFC 5322 §3.6.8)."""
    if not _NAME.fullmatch(name):
        raise InvalidMessage(f"{printable(name, 80)!r} is no header name: use visible ASCII without colon or space")


def check_value(name: str, value: str) -> None:
    """Raise InvalidMessage for line breaks, NUL and other control characters."""
    if found := _FORBIDDEN.search(value):
        place = f"U+{ord(found[0]):04X} at character {found.start() + 1}"
        raise InvalidMessage(f"header {printable(name, 80)}: {place} is not allowed in a header's value")


def source_lines(name: str, value: str) -> list[str]:
    """The lines of a value that may be folded already. A line that would begin another field is refused."""
    first, *others = _BREAK.split(value)
    for number, line in enumerate(others, 2):
        if not line.startswith((" ", "\t")) or line.isspace():
            raise InvalidMessage(f"header {printable(name, 80)}: line {number} of its value would not belong to it")
    return [first, *others]


def unstructured(text: str) -> str:
    """`text` with each run of words that ASCII cannot carry, or that would be read as encoded, as encoded words."""
    parts: list[str] = []
    run: list[str] = []
    for space, word in _RUN.findall(text):
        if not word.isascii() or "=?" in word or len(word) > _LONGEST_WORD:
            run += (space, word)
        else:
            parts += (*_encoded(run), space, word)
            run = []
    return "".join([*parts, *_encoded(run)])


def _encoded(run: list[str]) -> tuple[str, ...]:
    return (run[0], encode_words("".join(run[1:]))) if run else ()


def display_name(name: str) -> str:
    """A display name as a phrase: as it is, quoted, or as encoded words."""
    check_value("address", name)
    if not name.isascii() or "=?" in name:
        return encode_words(name)
    if _ATOMS.fullmatch(name):
        return name
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def address_text(entries: tuple[Address | Group, ...]) -> str:
    """The entries as the value of an address field; a local part beyond ASCII stays UTF-8 (RFC 6532)."""
    return ", ".join(_entry(entry) for entry in entries)


def _entry(entry: Address | Group) -> str:
    if isinstance(entry, Group):
        return f"{display_name(entry.name)}: {address_text(entry.members)};"
    return f"{display_name(entry.name)} <{entry.mailbox}>" if entry.name else str(entry.mailbox)


def fold(name: str, value: str) -> str:
    """`value` with line breaks before white space so that lines keep to 78 octets where they can, to 998 always."""
    lines: list[str] = []
    line = ""
    room = LINE - len(name) - 2
    for piece in _PIECE.findall(value.strip(" \t")):
        size = len(piece.encode())
        if (line and _octets(line) + size > room) or (not lines and not line and room < size < LINE):
            lines.append(line)
            line, room = piece if piece[0] in " \t" else f" {piece}", LINE
        else:
            line += piece
    lines.append(line)
    _check_lines(name, lines)
    return CRLF.join(lines)


def _octets(line: str) -> int:
    return len(line) if line.isascii() else len(line.encode())


def _check_lines(name: str, lines: list[str]) -> None:
    if any(_octets(line) + len(name) + 2 > MAX_LINE for line in lines):
        raise InvalidMessage(f"header {printable(name, 80)}: no place to fold a line of more than {MAX_LINE} octets")


def field(name: str, folded: str) -> str:
    """The whole field with its CRLF."""
    return f"{name}:{folded}{CRLF}" if folded.startswith(CRLF) else f"{name}: {folded}{CRLF}"

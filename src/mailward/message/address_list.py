"""The addresses of a header (RFC 5322 §3.4, RFC 6532 §3.2), read once from left to right; what is ambiguous is refused.

Source routes, white space or comments around the dots of an address and encoded words inside one are refused: two
readers of such a header may see two recipients. Other comments are skipped, and empty list elements are allowed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, groupby
from typing import Final, NamedTuple

from mailward.errors import InvalidAddress
from mailward.message.encoded_word import decode_words
from mailward.printable import printable
from mailward.wire.address import Mailbox

_DEEPEST_COMMENT = 16
_SHOWN = 24  # characters either side of a mistake

_NEVER = r"\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff"
_ATEXT = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\-\xa0-\u2027\u202a-\ud7ff\ue000-\U0010ffff]++"
_DOT_ATOM = rf"({_ATEXT}(?>(?:\.{_ATEXT})*))"
_QUOTED = rf'("[^"\\{_NEVER}]*+(?>(?:\\[^{_NEVER}][^"\\{_NEVER}]*+)*)")'
_LITERAL = r"(\[[!-Z^-~]*+\])"
_TOKEN = re.compile(rf"{_DOT_ATOM}|{_QUOTED}|{_LITERAL}|[.@<>,:;]")
_COMMENT = re.compile(rf"[^()\\{_NEVER}]*+(?>(?:\\[^{_NEVER}][^()\\{_NEVER}]*+)*)")
_SPACE = re.compile(r"[ \t]++")
_FOLD = re.compile(r"\r\n(?=[ \t])")
_PAIR = re.compile(r"\\(.)")

ATOM: Final = "atom"  # with its dots, if they stand between atoms
QUOTED: Final = "quoted string"
LITERAL: Final = "literal"
END: Final = "end"
_KINDS: Final = (None, ATOM, QUOTED, LITERAL)
_WORDS = frozenset({ATOM, QUOTED, LITERAL, ".", "@"})


@dataclass(frozen=True, slots=True)
class Address:
    """One mailbox with its display name: unquoted, encoded words decoded, "" if it has none."""

    mailbox: Mailbox
    name: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """`name: member, member;` which may be empty."""

    name: str
    members: tuple[Address, ...] = ()


def parse_address_list(value: bytes | str) -> tuple[Address | Group, ...]:
    """Read the value of From, To, Cc and their kin: octets, which may be folded, or one line of text.

    An empty value is an empty list. Raises InvalidAddress, naming the place.
    """
    return _Parser(value).address_list()


def parse_address(text: str) -> Address:
    """Read exactly one `ann@example.test` or `Ann <ann@example.test>`. Raises InvalidAddress for a list or a group."""
    parser = _Parser(text)
    entries = parser.address_list()
    if not entries:
        raise InvalidAddress("the address is empty")
    if len(entries) > 1 or parser.commas or not isinstance(entries[0], Address):
        raise InvalidAddress(f"not exactly one address: {printable(text, 80)}", advice="give several as a sequence")
    if text[0] in " \t<" or text[-1] in " \t":
        raise InvalidAddress(f"white space or brackets around a bare address: {printable(text, 80)}")
    return entries[0]


def flat(entries: tuple[Address | Group, ...]) -> Iterator[Address]:
    """Each address in its order, groups opened."""
    return chain.from_iterable(entry.members if isinstance(entry, Group) else (entry,) for entry in entries)


def parse_mailboxes(value: bytes | str) -> tuple[Mailbox, ...]:
    """The mailboxes of a header's value in their order, groups opened."""
    return tuple(address.mailbox for address in flat(parse_address_list(value)))


class _Token(NamedTuple):
    kind: str
    value: str
    position: int
    spaced: bool  # white space or a comment stands before it


class _Parser:
    def __init__(self, value: bytes | str) -> None:
        self._text = _unfolded(value)
        self._tokens = _tokens(self._text)
        self._next = next(self._tokens)
        self.commas = 0

    def address_list(self) -> tuple[Address | Group, ...]:
        entries: list[Address | Group] = []
        while True:
            entry = self._address(in_group=False)
            if entry is not None:
                entries.append(entry)
            if self._next.kind == END:
                return tuple(entries)
            self._take(",")
            self.commas += 1

    def _take(self, kind: str) -> None:
        if self._next.kind != kind:
            raise self._refused(f"expected {kind!r}")
        self._next = next(self._tokens)

    def _refused(self, what: str) -> InvalidAddress:
        advice = "separate addresses with commas" if self._next.kind == ";" else None
        return _refusal(self._text, self._next.position, what, advice)

    def _address(self, *, in_group: bool) -> Address | Group | None:
        words = self._words()
        match self._next.kind:
            case "<":
                return self._name_addr(_phrase(self._text, words))
            case ":" if words and not in_group:
                return self._group(_phrase(self._text, words))
            case ":" | ">":
                raise self._refused("unexpected")
        return Address(self._mailbox(words)) if words else None

    def _words(self) -> list[_Token]:
        words = []
        while self._next.kind in _WORDS:
            words.append(self._next)
            self._next = next(self._tokens)
        return words

    def _name_addr(self, name: str) -> Address:
        self._take("<")
        mailbox = self._mailbox(self._words())
        self._take(">")
        return Address(mailbox, name)

    def _group(self, name: str) -> Group:
        self._take(":")
        members = []
        while True:
            member = self._address(in_group=True)
            if isinstance(member, Address):
                members.append(member)
            if self._next.kind == ";":
                self._take(";")
                return Group(name, tuple(members))
            self._take(",")

    def _mailbox(self, words: list[_Token]) -> Mailbox:
        match words:
            case [_Token(kind="atom" | "quoted string"), _Token(kind="@"), _Token(kind="atom" | "literal")]:
                local_part, domain = words[0], words[2]
            case _:
                raise self._no_mailbox(words)
        if "=?" in local_part.value and "?=" in local_part.value:
            what = "an encoded word cannot be an address (RFC 2047 §5)"
            raise _refusal(self._text, local_part.position, what)
        return Mailbox.parse(f"{local_part.value}@{domain.value}")

    def _no_mailbox(self, words: list[_Token]) -> InvalidAddress:
        ats = [word for word in words if word.kind == "@"]
        if len(ats) != 1:
            position = ats[1].position if ats else self._next.position
            return _refusal(self._text, position, "an address needs exactly one @")
        return _refusal(self._text, words[0].position, "not one local part, @ and one domain")


def _unfolded(value: bytes | str) -> str:
    if isinstance(value, str):
        return value
    try:
        return _FOLD.sub("", value.decode())
    except UnicodeDecodeError as error:
        raise InvalidAddress(f"octet {error.start + 1} of the address list is not UTF-8") from error


def _tokens(text: str) -> Iterator[_Token]:
    position, end = 0, len(text)
    while True:
        start = position
        if text.startswith(("(", " ", "\t"), position):
            position = _skip_space(text, position)
        if position == end:
            break
        found = _TOKEN.match(text, position)
        if found is None:
            broken = {'"': "begins a broken quoted string", "[": "begins a broken literal"}
            raise _refusal(text, position, broken.get(text[position], "unexpected"))
        yield _Token(_KINDS[found.lastindex or 0] or found[0], found[0], position, position > start)
        position = found.end()
    while True:
        yield _Token(END, "", position, spaced=False)


def _skip_space(text: str, position: int) -> int:
    while True:
        if found := _SPACE.match(text, position):
            position = found.end()
        if not text.startswith("(", position):
            return position
        position = _comment_end(text, position)


def _comment_end(text: str, start: int) -> int:
    depth, position = 1, start + 1
    while depth:
        if found := _COMMENT.match(text, position):
            position = found.end()
        bracket = text[position : position + 1]
        if bracket not in {"(", ")"}:
            raise _refusal(text, position, "is not allowed in a comment" if bracket else "the comment is not closed")
        depth += 1 if bracket == "(" else -1
        position += 1
        if depth > _DEEPEST_COMMENT:
            raise _refusal(text, start, f"comments nested deeper than {_DEEPEST_COMMENT}")
    return position


def _phrase(text: str, words: list[_Token]) -> str:
    """A display name: atoms, quoted strings and (RFC 5322 §4.1) dots."""
    parts = []
    for quoted, run in groupby(words, key=lambda word: word.kind == QUOTED):
        spoken = "".join((" " if word.spaced else "") + _spoken(text, word) for word in run)
        parts.append(spoken if quoted else decode_words(spoken))
    return "".join(parts).strip(" ")


def _spoken(text: str, word: _Token) -> str:
    if word.kind not in {ATOM, QUOTED, "."}:
        raise _refusal(text, word.position, "a display name with this in it must be quoted")
    return _PAIR.sub(r"\1", word.value[1:-1]) if word.kind == QUOTED else word.value


def _refusal(text: str, position: int, what: str, advice: str | None = None) -> InvalidAddress:
    place = f"U+{ord(text[position]):04X} at character {position + 1}" if position < len(text) else "The end"
    shown = printable(text[max(0, position - _SHOWN) : position + _SHOWN], 3 * _SHOWN)
    return InvalidAddress(f"{place} of the address list: {what}; near: {shown}", advice=advice)

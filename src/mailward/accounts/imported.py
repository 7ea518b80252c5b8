"""What the password files of other servers say, line by line: accounts, lines without one, and lines that are wrong."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from mailward.accounts import verifiers
from mailward.accounts.schemes.scram import keys_of
from mailward.errors import InputError, StoreError
from mailward.printable import printable
from mailward.sasl.mechanism import ScramKeys
from mailward.secret import Secret

LONGEST_LINE = 8192
_MOST_NETWORKS = 64
_PLAIN = re.compile(r"\{(?:PLAIN|CLEAR|CLEARTEXT)(?:\.(B64|BASE64|HEX))?\}", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An account as its line tells it. verifier: None where there is the password itself, which is never stored.

    scheme, weak: of the verifier. scram: its keys, where the line holds some. allow_from: networks.
    """

    line: int
    name: str
    verifier: str | None = field(default=None, repr=False)
    password: Secret | None = None
    scheme: str = "plain"
    weak: bool = False
    scram: ScramKeys | None = field(default=None, repr=False)
    allow_from: tuple[str, ...] = ()
    disabled: bool = False


@dataclass(frozen=True, slots=True)
class Skipped:
    """A line that is right and holds no account to import."""

    line: int
    why: str


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that cannot be imported."""

    line: int
    why: str


Told: TypeAlias = Entry | Skipped | BadLine
Line: TypeAlias = tuple[int, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One file of `imports/` holds one of these as `FORMAT`. what: it is, in a few words.

    read: numbered lines to what they tell; it raises InputError for what makes the whole file unreadable. now: Unix
    seconds, for accounts that end.
    """

    name: str
    what: str
    read: Callable[[Iterable[Line], float], Iterator[Told]]


def each(lines: Iterable[Line], read: Callable[[Line], Told]) -> Iterator[Told]:
    """One line, one account; empty lines and those that begin with "#" hold none. InputError in `read`: a bad line."""
    for number, text in lines:
        if not text.strip() or text.startswith("#"):
            continue
        try:
            yield read((number, _text(text)))
        except (InputError, StoreError) as error:
            yield BadLine(number, error.message.removeprefix("the stored verifier of the account cannot be used: "))


def numbered(chunks: Iterable[bytes]) -> Iterator[Line]:
    """Lines, without their ends, of octets as they come (`iter(lambda: file.read(65536), b"")`).

    What is no UTF-8 is lone surrogates. InputError: a line is too long; no file of passwords has such lines.
    """
    number, held = 1, b""
    for chunk in chunks:
        *ended, held = (held + chunk).split(b"\n")
        for part in ended:
            yield _line(number, part)
            number += 1
        _line(number, held)
    if held:
        yield _line(number, held)


def _text(text: str) -> str:
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise InputError("it is not UTF-8 text", phase="import")
    return text


def proved(entry: Entry, text: str) -> Entry:
    """With what proves a password: itself, in clear, or a verifier of a known scheme. Raises InputError, StoreError."""
    plain = _PLAIN.match(text)
    if plain:
        return replace(entry, password=_password(text[plain.end() :], (plain[1] or "").upper()))
    verifier = verifiers.read(text)
    return replace(entry, verifier=text, scheme=verifier.scheme, weak=verifier.weak, scram=keys_of(text), password=None)


def named(name: str) -> str:
    if not name:
        raise InputError("it has no account name", phase="import")
    return name


def networks(text: str) -> tuple[str, ...]:
    """Of a list with commas. InputError: one is none, or there are too many."""
    listed = [each_one.strip() for each_one in text.split(",") if each_one.strip()]
    if not listed or len(listed) > _MOST_NETWORKS:
        raise InputError(f"it has no network, or more than {_MOST_NETWORKS}", phase="import")
    return tuple(map(_network, listed))


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text, strict=False))
    except ValueError:
        raise InputError(f"{printable(text, 60)!r} is not a network", phase="import") from None


def _password(text: str, encoding: str) -> Secret:
    octets = _decoded(text, encoding)
    if not octets:
        raise InputError("its password is empty or not what its encoding says", phase="import")
    return Secret(octets)


def _decoded(text: str, encoding: str) -> str:
    try:
        if encoding == "HEX":
            return bytes.fromhex(text).decode()
        return base64.b64decode(text, validate=True).decode() if encoding else text
    except (ValueError, binascii.Error):
        return ""


def _line(number: int, octets: bytes) -> Line:
    if len(octets) > LONGEST_LINE:
        raise InputError(f"line {number} is longer than {LONGEST_LINE} octets: no file of passwords", phase="import")
    return number, octets.removesuffix(b"\r").decode("utf-8", "surrogateescape")

"""The messages of the Dovecot authentication protocol, version 1, as its server hears and says them. No I/O."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from mailward.errors import ProtocolError
from mailward.integrations.lines import Lines
from mailward.printable import printable
from mailward.sasl.mechanism import Mechanism

LONGEST_LINE: Final = 16_384  # octets
_MOST_FIELDS: Final = 100
_MAJOR: Final = b"1"
_MINOR: Final = b"2"
_UNESCAPED: Final = {b"0": b"\0", b"1": b"\1", b"t": b"\t", b"r": b"\r", b"n": b"\n"}


@dataclass(frozen=True, slots=True)
class Begin:
    """AUTH. parameters: those with a value, and those without, as "". response: the initial one, if it is there.

    malformed: the response is not base64. The user's client wrote it, and not ours, which goes on.
    """

    id: int
    mechanism: str
    parameters: dict[str, str]
    response: bytes | None = field(default=None, repr=False)
    malformed: bool = False


@dataclass(frozen=True, slots=True)
class Continue:
    """CONT: the response to a challenge; None when it is not base64."""

    id: int
    response: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Cancel:
    """CANCEL: the client has given up."""

    id: int


Message: TypeAlias = Begin | Continue | Cancel


class Reader:
    """`feed` what arrives. Raises ProtocolError for what no client of version 1 says; then the connection must end."""

    def __init__(self) -> None:
        self._lines = Lines(longest=LONGEST_LINE)
        self._versioned = False
        self._introduced = False

    def feed(self, data: bytes) -> Iterator[Message]:
        for line in self._lines.feed(data):
            fields = line.split(b"\t", _MOST_FIELDS)
            if len(fields) > _MOST_FIELDS:
                raise _broken(f"more than {_MOST_FIELDS} fields")
            message = self._read(fields)
            if message is not None:
                yield message

    def _read(self, fields: Sequence[bytes]) -> Message | None:
        command, *rest = fields
        if not self._versioned:
            self._version(command, rest)
        elif command == b"CPID":
            _number(rest)
            if self._introduced:
                raise _broken("a second CPID")
            self._introduced = True
        elif not self._introduced:
            raise _broken(f"{printable(command, 40)!r} before CPID")
        elif command == b"AUTH":
            return _begin(rest)
        elif command == b"CONT":
            return Continue(_number(rest), _decoded(rest[1] if len(rest) > 1 else b""))
        elif command == b"CANCEL":
            return Cancel(_number(rest))
        return None  # what we do not know is left alone, as the protocol wants it

    def _version(self, command: bytes, rest: Sequence[bytes]) -> None:
        if command != b"VERSION" or len(rest) < 2:
            raise _broken("no VERSION first: not a client of this protocol")
        if rest[0] != _MAJOR:
            raise _broken(f"version {printable(rest[0], 20)}; version 1 is spoken here")
        self._versioned = True


def greeting(mechanisms: Sequence[Mechanism], *, process: int, connection: int, cookie: str) -> bytes:
    """What the server says first. cookie: 32 hexadecimal digits, new for each connection."""
    lines = [b"VERSION\t" + _MAJOR + b"\t" + _MINOR]
    lines += ["\t".join(("MECH", each.name, *_flags(each))).encode() for each in mechanisms]
    lines += [f"SPID\t{process}".encode(), f"CUID\t{connection}".encode(), f"COOKIE\t{cookie}".encode(), b"DONE"]
    return b"\n".join(lines) + b"\n"


def challenge(id_: int, data: bytes) -> bytes:
    return b"CONT\t%d\t%b\n" % (id_, base64.b64encode(data))


def success(id_: int, user: str) -> bytes:
    return b"OK\t%d\tuser=%b\n" % (id_, _escaped(user.encode()))


def failure(id_: int, *, reason: str, temporary: bool = False) -> bytes:
    """reason: for the user; it says nothing that a wrong password and a right one would have apart.

    Both spellings of "temporary" are understood by some client and ignored by the others.
    """
    code = b"\ttemp\tcode=temp_fail" if temporary else b""
    return b"FAIL\t%d%b\treason=%b\n" % (id_, code, _escaped(reason.encode()))


def _flags(mechanism: Mechanism) -> Iterator[str]:
    """By these, a client that wants no clear text, or wants the server to prove itself, chooses."""
    if mechanism.reveals_password:
        yield "plaintext"
    if mechanism.name.startswith("SCRAM-"):
        yield "mutual-auth"


def _begin(fields: Sequence[bytes]) -> Begin:
    id_ = _number(fields)
    if len(fields) < 2:
        raise _broken("AUTH without a mechanism")
    parameters: dict[str, str] = {}
    mechanism = fields[1].decode("ascii", "replace").upper()
    for position, parameter in enumerate(fields[2:], 3):
        name, _, value = parameter.partition(b"=")
        if name == b"resp":
            if position != len(fields):
                raise _broken("a parameter after resp=")
            # Exim writes "resp=" where there is none; an empty one is "=".
            response = _decoded(value) if value else None
            return Begin(id_, mechanism, parameters, response, malformed=bool(value) and response is None)
        parameters[name.decode("ascii", "replace")] = _unescaped(value).decode("utf-8", "surrogateescape")
    return Begin(id_, mechanism, parameters)


def _number(fields: Sequence[bytes]) -> int:
    text = fields[0] if fields else b""
    if not text.isdigit() or len(text) > 10 or int(text) >= 1 << 32:
        raise _broken(f"{printable(text, 20)!r} is not a number of 32 bits")
    return int(text)


def _decoded(text: bytes) -> bytes | None:
    """Base64, and nothing else; "=" stands for no octets (RFC 4954 §4)."""
    if text == b"=":
        return b""
    try:
        data = base64.b64decode(text, validate=True)
    except binascii.Error:
        return None
    return data if base64.b64encode(data) == text else None


def _unescaped(value: bytes) -> bytes:
    first, *rest = value.split(b"\1")
    return first + b"".join(_UNESCAPED.get(part[:1], part[:1]) + part[1:] for part in rest)


def _escaped(value: bytes) -> bytes:
    for letter, octet in sorted(_UNESCAPED.items(), key=lambda item: item[1] != b"\1"):
        value = value.replace(octet, b"\1" + letter)
    return value


def _broken(what: str) -> ProtocolError:
    return ProtocolError(f"dovecot authentication protocol: {what}", phase="door")

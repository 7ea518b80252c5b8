"""The message that a command line describes."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mailward.errors import InputError, InvalidAddress, InvalidMessage
from mailward.printable import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailward.message.builder import Message
    from mailward.wire.address import Mailbox

_MOST_OCTETS = 1 << 28
_STDIN = Path("-")


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """`file`: a whole message, sent as it is; else it is made of the rest. Addresses as `Ann <ann@example.test>`."""

    sender: str | None
    to: Sequence[str] = ()
    cc: Sequence[str] = ()
    bcc: Sequence[str] = ()
    subject: str | None = None
    text: str | None = None
    body_file: Path | None = None
    html: str | None = None
    attachments: Sequence[Path] = ()
    headers: Sequence[str] = ()
    file: Path | None = None

    def message(self) -> Message | bytes:
        """Raises InputError."""
        bodies = (self.text, self.body_file, self.html)
        if self.file is not None:
            parts = (self.subject, *bodies, self.attachments or None, self.headers or None)
            if any(part is not None for part in parts):
                raise InputError("--message is a whole message; it goes without --subject, --text, --html, --attach")
            return _octets(self.file)
        if all(body is None for body in bodies):
            raise InputError("there is nothing to send", advice="give --text, --html or --message")
        return self._composed()

    def envelope(self) -> tuple[str | None, tuple[Mailbox, ...] | None]:
        """Sender and recipients where they are not those of the header: only of a whole message. Raises InputError."""
        from mailward.message.address_list import parse_address  # noqa: PLC0415 - loads what only sending needs

        if self.file is None:
            return None, None
        self._check_addresses()
        everyone = tuple(parse_address(address).mailbox for address in (*self.to, *self.cc, *self.bcc))
        sender = None if self.sender is None else self.sender and str(parse_address(self.sender).mailbox)
        return sender, everyone or None

    def _check_addresses(self) -> None:
        """Raises InvalidAddress, with the option at fault."""
        from mailward.message.address_list import parse_address  # noqa: PLC0415

        sender = (self.sender,) if self.sender else ()
        for option, addresses in (("--from", sender), ("--to", self.to), ("--cc", self.cc), ("--bcc", self.bcc)):
            for address in addresses:
                try:
                    parse_address(address)
                except InvalidAddress as error:
                    advice = f"repeat {option}" if error.advice == "give several as a sequence" else error.advice
                    raise InvalidAddress(f"{option}: {error.message}", advice=advice) from error

    def _composed(self) -> Message:
        from mailward.message.builder import Message  # noqa: PLC0415

        if not self.sender:
            raise InvalidMessage("the message has no sender", advice="give --from, or log in with an address")
        if not (self.to or self.cc or self.bcc):
            raise InvalidMessage("the message has no recipient", advice="give --to")
        self._check_addresses()
        message = Message(
            from_=self.sender,
            to=self.to,
            cc=self.cc,
            bcc=self.bcc,
            subject=self.subject or "",
            text=self._text(),
            html=self.html,
            headers=_fields(self.headers),
        )
        for path in self.attachments:
            message.attach(path if path.is_file() else _octets(path), name=path.name)
        return message

    def _text(self) -> str | None:
        file = _STDIN if self.text == "-" else self.body_file
        if file is None:
            return self.text
        try:
            return _octets(file).decode()
        except UnicodeDecodeError:
            where = "standard input" if file == _STDIN else printable(str(file))
            raise InputError(f"{where} is not UTF-8 text", advice="attach it with --attach") from None


def _fields(headers: Sequence[str]) -> dict[str, str]:
    """Of `Name: value` each. Raises InputError."""
    fields: dict[str, str] = {}
    for header in headers:
        name, colon, value = header.partition(":")
        if not colon:
            raise InputError(f"--header {printable(header, 80)!r} has no colon", advice='write "Name: value"')
        if name in fields:
            raise InputError(f"--header gives {printable(name, 80)} twice")
        fields[name] = value.strip()
    return fields


def names_sender(content: bytes) -> bool:
    """Whether the header says from whom a whole message is. Raises InputError."""
    from mailward.message.content import octets_of  # noqa: PLC0415
    from mailward.message.headers import fields  # noqa: PLC0415

    return any(name.removeprefix("resent-") in {"from", "sender"} for name, _ in fields(octets_of(content)))


def _octets(path: Path) -> bytes:
    try:
        with sys.stdin.buffer if path == _STDIN else path.open("rb") as file:
            octets = file.read(_MOST_OCTETS + 1)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error
    if len(octets) > _MOST_OCTETS:
        raise InputError(f"{path} is larger than {_MOST_OCTETS >> 20} MiB")
    return octets

"""The message that a command line describes."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mailward.errors import InputError, InvalidAddress, InvalidMessage

if TYPE_CHECKING:
    from collections.abc import Sequence
    from email.message import EmailMessage

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
    html: str | None = None
    attachments: Sequence[Path] = ()
    file: Path | None = None

    def message(self) -> EmailMessage | bytes:
        """Raises InputError."""
        parts = (self.subject, self.text, self.html, self.attachments or None)
        if self.file is not None:
            if any(part is not None for part in parts):
                raise InputError("--message is a whole message; it goes without --subject, --text, --html, --attach")
            return _octets(self.file)
        if self.text is None and self.html is None:
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

    def _composed(self) -> EmailMessage:
        from mailward.message.address_list import parse_address  # noqa: PLC0415
        from mailward.message.compose import compose  # noqa: PLC0415
        from mailward.net.clock import Clock  # noqa: PLC0415

        if not self.sender:
            raise InvalidMessage("the message has no sender", advice="give --from, or log in with an address")
        if not (self.to or self.cc or self.bcc):
            raise InvalidMessage("the message has no recipient", advice="give --to")
        self._check_addresses()
        clock = Clock()
        message = compose(
            sender=self.sender,
            to=self.to,
            cc=self.cc,
            bcc=self.bcc,
            subject=self.subject or "",
            text=_octets(_STDIN).decode("utf-8", "strict") if self.text == "-" else self.text,
            html=self.html,
            date=clock.utc(),
            message_id=f"<{clock.nonce()}@{parse_address(self.sender).mailbox.domain}>",
        )
        for path in self.attachments:
            _attach(message, path)
        return message


def names_sender(content: bytes) -> bool:
    """Whether the header says from whom a whole message is. Raises InputError."""
    from mailward.message.content import octets_of  # noqa: PLC0415
    from mailward.message.headers import fields  # noqa: PLC0415

    return any(name.removeprefix("resent-") in {"from", "sender"} for name, _ in fields(octets_of(content)))


def _attach(message: EmailMessage, path: Path) -> None:
    from mimetypes import guess_type  # noqa: PLC0415

    kind, encoding = guess_type(path.name)
    main, _, sub = (kind if kind and not encoding else "application/octet-stream").partition("/")
    message.add_attachment(_octets(path), maintype=main, subtype=sub, filename=path.name)


def _octets(path: Path) -> bytes:
    try:
        with sys.stdin.buffer if path == _STDIN else path.open("rb") as file:
            octets = file.read(_MOST_OCTETS + 1)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error
    if len(octets) > _MOST_OCTETS:
        raise InputError(f"{path} is larger than {_MOST_OCTETS >> 20} MiB")
    return octets

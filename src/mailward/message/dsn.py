"""A delivery status notification that came back, and the message it is about (RFC 3464, RFC 3461 §6.3, RFC 6533)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from mailward.errors import InputError, InvalidMessage
from mailward.message.headers import fields, shown
from mailward.message.reading import ReadPart, read_parts
from mailward.wire.xtext import from_utf8_xtext

if TYPE_CHECKING:
    from email.message import Message

MOST_RECIPIENTS: Final = 10_000
_EMPTY_LINE = re.compile(rb"\n[ \t]*+(?:\n[ \t]*+)+(?=[^ \t\n])")
_STATUS = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b", re.ASCII)
_REPORTS = frozenset({"message/delivery-status", "message/global-delivery-status"})
_RETURNED = frozenset({"message/rfc822", "text/rfc822-headers", "message/global", "message/global-headers"})
_ACTIONS = frozenset({"failed", "delayed", "delivered", "relayed", "expanded"})
_LONGEST = 2_000  # characters of a value that are kept


class Named(Protocol):
    """What a receipt is found by."""

    @property
    def envid(self) -> str | None: ...

    @property
    def message_id(self) -> str | None: ...


R = TypeVar("R", bound=Named)


@dataclass(frozen=True, slots=True)
class RecipientReport:
    """What became of one recipient. `action`: failed, delayed, delivered, relayed or expanded.

    `original`: the address as it was given at first, "" if nobody says; `final`: as the reporting server had it.
    `diagnostic`: the words of the server that refused, to show.
    """

    original: str
    final: str
    action: str
    status: str
    diagnostic: str = ""
    remote_mta: str = ""


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """`envid` and `message_id`: of the message it is about, to find its receipt by; "" where it does not say.

    None of it is proven: anybody can write such a message. `header`: the fields of the original that came back.
    """

    envid: str
    reporting_mta: str
    recipients: tuple[RecipientReport, ...]
    message_id: str = ""
    header: tuple[tuple[str, bytes], ...] = ()

    @property
    def failed(self) -> tuple[RecipientReport, ...]:
        """Those who will not get it."""
        return tuple(recipient for recipient in self.recipients if recipient.action == "failed")

    def receipt_among(self, receipts: Iterable[R]) -> R | None:
        """The receipt of the message it is about: the one with its envid, else with its message id."""
        found = None
        for receipt in receipts:
            if self.envid and receipt.envid == self.envid:
                return receipt
            if found is None and self.message_id and receipt.message_id == self.message_id:
                found = receipt
        return found


def read_report(message: bytes | Message[Any, Any]) -> DeliveryReport | None:
    """The report in a message, None if it is another kind of message. Raises InvalidMessage for too much."""
    content = message if isinstance(message, bytes) else _octets(message)
    leaves = read_parts(content).leaves()
    status = next((leaf for leaf in leaves if leaf.type in _REPORTS), None)
    if status is None:
        return None
    about, *each = _groups(status) or [{}]
    recipients = [_recipient(group) for group in each if "final-recipient" in group or "original-recipient" in group]
    header = _returned(leaves)
    return DeliveryReport(
        envid=about.get("original-envelope-id", ""),
        reporting_mta=_typed(about.get("reporting-mta", "")),
        recipients=tuple(recipients),
        message_id=_message_id(header) or about.get("x-original-message-id", ""),
        header=header,
    )


def _octets(message: Message[Any, Any]) -> bytes:
    from mailward.message.content import octets_of  # noqa: PLC0415  # the email package is large

    return octets_of(message, eight_bit=True)


def _groups(status: ReadPart) -> list[dict[str, str]]:
    """The fields about the message, then those about each recipient, between empty lines."""
    content = status.content().replace(b"\r\n", b"\n").strip(b"\n \t")
    blocks = _EMPTY_LINE.split(content, maxsplit=MOST_RECIPIENTS + 1)
    if len(blocks) > MOST_RECIPIENTS + 1:
        raise InvalidMessage(f"the report is about more than {MOST_RECIPIENTS} recipients")
    groups = [group for group in map(_fields, blocks) if group]
    if groups and "final-recipient" in groups[0]:  # some servers leave no line between
        groups.insert(0, groups[0])
    return groups


def _fields(block: bytes) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in fields(block.strip(b"\n").replace(b"\n", b"\r\n") + b"\r\n\r\n"):
        found.setdefault(name, shown(value, _LONGEST))
    return found


def _recipient(group: dict[str, str]) -> RecipientReport:
    diagnostic = _typed(group.get("diagnostic-code", ""))
    action = group.get("action", "").split(" ")[0].split("(")[0].lower()
    told = _STATUS.search(group.get("status", "")) or _STATUS.search(diagnostic)
    status = told[1] if told else ""
    return RecipientReport(
        original=_address(group.get("original-recipient", "")),
        final=_address(group.get("final-recipient", "")),
        action=action if action in _ACTIONS else _guessed(status),
        status=status,
        diagnostic=diagnostic,
        remote_mta=_typed(group.get("remote-mta", "")),
    )


def _guessed(status: str) -> str:
    return {"5": "failed", "4": "delayed", "2": "delivered"}.get(status[:1], "")


def _typed(value: str) -> str:
    """What stands behind `dns;` or `smtp;`."""
    kind, semicolon, rest = value.partition(";")
    return rest.strip() if semicolon and kind.strip().replace("-", "").isalnum() else value.strip()


def _address(value: str) -> str:
    """`rfc822;ann@example.test`, perhaps between angle brackets; `utf-8;` may have escapes (RFC 6533 §3)."""
    address = _typed(value).strip("<>")
    if not value.lower().startswith("utf-8;"):
        return address
    try:
        return from_utf8_xtext(address)
    except InputError:
        return address


def _returned(leaves: list[ReadPart]) -> tuple[tuple[str, bytes], ...]:
    for leaf in leaves:
        if leaf.type in {"message/rfc822", "message/global"} and leaf.parts:
            return leaf.parts[0].fields
        if leaf.type in _RETURNED:
            return tuple(fields(leaf.content().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")))
    return ()


def _message_id(header: tuple[tuple[str, bytes], ...]) -> str:
    return next((shown(value, _LONGEST) for name, value in header if name == "message-id"), "")

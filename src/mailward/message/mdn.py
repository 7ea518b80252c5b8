"""The answer to a message that asks whether it was read: a message disposition notification (RFC 8098)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mailward.errors import InvalidMessage
from mailward.message.address_list import Address, flat, parse_address, parse_address_list
from mailward.message.builder import Message
from mailward.message.content import content_of
from mailward.message.field import address_text
from mailward.message.headers import header, header_section, shown, subject
from mailward.message.message_id import is_message_id
from mailward.message.parameter import read_type, written
from mailward.message.part import Group, message_leaf, text_leaf

if TYPE_CHECKING:
    from email.message import Message as StandardMessage

_REPORT: Final = "message/disposition-notification"


def read_receipt(
    original: StandardMessage[Any, Any] | bytes, *, reader: str, automatic: bool = False, text: str | None = None
) -> Message:
    """The receipt that `original` asks for, from `reader`, who has seen it. Its sender is the null reverse-path.

    `automatic`: nobody was asked, which is right only when it goes where failures would go too (RFC 8098 §2.1). Raises
    InvalidMessage where no receipt may be sent: nobody asks for one, or the message is a report itself.
    """
    content = content_of(original)
    asker = _asker(content, automatic=automatic)
    address = parse_address(reader)
    told = subject(content)
    words = text or f"Your message was displayed to {reader}. That is no promise that it was read or understood.\n"
    report = Group(
        "report",
        (
            text_leaf(words, 'text/plain; charset="utf-8"', eight_bit=False),
            message_leaf(_fields(content, address, automatic=automatic), media_type=_REPORT),
            message_leaf(header_section(content), media_type="text/rfc822-headers"),
        ),
        written("report-type", "disposition-notification"),
    )
    headers = {"From": reader, "To": address_text((asker,)), "Auto-Submitted": "auto-replied"}
    if identity := _message_id(content):
        headers |= {"In-Reply-To": identity, "References": identity}
    return Message.containing(report, null_path=True, subject=f"Read: {told}".strip(), headers=headers)


def _asker(content: bytes, *, automatic: bool) -> Address:
    asked = header(content, "disposition-notification-to")
    if asked is None:
        raise InvalidMessage("the message asks for no read receipt")
    if read_type(header(content, "content-type") or b"")[0] == "multipart/report":
        raise InvalidMessage("a report is not answered with a report (RFC 8098 §3)")
    if b"required" in (header(content, "disposition-notification-options") or b"").lower():
        raise InvalidMessage("the message requires an option of its receipt that we do not know (RFC 8098 §2.2)")
    addresses = list(flat(parse_address_list(asked)))
    if len(addresses) != 1:
        raise InvalidMessage("the receipt would go to several addresses, or to none")
    if automatic and not _is_return_path(content, addresses[0]):
        raise InvalidMessage(
            "the receipt would go elsewhere than failures do", advice="ask the reader, and leave automatic out"
        )
    return addresses[0]


def _is_return_path(content: bytes, address: Address) -> bool:
    value = header(content, "return-path")
    returned = [] if value is None else list(flat(parse_address_list(value))) if value != b"<>" else []
    return len(returned) == 1 and returned[0].mailbox == address.mailbox


def _fields(content: bytes, reader: Address, *, automatic: bool) -> bytes:
    lines = [f"Final-Recipient: rfc822;{reader.mailbox}"]
    if original := header(content, "original-recipient"):
        lines.insert(0, f"Original-Recipient: {shown(original)}")
    if identity := _message_id(content):
        lines.append(f"Original-Message-ID: {identity}")
    mode = "automatic-action/MDN-sent-automatically" if automatic else "manual-action/MDN-sent-manually"
    lines.append(f"Disposition: {mode}; displayed")
    return "".join(f"{line}\r\n" for line in lines).encode()


def _message_id(content: bytes) -> str:
    """Of the original, "" where it is none that may be copied."""
    identity = (header(content, "message-id") or b"").decode("ascii", "replace")
    return identity if len(identity) <= 900 and is_message_id(identity) else ""

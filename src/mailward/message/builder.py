"""`Message`: a mail from its parts, every header checked, encoded and folded here (RFC 5322, RFC 2046, RFC 2183)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Literal, Self, TypeAlias, cast

from mailward.errors import InvalidMessage
from mailward.message.address_list import Address, parse_address, parse_address_list
from mailward.message.attachment import Attachment, checked_cid, made_cid
from mailward.message.content import check_section
from mailward.message.date_time import date_time
from mailward.message.envelope import Envelope
from mailward.message.field import ADDRESS_FIELDS, address_text, check_name, check_value, field, fold, unstructured
from mailward.message.files import AnyFile, FileSource
from mailward.message.message_id import checked_id
from mailward.message.octets import MOST_HELD, Octets, joined
from mailward.message.parameter import media_type, written
from mailward.message.part import Part, group, rendered, text_leaf
from mailward.message.unsubscribe import unsubscribe_fields
from mailward.printable import printable
from mailward.wire.address import Mailbox

if TYPE_CHECKING:
    from email.message import EmailMessage
    from email.policy import Policy

    from mailward.message.invite import Invitation

Addresses: TypeAlias = str | Sequence[str]
Priority: TypeAlias = Literal["high", "normal", "low"]

_OURS = frozenset({"from", "sender", "to", "cc", "bcc", "resent-bcc", "subject", "date", "message-id", "mime-version"})
_PRIORITIES: Final = {
    "high": (("X-Priority", "1 (Highest)"), ("Importance", "high")),
    "normal": (),
    "low": (("X-Priority", "5 (Lowest)"), ("Importance", "low")),
}
_BEFORE_HTML = "text/x-amp-html"  # readers that do not know it take the last part they see


class Message:
    """A mail to be sent: `Message(from_="Ann <ann@example.org>", to="bob@example.net", subject="Hi", text="Hello")`.

    Each address is `ann@example.test` or `Ann <ann@example.test>`, one to a string. `sender` is who sends where that is
    not who wrote, or in place of `from_`. `headers`: more fields, as plain text. `priority`: "high", "normal" or "low".
    `list_unsubscribe`: an https URL, a mailto URI, or both. `read_receipt_to`: who asks to be told that it was read.
    `date` must be aware, `message_id` is `<left@right>`; what is missing of them is given when it is first sent, and
    stays. Bcc is in the envelope alone. Raises InvalidAddress and InvalidMessage.
    """

    def __init__(
        self,
        *,
        from_: Addresses = (),
        sender: str | None = None,
        to: Addresses = (),
        cc: Addresses = (),
        bcc: Addresses = (),
        reply_to: Addresses = (),
        subject: str = "",
        text: str | None = None,
        html: str | None = None,
        headers: Mapping[str, str] | None = None,
        date: datetime | None = None,
        message_id: str | None = None,
        priority: Priority = "normal",
        list_unsubscribe: str | Sequence[str] | None = None,
        read_receipt_to: str | None = None,
    ) -> None:
        check_value("Subject", subject)
        self._authors, self._agent = _who(_addresses(from_), _addresses(sender or ()))
        self._to, self._cc, self._bcc = _addresses(to), _addresses(cc), _addresses(bcc)
        self.date = date
        self.message_id = message_id and checked_id(message_id)
        self.subject = subject
        self.text = text
        self.html = html
        self._fields = [_address_field("Reply-To", _addresses(reply_to))] if reply_to else []
        self._names = {"reply-to"} if reply_to else set()
        self._more: list[tuple[str, str]] = []  # other bodies: their type as written, and their text
        self._attached: list[Attachment] = []
        self._embedded: list[Attachment] = []
        self._body: Part | None = None
        self._invitation: Invitation | None = None
        self._null_path = False
        self._add_known(priority, list_unsubscribe, read_receipt_to)
        for name, value in (headers or {}).items():
            self._add(name, value)

    def __repr__(self) -> str:
        return f"<Message {self.message_id or 'without id'} from {address_text(self._authors)}>"

    @classmethod
    def containing(cls, body: Part, *, null_path: bool, subject: str, headers: Mapping[str, str]) -> Self:
        """One whose body is a report, made elsewhere. `null_path`: nobody is told if it cannot be delivered."""
        addresses = {name: value for name, value in headers.items() if name in {"From", "To"}}
        others = {name: value for name, value in headers.items() if name not in addresses}
        message = cls(from_=addresses["From"], to=addresses["To"], subject=subject, headers=others)
        message._body = body
        message._null_path = null_path
        return message

    @property
    def envelope(self) -> Envelope:
        """Sender, else author; To, Cc and Bcc, each once. Raises InvalidMessage for none."""
        return Envelope(self.reverse_path, self.forward_paths)

    @property
    def reverse_path(self) -> Mailbox | None:
        return None if self._null_path else (self._agent or self._authors)[0].mailbox

    @property
    def forward_paths(self) -> tuple[Mailbox, ...]:
        recipients = dict.fromkeys(address.mailbox for address in (*self._to, *self._cc, *self._bcc))
        if not recipients:
            raise InvalidMessage("the message has no recipient", advice="give to=, cc= or bcc=")
        return tuple(recipients)

    @property
    def attachments(self) -> tuple[Attachment, ...]:
        return tuple(self._attached)

    @property
    def cids(self) -> frozenset[str]:
        """The ids of what is embedded."""
        return frozenset(attachment.cid for attachment in self._embedded)

    def attach(
        self,
        content: bytes | AnyFile | FileSource | Attachment,
        *,
        name: str | None = None,
        type: str | None = None,  # noqa: A002
    ) -> Self:
        """Adds a file: its path (a str is one), its octets, or an open binary file that can seek. Never a URL.

        A file is read when the message is sent, in pieces, and must not change until then. `name` is what the reader
        sees, that of the file without it; `type` such as "application/pdf" goes by the name.
        """
        made = content if isinstance(content, Attachment) else Attachment.of(content, name=name, type=type)
        self._attached.append(made)
        return self

    def embed(
        self,
        content: bytes | AnyFile | FileSource,
        cid: str | None = None,
        *,
        type: str | None = None,  # noqa: A002
    ) -> str:
        """Adds what the HTML shows by itself, and gives the id it is shown by: `<img src="cid:…">`."""
        if isinstance(content, bytes) and type is None:
            raise InvalidMessage("octets alone do not tell their type", advice='give type="image/png" or what it is')
        made = Attachment.of(content, name=None, type=type)
        cid = made_cid(made.content, len(self._embedded)) if cid is None else checked_cid(cid)
        if cid in self.cids:
            raise InvalidMessage(f"the content id {cid} is taken")
        self._embedded.append(Attachment(made.content, made.name, made.type, cid))
        return cid

    def alternative(self, body: str, type: str) -> Self:  # noqa: A002
        """Adds the same message in another form, such as "text/x-amp-html"."""
        self._more.append((media_type(type) + _utf8(type), body))
        return self

    def invite(self, invitation: Invitation) -> Self:
        """Makes it an invitation to a meeting, a change of one, or its cancellation (RFC 6047)."""
        self._invitation = invitation
        return self

    def complete(self, utc: Callable[[], datetime], nonce: Callable[[], str]) -> Self:
        """Gives it the Date and the Message-ID that it has not."""
        if self.date is None:
            self.date = utc()
        if self.message_id is None:
            self.message_id = checked_id(f"<{nonce()}@{self._authors[0].mailbox.domain}>")
        return self

    def as_octets(self, *, eight_bit: bool = False) -> bytes | Octets:
        """What goes to every recipient: in memory, or, with files in it, in pieces that are read when asked for.

        `eight_bit`: leave UTF-8 as it is in bodies, for servers with 8BITMIME.
        """
        return self._octets(with_bcc=False, eight_bit=eight_bit)

    def as_email_message(self, *, eight_bit: bool = False) -> EmailMessage:
        """The same as the standard library has it, Bcc too, with everything in memory."""
        from email import message_from_bytes  # noqa: PLC0415  # the email package is large

        from mailward.message.serialise import wire_policy  # noqa: PLC0415

        octets = self._octets(with_bcc=True, eight_bit=eight_bit)
        if not isinstance(octets, bytes):
            if octets.size > MOST_HELD:
                raise InvalidMessage(f"the message has more than {MOST_HELD} octets", advice="send it as it is")
            octets = b"".join(octets.pieces())
        return cast("EmailMessage", message_from_bytes(octets, policy=cast("Policy[Any]", wire_policy())))

    def _add_known(self, priority: str, ways: str | Sequence[str] | None, reader: str | None) -> None:
        if priority not in _PRIORITIES:
            raise InvalidMessage(f"{printable(str(priority), 40)!r} is no priority; say high, normal or low")
        for name, value in (*_PRIORITIES[priority], *(unsubscribe_fields(ways) if ways else ())):
            self._add(name, value)
        if reader is not None:
            self._names.add("disposition-notification-to")
            self._fields.append(_address_field("Disposition-Notification-To", _addresses(reader)))

    def _add(self, name: str, value: str) -> None:
        check_name(name)
        lower = name.lower()
        if lower in _OURS or lower.startswith("content-"):
            raise InvalidMessage(f"header {printable(name, 80)} is written by Message itself", advice="give it by name")
        if lower in self._names:
            raise InvalidMessage(f"header {printable(name, 80)} is there twice")
        self._names.add(lower)
        if lower in ADDRESS_FIELDS:
            self._fields.append(field(name, fold(name, address_text(parse_address_list(value)))))
        else:
            self._fields.append(_text_field(name, value))

    def _octets(self, *, with_bcc: bool, eight_bit: bool) -> bytes | Octets:
        header = self._header(with_bcc=with_bcc)
        check_section(header)
        return joined([header, *rendered(self._content(eight_bit=eight_bit), self.message_id or "")])

    def _header(self, *, with_bcc: bool) -> bytes:
        if self.date is None or self.message_id is None:
            raise InvalidMessage("the message has no Date or no Message-ID", advice="give them, or call complete()")
        who = (("From", self._authors), ("Sender", self._agent), ("To", self._to), ("Cc", self._cc))
        lines = [_address_field(name, addresses) for name, addresses in who if addresses]
        if with_bcc and self._bcc:
            lines.append(_address_field("Bcc", self._bcc))
        lines += (
            _text_field("Subject", self.subject),
            f"Date: {date_time(self.date)}\r\n",
            field("Message-ID", fold("Message-ID", checked_id(self.message_id))),
            *self._fields,
            "MIME-Version: 1.0\r\n",
        )
        return "".join(lines).encode()

    def _content(self, *, eight_bit: bool) -> Part:
        if self._body is not None:
            return self._body
        bodies = self._bodies()
        attached = [attachment.leaf() for attachment in self._attached]
        if self._invitation is not None and self.date is not None:
            bodies.append((self._invitation.media_type, self._invitation.text(self.date)))
            attached += self._invitation.attachment(self.date)
        if not bodies:
            raise InvalidMessage("the message has neither text nor html")
        alternatives = group("alternative", [text_leaf(body, kind, eight_bit=eight_bit) for kind, body in bodies])
        root = bodies[0][0].partition(";")[0] if len(bodies) == 1 else "multipart/alternative"
        embedded = [attachment.leaf() for attachment in self._embedded]
        related = group("related", [alternatives, *embedded], written("type", root))
        return group("mixed", [related, *attached])

    def _bodies(self) -> list[tuple[str, str]]:
        """Each form of the text with its type as written, the plainest first (RFC 2046 §5.1.4)."""
        early = [each for each in self._more if each[0].startswith(_BEFORE_HTML)]
        return [
            *([] if self.text is None else [('text/plain; charset="utf-8"', self.text)]),
            *early,
            *([] if self.html is None else [('text/html; charset="utf-8"', self.html)]),
            *(each for each in self._more if each not in early),
        ]


def _who(authors: tuple[Address, ...], agent: tuple[Address, ...]) -> tuple[tuple[Address, ...], tuple[Address, ...]]:
    if not authors:
        authors, agent = agent, ()
    if not authors:
        raise InvalidMessage("the message has no sender", advice="give from_=")
    if len(authors) > 1 and not agent:
        raise InvalidMessage("several authors and no sender", advice="give sender= too (RFC 5322 §3.6.2)")
    return authors, agent


def _addresses(given: Addresses) -> tuple[Address, ...]:
    return tuple(parse_address(text) for text in ([given] if isinstance(given, str) else given))


def _address_field(name: str, addresses: tuple[Address, ...]) -> str:
    return field(name, fold(name, address_text(addresses)))


def _text_field(name: str, value: str) -> str:
    check_value(name, value)
    return field(name, fold(name, unstructured(value)))


def _utf8(type: str) -> str:  # noqa: A002
    return "" if "charset" in type.lower() else '; charset="utf-8"'

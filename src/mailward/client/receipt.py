"""What became of one message, for keeping: outcome, each recipient's reply, and how the channel was secured."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from mailward.printable import printable

if TYPE_CHECKING:
    from mailward.wire.reply import Reply

_QUEUE_ID = re.compile(
    r"\bqueued as <?([A-Za-z0-9][\w.\-]{0,99})"  # Mailward, Postfix
    r"|\bid=<?([A-Za-z0-9][\w.\-]{0,99})"  # Exim
    r"|^([A-Za-z0-9][\w.\-]{0,99}) Message accepted for delivery",  # Sendmail, OpenSMTPD
    re.IGNORECASE | re.ASCII,
)


class Outcome(StrEnum):
    """ACCEPTED: by the server for everyone. PARTIAL: for some. REJECTED: it refused the message or everyone in it.

    NOT_SENT: it cannot have been accepted, for the end of the content never left. UNKNOWN: the content left whole
    and the reply never came, so it may or may not have been accepted.
    """

    ACCEPTED = "accepted"
    PARTIAL = "partial"
    REJECTED = "rejected"
    NOT_SENT = "not-sent"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class RecipientResult:
    """`accepted`: the server has taken the message for this address. `reply`: the one that decided, if one did."""

    address: str
    accepted: bool
    reply: Reply | None = None


@dataclass(frozen=True, slots=True)
class TlsInfo:
    """`verified_by`: "system CAs" or "ca=". `pin`: "sha256/" and the base64 SHA-256 of the server's public key."""

    version: str
    cipher: str
    verified_by: str
    pin: str


@dataclass(frozen=True, slots=True)
class AuthInfo:
    """`channel_binding`: the type that ties the login to this very TLS channel, None if it is not tied."""

    mechanism: str
    channel_binding: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """`reply`: the server's last word on the message. `error`: why it was not accepted for all, "" if it was.

    `tls` is None only for `INSECURE_PLAINTEXT` or when no session was had.
    """

    outcome: Outcome
    recipients: tuple[RecipientResult, ...] = ()
    tls: TlsInfo | None = None
    auth: AuthInfo | None = None
    queue_id: str | None = None
    sender: str = ""
    reply: Reply | None = None
    error: str = ""

    @property
    def ok(self) -> bool:
        """Accepted for every recipient."""
        return self.outcome is Outcome.ACCEPTED

    def as_dict(self) -> dict[str, object]:
        """For JSON: strings, numbers, booleans, None, and lists and dictionaries of them."""
        return {
            "outcome": self.outcome.value,
            "sender": self.sender,
            "recipients": [
                {"address": result.address, "accepted": result.accepted, **_reply_dict(result.reply)}
                for result in self.recipients
            ],
            "tls": asdict(self.tls) if self.tls else None,
            "auth": asdict(self.auth) if self.auth else None,
            "queue_id": self.queue_id,
            **_reply_dict(self.reply),
            "error": self.error,
        }


def queue_id_in(reply: Reply) -> str | None:
    """The name under which the server keeps the message, where its reply is of a form we know."""
    match = _QUEUE_ID.search(reply.text)
    return next(filter(None, match.groups()), None) if match else None


def _reply_dict(reply: Reply | None) -> dict[str, object]:
    if reply is None:
        return {"code": None, "enhanced_code": None, "reply": None}
    return {"code": reply.code, "enhanced_code": reply.enhanced, "reply": printable(reply.text)}

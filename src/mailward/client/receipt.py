"""What became of one message, for keeping: outcome, each recipient's reply, and how the channel was secured."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from mailward.errors import OutcomeUnknown, RecipientsRefused
from mailward.printable import printable

if TYPE_CHECKING:
    from mailward.errors import MailwardError
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
    """What became of a message, and how it was secured on the way to `host`.

    reply: the server's last word on it. error: why it was not accepted for all, "" if it was. tls: None only for
    `INSECURE_PLAINTEXT` or when no session was had. queue_id: what the server calls it. requiretls: asked for and
    granted. dkim: the signatures put on it, as `selector._domainkey.domain`. envid: its name in notifications.
    idempotency_key: under which it was taken once. not_offered: keywords it would have made use of.
    """

    outcome: Outcome
    recipients: tuple[RecipientResult, ...] = ()
    tls: TlsInfo | None = None
    auth: AuthInfo | None = None
    queue_id: str | None = None
    sender: str = ""
    reply: Reply | None = None
    error: str = ""
    host: str = ""
    message_id: str = ""
    requiretls: bool = False
    dkim: tuple[str, ...] = ()
    envid: str | None = None
    idempotency_key: str | None = None
    not_offered: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Accepted for every recipient."""
        return self.outcome is Outcome.ACCEPTED

    def outcome_of(self, address: str) -> Outcome:
        """What became of the message for one recipient: accepted, rejected, not-sent or unknown. Raises KeyError."""
        for result in self.recipients:
            if result.address == address:
                return self._outcome(result)
        raise KeyError(address)

    def _outcome(self, result: RecipientResult) -> Outcome:
        if result.accepted:
            return Outcome.ACCEPTED
        if result.reply is not None and result.reply.code >= 400:
            return Outcome.REJECTED
        return self.outcome if self.outcome in (Outcome.NOT_SENT, Outcome.UNKNOWN) else Outcome.REJECTED

    @property
    def refused(self) -> tuple[RecipientResult, ...]:
        """The recipients for whom it was not accepted."""
        return tuple(result for result in self.recipients if not result.accepted)

    def raise_for_recipients(self) -> None:
        """Raises RecipientsRefused, which carries this receipt, unless it was accepted for every recipient."""
        if self.outcome is Outcome.UNKNOWN:
            raise self._raised(OutcomeUnknown(self.error or "whether it was accepted is not known", phase="content"))
        if not self.ok:
            told = "; ".join(f"{result.address}: {result.reply or self.error}" for result in self.refused[:3])
            retryable = all(result.reply is not None and result.reply.transient for result in self.refused)
            raise self._raised(
                RecipientsRefused(f"not accepted for everybody: {told}", phase="rcpt", retryable=retryable)
            )

    def _raised(self, error: MailwardError) -> MailwardError:
        error.receipt = self
        return error

    def as_dict(self) -> dict[str, object]:
        """For JSON: strings, numbers, booleans, None, and lists and dictionaries of them."""
        return {
            "outcome": self.outcome.value,
            "sender": self.sender,
            "recipients": [
                {
                    "address": result.address,
                    "accepted": result.accepted,
                    "outcome": self._outcome(result).value,
                    **_reply_dict(result.reply),
                }
                for result in self.recipients
            ],
            "tls": asdict(self.tls) if self.tls else None,
            "auth": asdict(self.auth) if self.auth else None,
            "queue_id": self.queue_id,
            **_reply_dict(self.reply),
            "error": self.error,
            "host": self.host,
            "message_id": self.message_id,
            "requiretls": self.requiretls,
            "dkim": list(self.dkim),
            "envid": self.envid,
            "idempotency_key": self.idempotency_key,
            "not_offered": list(self.not_offered),
        }


def queue_id_in(reply: Reply) -> str | None:
    """The name under which the server keeps the message, where its reply is of a form we know."""
    match = _QUEUE_ID.search(reply.text)
    return next(filter(None, match.groups()), None) if match else None


def _reply_dict(reply: Reply | None) -> dict[str, object]:
    if reply is None:
        return {"code": None, "enhanced_code": None, "reply": None}
    return {"code": reply.code, "enhanced_code": reply.enhanced, "reply": printable(reply.text)}

"""What a message needs of a server, against what the server offers, before MAIL (RFC 1870, 6152, 6531, 9422)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mailward.errors import InputError, InvalidAddress, InvalidMessage
from mailward.wire.parameters import Body, MailParameters

if TYPE_CHECKING:
    from mailward.client.submission import Submission
    from mailward.wire.keyword import Keywords


@dataclass(frozen=True, slots=True)
class Offers:
    """What one session's EHLO keywords mean for a transaction, read once.

    `size`: octets at most, 0 for any, None without SIZE. `most_recipients`, `most_transactions`: None for any number.
    """

    pipelining: bool
    eight_bit: bool
    smtputf8: bool
    size: int | None
    most_recipients: int | None
    most_transactions: int | None

    @classmethod
    def of(cls, keywords: Keywords) -> Offers:
        limits = keywords.limits
        return cls(
            keywords.pipelining,
            keywords.eightbitmime,
            keywords.smtputf8,
            keywords.size,
            limits.get("RCPTMAX"),
            limits.get("MAILMAX"),
        )

    def check(self, submission: Submission) -> None:
        """Raises InputError where the message needs more."""
        if submission.smtputf8 and not self.smtputf8:
            raise InvalidAddress(
                "the server does not offer SMTPUTF8, which this message needs: " + _why_smtputf8(submission),
                phase="mail",
                advice="use an ASCII address, or another server",
            )
        if submission.eight_bit and not self.eight_bit:
            raise InvalidMessage(
                "the server does not offer 8BITMIME, and the content has octets over 127",
                phase="mail",
                advice="encode the bodies as quoted-printable or base64; an EmailMessage is encoded for you",
            )
        if self.size and len(submission.content) > self.size:
            raise InvalidMessage(
                f"the message has {len(submission.content)} octets and the server takes {self.size}", phase="mail"
            )
        if self.most_recipients is not None and len(submission.recipients) > self.most_recipients:
            raise InputError(
                f"the server takes {self.most_recipients} recipients in one transaction (LIMITS RCPTMAX), "
                f"not {len(submission.recipients)}",
                phase="mail",
                advice="send it several times, to some of the recipients each",
            )

    def parameters(self, submission: Submission) -> MailParameters:
        """Those of MAIL for this message."""
        return MailParameters(
            size=len(submission.content) if self.size is not None else None,
            body=Body.EIGHT_BIT_MIME if submission.eight_bit else None,
            smtputf8=submission.smtputf8,
        )


def _why_smtputf8(submission: Submission) -> str:
    mailboxes = (submission.sender, *submission.recipients) if submission.sender else submission.recipients
    for mailbox in mailboxes:
        if mailbox.needs_smtputf8:
            return f"the address {mailbox} is not ASCII"
    return "its header has UTF-8 in it"

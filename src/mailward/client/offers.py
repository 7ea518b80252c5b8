"""What a message needs of a server, against what the server offers, before MAIL (RFC 1870, 6152, 6531, 9422).

What changes when or how safely a message travels must be offered; a notification or a priority may be missing, and
the receipt says so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from mailward.client.how import NO_HOW
from mailward.errors import InputError, InvalidAddress, InvalidMessage, TlsRequired
from mailward.wire.parameters import NO_RCPT_PARAMETERS, Body, MailParameters, RcptParameters

if TYPE_CHECKING:
    from mailward.client.how import How
    from mailward.client.submission import Submission
    from mailward.wire.address import Mailbox
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
    chunking: bool = False
    binarymime: bool = False
    most_domains: int | None = None
    dsn: bool = False
    requiretls: bool = False
    longest_hold: int | None = None
    least_deliver_by: int | None = None
    priority: bool = False
    idempotent: bool = False

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
            chunking=keywords.chunking,
            binarymime=keywords.binarymime,
            most_domains=limits.get("RCPTDOMAINMAX"),
            dsn=keywords.dsn,
            requiretls=keywords.requiretls,
            longest_hold=keywords.hold[0] if keywords.hold else None,
            least_deliver_by=keywords.deliverby,
            priority=keywords.mt_priority,
            idempotent=keywords.idempotent is not None,
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
        if self.size and submission.size > self.size:
            raise InvalidMessage(
                f"the message has {submission.size} octets and the server takes {self.size}", phase="mail"
            )
        if self.most_recipients is not None and len(submission.recipients) > self.most_recipients:
            raise InputError(
                f"the server takes {self.most_recipients} recipients in one transaction (LIMITS RCPTMAX), "
                f"not {len(submission.recipients)}",
                phase="mail",
                advice="send it several times, to some of the recipients each",
            )
        domains = len({mailbox.domain for mailbox in submission.recipients}) if self.most_domains is not None else 0
        if self.most_domains is not None and domains > self.most_domains:
            raise InputError(
                f"the server takes recipients of {self.most_domains} domains in one transaction "
                f"(LIMITS RCPTDOMAINMAX), not {domains}",
                phase="mail",
                advice="send it several times, to some of the recipients each",
            )
        if submission.how is not NO_HOW:
            self._check_how(submission.how)

    def parameters(self, submission: Submission) -> MailParameters:
        """Those of MAIL for this message."""
        how = submission.how
        size = submission.size if self.size is not None else None
        plain = _plain(size, eight_bit=submission.eight_bit, smtputf8=submission.smtputf8)
        key = how.key or submission.name or None if self.idempotent else None
        if how is NO_HOW and key is None:
            return plain
        dsn = how.dsn if self.dsn else None
        return replace(
            plain,
            ret=dsn.wanted if dsn else None,
            envid=dsn.envid or submission.name or None if dsn else None,
            requiretls=how.requiretls,
            holdfor=how.holdfor,
            holduntil=how.holduntil,
            by=how.by,
            priority=how.priority if self.priority else None,
            key=key,
        )

    def recipient_parameters(self, submission: Submission, mailbox: Mailbox) -> RcptParameters:
        """Those of RCPT for one of its recipients."""
        dsn = submission.how.dsn
        return NO_RCPT_PARAMETERS if dsn is None or not self.dsn else dsn.of_recipient(mailbox)

    def missed(self, how: How) -> tuple[str, ...]:
        """The keywords that the message would have made use of."""
        wanted = {"DSN": how.dsn is not None and not self.dsn, "MT-PRIORITY": bool(how.priority) and not self.priority}
        return tuple(keyword for keyword, missing in wanted.items() if missing)

    def _check_how(self, how: How) -> None:
        if how.requiretls and not self.requiretls:
            raise TlsRequired(
                "the server does not offer REQUIRETLS, so it would not promise TLS on the rest of the way",
                phase="mail",
                advice="use another server, or send without requiretls=True",
            )
        if how.once and not self.idempotent:
            raise _not_offered("X-IDEMPOTENT", "exactly_once=")
        hold = how.holdfor is not None or how.holduntil is not None
        if hold and self.longest_hold is None:
            raise _not_offered("FUTURERELEASE", "hold=")
        if how.holdfor is not None and self.longest_hold is not None and how.holdfor > self.longest_hold:
            raise InputError(f"the server holds a message {self.longest_hold} seconds at most", phase="mail")
        if how.by is not None and self.least_deliver_by is None:
            raise _not_offered("DELIVERBY", "deliver_by=")
        if how.by is not None and not how.by.notify and how.by.seconds < (self.least_deliver_by or 0):
            raise InputError(f"the server wants {self.least_deliver_by} seconds at least to deliver", phase="mail")


@lru_cache(maxsize=1024)  # many messages are alike
def _plain(size: int | None, *, eight_bit: bool, smtputf8: bool) -> MailParameters:
    return MailParameters(size=size, body=Body.EIGHT_BIT_MIME if eight_bit else None, smtputf8=smtputf8)


def _not_offered(keyword: str, argument: str) -> InputError:
    return InputError(
        f"the server does not offer {keyword}, which {argument} needs",
        phase="mail",
        advice=f"use another server, or send without {argument}",
    )


def _why_smtputf8(submission: Submission) -> str:
    mailboxes = (submission.sender, *submission.recipients) if submission.sender else submission.recipients
    for mailbox in mailboxes:
        if mailbox.needs_smtputf8:
            return f"the address {mailbox} is not ASCII"
    return "its header has UTF-8 in it"

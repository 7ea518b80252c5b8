"""What became of one message, from the replies of one transaction (RFC 5321 §3.3, RFC 3030, RFC 2033)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING

from mailward.client.how import NO_HOW
from mailward.client.receipt import Outcome, Receipt, RecipientResult, queue_id_in
from mailward.errors import MailwardError, OutcomeUnknown, PermanentReply, RecipientsRefused, TransientReply
from mailward.wire.command import Mail, Rcpt
from mailward.wire.parameters import NO_MAIL_PARAMETERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailward.client.observer import SessionObserver
    from mailward.client.session import Session
    from mailward.client.submission import Submission
    from mailward.errors import InputError
    from mailward.wire.command import Command
    from mailward.wire.reply import Reply


@dataclass(frozen=True, slots=True)
class Delivery:
    """`error`: what `send` raises; None when at least one recipient was accepted."""

    receipt: Receipt
    error: MailwardError | None = None

    def result(self) -> Receipt:
        """The receipt, or the error raised."""
        if self.error is not None:
            raise self.error
        return self.receipt

    @classmethod
    def failed(cls, error: MailwardError) -> Delivery:
        """With the receipt that the error carries."""
        return cls(error.receipt, error)


class Judgement:
    """`replies`: those to MAIL, to each RCPT and to DATA, in order, as far as they came."""

    __slots__ = ("_parameters", "_session", "replies", "submission")

    def __init__(self, session: Session, submission: Submission) -> None:
        self._session = session
        self.submission = submission
        self.replies: list[Reply] = []
        self._parameters = NO_MAIL_PARAMETERS  # until MAIL is said

    def envelope(self) -> list[Command]:
        """MAIL and RCPT."""
        submission, offers = self.submission, self._session.offers
        self._parameters = offers.parameters(submission)
        if self._session.conversation.observer is not None:
            _tell_beginning(self._session.conversation.observer, submission)
        commands: list[Command] = [Mail(submission.sender, self._parameters)]
        if submission.how.dsn is None:
            commands += map(Rcpt, submission.recipients)
        else:
            commands += [Rcpt(each, offers.recipient_parameters(submission, each)) for each in submission.recipients]
        return commands

    @property
    def key(self) -> str | None:
        """Under which the server takes it once, if it was told one."""
        return self._parameters.key

    @property
    def accepted(self) -> bool:
        """Whether anybody is to get the content."""
        replies = self.replies
        if not replies or replies[0].code >= 300:
            return False
        return min([reply.code for reply in self._of_recipients()], default=500) < 300

    @property
    def hopeless(self) -> bool:
        """Whether nobody gets it, whatever is said about the content."""
        if not self.replies:
            return False
        whole = len(self.replies) > len(self.submission.recipients)
        return not self.replies[0].positive or (whole and not self.accepted)

    def verdict(self, reply: Reply) -> Delivery:
        """After the reply to the content."""
        codes = [each.code for each in self.replies]
        if reply.code < 300 and len(codes) == 1 + len(self.submission.recipients) and max(codes) < 300:
            return Delivery(self._receipt(Outcome.ACCEPTED, reply=reply))
        if not self.accepted:
            return Delivery.failed(self.refused_by(reply, "envelope") if reply.code == 421 else self.refusal())
        if reply.code >= 300:
            return Delivery.failed(self.refused_by(reply, "content"))
        everybody = all(each.code < 300 for each in self._of_recipients())
        return Delivery(self._receipt(Outcome.ACCEPTED if everybody else Outcome.PARTIAL, reply=reply))

    def verdicts(self, replies: Sequence[Reply]) -> Delivery:
        """After the replies to the content, one for each recipient that was accepted (LMTP)."""
        each = iter(replies)
        settled = [reply if not reply.positive else next(each) for reply in self._of_recipients()]
        self.replies[1 : 1 + len(settled)] = settled
        if not self.accepted:
            return Delivery.failed(self._nobody())
        best = next(reply for reply in settled if reply.positive)
        everybody = all(reply.positive for reply in settled)
        return Delivery(self._receipt(Outcome.ACCEPTED if everybody else Outcome.PARTIAL, reply=best))

    def not_sent(self, error: MailwardError) -> Delivery:
        """The end of the content never left."""
        error.receipt = error.receipt or self._receipt(Outcome.NOT_SENT, error=error.message)
        return Delivery.failed(error)

    def unknown(self, error: MailwardError) -> OutcomeUnknown:
        unknown = OutcomeUnknown(
            f"the content was sent whole, and the reply to it never came: {error.message}",
            phase="content",
            advice="it may or may not have been accepted; sending it again may deliver it twice",
        )
        unknown.receipt = self._receipt(Outcome.UNKNOWN, error=unknown.message)
        return unknown

    def refusal(self) -> MailwardError:
        """Why nobody gets it: the last reply if the session ended, else MAIL's, the recipients', DATA's."""
        last = self.replies[-1]
        if last.code == 421:
            return self.refused_by(last, "envelope")
        if not self.replies[0].positive:
            return self.refused_by(self.replies[0], "mail")
        if not self.accepted:
            return self._nobody()
        return self.refused_by(last, "data")

    def refused_by(self, reply: Reply, phase: str) -> MailwardError:
        kind = TransientReply if reply.transient else PermanentReply
        error = kind(
            f"the server refused the message: {reply}",
            phase=phase,
            code=reply.code,
            enhanced_code=reply.enhanced,
            advice=self._advice(reply),
        )
        error.receipt = self._receipt(Outcome.REJECTED, reply=reply, error=error.message)
        return error

    def _advice(self, reply: Reply) -> str | None:
        if reply.code == 530:
            return "log in first: give auth= or a URL with user and password"
        from mailward.client.knowledge import advice_for  # noqa: PLC0415 - only for what is refused

        return advice_for(reply, host=self._session.host)

    def _of_recipients(self) -> list[Reply]:
        return self.replies[1 : 1 + len(self.submission.recipients)]

    def _nobody(self) -> RecipientsRefused:
        replies = self._of_recipients()
        shown = zip(self.submission.recipients[:3], replies[:3], strict=True)
        told = "; ".join(f"{mailbox}: {reply}" for mailbox, reply in shown)
        more = len(replies) - 3
        error = RecipientsRefused(
            f"every recipient was refused: {told}" + (f"; and {more} more" if more > 0 else ""),
            phase="rcpt",
            code=replies[0].code,
            enhanced_code=replies[0].enhanced,
            retryable=all(reply.transient for reply in replies),
        )
        error.receipt = self._receipt(Outcome.REJECTED, error=error.message)
        return error

    def _receipt(self, outcome: Outcome, *, reply: Reply | None = None, error: str = "") -> Receipt:
        session, submission = self._session, self.submission
        receipt = Receipt(
            outcome=outcome,
            recipients=self._results(outcome, reply),
            tls=session.tls,
            auth=session.auth,
            queue_id=queue_id_in(reply) if reply is not None and reply.positive else None,
            sender=str(submission.sender or ""),
            reply=reply,
            error="" if outcome is Outcome.ACCEPTED else error or self._missed(),
            host=session.host,
            message_id=submission.message_id,
            requiretls=self._parameters.requiretls,
            dkim=submission.dkim,
            envid=self._parameters.envid,
            idempotency_key=self._parameters.key,
            not_offered=() if submission.how is NO_HOW else session.offers.missed(submission.how),
        )
        if session.conversation.observer is not None:
            _tell(session.conversation.observer, receipt)
        return receipt

    def _results(self, outcome: Outcome, decided: Reply | None) -> tuple[RecipientResult, ...]:
        if outcome is Outcome.ACCEPTED:
            return tuple(
                [
                    RecipientResult(str(mailbox), accepted=True, reply=reply)
                    for mailbox, reply in zip(self.submission.recipients, self._of_recipients(), strict=True)
                ]
            )
        taken = outcome is Outcome.PARTIAL
        mail_refused = bool(self.replies) and not self.replies[0].positive  # then RCPT's 503 says nothing
        results = []
        for mailbox, reply in zip_longest(self.submission.recipients, self._of_recipients()):
            accepted = reply is not None and reply.positive
            results.append(
                RecipientResult(
                    str(mailbox), taken and accepted, decided if not taken and (accepted or mail_refused) else reply
                )
            )
        return tuple(results)

    def _missed(self) -> str:
        refused = sum(reply.code >= 300 for reply in self._of_recipients())
        return f"{refused} of {len(self.submission.recipients)} recipients were refused" if refused else ""


def _tell_beginning(observer: SessionObserver, submission: Submission) -> None:
    observer.happened(
        "sending",
        message_id=submission.message_id,
        sender=str(submission.sender or ""),
        recipients=tuple(map(str, submission.recipients)),
    )


def _tell(observer: SessionObserver, receipt: Receipt) -> None:
    observer.happened(
        "sent" if receipt.outcome in (Outcome.ACCEPTED, Outcome.PARTIAL) else "failed",
        message_id=receipt.message_id,
        outcome=receipt.outcome.value,
        queue_id=receipt.queue_id,
        error=receipt.error,
    )


def not_sent(submission: Submission, error: MailwardError) -> Receipt:
    """The receipt of a message for which there was no session."""
    return Receipt(
        outcome=Outcome.NOT_SENT,
        recipients=tuple(RecipientResult(str(mailbox), accepted=False) for mailbox in submission.recipients),
        sender=str(submission.sender or ""),
        error=error.message,
    )


def unusable(error: InputError) -> Receipt:
    """The receipt of a message that could not even be prepared."""
    return Receipt(outcome=Outcome.NOT_SENT, error=error.message)

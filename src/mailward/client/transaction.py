"""One mail transaction: MAIL, RCPT, DATA, the content, and what became of it (RFC 5321 §3.3, RFC 2920).

Where the server offers PIPELINING the whole envelope and DATA leave at once. The content follows only a 354 and only
when somebody is to get it; a 354 that promises nobody is answered with the dot alone.
"""

from __future__ import annotations

from contextlib import suppress
from itertools import zip_longest
from typing import TYPE_CHECKING

from mailward.client.receipt import Outcome, Receipt, RecipientResult, queue_id_in
from mailward.errors import (
    MailwardError,
    OutcomeUnknown,
    PermanentReply,
    ProtocolError,
    RecipientsRefused,
    TransientReply,
)
from mailward.wire.command import Data, Mail, Rcpt
from mailward.wire.parameters import NO_RCPT_PARAMETERS

if TYPE_CHECKING:
    from mailward.client.session import Session
    from mailward.client.submission import Submission
    from mailward.wire.command import Command
    from mailward.wire.reply import Reply

_GROUP = 50  # commands said at once; their replies must fit into what the kernel keeps while we still speak


class Transaction:
    """`replies`: those to MAIL, to each RCPT and to DATA, in order, as far as they came."""

    def __init__(self, session: Session, submission: Submission) -> None:
        self._session = session
        self._conversation = session.conversation
        self._submission = submission
        self._replies: list[Reply] = []

    async def run(self) -> Receipt:
        """Raises a MailwardError that carries the receipt unless somebody was accepted."""
        try:
            self._session.offers.check(self._submission)
            self._session.sent += 1
            await self._envelope()
            return await self._content()
        except MailwardError as error:
            error.receipt = error.receipt or self._receipt(Outcome.NOT_SENT, error=error.message)
            raise

    async def _envelope(self) -> None:
        """Ends with a 354 for somebody, or raises the refusal."""
        try:
            await self._say_envelope()
        except ProtocolError:
            if not self._replies or self._replies[0].positive:
                raise  # else the refusal of MAIL is the better answer; what came after it makes no sense
        promised, accepted = self._replies[-1].intermediate, self._accepted()
        if promised and not accepted:
            await self._say_nothing()
        if not promised or not accepted:
            raise self._refusal()

    async def _say_envelope(self) -> None:
        commands = self._commands()
        size = _GROUP if self._session.offers.pipelining else 1
        for start in range(0, len(commands), size):
            group = commands[start : start + size]
            if start and (self._conversation.broken or not self._worth(group[0])):
                return
            await self._conversation.ask_all(group, self._replies)

    def _commands(self) -> list[Command]:
        submission = self._submission
        mail = Mail(submission.sender, self._session.offers.parameters(submission))
        return [mail, *[Rcpt(mailbox, NO_RCPT_PARAMETERS) for mailbox in submission.recipients], Data()]

    def _worth(self, command: Command) -> bool:
        """Whether to go on with `command`: MAIL was taken and, before DATA, a recipient."""
        return self._replies[0].positive and (isinstance(command, Rcpt) or self._accepted())

    async def _say_nothing(self) -> None:
        """The dot alone; whatever the server makes of it, the refusals stand."""
        self._session.spent = True
        with suppress(MailwardError):
            await self._conversation.hear_verdict(await self._conversation.say_content(b""))

    async def _content(self) -> Receipt:
        until = await self._conversation.say_content(self._submission.content)
        try:
            reply = await self._conversation.hear_verdict(until)
        except MailwardError as error:
            raise self._unknown(error) from error
        if not reply.positive:
            raise self._refused_by(reply, "content")
        everybody = all(reply.positive for reply in self._recipient_replies())
        return self._receipt(Outcome.ACCEPTED if everybody else Outcome.PARTIAL, reply=reply)

    def _accepted(self) -> bool:
        """Whether anybody is to get the content."""
        return self._replies[0].positive and any(reply.positive for reply in self._recipient_replies())

    def _recipient_replies(self) -> list[Reply]:
        return self._replies[1 : 1 + len(self._submission.recipients)]

    def _unknown(self, error: MailwardError) -> OutcomeUnknown:
        unknown = OutcomeUnknown(
            f"the content was sent whole, and the reply to it never came: {error.message}",
            phase="content",
            advice="it may or may not have been accepted; sending it again may deliver it twice",
        )
        unknown.receipt = self._receipt(Outcome.UNKNOWN, error=unknown.message)
        return unknown

    def _refusal(self) -> MailwardError:
        """Why nobody gets it: the last reply if the session ended, else MAIL's, the recipients', DATA's."""
        last = self._replies[-1]
        if last.code == 421:
            return self._refused_by(last, "envelope")
        if not self._replies[0].positive:
            return self._refused_by(self._replies[0], "mail")
        if not self._accepted():
            return self._nobody()
        return self._refused_by(last, "data")

    def _refused_by(self, reply: Reply, phase: str) -> MailwardError:
        kind = TransientReply if reply.transient else PermanentReply
        error = kind(
            f"the server refused the message: {reply}",
            phase=phase,
            code=reply.code,
            enhanced_code=reply.enhanced,
            advice="log in first: give auth= or a URL with user and password" if reply.code == 530 else None,
        )
        error.receipt = self._receipt(Outcome.REJECTED, reply=reply, error=error.message)
        return error

    def _nobody(self) -> RecipientsRefused:
        replies = self._recipient_replies()
        shown = zip(self._submission.recipients[:3], replies[:3], strict=True)
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
        return Receipt(
            outcome=outcome,
            recipients=self._results(outcome, reply),
            tls=self._session.tls,
            auth=self._session.auth,
            queue_id=queue_id_in(reply) if reply is not None and reply.positive else None,
            sender=str(self._submission.sender or ""),
            reply=reply,
            error=error or self._missed(),
        )

    def _results(self, outcome: Outcome, decided: Reply | None) -> tuple[RecipientResult, ...]:
        taken = outcome in (Outcome.ACCEPTED, Outcome.PARTIAL)
        mail_refused = bool(self._replies) and not self._replies[0].positive  # then RCPT's 503 says nothing
        results = []
        for mailbox, reply in zip_longest(self._submission.recipients, self._recipient_replies()):
            accepted = reply is not None and reply.positive
            results.append(
                RecipientResult(
                    str(mailbox), taken and accepted, decided if not taken and (accepted or mail_refused) else reply
                )
            )
        return tuple(results)

    def _missed(self) -> str:
        refused = sum(not reply.positive for reply in self._recipient_replies())
        return f"{refused} of {len(self._submission.recipients)} recipients were refused" if refused else ""

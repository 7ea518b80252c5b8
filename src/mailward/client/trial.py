"""A conversation that is left after a given phase: to look at a server, or at what it says to an envelope."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING

from mailward.client.connecting import connect
from mailward.client.opening import open_session
from mailward.wire.command import Mail, Rcpt

if TYPE_CHECKING:
    from mailward.client.options import ClientOptions
    from mailward.client.session import Session
    from mailward.client.submission import Submission
    from mailward.net.ports import Ports
    from mailward.wire.reply import Reply


class Phase(StrEnum):
    """Where to stop: after TCP, after TLS and EHLO, after the login, after MAIL, after the last RCPT."""

    CONNECT = "connect"
    EHLO = "ehlo"
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"


async def try_until(
    phase: Phase, options: ClientOptions, ports: Ports, *, submission: Submission | None, until: float | None
) -> list[tuple[str, Reply]]:
    """The replies to MAIL and each RCPT, each with its command. Raises what a send would up to there."""
    if phase is Phase.CONNECT:
        _endpoint, stream = await connect(options, ports, until=until)
        await stream.close()
        return []
    if phase is Phase.EHLO:
        options = replace(options, authority=None)
    session = await open_session(options, ports, until=until)
    try:
        replies = [] if submission is None else await _envelope(phase, session, submission)
    except BaseException:
        session.abort()
        raise
    await session.tidy()
    await session.end()
    return replies


async def _envelope(phase: Phase, session: Session, submission: Submission) -> list[tuple[str, Reply]]:
    if phase not in (Phase.MAIL, Phase.RCPT):
        return []
    session.offers.check(submission)
    mail = Mail(submission.sender, session.offers.parameters(submission))
    replies = [(mail.redacted(), await session.conversation.ask(mail))]
    if phase is Phase.RCPT and replies[0][1].positive:
        for mailbox in submission.recipients:
            rcpt = Rcpt(mailbox, session.offers.recipient_parameters(submission, mailbox))
            replies.append((rcpt.redacted(), await session.conversation.ask(rcpt)))
    return replies

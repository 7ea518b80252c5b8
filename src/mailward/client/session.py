"""A session that is ready for a mail transaction, and whether it is fit for another (RFC 5321 §3.3, RFC 9422)."""

from __future__ import annotations

import math
from contextlib import suppress
from typing import TYPE_CHECKING

from mailward.client.offers import Offers
from mailward.errors import MailwardError
from mailward.wire.command import Rset
from mailward.wire.state import State

if TYPE_CHECKING:
    from mailward.client.conversation import Conversation
    from mailward.client.receipt import AuthInfo, TlsInfo


class Session:
    """`sent`: transactions begun. `spent`: the server has misbehaved, and gets no other transaction here.

    `unsettled`: the server may still have a transaction open that only RSET ends. `lmtp`: it speaks LMTP (RFC 2033).
    `most`: transactions at most, where the client has a limit of its own. `idle_since`: in `ports.now()`.
    """

    def __init__(
        self,
        conversation: Conversation,
        *,
        tls: TlsInfo | None,
        auth: AuthInfo | None,
        host: str = "",
        lmtp: bool = False,
    ) -> None:
        self.conversation = conversation
        self.tls = tls
        self.auth = auth
        self.host = host
        self.offers = Offers.of(conversation.keywords)
        self.lmtp = lmtp
        self.sent = 0
        self.most: int | None = None
        self.spent = False
        self.unsettled = False
        self.idle_since = 0.0

    @property
    def left(self) -> float:
        """How many transactions may still be begun."""
        limits = [most for most in (self.offers.most_transactions, self.most) if most is not None]
        return min(limits) - self.sent if limits else math.inf

    @property
    def streaming(self) -> bool:
        """Whether MAIL, RCPT and the content itself may leave at once (RFC 3030 §4.2)."""
        return self.offers.chunking and self.offers.pipelining and not self.lmtp

    @property
    def reusable(self) -> bool:
        if self.spent or self.conversation.broken or self.conversation.state is not State.READY:
            return False
        return self.left > 0

    @property
    def untidy(self) -> bool:
        """Whether RSET must come before the next MAIL."""
        return self.unsettled or self.conversation.state in (State.MAIL, State.RCPT, State.BDAT)

    async def tidy(self) -> None:
        """After a refusal: ends the transaction that the server may still have open."""
        if not self.conversation.broken and self.untidy:
            self.unsettled = False
            try:
                await self.conversation.ask(Rset())
            except MailwardError:
                self.spent = True

    async def say_nothing(self) -> None:
        """After a 354 that promises nobody: the dot alone; whatever the server makes of it, the refusals stand."""
        self.spent = True
        with suppress(MailwardError):
            await self.conversation.hear_verdict(await self.conversation.say_content(b""))

    async def end(self) -> None:
        """With QUIT where anything can still be said."""
        if self.conversation.broken:
            self.abort()
        else:
            await self.conversation.quit()

    def abort(self) -> None:
        self.conversation.broken = True
        self.conversation.stream.abort()
        self.conversation.closed()

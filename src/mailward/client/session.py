"""A session that is ready for a mail transaction, and whether it is fit for another (RFC 5321 §3.3, RFC 9422)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailward.client.offers import Offers
from mailward.errors import MailwardError
from mailward.wire.command import Rset
from mailward.wire.state import State

if TYPE_CHECKING:
    from mailward.client.conversation import Conversation
    from mailward.client.receipt import AuthInfo, TlsInfo


class Session:
    """`sent`: transactions begun. `spent`: the server has misbehaved, and gets no other transaction here."""

    def __init__(self, conversation: Conversation, *, tls: TlsInfo | None, auth: AuthInfo | None) -> None:
        self.conversation = conversation
        self.tls = tls
        self.auth = auth
        self.offers = Offers.of(conversation.keywords)
        self.sent = 0
        self.spent = False

    @property
    def reusable(self) -> bool:
        if self.spent or self.conversation.broken or self.conversation.state is not State.READY:
            return False
        most = self.offers.most_transactions
        return most is None or self.sent < most

    async def tidy(self) -> None:
        """After a refusal: ends the transaction that the server may still have open."""
        if not self.conversation.broken and self.conversation.state in (State.MAIL, State.RCPT):
            try:
                await self.conversation.ask(Rset())
            except MailwardError:
                self.spent = True

    async def end(self) -> None:
        """With QUIT where anything can still be said."""
        if self.conversation.broken:
            self.abort()
        else:
            await self.conversation.quit()

    def abort(self) -> None:
        self.conversation.broken = True
        self.conversation.stream.abort()

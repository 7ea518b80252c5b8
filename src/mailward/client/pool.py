"""The sessions that nobody is using. Both lists' operations are atomic, so threads need no lock here."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mailward.client.session import Session


class Pool:
    """The last session given back is the first one lent again; it is the least likely to have been closed."""

    def __init__(self) -> None:
        self._idle: list[Session] = []

    async def lend(self) -> Session | None:
        """A session that is still there; None if one must be opened."""
        while self._idle:
            session = self._idle.pop()
            if not await session.conversation.interrupted():
                return session
            session.abort()
        return None

    def give_back(self, session: Session) -> None:
        self._idle.append(session)

    def empty(self) -> list[Session]:
        """Every session, no longer the pool's."""
        sessions, self._idle = self._idle, []
        return sessions

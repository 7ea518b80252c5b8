"""The sessions that nobody is using. Both lists' operations are atomic, so threads need no lock here."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mailward.client.session import Session


class Pool:
    """The last session given back is the first one lent again; it is the least likely to have been closed."""

    def __init__(self) -> None:
        self._idle: list[Session] = []
        self._owner = os.getpid()

    def __len__(self) -> int:
        self._disown()
        return len(self._idle)

    async def lend(self, used_since: float = 0.0) -> Session | None:
        """A session that is still there and was used since that moment; None if one must be opened."""
        self._disown()
        while self._idle:
            session = self._idle.pop()
            if session.idle_since < used_since:
                await session.end()
            elif not await session.conversation.interrupted():
                return session
            else:
                session.abort()
        return None

    def give_back(self, session: Session) -> None:
        self._idle.append(session)

    def empty(self) -> list[Session]:
        """Every session, no longer the pool's."""
        self._disown()
        sessions, self._idle = self._idle, []
        return sessions

    def _disown(self) -> None:
        """In a forked child: the sessions are the parent's, so that nothing may be said in them."""
        if self._owner == os.getpid():
            return
        self._owner = os.getpid()
        sessions, self._idle = self._idle, []
        for session in sessions:
            session.abort()

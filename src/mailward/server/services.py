"""What all sessions of a server share, put together once by `app`."""

from __future__ import annotations

import asyncio
import secrets
import ssl
from collections.abc import Coroutine
from dataclasses import dataclass, field

from mailward.guard.allowlist import Networks
from mailward.login.logins import Logins
from mailward.server.config import LimitsConfig
from mailward.server.later import Later
from mailward.server.queue.intake import Intake
from mailward.wire import reply as replies
from mailward.wire.reply import Reply
from mailward.wire.server import ServerLimits


@dataclass(frozen=True, slots=True)
class Services:
    """Arguments of every session, nothing global."""

    loop: asyncio.AbstractEventLoop
    limits: LimitsConfig
    wire_limits: ServerLimits
    tls_context: ssl.SSLContext
    relay_without_login: Networks
    logins: Logins
    intake: Intake
    failures_per_connection: int
    _work: set[asyncio.Task[None]] = field(default_factory=set)

    def new_id(self) -> str:
        """A session's name: 12 hex digits."""
        return secrets.token_hex(6)

    def spawn(self, work: Coroutine[object, object, Reply]) -> Later:
        """Run `work` to its end even if the session that asked goes away: a guess is judged whoever hangs up."""
        answer = Later()
        task = self.loop.create_task(_run(work, answer))
        self._work.add(task)
        task.add_done_callback(self._work.discard)
        return answer

    async def finish(self, within: float) -> None:
        """The work of sessions that are gone comes to its end too, but no later than in `within` seconds."""
        if self._work:
            await asyncio.wait(self._work, timeout=within)


async def _run(work: Coroutine[object, object, Reply], answer: Later) -> None:
    try:
        reply = await work
    except BaseException:
        answer.settle(replies.LOCAL_FAULT)  # the session must not wait for ever
        raise
    answer.settle(reply)

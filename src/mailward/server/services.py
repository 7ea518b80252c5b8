"""What all sessions of a server share, put together once by `app`."""

from __future__ import annotations

import asyncio
import secrets
import ssl
from collections.abc import Coroutine
from dataclasses import dataclass, field

from mailward.guard.allowlist import Networks
from mailward.server.config import LimitsConfig
from mailward.server.login import Logins
from mailward.server.queue.intake import Intake
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
    _work: set[asyncio.Task[Reply]] = field(default_factory=set)

    def new_id(self) -> str:
        """A session's name: 12 hex digits."""
        return secrets.token_hex(6)

    def spawn(self, work: Coroutine[object, object, Reply]) -> asyncio.Future[Reply]:
        """Run `work` to its end even if the session that asked goes away: a guess is judged whoever hangs up."""
        task = self.loop.create_task(work)
        self._work.add(task)
        task.add_done_callback(self._work.discard)
        return task

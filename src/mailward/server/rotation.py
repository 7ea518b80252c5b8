"""Passwords come to their end while a server runs: their owners are told, and what was replaced is retired."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from mailward.accounts import rotation
from mailward.errors import MailwardError
from mailward.events import PasswordExpiring, PasswordRetired
from mailward.message.serialise import serialise
from mailward.server.queue.intake import Envelope, Origin

if TYPE_CHECKING:
    from mailward.accounts.directory import Accounts
    from mailward.accounts.rotation import Expiring
    from mailward.events import Event
    from mailward.server.queue.intake import Intake

EVERY: Final = 600.0  # seconds
_log = logging.getLogger("mailward.server")


class Rotation:
    """`accounts` makes an Accounts for the thread it is called in: a round reads and waits for the disk in one."""

    def __init__(
        self,
        accounts: Callable[[], Accounts],
        intake: Intake,
        *,
        hostname: str,
        record: Callable[[Event], None],
        now: Callable[[], float],
    ) -> None:
        self._accounts = accounts
        self._intake = intake
        self._hostname = hostname
        self._record = record
        self._now = now

    async def run(self) -> None:
        """For ever, a round now and then; a fault of the store spoils one round only."""
        while True:
            try:
                await self.round()
            except MailwardError as problem:
                _log.error("the age of passwords was not looked at: %s", problem)
            await asyncio.sleep(EVERY)

    async def round(self) -> None:
        """Tell and retire what is to be told and retired now; each stage is told once, whoever looks first."""
        look = asyncio.get_running_loop().run_in_executor(None, self._look)
        try:
            await asyncio.wait({look})
        except asyncio.CancelledError:  # the server stops, and closes the database next: not while it is being read
            await asyncio.wait({look})
            if look.exception() is None:
                self._tell_all(*look.result())  # it is noted as told, so nobody would tell it later
            raise
        self._tell_all(*look.result())

    def _tell_all(self, expiring: list[Expiring], retired: list[PasswordRetired]) -> None:
        for event in retired:
            self._record(event)
        for told in expiring:
            self._tell(told)

    def _look(self) -> tuple[list[Expiring], list[PasswordRetired]]:
        accounts, now = self._accounts(), self._now()
        expiring = [told for told in accounts.expiring(now) if accounts.warned(told)]
        time = datetime.fromtimestamp(now, UTC)
        return expiring, [
            PasswordRetired(time=time, account=name, reason=why) for name, why in accounts.retire_silent(now)
        ]

    def _tell(self, told: Expiring) -> None:
        time = datetime.fromtimestamp(self._now(), UTC)
        self._record(PasswordExpiring(time=time, account=told.account, until=told.until, days=told.days))
        for content in self._mail(told, time):
            incoming = self._intake.begin(self._envelope(told.account))
            incoming.add(content)
            incoming.commit()

    def _mail(self, told: Expiring, date: datetime) -> Iterator[bytes]:
        message = rotation.notice(
            told,
            hostname=self._hostname,
            sender=f"postmaster@{self._hostname}",
            date=date,
            message_id=f"<{secrets.token_hex(16)}@{self._hostname}>",
        )
        if message is not None:
            yield serialise(message, eight_bit=False)

    def _envelope(self, account: str) -> Envelope:
        origin = Origin(
            account=None,
            source="127.0.0.1",
            ehlo=self._hostname,
            extended=True,
            tls=None,
            listener="mailward",
            session=secrets.token_hex(6),
        )
        return Envelope(origin, "", (account,), smtputf8=not account.isascii(), eightbit=False)

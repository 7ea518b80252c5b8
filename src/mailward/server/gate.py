"""Everything that decides about logins, built from a configuration: the guard, its lists, accounts and credentials."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from mailward.accounts.directory import Accounts
from mailward.accounts.hasher import Hasher
from mailward.accounts.rules import rules_of
from mailward.errors import InvalidConfig, MailwardError, StoreError
from mailward.guard.guard import Guard
from mailward.guard.settings import GuardSettings
from mailward.guard.state import GuardState
from mailward.integrations.doors import DoorServices
from mailward.login.credentials import Credentials
from mailward.login.logins import Logins
from mailward.net.dns import Dns
from mailward.secret import Secret
from mailward.server import config_values, state_directory
from mailward.store.bans import Bans, KnownSources, LookUp

if TYPE_CHECKING:
    import sqlite3

    from mailward.accounts.bearer import BearerValidator
    from mailward.accounts.sources.several import Several
    from mailward.server.config import Config
    from mailward.server.durable import Store

_FAKE_KEY: Final = 32  # octets
_log = logging.getLogger("mailward.server")


class Gate:
    """`logins` is what sessions and doors use. names: of the listeners, in the order of the configuration.

    Blocks while it reads files; raises InvalidConfig or StoreError for bad ones.
    """

    def __init__(self, config: Config, names: Sequence[str], store: Store, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._store = store
        self._closers: list[Callable[[], None]] = []
        self._async_closers: list[Callable[[], Awaitable[None]]] = []
        self._pending: set[asyncio.Future[None]] = set()
        self.access, self.never_ban = config_values.lists_of(config, names)
        self.access.load()
        self.never_ban.load()
        self._resolve = Dns()
        self.bans = Bans(store.reader, store.writer.submit)
        self.known = KnownSources(store.reader, store.writer.submit)
        self.guard = self._guard(config)
        self.hasher = Hasher()
        self._closers.append(self.hasher.close)
        self._config = config
        self.accounts = self.accounts_of(store.reader)
        self.logins = self._logins(config)

    def accounts_of(self, reader: sqlite3.Connection) -> Accounts:
        """reader: of the thread that will use them."""
        return Accounts(
            reader,
            self._store.writer.run,
            hasher=self.hasher,
            now=time.time,
            rules=rules_of(self._config.passwords),
            overrides=config_values.overrides_of(self._config.account),
            overlap=config_values.overlap_of(self._config.passwords),
        )

    def _guard(self, config: Config) -> Guard:
        settings = GuardSettings(**msgspec.structs.asdict(config.guard))
        state = GuardState.open(
            config.state_path / "guard.state",
            sources=settings.tracked_sources,
            accounts=settings.tracked_accounts,
            key_source=secrets.token_bytes,
        )
        self._closers.append(state.close)
        state.release_all()  # of a server that was killed; there is no other one in this state directory
        if state.replaced:
            _log.warning("the guard begins with empty counters: %s", state.replaced)
        return Guard(
            settings,
            self.access,
            state=state,
            bans=self.bans,
            known=self.known,
            now=time.time,
            never_ban=self.never_ban,
            chance=random.random,
            look_up=LookUp(self._store.reader, self.bans, self.known),
        )

    def _logins(self, config: Config) -> Logins:
        credentials = Credentials(
            self.accounts,
            self.hasher,
            now=time.time,
            fake_key=_fake_key(config.state_path),
            sources=self._sources(config),
            tokens=self._tokens(config),
            certified=_certified(config),
        )
        return Logins(
            accounts=self.accounts,
            credentials=credentials,
            guard=self.guard,
            record=self._store.log.record,
            utc=partial(datetime.now, UTC),
            monotonic=time.monotonic,
            nonce=partial(secrets.token_urlsafe, 18),
            later=self._later,
        )

    def _sources(self, config: Config) -> Several | None:
        if not config.account_source:
            return None
        from mailward.accounts.sources.register import open_sources  # noqa: PLC0415

        settings = [config_values.source_of(each) for each in config.account_source]
        several = open_sources(settings, hasher=self.hasher, now=time.monotonic)
        self._async_closers.append(several.close)
        return several

    def _tokens(self, config: Config) -> BearerValidator | None:
        if config.oauth2 is None:
            return None
        from mailward.accounts.bearer import open_bearer  # noqa: PLC0415

        file = config.oauth2.client_secret_file
        secret = None if file is None else Secret(_first_line(Path(file)))
        tokens = open_bearer(config_values.bearer_of(config.oauth2, secret), now=time.time, monotonic=time.monotonic)
        self._async_closers.append(tokens.close)
        return tokens

    def _later(self, work: Callable[[], None]) -> None:
        """In a thread: it waits for the disk, and nobody waits for it."""
        future = self._loop.run_in_executor(None, work)
        self._pending.add(future)
        future.add_done_callback(self._noted)

    def _noted(self, future: asyncio.Future[None]) -> None:
        self._pending.discard(future)
        problem = None if future.cancelled() else future.exception()
        if isinstance(problem, MailwardError):
            _log.error("the use of a credential is not written down: %s", problem)
        elif problem is not None:
            raise problem

    def doors(self) -> DoorServices:
        """What the doors of other servers need."""
        return DoorServices(
            loop=self._loop,
            logins=self.logins,
            allows=self.access.allows,
            bans=self.bans,
            known=self.known,
            known_for=self._config.guard.known_for,
            reader=self._store.reader,
            submit=self._store.writer.submit,
            now=time.time,
            monotonic=time.monotonic,
            nonce=partial(secrets.token_hex, 16),
            process=os.getpid(),
        )

    async def refresh(self) -> None:
        """Bring in lists that have changed, and what the guard has to tell of what ended."""
        now = time.monotonic()
        for each in (self.access, self.never_ban):
            if each.due(now):
                await each.refresh(self._resolve, now)
        try:
            self.guard.sweep(self._store.log.record)
        except StoreError as problem:
            _log.error("the bans that ended are not swept: %s", problem)

    async def close(self) -> None:
        """After the last session; before the store is closed."""
        if self._pending:
            await asyncio.wait(self._pending)
        while self._async_closers:
            await self._async_closers.pop()()
        while self._closers:
            self._closers.pop()()


def _certified(config: Config) -> Callable[[bytes], str | None]:
    section = config.client_certificates
    if section is None:
        return lambda _der: None
    from mailward.accounts.certificates import account_of, pins_of  # noqa: PLC0415

    pins = pins_of(section.accounts)
    return lambda der: account_of(der, pins, now=time.time(), email_names=section.email_names)


def _first_line(path: Path) -> str:
    fault = state_directory.private_fault(path)
    if fault:
        raise InvalidConfig(fault, key="oauth2.client_secret_file")
    return state_directory.read_bounded(path).decode().partition("\n")[0].rstrip("\r")


def _fake_key(state: Path) -> bytes:
    """Kept, so that an account that does not exist shows the same SCRAM salt after a restart as before."""
    path, beside = state / "fake-salt.key", state / "fake-salt.key.part"
    if not path.exists():
        beside.unlink(missing_ok=True)
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(descriptor, "wb") as file:  # noqa: PTH123
            file.write(secrets.token_bytes(_FAKE_KEY))
            file.flush()
            os.fsync(descriptor)
        beside.rename(path)  # whole or not at all: an empty key would be no secret
    key = path.read_bytes()
    if len(key) != _FAKE_KEY:
        raise StoreError(f"{path} is damaged", phase="start", advice="remove it; a new one is made")
    return key

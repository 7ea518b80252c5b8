"""Which doors there are, and opening those that the configuration names."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mailward.errors import InvalidConfig
from mailward.guard.ports import BanBook, KnownSources
from mailward.guard.source import Source
from mailward.integrations.address import DoorAddress
from mailward.integrations.ban_list import BanList
from mailward.integrations.clearance import Clearance
from mailward.integrations.desk import Desk
from mailward.integrations.dovecot_auth import DovecotAuth
from mailward.integrations.dovecot_policy import DovecotPolicy
from mailward.integrations.http_api import HttpApi
from mailward.integrations.opening import OpenDoor, SocketAccess
from mailward.integrations.postfix_policy import PostfixPolicy
from mailward.integrations.socketmap import Senders, Socketmap, Tables
from mailward.integrations.token import read_token
from mailward.integrations.web import Endpoint, web_door
from mailward.login.login import Login

if TYPE_CHECKING:
    from mailward.login.logins import Logins
    from mailward.store.bans import Submit

NAMES: Final = ("dovecot_auth", "postfix_policy", "socketmap", "dovecot_policy", "http_api")
_MODE = re.compile(r"0?[0-7]{3}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorSettings:
    """The section `[doors]`: an address for each door that is open, "unix:/path" or "127.0.0.1:port".

    token_file: for the two of HTTP. socket_mode, socket_group: of every Unix socket.
    """

    dovecot_auth: str | None = None
    postfix_policy: str | None = None
    socketmap: str | None = None
    dovecot_policy: str | None = None
    http_api: str | None = None
    token_file: str | None = None
    socket_mode: str = "0660"
    socket_group: str | None = None

    def addresses(self) -> dict[str, DoorAddress]:
        """Of the doors that are open, by name. Raises InvalidConfig."""
        found = {name: getattr(self, name) for name in NAMES}
        return {name: DoorAddress.parse(text, key=f"doors.{name}") for name, text in found.items() if text is not None}

    def access(self) -> SocketAccess:
        if not _MODE.fullmatch(self.socket_mode) or int(self.socket_mode, 8) & 0o111:
            raise InvalidConfig(
                f"doors.socket_mode is {self.socket_mode!r}",
                key="doors.socket_mode",
                advice='write "0660"; "0666" lets every user of this machine ask',
            )
        return SocketAccess(int(self.socket_mode, 8), self.socket_group)

    def check(self) -> None:
        """Raises InvalidConfig for what can be told without opening anything."""
        addresses = self.addresses()
        self.access()
        if self.token_file is None and addresses.keys() & {"dovecot_policy", "http_api"}:
            raise InvalidConfig(
                "doors.token_file is missing: dovecot_policy and http_api are not open to everybody",
                key="doors.token_file",
                advice="name a file (mode 0600) that holds a long random line",
            )
        texts = [str(address) for address in addresses.values() if address.path is not None or address.port]
        for name, address in addresses.items():
            if texts.count(str(address)) > 1:
                raise InvalidConfig(f"doors.{name}: {address} is the address of two doors", key=f"doors.{name}")


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorServices:
    """What the doors need of the server. allows: `Access.allows`. bans, known: what the guard asks too. known_for:
    seconds since its last login that a source is known. reader: of the loop's thread. process: our own number.
    nonce: fresh hexadecimal digits, 32 of them.
    """

    loop: asyncio.AbstractEventLoop
    logins: Logins
    allows: Callable[[Source, str], bool]
    bans: BanBook
    known: KnownSources
    known_for: float
    reader: sqlite3.Connection
    submit: Submit
    now: Callable[[], float]
    monotonic: Callable[[], float]
    nonce: Callable[[], str]
    process: int


class Doors:
    """Those that are open. `async with` is not needed: `close` ends them all."""

    def __init__(self, opened: list[OpenDoor], desk: Desk) -> None:
        self.opened = opened
        self._desk = desk

    async def close(self) -> None:
        """Safe to call twice."""
        while self.opened:
            await self.opened.pop().close()
        self._desk.close()


async def open_doors(settings: DoorSettings, services: DoorServices) -> Doors:
    """Every door that the settings name. Raises InvalidConfig, and then none is open."""
    settings.check()
    desk = _desk(services)
    doors = Doors([], desk)
    try:
        for name, address in settings.addresses().items():
            door = _made(name, address, settings, services, desk)
            await door.start(services.loop, settings.access())
            doors.opened.append(door)
    except BaseException:
        await doors.close()
        raise
    return doors


def _made(name: str, address: DoorAddress, settings: DoorSettings, services: DoorServices, desk: Desk) -> OpenDoor:
    match name:
        case "dovecot_auth":
            auth = _dovecot_auth(services)
            return OpenDoor.of(name, address, auth.conversation, finish=auth.finish)
        case "postfix_policy":
            return OpenDoor.of(name, address, partial(PostfixPolicy, _clearance(services)))
        case "socketmap":
            senders = Senders(services.logins.accounts.listing, services.monotonic)
            return OpenDoor.of(name, address, partial(Socketmap, Tables(_clearance(services), senders)))
        case "dovecot_policy":
            return _web(name, address, DovecotPolicy(desk).endpoints(), settings, services)
        case _:
            return _web(name, address, HttpApi(desk, _ban_list(services)).endpoints(), settings, services)


def _dovecot_auth(services: DoorServices) -> DovecotAuth:
    return DovecotAuth.of(
        services.loop,
        login=partial(Login, services.logins),
        mechanisms=services.logins.mechanisms,
        new_id=lambda: services.nonce()[:12],
        cookie=services.nonce,
        process=services.process,
    )


def _clearance(services: DoorServices) -> Clearance:
    def known(source: str) -> bool:
        return services.known.known_accounts(source, since=services.now() - services.known_for) > 0

    return Clearance(
        banned=services.bans.found,
        allows=services.allows,
        known=known,
        accounts=services.logins.accounts,
        now=services.now,
    )


def _desk(services: DoorServices) -> Desk:
    logins = services.logins
    return Desk(
        logins.guard,
        find=logins.accounts.find_key,
        at_home=logins.credentials.at_home,
        record=logins.record,
        utc=logins.utc,
        loop=services.loop,
    )


def _ban_list(services: DoorServices) -> BanList:
    return BanList(
        reader=services.reader,
        submit=services.submit,
        record=services.logins.record,
        utc=services.logins.utc,
    )


def _web(
    name: str, address: DoorAddress, endpoints: tuple[Endpoint, ...], settings: DoorSettings, services: DoorServices
) -> OpenDoor:
    assert settings.token_file is not None  # noqa: S101 - `check` has seen to that
    return web_door(name, address, endpoints, token=read_token(Path(settings.token_file)), loop=services.loop)

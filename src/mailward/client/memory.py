"""Security memory: what each server was seen to do at its best, so that less is noticed; nobody can strip it unseen.

TLS version and mode and REQUIRETLS are remembered for each port of a host; the mechanism of a login, and whether it was
bound to the channel, for each account and kind of credential, 465 and 587 together. What did not succeed is not
remembered. `mailward memory` shows it and forgets it.

The memory every client has by default leaves out loopback, where a port belongs to whoever opens it next, and is told
once and then done without where its file cannot be used. One that is asked for by name, `memory=PATH`, must work: where
its file cannot be used, nothing is sent.
"""

from __future__ import annotations

import ipaddress
import os
import shlex
from collections.abc import Callable, Mapping
from functools import cache
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from mailward.errors import InputError, StoreError

if TYPE_CHECKING:
    from mailward.store.client_memory import Channel, ClientMemory, Login

Tell: TypeAlias = Callable[..., None]

ENVIRONMENT = "MAILWARD_MEMORY"
_OFF = "off"


class Memory:
    """`path`: the file, made when there is something to keep. Serves any number of clients, threads and processes.

    loopback: servers on this machine are remembered too. required: a file that cannot be used is a StoreError.
    """

    def __init__(self, path: str | PathLike[str], *, loopback: bool = True, required: bool = True) -> None:
        self.path = Path(fspath(path))
        self._loopback = loopback
        self._required = required
        self._told = False

    def __repr__(self) -> str:
        return f"Memory({str(self.path)!r})"

    @classmethod
    def of(cls, value: object = None, *, environ: Mapping[str, str] = os.environ) -> Memory | None:
        """None: the one that MAILWARD_MEMORY names, or that of this user. False: none. A path or a Memory: that one."""
        match value:
            case None | True:
                return _usual(environ)
            case False:
                return None
            case Memory():
                return value
            case str() | PathLike() if fspath(value):
                return cls(fspath(value))
        raise InputError("memory= must be a path, a Memory, or False", phase="options")

    def remembers(self, host: str) -> bool:
        return self._loopback or not _is_loopback(host)

    def recall(
        self, host: str, port: int, *, role: str, account: str, now: float
    ) -> tuple[Channel | None, list[Login]]:
        """What is known. Raises StoreError, for `go_without`."""
        return self._book().of(host, port, role=role, account=account, now=now)

    def keep(self, channel: Channel, login: Login | None) -> None:
        """Adds to what is known. Raises StoreError, for `go_without`."""
        self._book().keep(channel, login)

    def go_without(self, error: StoreError, *, tell: Tell | None) -> None:
        """Tells once that nothing is remembered; raises `error` where the memory is required."""
        if self._required:
            raise error
        if self._told:
            return
        self._told = True
        if tell is not None:
            tell("memory-unusable", reason=error.message, advice=error.advice)
        import logging  # noqa: PLC0415 - seldom needed

        logging.getLogger("mailward.memory").warning(
            "no downgrade will be noticed, for what is known of servers cannot be used: %s "
            "(name another file with %s, or turn it off with %s=%s)",
            error.message,
            ENVIRONMENT,
            ENVIRONMENT,
            _OFF,
        )

    def advice(self, host: str) -> str:
        """How its user makes it forget a host."""
        elsewhere = f" --file {shlex.quote(str(self.path))}" if self._required else ""
        return f"mailward memory forget {host}{elsewhere}"

    def every(self) -> tuple[list[Channel], list[Login]]:
        return self._book().every()

    def forget(self, host: str | None) -> int:
        return self._book().forget(host)

    def _book(self) -> ClientMemory:
        from mailward.store.client_memory import ClientMemory  # noqa: PLC0415 - SQLite is loaded when it is used

        return ClientMemory(self.path)


def _usual(environ: Mapping[str, str]) -> Memory | None:
    named = environ.get(ENVIRONMENT, "")
    if named == _OFF:
        return None
    if named:
        return _by_default(named)
    state = environ.get("XDG_STATE_HOME", "")
    if not os.path.isabs(state):  # noqa: PTH117 - the XDG specification wants others ignored
        home = environ.get("HOME", "")
        if not home:
            return None  # a service without a home has nowhere to keep it
        state = f"{home}/.local/state"
    return _by_default(f"{state}/mailward/memory.db")


@cache
def _by_default(path: str) -> Memory:
    """One for each file, so that what is wrong with it is told once."""
    return Memory(path, loopback=False, required=False)


def _is_loopback(host: str) -> bool:
    name = host.lower().removesuffix(".").partition("%")[0]
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")

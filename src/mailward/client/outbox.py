"""`Outbox` and `AsyncOutbox`: put a message now, have it sent later, once, even by another process."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Self, Unpack

from mailward.client.dispatch import Dispatch, Flushed
from mailward.client.schedule import Schedule
from mailward.errors import InputError
from mailward.net.blocking import BlockingPorts, run_blocking
from mailward.store.outbox import OutboxFile
from mailward.store.ticket import STATES, Ticket

if TYPE_CHECKING:
    from types import TracebackType

    from mailward.client.how import SendArguments
    from mailward.client.sender import Sender
    from mailward.client.submission import AnyMessage, AnyRecipients
    from mailward.net.ports import Ports

__all__ = ["AsyncOutbox", "Flushed", "Outbox", "Ticket", "usual_path"]

ENVIRONMENT = "MAILWARD_OUTBOX"


class Outbox:
    """`Outbox(client)`: `put` returns when the message is safe on disk; `run` or `flush`, here or elsewhere, sends it.

    client: a Client, a transport or a Failover; None to put only. path: the file, by default this user's. schedule:
    when to try again what was refused for now. most, most_octets: what the outbox may hold.
    A message whose fate is not known is "unknown": it is kept, and sent again only by `retry`, or where the server
    takes a message once under its key (X-IDEMPOTENT). Several processes may share the file.
    """

    def __init__(
        self,
        client: Sender | None,
        path: str | os.PathLike[str] | None = None,
        *,
        schedule: Schedule | None = None,
        most: int = 100_000,
        most_octets: int = 1 << 36,
    ) -> None:
        self._dispatch = _dispatch(client, path, BlockingPorts(), schedule, (most, most_octets))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def put(
        self,
        message: AnyMessage,
        *,
        sender: str | None = None,
        recipients: AnyRecipients | None = None,
        **how: Unpack[SendArguments],
    ) -> str:
        """The id of its ticket. What is put twice under one idempotency_key= is one message. Arguments as of `send`.

        Raises InputError for what cannot be sent, StoreFull, and StoreError when it is not safe.
        """
        return run_blocking(self._dispatch.put(message, sender, recipients, how))

    def flush(self) -> Flushed:
        """One attempt for all that is due now; ends early where no session is to be had."""
        return run_blocking(self._dispatch.flush())

    def run(self, *, until_empty: bool = False) -> None:
        """Sends what is put, when it is due, until `stop`, or until nothing waits. Raises AuthError."""
        run_blocking(self._dispatch.run(until_empty=until_empty))

    def stop(self) -> None:
        """Ends `run`, in whatever thread, after the message that is on its way."""
        self._dispatch.stop()

    def tickets(self, state: str | None = None, *, limit: int = 1000) -> list[Ticket]:
        """The oldest first; of one state: waiting, sending, sent, failed or unknown."""
        return self._dispatch.file.every(state=_checked(state), limit=limit)

    def ticket(self, identifier: str) -> Ticket:
        """By its id or its key. Raises InputError."""
        return self._dispatch.found(identifier)

    def content(self, identifier: str) -> Iterator[bytes]:
        """The octets of its message, in pieces; none of one that was sent."""
        return self._dispatch.file.pieces(self._dispatch.found(identifier).id)

    def retry(self, identifier: str) -> None:
        """Send again what is unknown or failed, though it may arrive twice; what waits, now."""
        self._dispatch.retry(identifier)

    def forget(self, identifier: str) -> None:
        """Remove it, sent or not."""
        self._dispatch.forget(identifier)

    def close(self) -> None:
        """Ends `run`. The client is its owner's to close."""
        self._dispatch.close()


class AsyncOutbox:
    """The same as `Outbox` for asyncio, with an AsyncClient."""

    def __init__(
        self,
        client: Sender | None,
        path: str | os.PathLike[str] | None = None,
        *,
        schedule: Schedule | None = None,
        most: int = 100_000,
        most_octets: int = 1 << 36,
    ) -> None:
        from mailward.net.aio import AioPorts  # noqa: PLC0415 - asyncio is loaded by who uses it

        self._ports = AioPorts()
        self._dispatch = _dispatch(client, path, self._ports, schedule, (most, most_octets))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def put(
        self,
        message: AnyMessage,
        *,
        sender: str | None = None,
        recipients: AnyRecipients | None = None,
        **how: Unpack[SendArguments],
    ) -> str:
        """The id of its ticket. What is put twice under one idempotency_key= is one message. Arguments as of `send`.

        Raises InputError for what cannot be sent, StoreFull, and StoreError when it is not safe.
        """
        return await self._dispatch.put(message, sender, recipients, how)

    async def flush(self) -> Flushed:
        """One attempt for all that is due now; ends early where no session is to be had."""
        return await self._dispatch.flush()

    async def run(self, *, until_empty: bool = False) -> None:
        """Sends what is put, when it is due, until `stop`, or until nothing waits. Raises AuthError.

        Cancelled in the middle of a transaction, it leaves that message as unknown; `stop` ends it cleanly.
        """
        await self._dispatch.run(until_empty=until_empty)

    def stop(self) -> None:
        """Ends `run` after the message that is on its way."""
        self._dispatch.stop()

    async def tickets(self, state: str | None = None, *, limit: int = 1000) -> list[Ticket]:
        """The oldest first; of one state: waiting, sending, sent, failed or unknown."""
        checked = _checked(state)
        return await self._ports.compute(lambda: self._dispatch.file.every(state=checked, limit=limit))

    async def ticket(self, identifier: str) -> Ticket:
        """By its id or its key. Raises InputError."""
        return await self._ports.compute(lambda: self._dispatch.found(identifier))

    async def content(self, identifier: str) -> AsyncIterator[bytes]:
        """The octets of its message, in pieces; none of one that was sent."""
        pieces = self._dispatch.file.pieces((await self.ticket(identifier)).id)
        while piece := await self._ports.compute(lambda: next(pieces, b"")):
            yield piece

    async def retry(self, identifier: str) -> None:
        """Send again what is unknown or failed, though it may arrive twice; what waits, now."""
        await self._ports.compute(lambda: self._dispatch.retry(identifier))

    async def forget(self, identifier: str) -> None:
        """Remove it, sent or not."""
        await self._ports.compute(lambda: self._dispatch.forget(identifier))

    async def close(self) -> None:
        """Ends `run`. The client is its owner's to close."""
        await self._ports.compute(self._dispatch.close)


def usual_path(environ: Mapping[str, str] = os.environ) -> Path:
    """What MAILWARD_OUTBOX names, else this user's (XDG base directories). Raises InputError where there is none."""
    if named := environ.get(ENVIRONMENT, ""):
        return Path(named)
    state = environ.get("XDG_STATE_HOME", "")
    if Path(state).is_absolute():
        return Path(state) / "mailward" / "outbox.db"
    if home := environ.get("HOME", ""):
        return Path(home) / ".local" / "state" / "mailward" / "outbox.db"
    raise InputError("there is no home directory for an outbox", advice=f"give path=, or set {ENVIRONMENT}")


def _dispatch(
    client: Sender | None,
    path: str | os.PathLike[str] | None,
    ports: Ports,
    schedule: Schedule | None,
    bounds: tuple[int, int],
) -> Dispatch:
    place = usual_path() if path is None else Path(path)
    file = OutboxFile(place.absolute(), most=bounds[0], most_octets=bounds[1])
    return Dispatch(client, file, ports, schedule or Schedule())


def _checked(state: str | None) -> str | None:
    if state is not None and state not in STATES:
        raise InputError(f"a ticket is {', '.join(STATES[:-1])} or {STATES[-1]}", phase="options")
    return state

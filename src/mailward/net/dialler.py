"""How both drivers connect: names to addresses, a race between them, one stream (RFC 8305)."""

from __future__ import annotations

import errno
import inspect
import os
import socket
from typing import TYPE_CHECKING, Generic, TypeVar

from mailward.errors import ConnectError, DnsError, InputError
from mailward.net.attempts import Attempts
from mailward.net.clock import Clock
from mailward.net.ports import too_late
from mailward.net.race import LEAST, STAGGER, Race, line_up
from mailward.net.resolve import literal, numbered
from mailward.printable import printable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

    from mailward.net.local_address import LocalAddress
    from mailward.net.ports import Resolve
    from mailward.net.resolve import Address, Answer

S = TypeVar("S")

_BUSY = 0.02  # seconds until a Unix socket whose queue was full is tried again


class Dialler(Clock, Generic[S]):
    """The part of `Ports` that connects. A driver says how it waits, looks names up, and makes a stream of a socket."""

    async def connect(
        self,
        host: str,
        port: int,
        *,
        within: float | None,
        local_address: LocalAddress | None = None,
        resolve: Resolve | None = None,
    ) -> S:
        _, stream = await self.race([(host, port)], within=within, local_address=local_address, resolve=resolve)
        return stream

    async def race(
        self,
        places: Sequence[tuple[str, int]],
        *,
        within: float | None,
        local_address: LocalAddress | None = None,
        resolve: Resolve | None = None,
    ) -> tuple[int, S]:
        until = None if within is None else self.now() + within
        attempts = Attempts(places)
        addresses = await self._addresses(places, attempts, resolve, until)
        turns = {host: local_address.next_for(host) if local_address else None for host, _ in places}
        race = Race(line_up(addresses), {at: turns[host] for at, (host, _) in enumerate(places)}, attempts)
        try:
            place, sock = await self._run(race, attempts, until)
        finally:
            race.close()
        return place, await self._made(sock)

    async def lookup(self, host: str, *, within: float | None, resolve: Resolve | None = None) -> tuple[str, ...]:
        answer = literal(host, 0) or await self._answer(host, 0, resolve, within)
        if isinstance(answer, DnsError):
            raise answer
        return tuple(address.ip for address in answer)

    async def connect_unix(self, path: str, *, within: float | None) -> S:
        until = None if within is None else self.now() + within
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            sock.settimeout(0)
            await self._reach(sock, path, until)
        except BaseException:
            sock.close()
            raise
        return await self._made(sock)

    # What a driver gives.

    async def sleep(self, seconds: float) -> None:
        raise NotImplementedError

    async def _stream(self, sock: socket.socket) -> S:
        raise NotImplementedError

    async def _writable(self, descriptors: Sequence[int], within: float | None) -> None:
        """Returns once one of them is, or when time is over."""
        raise NotImplementedError

    async def _looked_up(self, host: str, port: int, within: float | None) -> Answer:
        """Raises TimeoutError."""
        raise NotImplementedError

    async def _awaited(self, answer: Awaitable[Sequence[str]], within: float | None) -> Sequence[str]:
        """What an asynchronous resolve= gave. Raises TimeoutError, and InputError where there is no loop."""
        raise NotImplementedError

    # The flow.

    async def _addresses(
        self, places: Sequence[tuple[str, int]], attempts: Attempts, resolve: Resolve | None, until: float | None
    ) -> list[tuple[Address, ...]]:
        """Each host is looked up once. A name that has no answer does not end the race of the others."""
        answers: dict[str, Answer] = {}
        hosts = dict(places)
        for waiting, (host, port) in enumerate(hosts.items()):
            left = None if until is None else max(0.0, until - self.now()) / (len(hosts) - waiting)
            answers[host] = literal(host, port) or await self._answer(host, port, resolve, left)
        found: list[tuple[Address, ...]] = []
        for place, (host, port) in enumerate(places):
            answer = answers[host]
            if isinstance(answer, DnsError):
                attempts.unresolved(place, answer)
                answer = ()
            found.append(tuple(address.at(port) for address in answer))
        return found

    async def _answer(self, host: str, port: int, resolve: Resolve | None, within: float | None) -> Answer:
        try:
            if resolve is None:
                return await self._looked_up(host, port, within)
            answer = resolve(host, port)
            if inspect.isawaitable(answer):
                answer = await self._awaited(answer, within)
        except TimeoutError:
            raise too_late(f"looking up {printable(host)}") from None
        return numbered(host, answer, port)

    async def _run(self, race: Race, attempts: Attempts, until: float | None) -> tuple[int, socket.socket]:
        starts_at = self.now()
        pause = STAGGER if until is None else max(LEAST, min(STAGGER, (until - starts_at) / max(1, race.waiting)))
        while True:
            while race.winner is None and race.waiting and (not race.running or self.now() >= starts_at):
                starts_at = self.now() + pause
                race.start()
            if race.winner is not None:
                return race.winner
            if not race.running:
                raise attempts.error()
            left = None if until is None else until - self.now()
            if left is not None and left <= 0:
                race.out_of_time()
                raise attempts.too_late()
            await self._writable(race.running, _sooner(left, starts_at - self.now() if race.waiting else None))
            if race.look():
                starts_at = self.now()

    async def _reach(self, sock: socket.socket, path: str, until: float | None) -> None:
        while (code := _tried(sock, path)) == errno.EAGAIN:
            left = _BUSY if until is None else until - self.now()
            if left <= 0:
                raise too_late(f"connecting to {printable(path)}")
            await self.sleep(min(left, _BUSY))
        if code:
            raise _no_socket(path, os.strerror(code))

    async def _made(self, sock: socket.socket) -> S:
        try:
            return await self._stream(sock)
        except BaseException:
            sock.close()
            raise


def no_loop() -> InputError:
    return InputError(
        "resolve= is asynchronous, and this client is not", phase="options", advice="use mailward.AsyncClient for it"
    )


def _tried(sock: socket.socket, path: str) -> int:
    try:
        return sock.connect_ex(path)
    except (OSError, ValueError) as problem:  # a path that is too long, or holds a NUL
        raise _no_socket(path, str(problem)) from problem


def _sooner(first: float | None, second: float | None) -> float | None:
    given = [max(0.0, each) for each in (first, second) if each is not None]
    return min(given, default=None)


def _no_socket(path: str, reason: str) -> ConnectError:
    return ConnectError(
        f"cannot connect to {printable(path)}: {printable(reason)}",
        phase="connect",
        advice="check the path, that the server runs, and that this user may write to its socket",
    )

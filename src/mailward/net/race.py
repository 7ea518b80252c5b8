"""A race between addresses: who runs, when the next one starts, and who has won (RFC 8305, "Happy Eyeballs")."""

from __future__ import annotations

import errno
import os
import select
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mailward.net.resolve import literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mailward.net.attempts import Attempts
    from mailward.net.local_address import Turn
    from mailward.net.resolve import Address, Sockaddr

STAGGER: Final = 0.25  # seconds between the start of one runner and of the next (RFC 8305 §8)
LEAST: Final = 0.01  # where time is so short that not all would start otherwise
_MOST: Final = 32  # runners: whoever names more addresses gets no more of our sockets
_TAKEN = (errno.EADDRINUSE, errno.EADDRNOTAVAIL)  # somebody has this port, or has it to this very peer


@dataclass(frozen=True, slots=True)
class Runner:
    """`place`: which of the places of the race this address belongs to."""

    place: int
    address: Address


def line_up(places: Sequence[Sequence[Address]]) -> list[Runner]:
    """Families take turns within a place, in the resolver's order; each place starts one step after the one before."""
    ranked = [
        (rank + place, place, Runner(place, address))
        for place, addresses in enumerate(places)
        for rank, address in enumerate(_interleaved(addresses))
    ]
    return [runner for _, _, runner in sorted(ranked, key=lambda entry: entry[:2])][:_MOST]


def _interleaved(addresses: Sequence[Address]) -> list[Address]:
    first = [address for address in addresses if address.family == addresses[0].family]
    others = [address for address in addresses if address.family != addresses[0].family]
    both = [address for pair in zip(first, others, strict=False) for address in pair]
    return both + first[len(others) :] + others[len(first) :]


class Race:
    """The sockets of one race. Whoever runs it waits until one is writable, or until the next must start."""

    def __init__(self, runners: Iterable[Runner], turns: dict[int, Turn | None], attempts: Attempts) -> None:
        self._waiting = list(runners)
        self._turns = turns
        self._attempts = attempts
        self._running: dict[int, tuple[Runner, socket.socket]] = {}
        self.winner: tuple[int, socket.socket] | None = None

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    @property
    def running(self) -> list[int]:
        """Descriptors of the sockets under way, in the order in which they started."""
        return list(self._running)

    def start(self) -> None:
        """Starts the next runner, which may fall, or win, at once."""
        runner = self._waiting.pop(0)
        try:
            sock, code = _opened(runner.address, self._turns[runner.place])
        except (OSError, LookupError) as problem:
            reason = problem if isinstance(problem, OSError) else str(problem.args[0])
            self._attempts.failed(runner.place, runner.address.ip, reason)
            return
        self._running[sock.fileno()] = (runner, sock)
        if code != errno.EINPROGRESS:
            self._arrived(sock.fileno(), code)

    def look(self) -> bool:
        """Sees who has arrived or fallen; whether anybody fell, so that the next may start now."""
        poller = select.poll()
        for descriptor in self._running:
            poller.register(descriptor, select.POLLOUT)
        ready = {descriptor for descriptor, _ in poller.poll(0)}
        for descriptor in [each for each in self._running if each in ready]:
            sock = self._running[descriptor][1]
            self._arrived(descriptor, sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
            if self.winner is not None:
                return False
        return bool(ready)

    def out_of_time(self) -> None:
        for runner, _ in self._running.values():
            self._attempts.failed(runner.place, runner.address.ip, TimeoutError())

    def close(self) -> None:
        """The losers'. The winner's socket belongs to whoever took it."""
        for _, sock in self._running.values():
            sock.close()
        self._running.clear()

    def _arrived(self, descriptor: int, code: int) -> None:
        runner, sock = self._running.pop(descriptor)
        if code:
            sock.close()
            self._attempts.failed(runner.place, runner.address.ip, OSError(code, os.strerror(code)))
        else:
            self.winner = runner.place, sock


def _opened(address: Address, turn: Turn | None) -> tuple[socket.socket, int]:
    """A socket on its way to `address`. Raises OSError, and LookupError where no local address fits."""
    source = None if turn is None else turn.source(address.version)
    if turn is None:
        return _dialled(address, None)
    if source is None:
        raise LookupError(f"local_address= has no IPv{address.version} address")
    problem = OSError(errno.EADDRINUSE, "")
    for port in turn.ports(source):
        try:
            sock, code = _dialled(address, (literal(source.ip, port) or ())[0].sockaddr)
        except OSError as error:
            problem = error
        else:
            if code != errno.EADDRNOTAVAIL:
                return sock, code
            sock.close()
            problem = OSError(code, os.strerror(code))
        if problem.errno not in _TAKEN or not source.ports:
            break
    raise problem


def _dialled(address: Address, source: Sockaddr | None) -> tuple[socket.socket, int]:
    sock = socket.socket(address.family, socket.SOCK_STREAM)
    try:
        sock.settimeout(0)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if source is not None:
            if source[1]:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port may serve several peers
            sock.bind(source)
        return sock, sock.connect_ex(address.sockaddr)
    except BaseException:
        sock.close()
        raise

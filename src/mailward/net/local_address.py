"""Where connections come from: one address of this machine, several in turn, or what a function says for a host."""

from __future__ import annotations

import ipaddress
import itertools
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from mailward.errors import InputError
from mailward.printable import printable

Choice: TypeAlias = Callable[[str], str | None]

_PORTS = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?")
_ADVICE = 'it is an IP address of this machine, with ports if you like: "192.0.2.7:40000-40999", "[2001:db8::7]:40000"'
_MOST = 1024  # addresses in rotation


@dataclass(frozen=True, slots=True)
class Source:
    """One address to connect from. `ports`: those it may use, in order; empty where the system picks one."""

    ip: str
    version: int
    ports: range = range(0)

    @classmethod
    def parse(cls, text: str) -> Source:
        """Raises InputError for what is not IP, IP:PORT or IP:PORT-PORT (an IPv6 address then in brackets)."""
        address, ports = _parted(text)
        ip, percent, zone = address.partition("%")
        try:
            version = ipaddress.ip_address(ip).version
        except ValueError:
            raise _refused(text) from None
        if percent and (version == 4 or not re.fullmatch(r"[A-Za-z0-9._\-]{1,32}", zone)):
            raise _refused(text)
        return cls(str(ipaddress.ip_address(ip)) + percent + zone, version, _ports(text, ports))


@dataclass(frozen=True, slots=True)
class Turn:
    """What one connection may come from: `v4` to peers with an IPv4 address, `v6` to the others; None if nothing fits.

    `turn` counts the connections, so that ports are used in turn too.
    """

    v4: Source | None
    v6: Source | None
    turn: int

    def source(self, version: int) -> Source | None:
        return self.v4 if version == 4 else self.v6

    def ports(self, source: Source) -> Iterable[int]:
        """Each port that `source` may use, once, beginning with another one each time; 0 where the system picks."""
        if not source.ports:
            return (0,)
        first = self.turn % len(source.ports)
        return itertools.chain(source.ports[first:], source.ports[:first])


class LocalAddress:
    """`next_for(host)` says what the next connection to it comes from. May be shared by threads and tasks."""

    def __init__(self, sources: Sequence[Source] = (), choose: Choice | None = None) -> None:
        self._v4 = tuple(source for source in sources if source.version == 4)
        self._v6 = tuple(source for source in sources if source.version == 6)
        self._choose = choose
        self._turns = itertools.count()  # next() on it is one step, whichever thread takes it

    @classmethod
    def of(cls, value: str | Sequence[str] | Choice | LocalAddress | None) -> LocalAddress | None:
        """Raises InputError (phase "options")."""
        if value is None or isinstance(value, LocalAddress):
            return value
        if callable(value):
            return cls(choose=value)
        texts = (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list | tuple) else ()
        if not 0 < len(texts) <= _MOST:
            raise InputError(
                f"local_address= must be a text, a list of 1 to {_MOST} of them, or a function of the host's name",
                phase="options",
                advice=_ADVICE,
            )
        return cls([Source.parse(text) for text in texts])

    def next_for(self, host: str) -> Turn | None:
        """None where the system chooses. Raises InputError if the function's answer is no address."""
        turn = next(self._turns)
        if self._choose is None:
            return Turn(_nth(self._v4, turn), _nth(self._v6, turn), turn)
        answer = self._choose(host)
        if answer is None:
            return None
        source = Source.parse(answer)
        return Turn(source if source.version == 4 else None, source if source.version == 6 else None, turn)


def _nth(sources: tuple[Source, ...], turn: int) -> Source | None:
    return sources[turn % len(sources)] if sources else None


def _parted(text: object) -> tuple[str, str | None]:
    if not isinstance(text, str):
        raise _refused(type(text).__name__)
    if text.startswith("["):
        address, bracket, rest = text[1:].partition("]")
        if not bracket or ":" not in address or rest[:1] not in ("", ":"):
            raise _refused(text)
        return address, rest[1:] if rest else None
    if text.count(":") == 1:
        address, _, ports = text.partition(":")
        return address, ports
    return text, None


def _ports(text: str, ports: str | None) -> range:
    if ports is None:
        return range(0)
    match = _PORTS.fullmatch(ports)
    if match is None:
        raise _refused(text)
    first, last = int(match[1]), int(match[2] or match[1])
    if not 1 <= first <= last <= 65535:
        raise _refused(text)
    return range(first, last + 1)


def _refused(text: str) -> InputError:
    return InputError(
        f"local_address= {printable(text, 80)!r} is not an address to connect from", phase="options", advice=_ADVICE
    )

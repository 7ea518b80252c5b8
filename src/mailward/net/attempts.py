"""How the attempts to connect to a host, or to one of several, are told."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mailward.errors import ConnectError, DnsError
from mailward.net.ports import too_late
from mailward.printable import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailward.errors import MailwardError

_ADVICE = "check host and port, that the server runs, and that no firewall stands between"
_TOLD = 16  # failures of one place that are told; more would hide the others


class Attempts:
    """The account of connecting to one of `places`: what failed on which address, and why."""

    def __init__(self, places: Sequence[tuple[str, int]]) -> None:
        self._places = [f"{printable(host)} port {port}" for host, port in places]
        self._failures: list[list[str]] = [[] for _ in places]
        self._unknown: dict[int, DnsError] = {}

    def unresolved(self, place: int, error: DnsError) -> None:
        self._unknown[place] = error

    def failed(self, place: int, ip: str, reason: OSError | str) -> None:
        told = reason if isinstance(reason, str) else _reason(reason)
        self._failures[place].append(f"{ip}: {told}")

    def error(self) -> MailwardError:
        """What to raise when no address is left."""
        if len(self._unknown) == len(self._places):
            return self._unknown[0]
        return ConnectError(f"cannot connect to {self._told()}", phase="connect", advice=_ADVICE)

    def too_late(self) -> MailwardError:
        """What to raise when nothing but time was missing."""
        return too_late(f"connecting to {self._told()}")

    def _told(self) -> str:
        return "; ".join(f"{name}: {self._of(place)}" for place, name in enumerate(self._places))

    def _of(self, place: int) -> str:
        if place in self._unknown:
            return self._unknown[place].message
        failures = self._failures[place]
        more = [f"and {len(failures) - _TOLD} more"] if len(failures) > _TOLD else []
        return "; ".join(failures[:_TOLD] + more) or "not tried"


def _reason(error: OSError) -> str:
    if error.errno is None:
        return "no answer in time" if isinstance(error, TimeoutError) else str(error)
    return os.strerror(error.errno) if error.errno > 0 else error.strerror or str(error)  # below 0: the resolver's

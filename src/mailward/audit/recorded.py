"""Whether each attempt of a drill stands in the server's event file, as one event and no more."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

import msgspec

from mailward.audit.drill import Attempt
from mailward.errors import InputError
from mailward.events import Event, LoginFailed, LoginRefused, decode

_PATIENCE = 3.0  # seconds for the server to write its last line
_PAUSE = 0.05
_LATE = timedelta(seconds=1)


class EventWatch:
    """The lines added to `path` since this was made. Raises InputError."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._start = path.stat().st_size
        except OSError as error:
            raise InputError(f"{path}: {error.strerror}", phase="drill") from error

    def counts(
        self, user: str, attempts: Sequence[Attempt], *, sleep: Callable[[float], object] = time.sleep
    ) -> tuple[int, ...]:
        """How many events each attempt has; waits a little for those that have none yet."""
        for _ in range(round(_PATIENCE / _PAUSE)):
            found = count(user, attempts, self._events())
            if all(found):
                return found
            sleep(_PAUSE)
        return count(user, attempts, self._events())

    def _events(self) -> list[Event]:
        with self._path.open("rb") as file:
            if self._path.stat().st_size < self._start:
                self._start = 0  # rotated meanwhile
            file.seek(self._start)
            lines = file.read().split(b"\n")
        return [event for line in lines[:-1] if (event := _event(line)) is not None]


def count(user: str, attempts: Sequence[Attempt], events: Sequence[Event]) -> tuple[int, ...]:
    """The failed and refused logins of `user` between the beginning of each attempt and its end (or the next)."""
    name = user.casefold()
    times = [
        event.time
        for event in events
        if isinstance(event, LoginFailed | LoginRefused) and (event.account or "").casefold() == name
    ]
    begins = [attempt.began for attempt in attempts]
    ends = [attempt.ended + _LATE for attempt in attempts]
    limits = [min(end, following) for end, following in zip(ends, [*begins[1:], *ends[-1:]], strict=True)]
    return tuple(sum(begin <= moment < limit for moment in times) for begin, limit in zip(begins, limits, strict=True))


def _event(line: bytes) -> Event | None:
    try:
        return decode(line)
    except (msgspec.DecodeError, msgspec.ValidationError):
        return None  # another program may write there too

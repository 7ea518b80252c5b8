"""Whether a password, or what it was made from, is known from a breach or as one that many people choose."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from mailward.accounts.breached_filter import BreachedFilter, password_key
from mailward.accounts.range_service import Fetch, RangeService
from mailward.accounts.rules import PasswordRules
from mailward.accounts.stems import stems
from mailward.errors import InputError

SHIPPED = Path(__file__).parent / "data" / "breached.filter"  # data/NOTICE says of what it is made


@dataclass(frozen=True, kw_only=True)
class Found:
    """exact: the password itself is known. stem: what it is built on is. warnings: who could not be asked."""

    exact: bool = False
    stem: bool = False
    warnings: tuple[str, ...] = ()


class BreachedSet:
    """filters: asked for the password and for its stems. service: asked for the password only, when they know nothing.

    Blocks for some microseconds, with a service for as long as its timeout.
    """

    def __init__(self, filters: Iterable[BreachedFilter] = (), service: RangeService | None = None) -> None:
        self._filters = tuple(filters)
        self._service = service

    @classmethod
    def of(cls, rules: PasswordRules, *, fetch: Fetch | None = None) -> BreachedSet:
        """What the rules name. InputError: a file that is no filter or is damaged."""
        own = tuple(BreachedFilter(Path(name)) for name in rules.breached_files)
        service = None
        if rules.breached_range_service is not None:
            service = RangeService(rules.breached_range_service, fetch, timeout=rules.breached_range_timeout)
        return cls((*(shipped() if rules.breached else ()), *own), service)

    def find(self, text: str) -> Found:
        """text: at most some hundreds of characters, normalised."""
        if self._known(text):
            return Found(exact=True)
        stem = any(map(self._known, stems(text)))
        if self._service is None or stem:
            return Found(stem=stem)
        answer = self._service.find(text)
        return Found(exact=answer.known, warnings=(answer.warning,) if answer.warning else ())

    def _known(self, text: str) -> bool:
        key = password_key(text)
        return any(key in each for each in self._filters)


@cache
def shipped() -> tuple[BreachedFilter, ...]:
    """The list that comes with Mailward, opened once in a process."""
    return (BreachedFilter(SHIPPED),)


def breached_of(rules: PasswordRules) -> BreachedSet:
    """`BreachedSet.of`, once for the same rules and the same files."""
    return _opened(rules, tuple(map(_version, rules.breached_files)))


@lru_cache(maxsize=4)
def _opened(rules: PasswordRules, versions: tuple[tuple[int, ...], ...]) -> BreachedSet:
    del versions  # a file that was built anew is opened anew
    return BreachedSet.of(rules)


def _version(name: str) -> tuple[int, ...]:
    try:
        status = Path(name).stat()
    except OSError as error:
        raise InputError(f"{name}: {error.strerror}", phase="password") from error
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)

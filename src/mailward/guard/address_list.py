"""A list of addresses as an operator writes it: networks, files, host names, countries and autonomous systems.

Asking is one bisection, whatever the list is made of; what changes outside is brought in by `refresh`.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Final

from mailward.errors import InputError, InvalidConfig
from mailward.guard.address_file import AddressFile
from mailward.guard.address_name import AddressName, Resolve
from mailward.guard.allowlist import Networks
from mailward.guard.geo import GeoDatabase
from mailward.guard.source import Source
from mailward.printable import printable

EVERY: Final = 5.0  # seconds between two looks at the files
_COUNTRY = re.compile(r"[A-Z]{2}")
_SYSTEM = re.compile(r"(?:AS)?([1-9][0-9]{0,9})")
_MOST_SYSTEM = 2**32 - 1
_log = logging.getLogger("mailward.guard")


class InvalidAddressList(InvalidConfig):
    """A list that cannot be used. `faults`: everything that is wrong with it, the first of which is told here."""

    def __init__(self, faults: tuple[InvalidConfig, ...], *, key: str) -> None:
        first, more = faults[0], len(faults) - 1
        told = f"{first.message} (and {more} more)" if more else first.message
        super().__init__(told, file=first.file, line=first.line, key=key or first.key, advice=first.advice)
        self.faults = faults


class AddressList:
    """`source in list`. `load` once before the first question; `refresh` whenever it is `due`.

    `key`: what the list is called in the configuration. Times are seconds of one clock that never goes back.
    """

    __slots__ = (
        "_countries",
        "_database",
        "_faults",
        "_files",
        "_inline",
        "_names",
        "_networks",
        "_next",
        "_systems",
        "_written",
        "key",
    )

    def __init__(self, *, key: str = "", database: GeoDatabase | None = None) -> None:
        self.key = key
        self._database = database
        self._inline = Networks()
        self._written: tuple[str, ...] = ()
        self._files: tuple[AddressFile, ...] = ()
        self._names: tuple[AddressName, ...] = ()
        self._countries: frozenset[str] = frozenset()
        self._systems: frozenset[int] = frozenset()
        self._networks = self._inline
        self._faults: tuple[str, ...] = ()
        self._next = float("-inf")

    @classmethod
    def parse(
        cls, entries: Iterable[str], *, base: Path, database: GeoDatabase | None = None, key: str = ""
    ) -> AddressList:
        """Read entries: `192.0.2.0/24`, `file:office.cidr` (relative to `base`), `dns:home.example.net`, `asn:64500`,
        `country:DE`. Opens nothing. Raises InvalidAddressList with all that is wrong.
        """
        kinds: dict[str, list[str]] = {"": [], "file": [], "dns": [], "asn": [], "country": []}
        for entry in map(str.strip, entries):
            kind, _, rest = entry.partition(":")
            known = kind.lower() in kinds and kind != ""
            kinds[kind.lower() if known else ""].append(rest.strip() if known else entry)
        found = cls(key=key, database=database)
        faults = tuple(found._take(kinds, base))
        if faults:
            raise InvalidAddressList(faults, key=key)
        found._join()
        return found

    def __contains__(self, source: Source) -> bool:
        return source in self._networks or (self._database is not None and self._is_placed(source))

    def overlaps(self, network: IPv4Network | IPv6Network) -> bool:
        """Whether any address of `network` is in it; of countries and systems only the first is asked."""
        return self._networks.overlaps(network) or self._is_placed(network.network_address)

    def __bool__(self) -> bool:
        """Whether anything is written in it, though nobody may be found there now."""
        return bool(self._inline or self._files or self._names or self._countries or self._systems)

    def entry_of(self, source: Source) -> str | None:
        """The entry that has `source` in it, None if none has. Slow, for who wants to know why."""
        if source in self._inline:
            return next((entry for entry in self._written if source in Networks.parse([entry])), None)
        for file in self._files:
            if source in file.networks:
                return f"file:{file.path}"
        for name in self._names:
            if source in name.networks:
                return f"dns:{name.name}"
        return self._placed_by(source)

    def load(self) -> None:
        """Read files and databases; names are asked by the first `refresh`. Raises InvalidAddressList."""
        faults: list[InvalidConfig] = []
        for file in self._files:
            file.look()
            faults += file.faults
        if self._places and self._database is not None:
            self._database.look()
            faults += self._database.faults
        if faults:
            raise InvalidAddressList(tuple(faults), key=self.key)
        self._join()

    def due(self, now: float) -> bool:
        return now >= self._next or any(name.due(now) for name in self._names)

    async def refresh(self, resolve: Resolve, now: float) -> None:
        """Bring in what has changed; what cannot be read or resolved stays as it was. Never raises for that."""
        async with asyncio.TaskGroup() as group:
            asked = [group.create_task(name.refresh(resolve, now)) for name in self._names if name.due(now)]
        changed = [task.result() for task in asked]
        if now >= self._next:
            self._next = now + EVERY if self._files or self._places else float("inf")
            changed += [await asyncio.to_thread(file.look) for file in self._files]
            if self._places and self._database is not None:
                await asyncio.to_thread(self._database.look)
        if any(changed):
            self._networks = await asyncio.to_thread(self._joined)
        self._tell()

    def faults(self) -> tuple[str, ...]:
        """What is wrong with it now, a sentence each."""
        return tuple(self._found_wrong())

    @property
    def _places(self) -> bool:
        return bool(self._countries or self._systems)

    def _take(self, kinds: dict[str, list[str]], base: Path) -> Iterator[InvalidConfig]:
        yield from self._take_networks(kinds[""])
        names = []
        for name in kinds["dns"]:
            try:
                names.append(AddressName(name))
            except InputError as problem:
                yield InvalidConfig(problem.message, key=self.key, advice=problem.advice)
        self._names = tuple(names)
        if not all(kinds["file"]):
            yield self._fault("file: names no file", "write file:office.cidr")
        self._files = tuple(AddressFile(base / path) for path in kinds["file"] if path)
        yield from self._take_places(kinds["country"], kinds["asn"])

    def _take_networks(self, entries: list[str]) -> Iterator[InvalidConfig]:
        try:
            self._inline, self._written = Networks.parse(entries), tuple(entries)
        except InputError:
            for entry in entries:  # the slow way, to name all that are wrong
                try:
                    Networks.parse([entry])
                except InputError as problem:
                    yield InvalidConfig(problem.message, key=self.key, advice=problem.advice)

    def _take_places(self, countries: list[str], systems: list[str]) -> Iterator[InvalidConfig]:
        for country in countries:
            if not _COUNTRY.fullmatch(country.upper()):
                yield self._fault(f"{printable(country, 40)!r} is no country code of ISO 3166", "write country:DE")
        numbers = set()
        for system in systems:
            match = _SYSTEM.fullmatch(system.upper())
            if match is None or int(match[1]) > _MOST_SYSTEM:
                yield self._fault(f"{printable(system, 40)!r} is no autonomous system", "write asn:64500")
            else:
                numbers.add(int(match[1]))
        self._countries = frozenset(country.upper() for country in countries)
        self._systems = frozenset(numbers)
        if not self._places:
            self._database = None
        elif self._database is None:
            yield self._fault(
                "country: and asn: entries need a database, and none is named",
                "name a MaxMind database (.mmdb) that you have with allowlist.geo_database",
            )

    def _fault(self, what: str, advice: str) -> InvalidConfig:
        return InvalidConfig(f"{what}: {advice}", key=self.key, advice=advice)

    def _is_placed(self, source: Source) -> bool:
        return self._placed_by(source) is not None

    def _placed_by(self, source: Source) -> str | None:
        if self._database is None:
            return None
        country, system = self._database.place(source)
        if country in self._countries:
            return f"country:{country}"
        return f"asn:{system}" if system in self._systems else None

    def _joined(self) -> Networks:
        parts = [file.networks for file in self._files] + [name.networks for name in self._names]
        return Networks.joined([self._inline, *parts]) if parts else self._inline

    def _join(self) -> None:
        self._networks = self._joined()

    def _found_wrong(self) -> Iterator[str]:
        for file in self._files:
            for fault in file.faults:
                yield f"{fault.message}; the networks read before stay in force"
        for name in self._names:
            if name.fault:
                yield name.fault
        if self._database is not None:
            for fault in self._database.faults:
                yield f"{fault.message}; the database read before stays in force"

    def _tell(self) -> None:
        """Each fault once, and once that it is over."""
        faults = self.faults()
        for fault in faults:
            if fault not in self._faults:
                _log.warning("%s: %s", self.key or "address list", fault)
        if self._faults and not faults:
            _log.info("%s: in order again", self.key or "address list")
        self._faults = faults

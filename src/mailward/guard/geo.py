"""The country and the autonomous system of an address, from databases the operator supplies (MaxMind DB format 2.0)."""

from __future__ import annotations

import stat
import threading
from collections.abc import Mapping
from ipaddress import IPv6Network
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mailward.errors import InvalidConfig
from mailward.guard.source import Source, unmapped
from mailward.printable import printable

if TYPE_CHECKING:
    from maxminddb.reader import Reader

# Anyone can write any IPv4 address into these, and the databases answer for them as for that IPv4 address.
_EMBEDDING: Final = tuple(
    (int(network.network_address), int(network.broadcast_address))
    for network in map(IPv6Network, ("::/96", "64:ff9b::/96", "64:ff9b:1::/48", "2001::/32", "2002::/16"))
)
_REMEMBERED = 4096  # addresses whose answer is kept; a look-up takes some fifty microseconds
_MOST_OCTETS = 1024 * 1024 * 1024
_AUTONOMOUS = "AS"

Place = tuple[str, int]  # country code, "" if unknown; number of the autonomous system, 0 if unknown


class GeoDatabase:
    """One or more .mmdb files that together know countries and systems; read again when they change.

    The files are read into memory: one that is overwritten in place while it is mapped would end the process.
    """

    def __init__(self, *paths: Path) -> None:
        self.paths = paths
        self.faults: tuple[InvalidConfig, ...] = ()
        self._looking = threading.Lock()  # several lists share one database, and each looks in a thread
        self._readers: dict[Path, Reader] = {}
        self._seen: dict[Path, tuple[int, int, int]] = {}
        self._places: dict[Source, Place] = {}

    def load(self) -> None:
        """Blocks while it reads. Raises InvalidConfig when a database or the library is missing or broken."""
        self.look()
        if self.faults:
            raise self.faults[0]

    def look(self) -> bool:
        """Read what has changed, and keep what was good. Whether something has; blocks while it reads."""
        with self._looking:
            return self._look()

    def _look(self) -> bool:
        faults: list[InvalidConfig] = []
        changed = False
        for path in self.paths:
            try:
                changed = self._open(path) or changed
            except InvalidConfig as fault:
                faults.append(fault)
        self.faults = tuple(faults)
        if changed:
            self._places = {}
        return changed

    def place(self, source: Source) -> Place:
        """Where `source` is, as far as the databases tell."""
        source = unmapped(source)
        known = self._places.get(source)
        if known is not None:
            return known
        if len(self._places) >= _REMEMBERED:
            self._places = {}
        place = self._places[source] = self._looked_up(source)
        return place

    def _looked_up(self, source: Source) -> Place:
        country, system = "", 0
        if source.version == 6 and any(first <= int(source) <= last for first, last in _EMBEDDING):
            return country, system
        for reader in tuple(self._readers.values()):
            record = _record(reader, source)
            country = country or _country(record)
            system = system or _system(record)
        return country, system

    def _open(self, path: Path) -> bool:
        try:
            found = path.stat()
            if not stat.S_ISREG(found.st_mode) or found.st_size > _MOST_OCTETS:
                raise _refused(path, f"it is not a regular file of at most {_MOST_OCTETS} octets")
            signature = found.st_mtime_ns, found.st_size, found.st_ino
            if self._seen.get(path) == signature and path in self._readers:
                return False
            self._readers[path] = _opened(path)
            self._seen[path] = signature
        except OSError as problem:
            raise _refused(path, problem.strerror or str(problem)) from problem
        return True


def _opened(path: Path) -> Reader:
    try:
        import maxminddb  # noqa: PLC0415 - only who names countries needs it
    except ImportError:
        raise InvalidConfig(
            "asn: and country: entries need the library maxminddb, which is not installed",
            file=str(path),
            advice="install mailward with the extra geoip",
        ) from None
    try:
        with path.open("rb") as file:
            return maxminddb.open_database(file, maxminddb.MODE_FD)
    except (maxminddb.InvalidDatabaseError, TypeError, ValueError) as problem:
        raise _refused(path, f"it is not a MaxMind database: {problem}") from problem


def _record(reader: Reader, source: Source) -> Mapping[str, object]:
    from maxminddb import InvalidDatabaseError  # noqa: PLC0415

    if source.version == 6 and reader.metadata().ip_version == 4:
        return {}
    try:
        record = reader.get(source)
    except (InvalidDatabaseError, ValueError, IndexError, RecursionError):
        return {}  # damaged there: unknown, which is in no list
    return record if isinstance(record, dict) else {}


def _country(record: Mapping[str, object]) -> str:
    for field in ("country", "registered_country", "country_code"):
        value = record.get(field)
        if isinstance(value, dict):
            value = value.get("iso_code")
        if isinstance(value, str) and len(value) == 2:
            return value.upper()
    return ""


def _system(record: Mapping[str, object]) -> int:
    value = record.get("autonomous_system_number", record.get("asn"))
    if isinstance(value, str) and value.upper().startswith(_AUTONOMOUS):
        value = value[len(_AUTONOMOUS) :]
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 10:
        value = int(value)
    return value if isinstance(value, int) else 0


def _refused(path: Path, why: str) -> InvalidConfig:
    advice = "give the path of a .mmdb file with countries or autonomous systems"
    return InvalidConfig(f"{printable(str(path))}: {printable(why)}", file=str(path), advice=advice)

"""What NSEC and NSEC3 records prove that there is not (RFC 4035 §5.4, RFC 5155 §8, RFC 9276)."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from dns.name import Name

Proof: TypeAlias = Literal["proven", "delegation", "opt-out"] | None
"""proven; for DS, proven at a delegation; only that nobody signs for it; None, not proven."""

MOST_ITERATIONS: Final = 150  # more is not computed for a stranger (RFC 9276 §3.2)
_NS, _CNAME, _SOA, _DNAME, _DS = 2, 5, 6, 39, 43


@dataclass(frozen=True, slots=True)
class Denials:
    """`nsec`, `nsec3`: owner and data of each record, its signature checked."""

    nsec: tuple[tuple[Name, Any], ...] = ()
    nsec3: tuple[tuple[Name, Any], ...] = ()

    def no_name(self, name: Name) -> Proof:
        """That neither `name` nor a wildcard for it exists."""
        return self._no_name3(name) if self.nsec3 else self._no_name(name)

    def no_data(self, name: Name, kind: int) -> Proof:
        """That there is no record of this kind at `name`, by itself or by a wildcard."""
        return self._no_data3(name, kind) if self.nsec3 else self._no_data(name, kind)

    def no_closer(self, name: Name, labels: int) -> Proof:
        """That a wildcard's answer is rightly given for `name`: nothing closer than its `labels` last labels exists."""
        closer = name.split(labels + 2)[1]  # the root's label counts, and one more
        if self.nsec3:
            hashed = _Hashed(self.nsec3)
            return "proven" if hashed.holds(closer) and hashed.covering(closer) is not None else None
        return "proven" if self._covering(name) is not None else None

    def _covering(self, name: Name) -> tuple[Name, Any] | None:
        for owner, data in self.nsec:
            if owner == name or not _between(owner, name, data.next):
                continue
            types = _types(data)
            above = name.is_subdomain(owner)
            if above and (_DNAME in types or (_NS in types and _SOA not in types)):
                continue  # it speaks of another zone's names
            return owner, data
        return None

    def _no_name(self, name: Name) -> Proof:
        covering = self._covering(name)
        if covering is None:
            return None
        return "proven" if self._covering(_wildcard(name, covering)) is not None else None

    def _no_data(self, name: Name, kind: int) -> Proof:
        for owner, data in self.nsec:
            if owner == name:
                return _of_types(_types(data), kind, root=len(name) == 1)
        covering = self._covering(name)
        if covering is None:
            return None
        if covering[1].next.is_subdomain(name):
            return "proven"  # there are names below it only
        wildcard = _wildcard(name, covering)
        for owner, data in self.nsec:
            if owner == wildcard:
                return _of_types(_types(data), kind, root=False)
        return self._no_name(name) if kind == _DS else None

    def _no_name3(self, name: Name) -> Proof:
        hashed = _Hashed(self.nsec3)
        if not hashed.usable:
            return "opt-out"
        encloser, covering = hashed.enclosing(name)
        if encloser is None or covering is None:
            return None
        if covering.flags & 1:
            return "opt-out"
        return "proven" if hashed.covering(_star(encloser)) is not None else None

    def _no_data3(self, name: Name, kind: int) -> Proof:
        hashed = _Hashed(self.nsec3)
        if not hashed.usable:
            return "opt-out"
        matching = hashed.matching(name)
        if matching is not None:
            return _of_types(_types(matching), kind, root=len(name) == 1)
        encloser, covering = hashed.enclosing(name)
        if encloser is None or covering is None:
            return None
        wildcard = hashed.matching(_star(encloser))
        if wildcard is not None:
            return _of_types(_types(wildcard), kind, root=False)
        if kind == _DS and covering.flags & 1:
            return "opt-out"
        return self._no_name3(name) if kind == _DS else None


class _Hashed:
    """NSEC3 records by the hashes that they stand for."""

    def __init__(self, records: tuple[tuple[Name, Any], ...]) -> None:
        self._zone = records[0][0].parent()
        first = records[0][1]
        self._how = (first.salt, first.iterations, first.algorithm)
        self.usable = first.iterations <= MOST_ITERATIONS and first.algorithm == 1
        self._records = [
            (owner.labels[0].decode("ascii", "replace").upper(), data)
            for owner, data in records
            if owner.parent() == self._zone and (data.salt, data.iterations, data.algorithm) == self._how
        ]

    def holds(self, name: Name) -> bool:
        """Whether they can speak of `name`."""
        return self.usable and name.is_subdomain(self._zone)

    def matching(self, name: Name) -> Any | None:
        digest = self._hash(name)
        return next((data for owner, data in self._records if owner == digest), None)

    def covering(self, name: Name) -> Any | None:
        digest = self._hash(name)
        for owner, data in self._records:
            following = base64.b32hexencode(data.next).decode()
            if owner < digest < following or (following <= owner and (digest > owner or digest < following)):
                return data
        return None

    def enclosing(self, name: Name) -> tuple[Name | None, Any]:
        """The closest name above that exists, and what covers the next one towards `name` (RFC 5155 §8.3)."""
        closer, candidate = name, name
        while candidate.is_subdomain(self._zone) and candidate != self._zone:
            closer, candidate = candidate, candidate.parent()
            matching = self.matching(candidate)
            if matching is not None:
                types = _types(matching)
                if _DNAME in types or (_NS in types and _SOA not in types):
                    return None, None
                return candidate, self.covering(closer)
        return None, None

    def _hash(self, name: Name) -> str:
        from dns.dnssec import nsec3_hash  # noqa: PLC0415

        salt, iterations, algorithm = self._how
        return nsec3_hash(name.canonicalize(), salt, iterations, algorithm)


def _between(owner: Name, name: Name, following: Name) -> bool:
    """In the order of DNSSEC, in which the last record goes round to the first."""
    if owner < following:
        return bool(owner < name < following)
    return bool(name > owner) and name.is_subdomain(following)  # the first name is the zone's, and stays in it


def _of_types(types: frozenset[int], kind: int, *, root: bool) -> Proof:
    if kind in types or _CNAME in types:
        return None
    parent_side = _NS in types and _SOA not in types
    if kind == _DS:
        if _SOA in types and not root:
            return None  # the child says that the parent has nothing
        return "delegation" if parent_side else "proven"
    return None if parent_side else "proven"


def _types(data: Any) -> frozenset[int]:
    return frozenset(
        window * 256 + at * 8 + bit
        for window, bitmap in data.windows
        for at, octet in enumerate(bitmap)
        for bit in range(8)
        if octet & (0x80 >> bit)
    )


def _wildcard(name: Name, covering: tuple[Name, Any]) -> Name:
    """`*.` and the closest name above that exists: the longest that `name` shares with one of the two ends."""
    shared = max(name.fullcompare(each)[2] for each in (covering[0], covering[1].next))
    return _star(name.split(shared)[1])


def _star(encloser: Name) -> Name:
    from dns.name import Name as Made  # noqa: PLC0415

    return Made((b"*", *encloser.labels))

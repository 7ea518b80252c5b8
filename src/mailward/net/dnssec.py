"""Answers of the DNS checked by ourselves, signature by signature, down from a trust anchor (RFC 4035 §5)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from mailward.net.denial import Denials

if TYPE_CHECKING:
    from dns.message import Message
    from dns.name import Name
    from dns.rrset import RRset

Ask: TypeAlias = "Callable[[Name, str], Awaitable[Message]]"
"""The answer of a name server that has not validated it (CD), with its signatures (DO)."""

# The keys of the root, as IANA publishes them.
ROOT_ANCHORS: Final = (
    ". DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D",
    ". DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16",
)
_MOST_QUESTIONS: Final = 80  # for one answer
_MOST_ALIASES: Final = 8
_MOST_KEYS: Final = 24  # of a zone; each signature may cost as many computations (CVE-2023-50387)
_MOST_ALIKE: Final = 2  # keys of one tag, each of which a signature may mean
_MOST_SIGNATURES: Final = 8
_MOST_CHECKS: Final = 400  # signatures, for one answer
_MOST_DIGESTS: Final = 16  # of the keys of a zone
_MOST_KEPT: Final = 1_000  # zones in a ring
_LONGEST_KEPT: Final = 3600.0  # seconds
_ALGORITHMS: Final = frozenset({8, 10, 13, 14, 15, 16})  # a zone that has no other counts as unsigned (RFC 4035 §5.2)
_DIGESTS: Final = frozenset({2, 4})
_NXDOMAIN: Final = 3
_DS: Final = 43


class Bogus(Exception):
    """The answer is not what the zone signed."""


@dataclass(frozen=True, slots=True)
class Checked:
    """`rrset`: None, there is none. `exists`: the name does. `secure`: signed all the way; else provably not signed."""

    rrset: RRset | None
    secure: bool
    canonical: Name
    exists: bool = True


class KeyRing:
    """Keys of zones that were checked, for as long as they hold; for any threads, since a key lost is asked anew."""

    def __init__(self) -> None:
        self._kept: dict[Name, tuple[float, RRset]] = {}

    def get(self, zone: Name, now: float) -> RRset | None:
        until, keys = self._kept.get(zone, (0.0, None))
        return keys if now < until else None

    def keep(self, zone: Name, keys: RRset, now: float) -> None:
        if len(self._kept) >= _MOST_KEPT:
            self._kept.clear()
        self._kept[zone] = (now + min(keys.ttl, _LONGEST_KEPT), keys)


class Validator:
    """`anchors`: DS records as in a zone file, `NAME DS …`. `now`: Unix seconds. For one answer.

    `ring`: what others of the same anchors have checked before.
    """

    def __init__(self, ask: Ask, anchors: tuple[str, ...], now: float, ring: KeyRing | None = None) -> None:
        self._ask = ask
        self._now = now
        self._ring = ring or KeyRing()
        self._anchors = _parsed(anchors)
        self._keys: dict[Name, RRset | None] = {}
        self._asked_for = 0
        self._checks = 0
        self._messages: dict[tuple[Name, str], Message] = {}

    async def answer(self, name: Name, kind: str) -> Checked:
        """Follows aliases. Raises Bogus, and what `ask` raises."""
        secure = True
        for _ in range(_MOST_ALIASES):
            message = await self._asked(name, kind)
            rrset = _found(message.answer, name, kind)
            if rrset is not None:
                return Checked(rrset, await self._checked(message, rrset) and secure, name)
            alias = _found(message.answer, name, "CNAME")
            if alias is None:
                denied = await self._denied(message, name, kind)
                return Checked(None, denied and secure, name, exists=int(message.rcode()) != _NXDOMAIN)
            secure = await self._checked_alias(message, alias) and secure
            name = alias[0].target
        raise Bogus("too many aliases")

    async def _asked(self, name: Name, kind: str) -> Message:
        self._asked_for += 1
        if self._asked_for > _MOST_QUESTIONS:
            raise Bogus("it takes too many questions")
        if (name, kind) not in self._messages:
            self._messages[name, kind] = await self._ask(name, kind)
        return self._messages[name, kind]

    async def _checked(self, message: Message, rrset: RRset) -> bool:
        """Whether `rrset` is signed; False where its zone provably signs nothing."""
        from dns.dnssec import validate  # noqa: PLC0415
        from dns.exception import DNSException  # noqa: PLC0415

        signatures = _signatures(message, rrset)
        if signatures is None:
            if await self._unsigned(rrset.name):
                return False
            raise Bogus(f"{rrset.name} is not signed")
        if len(signatures) > _MOST_SIGNATURES:
            raise Bogus(f"{rrset.name} has too many signatures")
        self._checks += len(signatures)
        if self._checks > _MOST_CHECKS:
            raise Bogus("it takes too many signatures")
        signer = signatures[0].signer
        if not rrset.name.is_subdomain(signer) or (_is(rrset, "DS") and rrset.name == signer):
            raise Bogus(f"{rrset.name} is signed by a stranger")
        keys = await self._keys_of(signer)
        if keys is None:
            return False
        try:
            validate(rrset, signatures, {signer: keys.to_rdataset()}, now=self._now)
        except (DNSException, ValueError) as problem:
            raise Bogus(f"{rrset.name}: {problem}") from problem
        labels = min(signature.labels for signature in signatures)
        wild = labels < len(rrset.name) - 1 - rrset.name.is_wild()
        if wild and (_is(rrset, "NSEC") or _is(rrset, "NSEC3")):
            raise Bogus(f"{rrset.name} denies by a wildcard")  # never one of them, and its proof would be itself
        if wild and (await self._denials(message, rrset.name)).no_closer(rrset.name, labels) is None:
            raise Bogus(f"{rrset.name} is not what the wildcard is for")
        return True

    async def _checked_alias(self, message: Message, alias: RRset) -> bool:
        """An alias that a DNAME stands for is not signed itself (RFC 6672 §5.3.1)."""
        if _signatures(message, alias) is None:
            for above in message.answer:
                if _is(above, "DNAME") and alias.name.is_subdomain(above.name) and alias.name != above.name:
                    target = alias.name.relativize(above.name).concatenate(above[0].target)
                    if target != alias[0].target:
                        raise Bogus(f"{alias.name} is not what its DNAME says")
                    return await self._checked(message, above)
        return await self._checked(message, alias)

    async def _keys_of(self, zone: Name) -> RRset | None:
        """The keys of a zone; None if it provably has none. Raises Bogus where there is no such zone."""
        if zone not in self._keys:
            self._keys[zone] = self._ring.get(zone, self._now) or await self._fresh_keys(zone)
        return self._keys[zone]

    async def _fresh_keys(self, zone: Name) -> RRset | None:
        digests = self._anchors.get(zone) or await self._digests(zone)
        if digests is None:
            return None
        keys = await self._fetched_keys(zone, digests)
        self._ring.keep(zone, keys, self._now)
        return keys

    async def _digests(self, zone: Name) -> list[Any] | None:
        """Of its keys, as its parent signs them; None if the parent proves that it has none, or none we can use."""
        if not any(zone.is_subdomain(anchor) for anchor in self._anchors):
            return None
        message = await self._asked(zone, "DS")
        rrset = _found(message.answer, zone, "DS")
        if rrset is None:
            proof = (await self._denials(message, zone, above=True)).no_data(zone, _DS)
            if proof == "proven":
                raise Bogus(f"{zone} is not the top of a zone")
            if proof is None and not await self._unsigned(zone.parent()):
                raise Bogus(f"nothing proves that {zone} has no key")
            return None
        if not await self._checked(message, rrset):
            return None
        return [each for each in rrset if each.algorithm in _ALGORITHMS and each.digest_type in _DIGESTS][
            :_MOST_DIGESTS
        ] or None

    async def _fetched_keys(self, zone: Name, digests: list[Any]) -> RRset:
        from dns.dnssec import key_id, make_ds, validate  # noqa: PLC0415
        from dns.exception import DNSException  # noqa: PLC0415
        from dns.rdataset import from_rdata_list  # noqa: PLC0415

        message = await self._asked(zone, "DNSKEY")
        keys = _found(message.answer, zone, "DNSKEY")
        signatures = None if keys is None else _signatures(message, keys)
        if keys is None or signatures is None or len(keys) > _MOST_KEYS or len(signatures) > _MOST_SIGNATURES:
            raise Bogus(f"{zone} shows no signed keys, or too many")
        if max(Counter((key.algorithm, key_id(key)) for key in keys).values()) > _MOST_ALIKE:
            raise Bogus(f"{zone} has too many keys of one tag")
        try:
            vouched = [
                key
                for key in keys
                if any(make_ds(zone, key, digest.digest_type, validating=True) == digest for digest in digests)
            ]
            validate(keys, signatures, {zone: from_rdata_list(keys.ttl, vouched)}, now=self._now)
        except (DNSException, ValueError) as problem:
            raise Bogus(f"the keys of {zone}: {problem}") from problem
        return keys

    async def _unsigned(self, name: Name) -> bool:
        """Whether a delegation on the way down to `name` provably has no key; False if all of it is signed."""
        anchors = [anchor for anchor in self._anchors if name.is_subdomain(anchor)]
        if not anchors:
            return True
        top = max(anchors, key=len)
        for depth in range(len(top) + 1, len(name) + 1):
            cut = name.split(depth)[1]
            message = await self._asked(cut, "DS")
            if _found(message.answer, cut, "DS") is not None:
                if await self._keys_of(cut) is None:
                    return True
                continue
            proof = (await self._denials(message, cut, above=True)).no_data(cut, _DS)
            if proof is None:
                raise Bogus(f"nothing proves that {cut} has no key")
            if proof != "proven":
                return True
        return False

    async def _denied(self, message: Message, name: Name, kind: str) -> bool:
        """Whether it is signed that there is nothing."""
        from dns.rdatatype import from_text  # noqa: PLC0415

        denials = await self._denials(message, name, above=kind == "DS")
        gone = int(message.rcode()) == _NXDOMAIN
        proof = denials.no_name(name) if gone else denials.no_data(name, int(from_text(kind)))
        if proof is None:
            if await self._unsigned(name):
                return False
            raise Bogus(f"nothing proves that {name} has no {kind}")
        return proof == "proven"

    async def _denials(self, message: Message, name: Name, *, above: bool = False) -> Denials:
        """Those of a message that may speak of `name`, and whose signatures are right. The others prove nothing.

        above: only those of zones above it.
        """
        found: dict[str, list[tuple[Name, Any]]] = {"NSEC": [], "NSEC3": []}
        for rrset in message.authority:
            signatures = _signatures(message, rrset)
            if signatures is None or (above and signatures[0].signer == name):
                continue
            kind = next((kind for kind in found if _is(rrset, kind)), None)
            if kind is None or not _may_deny(rrset, signatures[0].signer, name):
                continue
            if await self._checked(message, rrset):
                found[kind] += [(rrset.name, each) for each in rrset]
        return Denials(tuple(found["NSEC"]), tuple(found["NSEC3"]))


def _parsed(anchors: tuple[str, ...]) -> dict[Name, list[Any]]:
    from dns.name import from_text as name_from_text  # noqa: PLC0415
    from dns.rdata import from_text  # noqa: PLC0415

    parsed: dict[Name, list[Any]] = {}
    for anchor in anchors:
        name, _, data = anchor.partition(" DS ")
        parsed.setdefault(name_from_text(name), []).append(from_text("IN", "DS", data))
    return parsed


def _is(rrset: RRset, kind: str) -> bool:
    from dns.rdatatype import from_text  # noqa: PLC0415

    return rrset.rdtype == from_text(kind)


def _found(section: list[RRset], name: Name, kind: str) -> RRset | None:
    return next((rrset for rrset in section if rrset.name == name and _is(rrset, kind)), None)


def _may_deny(rrset: RRset, zone: Name, name: Name) -> bool:
    """Whether it is of a zone that `name` is in, and tells of nothing outside: anybody may sign what he likes."""
    if not name.is_subdomain(zone):
        return False
    if _is(rrset, "NSEC3"):
        return len(rrset.name) == len(zone) + 1 and rrset.name.is_subdomain(zone)
    return all(each.next.is_subdomain(zone) for each in rrset)


def _signatures(message: Message, rrset: RRset) -> RRset | None:
    for each in (*message.answer, *message.authority):
        if each.name == rrset.name and _is(each, "RRSIG") and each.covers == rrset.rdtype:
            return each
    return None

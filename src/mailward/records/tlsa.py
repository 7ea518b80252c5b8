"""Which TLSA records can be used, and whether a certificate is the one they mean (RFC 6698, RFC 7671, RFC 7672)."""

from __future__ import annotations

import hashlib
import hmac
from enum import IntEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mailward.records.answer import TlsaRecord

MOST_RECORDS: Final = 32
_FULL: Final = 0
_DIGESTS: Final = {1: 32, 2: 64}  # matching type to octets: SHA-256, SHA-512


class Usage(IntEnum):
    """What SMTP uses (RFC 7672 §3.1); PKIX-TA (0) and PKIX-EE (1) cannot be."""

    DANE_TA = 2
    DANE_EE = 3


def usable(records: Iterable[TlsaRecord]) -> tuple[TlsaRecord, ...]:
    """Those that SMTP can use. Of digests of one thing only the strongest counts (RFC 7671 §9)."""
    good = tuple(dict.fromkeys(record for record in records if _is_usable(record)))[:MOST_RECORDS]
    strongest: dict[tuple[int, int], int] = {}
    for record in good:
        key = (record.usage, record.selector)
        strongest[key] = max(strongest.get(key, 0), record.matching)
    return tuple(record for record in good if record.matching in (_FULL, strongest[record.usage, record.selector]))


def matches(record: TlsaRecord, certificate: bytes, key: bytes) -> bool:
    """Whether the record means this certificate (DER), or its public key (DER of SubjectPublicKeyInfo)."""
    chosen = certificate if record.selector == 0 else key
    if record.matching == _FULL:
        return hmac.compare_digest(record.data, chosen)
    digest = hashlib.sha256 if record.matching == 1 else hashlib.sha512
    return hmac.compare_digest(record.data, digest(chosen).digest())


def in_words(record: TlsaRecord) -> str:
    """As a zone file has it."""
    return f"{record.usage} {record.selector} {record.matching} {record.data.hex()}"


def _is_usable(record: TlsaRecord) -> bool:
    if record.usage not in (Usage.DANE_TA, Usage.DANE_EE) or record.selector not in (0, 1):
        return False
    if record.matching == _FULL:
        return record.data[:1] == b"\x30"  # a SEQUENCE, as both are
    return len(record.data) == _DIGESTS.get(record.matching)

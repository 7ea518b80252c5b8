"""Certificates of a stranger against TLSA records: only what is named is believed, and no other error is raised."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

from mailward.errors import CertificateError
from mailward.records.answer import TlsaRecord
from mailward.records.dane import verify
from mailward.records.tlsa import usable

SEEDS: list[bytes] = [
    b"\x03\x01\x01" + b"\x01" * 32 + b"\x30\x82\x01\x00",
    b"\x02\x00\x00\x30\x82\x01\x00\x30\x82\x00\xfa",
    b"\x03\x00\x02" + b"\x02" * 64,
    b"\x00\x00\x00",
    b"",
]
_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_ANOTHER = TlsaRecord(3, 1, 1, hashlib.sha256(b"the key of nobody").digest())


def target(data: bytes) -> None:
    """The first octets are a record's fields, all of it its data, and what the server showed."""
    record = TlsaRecord(data[0], data[1], data[2], data[3:]) if len(data) > 3 else _ANOTHER
    for one in usable([record]):
        if one.usage not in (2, 3) or one.selector not in (0, 1) or not one.data:
            raise AssertionError("a record that SMTP has no use for")
    cut = len(data) // 2
    try:
        verify([data[3:], data[cut:], data[:cut]], [_ANOTHER, *usable([record])], names=["mx.test"], now=_NOW)
    except CertificateError as problem:
        if not problem.message.isprintable():
            raise AssertionError("a reason that cannot be shown") from None
    else:
        if record.usage != 3 or record.data != data[3:]:
            raise AssertionError("somebody whom no record names")

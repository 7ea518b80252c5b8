"""What the DNS answered, as values."""

from __future__ import annotations

from mailward.records.answer import DnsAnswer, MxRecord


def test_addresses() -> None:
    """Only the records that are text are addresses."""
    assert DnsAnswer(("192.0.2.1", MxRecord(1, "mx.test"), b"text")).addresses == ("192.0.2.1",)

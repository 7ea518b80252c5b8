"""Which hosts take the mail of a domain."""

from __future__ import annotations

import itertools

import pytest

from mailward.errors import RouteError
from mailward.records.answer import DnsAnswer, MxRecord
from mailward.records.mx import MOST_HOSTS, Exchanges, exchanges


def chosen(*records: tuple[int, str], chance: str = "") -> Exchanges:
    answer = DnsAnswer(tuple(MxRecord(*record) for record in records), state="found", authenticated=True)
    turns = itertools.cycle(chance or "x")
    return exchanges("example.test", answer, chance=lambda: next(turns))


def test_preference() -> None:
    """The lowest number is asked first."""
    assert chosen((20, "b.test"), (10, "a.test"), (30, "c.test")).hosts == ("a.test", "b.test", "c.test")
    assert chosen((1, "a.test")).secure


def test_chance_decides_between_equals() -> None:
    """Two of one preference come in either order, and keep their place among the others."""
    records = ((10, "a.test"), (10, "b.test"), (5, "z.test"))

    assert chosen(*records, chance="123").hosts == ("z.test", "a.test", "b.test")
    assert chosen(*records, chance="213").hosts == ("z.test", "b.test", "a.test")


def test_no_record_at_all() -> None:
    """The domain is its own host then (RFC 5321 §5.1)."""
    assert exchanges("example.test", DnsAnswer(), chance=str) == Exchanges(("example.test",), implicit=True)


def test_null_mx() -> None:
    """A domain that takes no mail is believed, and told with the code of RFC 7505."""
    with pytest.raises(RouteError, match="takes no mail") as caught:
        chosen((0, ""))

    assert (caught.value.retryable, caught.value.enhanced_code) == (False, "5.1.10")


def test_no_such_domain() -> None:
    """It fails for good."""
    with pytest.raises(RouteError, match="does not exist") as caught:
        exchanges("example.test", DnsAnswer(state="no-name"), chance=str)

    assert (caught.value.retryable, caught.value.enhanced_code) == (False, "5.1.2")


def test_a_forged_answer_is_tried_again() -> None:
    """Bogus is neither "no MX" nor the end."""
    with pytest.raises(RouteError, match="forged") as caught:
        exchanges("example.test", DnsAnswer(state="bogus"), chance=str)

    assert caught.value.retryable


def test_hosts_that_are_none() -> None:
    """They are left out; if that leaves nobody, the domain itself is not asked in their place."""
    assert chosen((10, "192.0.2.1"), (20, "b.test"), (30, "")).hosts == ("b.test",)
    with pytest.raises(RouteError, match="names a host"):
        chosen((10, "192.0.2.1"))


def test_how_many() -> None:
    """Each host once, and a bounded number of them."""
    assert chosen((10, "a.test"), (20, "a.test")).hosts == ("a.test",)
    assert len(chosen(*((10, f"h{number}.test") for number in range(200))).hosts) == MOST_HOSTS

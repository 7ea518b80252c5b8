"""MTA-STS records and policies, right and wrong (RFC 8461)."""

from __future__ import annotations

import pytest

from mailward.errors import InputError
from mailward.records.mta_sts import LONGEST, MOST_OCTETS, StsPolicy, parse_policy, policy_id

GOOD = b"version: STSv1\r\nmode: enforce\r\nmx: mail.example.test\r\nmx: *.example.net\r\nmax_age: 604800\r\n"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (b"v=STSv1; id=20260101T000000;", "20260101T000000"),
        (b"v=STSv1;id=1", "1"),
        (b"v=STSv1; x=y; id=abc; z=1;", "abc"),
        (b"v=STSv1 ; id=1 ; ", None),  # the version must be followed by its semicolon to be one of ours
        (b"v=STSv1;", None),
        (b"v=STSv1", None),
        (b"v=STSv1; id=;", None),
        (b"v=STSv1; id=a_b;", None),
        (b"v=STSv1; id=1; id=2;", None),
        (b"v=STSv1; id=" + b"1" * 33, None),
        (b"v=STSv1; id=1; =x", None),
        (b"v=STSv2; id=1;", None),
        (b"V=STSv1; id=1;", None),
        (b"v=spf1 -all", None),
        (b"v=STSv1; id=1\xff;", None),
    ],
)
def test_the_record(text: bytes, found: str | None) -> None:
    """Its id, or none if it is not valid."""
    assert policy_id([text]) == found


def test_records_of_others_and_two_of_ours() -> None:
    """Other records do not matter; two of ours mean none (RFC 8461 §3.1)."""
    assert policy_id([b"v=spf1 -all", b"v=STSv1; id=1;"]) == "1"
    assert policy_id([b"v=STSv1; id=1;", b"v=STSv1; id=1;"]) is None
    assert policy_id([]) is None


def test_a_policy() -> None:
    """Its mode, hosts and age."""
    assert parse_policy(GOOD) == StsPolicy("enforce", ("mail.example.test", "*.example.net"), 604800)
    assert parse_policy(GOOD.replace(b"\r\n", b"\n")) == parse_policy(GOOD)


def test_what_does_not_count() -> None:
    """Unknown keys, and what a key says a second time, are ignored (RFC 8461 §3.2)."""
    body = GOOD + b"max_age: 1\nmode: none\nx-new: anything \xc3\xa9\n"

    assert parse_policy(body) == parse_policy(GOOD)


def test_the_longest_age() -> None:
    """More than a year counts as a year."""
    assert parse_policy(GOOD.replace(b"604800", b"9999999999")).max_age == LONGEST


def test_none_needs_no_host() -> None:
    """Mode none says that there is no policy any more."""
    assert parse_policy(b"version: STSv1\nmode: none\nmax_age: 60\n") == StsPolicy("none", (), 60)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"version: STSv2\nmode: none\nmax_age: 1\n",
        b"mode: none\nmax_age: 1\n",
        GOOD.replace(b"enforce", b"strict"),
        GOOD.replace(b"604800", b"99999999999"),
        GOOD.replace(b"604800", b"-1"),
        GOOD.replace(b"604800", b"1_0"),
        GOOD.replace(b"604800", b"\xd9\xa1"),
        GOOD.replace(b"max_age: 604800\r\n", b""),
        b"version: STSv1\nmode: enforce\nmax_age: 1\n",
        b"version: STSv1\nmode: testing\nmax_age: 1\n",
        GOOD.replace(b"*.example.net", b"*"),
        GOOD.replace(b"*.example.net", b"mail.*.net"),
        GOOD.replace(b"*.example.net", b"192.0.2.1"),
        GOOD.replace(b"*.example.net", b""),
        GOOD + b"no colon\n",
        GOOD + b": no key\n",
        GOOD + b"key: a\x00b\n",
        GOOD.replace(b"\r\n", b"\r"),
        GOOD + b"x: \xff\n",
        b"<html>version: STSv1</html>",
        GOOD + b" " * MOST_OCTETS,
    ],
)
def test_no_policy(body: bytes) -> None:
    """Whatever breaks the grammar is no policy at all."""
    with pytest.raises(InputError, match="no MTA-STS policy"):
        parse_policy(body)


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("mail.example.test", True),
        ("MAIL.example.test.", True),
        ("mx.example.net", True),
        ("example.net", False),
        ("a.mx.example.net", False),
        ("mail.example.test.evil.test", False),
        ("evilexample.net", False),
        ("net", False),
    ],
)
def test_which_hosts(host: str, allowed: bool) -> None:
    """A star is one label, the first (RFC 8461 §4.1)."""
    assert parse_policy(GOOD).allows(host) is allowed

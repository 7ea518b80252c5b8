"""MTA-STS and TLSRPT records and policies: a value or InputError, and no host that is not named gets through."""

from __future__ import annotations

from mailward.errors import InputError
from mailward.records.host import is_host
from mailward.records.mta_sts import LONGEST, parse_policy, policy_id
from mailward.records.tls_rpt import report_addresses

SEEDS: list[bytes] = [
    b"version: STSv1\r\nmode: enforce\r\nmx: mail.example.test\r\nmx: *.example.net\r\nmax_age: 604800\r\n",
    b"version: STSv1\nmode: none\nmax_age: 9999999999\n",
    b"v=STSv1; id=20260101T000000;",
    b"v=TLSRPTv1; rua=mailto:tls@example.test,https://r.test/v1",
    b"v=STSv1; x=y; id=abc; z=1;",
    b"\xff\xfe\x00mx: *.\n",
]


def target(data: bytes) -> None:
    """The input as each of the three."""
    found = policy_id([data])
    if found is not None and not (found.isascii() and found.isalnum() and len(found) <= 32):
        raise AssertionError("an id of other characters")
    if not all(each.isascii() and each.isprintable() for each in report_addresses([data])):
        raise AssertionError("an address that cannot be shown")
    try:
        policy = parse_policy(data)
    except InputError as problem:
        if not problem.message.isprintable():
            raise AssertionError("a reason that cannot be shown") from None
        return
    if not 0 <= policy.max_age <= LONGEST or (policy.mode != "none" and not policy.mx):
        raise AssertionError("a policy out of bounds")
    if policy.allows("evil.invalid") and not any(each.endswith("invalid") for each in policy.mx):
        raise AssertionError("a host that is not named")
    if not all(is_host(each.removeprefix("*.")) for each in policy.mx):
        raise AssertionError("a pattern that is no host")

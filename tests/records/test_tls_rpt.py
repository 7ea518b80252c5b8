"""Who wants reports, and what is in them (RFC 8460)."""

from __future__ import annotations

import json
from datetime import date

import pytest

from mailward.records.tls_rpt import AppliedPolicy, Counted, Failure, PolicyKind, report, report_addresses


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        ([b"v=TLSRPTv1; rua=mailto:tls@example.test"], ("mailto:tls@example.test",)),
        ([b"v=TLSRPTv1;rua=https://r.test/v1, mailto:a@b.test;"], ("https://r.test/v1", "mailto:a@b.test")),
        ([b"v=spf1 -all", b"v=TLSRPTv1; rua=mailto:a@b.test; x=1"], ("mailto:a@b.test",)),
        ([b"v=TLSRPTv1; rua=ftp://r.test/"], ()),
        ([b"v=TLSRPTv1; rua=mailto:a@b.test"] * 2, ()),
        ([b"v=TLSRPTv1;"], ()),
        ([b"v=TLSRPTv1; rua=mailto:a@b.test; rua=mailto:c@d.test"], ()),
        ([b"v=TLSRPTv1; rua=mailto:\xff@b.test"], ()),
        ([b"v=TLSRPTv2; rua=mailto:a@b.test"], ()),
        ([], ()),
    ],
)
def test_addresses(texts: list[bytes], found: tuple[str, ...]) -> None:
    """Of exactly one valid record, those we could send to."""
    assert report_addresses(texts) == found


def test_a_report() -> None:
    """Sums for each policy, and what failed in detail, in the words of the RFC."""
    sts = AppliedPolicy(PolicyKind.STS, "example.test", ("version: STSv1", "mode: testing"), ("*.example.test",))
    none = AppliedPolicy(PolicyKind.NONE, "example.test")
    told = report(
        date(2026, 2, 3),
        [
            Counted(sts, 7),
            Counted(sts, 2, Failure.EXPIRED, "mx.example.test", "192.0.2.1", "198.51.100.2"),
            Counted(sts, 1, Failure.VALIDATION, "mx2.example.test", reason="no cipher"),
            Counted(none, 3),
        ],
        organization="Ann's",
        contact="tls@ann.test",
        report_id="1@ann.test",
    )

    assert json.loads(json.dumps(told)) == {
        "organization-name": "Ann's",
        "date-range": {"start-datetime": "2026-02-03T00:00:00Z", "end-datetime": "2026-02-03T23:59:59Z"},
        "contact-info": "tls@ann.test",
        "report-id": "1@ann.test",
        "policies": [
            {
                "policy": {
                    "policy-type": "sts",
                    "policy-string": ["version: STSv1", "mode: testing"],
                    "policy-domain": "example.test",
                    "mx-host": ["*.example.test"],
                },
                "summary": {"total-successful-session-count": 7, "total-failure-session-count": 3},
                "failure-details": [
                    {
                        "result-type": "certificate-expired",
                        "sending-mta-ip": "198.51.100.2",
                        "receiving-mx-hostname": "mx.example.test",
                        "receiving-ip": "192.0.2.1",
                        "failed-session-count": 2,
                    },
                    {
                        "result-type": "validation-failure",
                        "receiving-mx-hostname": "mx2.example.test",
                        "failed-session-count": 1,
                        "failure-reason-code": "no cipher",
                    },
                ],
            },
            {
                "policy": {"policy-type": "no-policy-found", "policy-domain": "example.test"},
                "summary": {"total-successful-session-count": 3, "total-failure-session-count": 0},
            },
        ],
    }

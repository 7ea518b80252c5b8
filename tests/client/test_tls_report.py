"""What is counted becomes a report; what cannot be counted stops nobody."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from mailward.client.tls_report import TlsCounter, TlsReports, failure_of
from mailward.errors import CertificateError, StartTlsInjection, TlsError, TlsRequired
from mailward.net.ports import Ports
from mailward.records.tls_rpt import AppliedPolicy, Failure, PolicyKind
from mailward.store.client_routes import ClientRoutes
from tests.support.certificates import NOW
from tests.support.drivers import Driver, both_drivers

POLICY = AppliedPolicy(PolicyKind.NONE, "example.test")
OTHER = AppliedPolicy(PolicyKind.NONE, "other.test")


def certificate_error(code: int) -> CertificateError:
    cause = ssl.SSLCertVerificationError("no")
    cause.verify_code = code
    error = CertificateError("no")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (TlsRequired("no"), Failure.STARTTLS_NOT_SUPPORTED),
        (certificate_error(10), Failure.EXPIRED),
        (certificate_error(9), Failure.EXPIRED),
        (certificate_error(62), Failure.HOST_MISMATCH),
        (certificate_error(18), Failure.NOT_TRUSTED),
        (certificate_error(20), Failure.NOT_TRUSTED),
        (certificate_error(26), Failure.VALIDATION),
        (CertificateError("DANE"), Failure.VALIDATION),
        (TlsError("no"), Failure.VALIDATION),
        (StartTlsInjection("no"), Failure.VALIDATION),
    ],
)
def test_failures(error: TlsError, failure: Failure) -> None:
    """Each error of ours in a word of RFC 8460."""
    assert failure_of(error) is failure


@both_drivers
def test_from_counts_to_a_report(driver: Driver, tmp_path: Path) -> None:
    """Through the file, for another process to read: of one domain, or of all."""
    path = tmp_path / "routes.db"

    async def flow(ports: Ports) -> None:
        counter = TlsCounter(ClientRoutes(path), ports)
        await counter.count(POLICY)
        await counter.count(POLICY, Failure.EXPIRED, host="mx", addresses=("192.0.2.1", "192.0.2.2"), reason="old")
        await counter.count(OTHER, host="mx", addresses=("192.0.2.3", "192.0.2.2"))

    driver.run(flow)
    reports = TlsReports(path)
    report = reports.report(NOW.date(), domain="example.test", organization="home.test", contact="tls@home.test")

    assert reports.domains(NOW.date()) == ("example.test", "other.test")
    assert report["organization-name"] == "home.test"
    assert report["policies"] == [
        {
            "policy": {"policy-type": "no-policy-found", "policy-domain": "example.test"},
            "summary": {"total-successful-session-count": 1, "total-failure-session-count": 1},
            "failure-details": [
                {
                    "result-type": "certificate-expired",
                    "sending-mta-ip": "192.0.2.2",
                    "receiving-mx-hostname": "mx",
                    "receiving-ip": "192.0.2.1",
                    "failed-session-count": 1,
                    "failure-reason-code": "old",
                }
            ],
        }
    ]
    whole = reports.report(NOW.date())["policies"]
    assert isinstance(whole, list)
    assert len(whole) == 2


@both_drivers
def test_a_file_that_cannot_be_written(driver: Driver, tmp_path: Path) -> None:
    """Mail goes on without counts."""
    (tmp_path / "routes.db").mkdir()

    async def flow(ports: Ports) -> str:
        await TlsCounter(ClientRoutes(tmp_path / "routes.db"), ports).count(POLICY)
        return "went on"

    assert driver.run(flow) == "went on"

"""`mailward tls-report`."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from mailward.records.tls_rpt import AppliedPolicy, Counted, Failure, PolicyKind
from mailward.store.client_routes import ClientRoutes
from tests.cli.conftest import Run

DAY = date(2026, 2, 3)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Counts of one day about two domains."""
    book = ClientRoutes(tmp_path / "routes.db")
    for domain in ("example.test", "other.test"):
        policy = AppliedPolicy(PolicyKind.NONE, domain)
        book.count(DAY, Counted(policy, 2))
        book.count(DAY, Counted(policy, 1, Failure.EXPIRED, f"mx.{domain}"))
    return tmp_path / "routes.db"


def test_domains(run: Run, file: Path) -> None:
    """Without a domain: about which there is a report."""
    assert run("tls-report", "--day", "2026-02-03", "--file", file).out == "example.test\nother.test\n"
    assert run("tls-report", "--day", "2026-02-04", "--file", file).out == ""


def test_a_report(run: Run, file: Path) -> None:
    """The JSON of RFC 8460, about this domain alone."""
    told = run("tls-report", "Other.test.", "--day", "2026-02-03", "--organization", "home.test", "--file", file).json

    assert told["organization-name"] == "home.test"
    assert [each["policy"]["policy-domain"] for each in told["policies"]] == ["other.test"]
    assert told["policies"][0]["summary"] == {
        "total-successful-session-count": 2,
        "total-failure-session-count": 1,
    }


def test_nothing_to_report(run: Run, file: Path) -> None:
    """It is said, and yesterday is the day if none is given; a file that is not there is an empty one."""
    done = run("tls-report", "missing.test", "--day", "2026-02-03", "--file", file)
    assert (done.code, "nothing was counted" in done.err) == (2, True)
    assert run("tls-report", "--file", file.with_name("none.db")).out == ""
    assert not file.with_name("none.db").exists()

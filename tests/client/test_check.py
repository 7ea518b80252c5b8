"""Whether a server can be sent through, told step by step, with both drivers."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from mailward.client.check import CheckReport, check
from mailward.client.options import client_options
from mailward.client.tls_mode import INSECURE_PLAINTEXT
from tests.support.certificates import LOOPBACK, NOW, authority, issue, self_signed
from tests.support.drivers import Driver, both_drivers
from tests.support.hostile import HostileServer, Script, hostile_server

ANN = ("ann@example.test", "correct horse")


def checked(driver: Driver, server: HostileServer, **arguments: Any) -> CheckReport:
    arguments = {"ca": authority().pem, "timeout": 5, "memory": False, **arguments}
    options = client_options("localhost", server.port, **arguments)
    return driver.run(lambda ports: check(options, ports, until=ports.now() + 5))


def steps(report: CheckReport) -> dict[str, str]:
    return {step.name: step.status for step in report.steps}


@both_drivers
def test_a_good_server(driver: Driver) -> None:
    """Every step is fine, nothing but a session was had, and no mail was sent."""
    with hostile_server(Script(tls="starttls", auth=("SCRAM-SHA-256", "PLAIN"))) as server:
        report = checked(driver, server, auth=ANN)

    assert report.ok
    assert steps(report) == dict.fromkeys(
        ("connect", "tls", "certificate", "pin", "offers", "mechanisms", "login"), "ok"
    )
    assert report.mechanisms == ("SCRAM-SHA-256", "PLAIN")
    assert report.days_left is not None
    assert 80 < report.days_left <= 90
    assert server.verbs == ["EHLO", "STARTTLS", "EHLO", "AUTH", ":", ":", "QUIT"]
    assert json.loads(json.dumps(report.as_dict()))["ok"] is True


@both_drivers
def test_without_a_login(driver: Driver) -> None:
    """It is said that none was tried; clear text is a warning."""
    with hostile_server(Script(auth=("PLAIN",))) as server:
        report = checked(driver, server, tls=INSECURE_PLAINTEXT)

    assert report.ok
    assert (steps(report)["tls"], steps(report)["login"]) == ("warn", "skipped")
    assert server.verbs == ["EHLO", "QUIT"]


@both_drivers
def test_a_certificate_that_ends_soon(driver: Driver) -> None:
    """A warning, with the days that are left."""
    pair = issue(LOOPBACK, end=NOW + timedelta(days=5, hours=1))
    with hostile_server(Script(tls="starttls", pair=pair)) as server:
        report = checked(driver, server)

    assert report.ok
    assert report.days_left == 5
    assert steps(report)["certificate"] == "warn"


@both_drivers
@pytest.mark.parametrize(
    ("script", "step", "words"),
    [
        (Script(tls=None), "tls", "does not offer STARTTLS"),
        (Script(tls="starttls", pair=self_signed()), "certificate", "self-signed"),
        (Script(tls="starttls", auth=("PLAIN",), accounts={}), "login", "refused the login"),
        (Script(tls="starttls", says={"": b"554 5.7.1 go away\r\n"}), "greeting", "turned us away"),
    ],
    ids=["stripped", "self-signed", "login", "greeting"],
)
def test_what_is_wrong(driver: Driver, script: Script, step: str, words: str) -> None:
    """The step that failed, why, and what to do; nothing is raised."""
    with hostile_server(script) as server:
        report = checked(driver, server, auth=ANN)

    assert not report.ok
    last = report.steps[-1]
    assert (last.name, last.status) == (step, "fail")
    assert words in last.detail
    assert report.as_dict()["error"] is not None
    assert "correct horse" not in json.dumps(report.as_dict())


@both_drivers
def test_nobody_is_there(driver: Driver) -> None:
    """The report names the host that was asked for."""
    with hostile_server(Script()) as server:
        pass
    report = checked(driver, server)

    assert (report.ok, report.host, report.port) == (False, "localhost", server.port)
    assert steps(report) == {"connect": "fail"}


@both_drivers
def test_who_listens_hears_the_check(driver: Driver) -> None:
    """The client's own event hooks too."""
    kinds: list[str] = []
    with hostile_server(Script(tls="starttls")) as server:
        checked(driver, server, event_hooks={"*": lambda event: kinds.append(event.kind)})

    assert [kind for kind in kinds if kind not in ("said", "heard")] == ["connected", "secured", "offered", "closed"]

"""A real Exim whose dovecot authenticator asks Mailward."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.certificates import authority, issue
from tests.support.exim import Exim
from tests.support.installation import ANN, PASSWORD
from tests.support.login_doors import LoginDoors
from tests.support.peers import peer
from tests.support.talk import Talk, trusting

pytestmark = [pytest.mark.e2e, pytest.mark.peer("exim"), pytest.mark.peer("swaks")]

WRONG = "not this one at all"


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("ca") / "ca.pem"
    file.write_bytes(authority().pem)
    return file


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LoginDoors]:
    with LoginDoors(tmp_path / "server", "dovecot_auth", group="nogroup") as running:
        yield running


@pytest.fixture
def exim(server: LoginDoors) -> Iterator[Exim]:
    with Exim(server.socket("dovecot_auth"), tls=issue(("localhost",))) as running:
        yield running


def swaks(exim: Exim, mechanism: str, password: str) -> subprocess.CompletedProcess[str]:
    command: list[str | Path] = [
        *(peer("swaks"), "--server", f"127.0.0.1:{exim.port}", "--tls", "--auth", mechanism),
        *("--auth-user", ANN, "--auth-password", password, "--from", ANN, "--to", "bob@inbox.test"),
    ]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_the_right_password(server: LoginDoors, exim: Exim, mechanism: str) -> None:
    """swaks logs in at Exim with an account of ours, 235, and Exim takes its mail as that account's."""
    done = swaks(exim, mechanism, PASSWORD)

    assert done.returncode == 0, done.stdout + done.stderr + exim.log
    assert "235 Authentication succeeded" in done.stdout
    assert f"A={mechanism.lower()}:{ANN}" in exim.log
    (event,) = server.events("login.succeeded")
    assert (event["account"], event["listener"], event["source"], event["tls"]) == (
        ANN,
        "dovecot-auth:smtp",
        "127.0.0.1",
        "TLS",
    )


def test_a_wrong_password(server: LoginDoors, exim: Exim) -> None:
    """535, and the event says why and where from."""
    done = swaks(exim, "PLAIN", WRONG)

    assert "535 Incorrect authentication data" in done.stdout
    (event,) = server.events("login.failed")
    assert (event["account"], event["reason"], event["source"]) == (ANN, "bad-password", "127.0.0.1")


@pytest.mark.peer("msmtp")
def test_scram(server: LoginDoors, exim: Exim, ca: Path) -> None:
    """msmtp logs in with SCRAM-SHA-256 through Exim: every step of the exchange goes to and fro."""
    command: list[str | Path] = [
        *(peer("msmtp"), "--file=", "--host=localhost", f"--port={exim.port}", "--tls=on", "--tls-starttls=on"),
        *(f"--tls-trust-file={ca}", "--auth=scram-sha-256", f"--user={ANN}", f"--passwordeval=echo {PASSWORD}"),
        *(f"--from={ANN}", "bob@inbox.test"),
    ]
    done = subprocess.run(
        command, check=False, input="Subject: SCRAM\n\nhello\n", capture_output=True, text=True, timeout=60
    )

    assert done.returncode == 0, done.stderr + exim.log
    (event,) = server.events("login.succeeded")
    assert (event["account"], event["mechanism"]) == (ANN, "SCRAM-SHA-256")


def test_a_banned_source(server: LoginDoors, exim: Exim, ca: Path) -> None:
    """When its guesses are spent, the right password opens nothing to a source; elsewhere it does."""
    for number in range(5):  # Exim ends a connection after few failures
        with Talk(exim.port, source="127.0.0.7") as talk:
            talk.ehlo()
            talk.starttls(trusting(ca))
            talk.ehlo()
            assert talk.plain(ANN, f"wrong password {number}").code == 535
    with Talk(exim.port, source="127.0.0.7") as talk:
        talk.ehlo()
        talk.starttls(trusting(ca))
        talk.ehlo()
        assert talk.plain(ANN, PASSWORD).code in {435, 535}

    assert server.events("login.refused")[-1]["reason"] == "banned"
    assert swaks(exim, "PLAIN", PASSWORD).returncode == 0


def test_connect_compares_the_configuration(server: LoginDoors, exim: Exim) -> None:
    """What `mailward connect exim` prints is what this Exim has: the authenticators are the same, line by line."""
    told = server.listing("connect", "exim")
    said = exim.run("-bP", "authenticators").stdout

    for line in told["parts"][0]["lines"]:
        if line.startswith("  ") and "server_set_id" not in line:
            assert line.strip() in said, said

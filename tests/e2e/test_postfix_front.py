"""A real Postfix in front: its logins are decided by Mailward, and whoever Mailward has banned gets no further."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.certificates import authority, issue
from tests.support.installation import ANN, BOB, PASSWORD, until
from tests.support.login_doors import LoginDoors
from tests.support.peers import peer
from tests.support.postfix import Postfix
from tests.support.talk import Talk, trusting

pytestmark = [pytest.mark.e2e, pytest.mark.peer("postfix"), pytest.mark.peer("swaks")]

WRONG = "not this one at all"
SASL = """\
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = unix:{socket}
smtpd_tls_auth_only = yes
smtpd_recipient_restrictions = permit_sasl_authenticated, reject
smtpd_relay_restrictions = permit_sasl_authenticated, reject
"""
POLICY = """\
smtpd_client_restrictions = check_policy_service unix:{policy}
smtpd_delay_reject = no
"""
SENDERS = """\
smtpd_sender_login_maps = socketmap:unix:{map}:senders
smtpd_sender_restrictions = reject_sender_login_mismatch
"""


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("ca") / "ca.pem"
    file.write_bytes(authority().pem)
    return file


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LoginDoors]:
    with LoginDoors(tmp_path / "server", "dovecot_auth", "postfix_policy", "socketmap", group="postfix") as running:
        yield running


@pytest.fixture
def postfix(server: LoginDoors) -> Iterator[Postfix]:
    settings = (SASL + POLICY + SENDERS).format(
        socket=server.socket("dovecot_auth"), policy=server.socket("postfix_policy"), map=server.socket("socketmap")
    )
    with Postfix(tls=issue(("localhost",)), settings=settings) as running:
        yield running


def swaks(
    postfix: Postfix, *options: str, password: str = PASSWORD, sender: str = ANN, mechanism: str = "PLAIN"
) -> subprocess.CompletedProcess[str]:
    """One mail to bob over STARTTLS."""
    command: list[str | Path] = [
        *(peer("swaks"), "--server", f"127.0.0.1:{postfix.port}", "--tls", "--auth", mechanism),
        *("--auth-user", ANN, "--auth-password", password, "--from", sender, "--to", "bob@inbox.test", *options),
    ]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)


def failures(server: LoginDoors) -> list[tuple[str, str, str]]:
    return [
        (event["listener"], event["source"], event["reason"])
        for event in server.events("login.failed", "login.refused")
    ]


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_the_right_password(server: LoginDoors, postfix: Postfix, mechanism: str) -> None:
    """swaks logs in at Postfix with an account of ours, 235, and its mail is delivered; the event says where."""
    done = swaks(postfix, mechanism=mechanism)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "235 2.7.0 Authentication successful" in done.stdout
    postfix.delivered("bob", 1)
    (event,) = server.events("login.succeeded")
    assert (event["account"], event["listener"], event["source"]) == (ANN, "dovecot-auth:smtp", "127.0.0.1")
    assert (event["mechanism"], event["tls"]) == (mechanism, "TLS")


def test_a_wrong_password(server: LoginDoors, postfix: Postfix) -> None:
    """swaks hears 535 with a reason that tells nothing, nothing is delivered, and the event is exact."""
    done = swaks(postfix, password=WRONG)

    assert done.returncode == 28, done.stdout
    assert "535 5.7.8 Error: authentication failed: the user name or the password is not right" in done.stdout
    assert postfix.mailbox("bob") == []
    assert failures(server) == [("dovecot-auth:smtp", "127.0.0.1", "bad-password")]


@pytest.mark.peer("msmtp")
def test_scram(server: LoginDoors, postfix: Postfix, ca: Path) -> None:
    """msmtp logs in with SCRAM-SHA-256 through Postfix: every step of the exchange goes to and fro."""
    command: list[str | Path] = [
        *(peer("msmtp"), "--file=", "--host=localhost", f"--port={postfix.port}", "--tls=on", "--tls-starttls=on"),
        *(f"--tls-trust-file={ca}", "--auth=scram-sha-256", f"--user={ANN}", f"--passwordeval=echo {PASSWORD}"),
        *(f"--from={ANN}", "bob@inbox.test"),
    ]
    done = subprocess.run(
        command, check=False, input="Subject: SCRAM\n\nhello\n", capture_output=True, text=True, timeout=60
    )

    assert done.returncode == 0, done.stderr
    postfix.delivered("bob", 1)
    (event,) = server.events("login.succeeded")
    assert (event["account"], event["mechanism"]) == (ANN, "SCRAM-SHA-256")


def test_a_banned_source_gets_no_further(server: LoginDoors, postfix: Postfix, ca: Path) -> None:
    """After its guesses are spent a source hears "try again later" even with the right password, and at its next
    connection nothing but that; Postfix still serves the others, and so does Mailward."""
    with Talk(postfix.port, source="127.0.0.7") as talk:
        talk.ehlo()
        talk.starttls(trusting(ca))
        talk.ehlo()
        wrong = [talk.plain(ANN, f"wrong password {number}") for number in range(5)]
        right = talk.plain(ANN, PASSWORD)
    with Talk(postfix.port, source="127.0.0.7") as talk:
        greeting = talk.answer()

    assert {str(answer) for answer in wrong} == {
        "535 5.7.8 Error: authentication failed: the user name or the password is not right"
    }
    assert str(right) == "535 5.7.8 Error: authentication failed: try again later"  # Postfix knows no other code here
    assert greeting.code == 450
    assert "Too many failed logins" in str(greeting)
    assert failures(server)[-1] == ("dovecot-auth:smtp", "127.0.0.7", "banned")
    assert [event["subject"] for event in server.events("ban.added")] == ["ip:127.0.0.7"]
    assert swaks(postfix).returncode == 0


def test_the_senders_of_an_account(server: LoginDoors, postfix: Postfix) -> None:
    """Postfix asks the table of senders: an account sends as itself, and not as anybody else, or nobody."""
    assert swaks(postfix).returncode == 0
    for sender in (BOB, "nobody@example.test"):
        done = swaks(postfix, sender=sender)
        assert f"553 5.7.1 <{sender}>: Sender address rejected: not owned by user {ANN}" in done.stdout


def test_postfix_asks_the_tables(server: LoginDoors, postfix: Postfix) -> None:
    """postmap reads each table as Postfix does."""

    def look_up(table: str, key: str) -> tuple[int, str]:
        command: list[str | Path] = [peer("postfix").with_name("postmap"), "-c", str(postfix.directory), "-q", key]
        source = f"socketmap:unix:{server.socket('socketmap')}:{table}"
        done = subprocess.run([*command, source], check=False, capture_output=True, text=True, timeout=30)
        return done.returncode, done.stdout.strip()

    assert look_up("accounts", "Ann@Example.test") == (0, ANN)
    assert look_up("accounts", "nobody@example.test") == (1, "")
    assert look_up("senders", ANN) == (0, ANN)
    assert look_up("bans", "127.0.0.8") == (1, "")
    assert look_up("nothing", "x")[0] == 1


def test_mailward_away_is_a_temporary_failure(server: LoginDoors, postfix: Postfix) -> None:
    """While Mailward does not answer nobody logs in, and nobody is told that the password is wrong."""
    server.stop()

    done = swaks(postfix)

    assert done.returncode != 0
    assert "535" not in done.stdout
    server.start()
    assert until(lambda: swaks(postfix).returncode == 0, within=30)


def test_connect_shows_that_a_login_passes(server: LoginDoors, postfix: Postfix, tmp_path: Path) -> None:
    """`mailward connect postfix --check` compares, reaches, knocks, logs in, and tells what was recorded."""
    password = tmp_path / "password"
    password.touch(0o600)
    password.write_text(PASSWORD)

    done = server.cli(
        *("connect", "postfix", "--check", "--server-config", str(postfix.directory)),
        *("--test-user", ANN, "--password-file", str(password)),
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert f"smtpd_sasl_path = unix:{server.socket('dovecot_auth')}" in done.stdout
    for told in (
        "postfix's configuration is as it should be",
        f"postfix can reach unix:{server.socket('dovecot_auth')}",
        "dovecot_auth answers: FAIL reason=the user name or the password is not right",
        "postfix_policy answers: DUNNO",
        "recorded: login.failed, unknown-account, dovecot-auth:smtp, from 2001:db8:",
        f"a login of {ANN} is answered: OK user={ANN}",
        "recorded: login.succeeded, dovecot-auth:smtp, from 127.0.0.1",
    ):
        assert told in done.stdout, done.stdout


def test_connect_tells_what_is_wrong(server: LoginDoors, tmp_path: Path) -> None:
    """Settings that are missing or different are told, one by one, and a door that is closed."""
    (tmp_path / "main.cf").write_text("compatibility_level = 3.6\nsmtpd_sasl_type = cyrus\n")
    (tmp_path / "master.cf").touch()
    server.stop()

    done = server.cli("connect", "postfix", "--check", "--server-config", str(tmp_path))

    assert done.returncode == 1, done.stdout + done.stderr
    assert "✘ main.cf: smtpd_sasl_type is cyrus, and should be dovecot" in done.stdout
    assert f"✘ there is no {server.socket('dovecot_auth')}: is the server running?" in done.stdout
    assert "✘ no event was recorded for that" in done.stdout
    server.start()

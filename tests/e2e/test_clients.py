"""Other people's clients send through both secure doors, and through neither before TLS; ours with a bound channel."""

from __future__ import annotations

import asyncio
import json
import smtplib
import subprocess
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest

import mailward
from tests.support.certificates import authority
from tests.support.installation import ANN, BOB, COMMAND, IMPLICIT, PASSWORD, STARTTLS, own_field, until
from tests.support.mailward_server import MailwardServer
from tests.support.peers import peer
from tests.support.talk import Talk, trusting

pytestmark = pytest.mark.e2e

CONTENT = (
    b"From: Ann <ann@example.test>\r\nTo: bob@example.test\r\nSubject: a client of others\r\n"
    b"X-Folded: one\r\n two\r\n\tthree\r\n\r\n.dot\r\n..two dots\r\n.\t.\r\n" + b"x" * 998 + b"\r\n\r\nlast line\r\n"
)
FAILED = 1


class Attempt(NamedTuple):
    """What a client is told: where, with which CA (None: no TLS), as whom."""

    port: int
    implicit: bool
    ca: Path | None
    password: str = PASSWORD
    mechanism: str = "PLAIN"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MailwardServer]:
    guard = {"delay_first": 0.0, "delay_most": 0.0, "source_failures": 1000, "distinct_wrong_passwords_per_account": 32}
    with MailwardServer(tmp_path_factory.mktemp("clients"), guard=guard) as running:
        yield running


@pytest.fixture(params=[IMPLICIT, STARTTLS])
def door(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def run(*command: str | Path, said: bytes = b"") -> int:
    done = subprocess.run(command, check=False, input=said, capture_output=True, timeout=30)
    print(done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))  # noqa: T201  # shown on failure
    return done.returncode


def swaks(attempt: Attempt, tmp_path: Path) -> int:
    tls = [] if attempt.ca is None else ["--tls-on-connect" if attempt.implicit else "--tls"]
    if attempt.ca is not None:
        tls += ["--tls-verify", "--tls-ca-path", str(attempt.ca)]
    command = [str(peer("swaks")), "--server", "localhost", "--port", str(attempt.port), *tls]
    command += ["--auth", attempt.mechanism, "--auth-user", ANN, "--auth-password", attempt.password]
    return run(
        *command,
        "--from",
        ANN,
        "--to",
        BOB,
        "--data",
        CONTENT.decode().removesuffix("\r\n").replace("\r\n", "%NEWLINE%"),
    )


def curl(attempt: Attempt, tmp_path: Path) -> int:
    url = f"{'smtps' if attempt.implicit and attempt.ca else 'smtp'}://localhost:{attempt.port}/client.test"
    tls = [] if attempt.ca is None else ["--ssl-reqd", "--cacert", str(attempt.ca)]
    user = ["--user", f"{ANN}:{attempt.password}", "--login-options", f"AUTH={attempt.mechanism}"]
    envelope = ["--mail-from", ANN, "--mail-rcpt", BOB, "--upload-file", "-"]
    return run(peer("curl"), "--silent", "--show-error", "--noproxy", "*", url, *tls, *user, *envelope, said=CONTENT)


def msmtp(attempt: Attempt, tmp_path: Path) -> int:
    tls = ["--tls=off"]
    if attempt.ca is not None:
        tls = ["--tls=on", f"--tls-starttls={'off' if attempt.implicit else 'on'}", f"--tls-trust-file={attempt.ca}"]
    password = tmp_path / "password"
    password.write_text(attempt.password + "\n")
    user = [f"--auth={attempt.mechanism.lower()}", f"--user={ANN}", f"--passwordeval=cat {password}"]
    where = ["--host=localhost", f"--port={attempt.port}", "--set-date-header=off", "--set-msgid-header=off"]
    return run(peer("msmtp"), *where, *tls, *user, f"--from={ANN}", "--", BOB, said=CONTENT.replace(b"\r\n", b"\n"))


def python(attempt: Attempt, tmp_path: Path) -> int:
    try:
        context = None if attempt.ca is None else trusting(attempt.ca)
        if attempt.implicit and context is not None:
            client: smtplib.SMTP = smtplib.SMTP_SSL("localhost", attempt.port, context=context, timeout=10)
        else:
            client = smtplib.SMTP("localhost", attempt.port, timeout=10)
        with client:
            if not attempt.implicit and context is not None:
                client.starttls(context=context)
            client.login(ANN, attempt.password)
            client.sendmail(ANN, [BOB], CONTENT)
    except (smtplib.SMTPException, OSError) as error:
        print(repr(error))  # noqa: T201
        return FAILED
    return 0


Client = Callable[[Attempt, Path], int]
CLIENTS = [
    pytest.param(swaks, marks=pytest.mark.peer("swaks", "perl-tls", "perl-sasl"), id="swaks"),
    pytest.param(curl, marks=pytest.mark.peer("curl"), id="curl"),
    pytest.param(msmtp, marks=pytest.mark.peer("msmtp"), id="msmtp"),
    pytest.param(python, id="smtplib"),
]
each_client = pytest.mark.parametrize("client", CLIENTS)


def attempt_at(server: MailwardServer, door: str, **changes: Any) -> Attempt:
    return Attempt(server.ports[door], door == IMPLICIT, server.ca)._replace(**changes)


def logins(server: MailwardServer) -> list[dict[str, Any]]:
    return server.events("login.succeeded", "login.failed", "login.refused")


@each_client
def test_sends(server: MailwardServer, door: str, client: Client, tmp_path: Path) -> None:
    """Each client, by each secure door, with a verified certificate: taken, and stored octet for octet."""
    before, past = len(server.mails()), len(logins(server))
    assert client(attempt_at(server, door), tmp_path) == 0

    (mail,) = server.mails()[before:]
    assert (mail.envelope_from, mail.envelope_to, mail.account) == (ANN, (BOB,), ANN)
    field, content = own_field(server.content(mail.id))
    assert b"with ESMTPSA" in field
    assert content == CONTENT + (b"\r\n\r\n" if client is swaks else b""), "swaks adds two lines of its own"
    (event,) = until(lambda: logins(server)[past:])
    assert (event["type"], event["mechanism"]) == ("login.succeeded", "PLAIN")


@each_client
def test_verifies(server: MailwardServer, door: str, client: Client, tmp_path: Path) -> None:
    """The certificate is what they go by: with another CA each refuses us, and says no password."""
    other = tmp_path / "other-ca.pem"
    other.write_bytes(authority().pem)
    before, past = len(server.mails()), len(logins(server))

    assert client(attempt_at(server, door, ca=other), tmp_path) != 0
    assert len(server.mails()) == before
    assert len(logins(server)) == past


@each_client
def test_nothing_without_tls(server: MailwardServer, client: Client, tmp_path: Path) -> None:
    """Told to do without TLS, each finds no AUTH at the STARTTLS door, and its mail is not taken."""
    before, past = len(server.mails()), len(logins(server))

    assert client(attempt_at(server, STARTTLS, ca=None), tmp_path) != 0
    assert len(server.mails()) == before
    assert len(logins(server)) == past


@each_client
def test_wrong_password(server: MailwardServer, door: str, client: Client, tmp_path: Path) -> None:
    """A wrong password is refused to each, with one event for each time it was tried."""
    before, past = len(server.mails()), len(logins(server))

    assert client(attempt_at(server, door, password="wrong horse"), tmp_path) != 0
    assert len(server.mails()) == before
    tried = until(lambda: logins(server)[past:])
    assert {(event["type"], event["reason"]) for event in tried} == {("login.failed", "bad-password")}


@pytest.mark.peer("msmtp")
@pytest.mark.parametrize(("client", "mechanism"), [(msmtp, "SCRAM-SHA-256"), (msmtp, "LOGIN"), (curl, "LOGIN")])
def test_other_mechanisms(server: MailwardServer, door: str, client: Client, mechanism: str, tmp_path: Path) -> None:
    """GNU SASL's SCRAM-SHA-256 logs in here, and so does LOGIN."""
    past = len(logins(server))
    assert client(attempt_at(server, door, mechanism=mechanism), tmp_path) == 0

    (event,) = until(lambda: logins(server)[past:])
    assert (event["type"], event["mechanism"]) == ("login.succeeded", mechanism)


@pytest.mark.peer("msmtp")
def test_scram_with_a_wrong_password(server: MailwardServer, tmp_path: Path) -> None:
    """GNU SASL's proof of a wrong password is refused."""
    past = len(logins(server))
    assert msmtp(attempt_at(server, IMPLICIT, mechanism="SCRAM-SHA-256", password="wrong"), tmp_path) != 0

    (event,) = until(lambda: logins(server)[past:])
    assert (event["reason"], event["mechanism"]) == ("bad-password", "SCRAM-SHA-256")


def test_no_word_before_tls(server: MailwardServer) -> None:
    """On the wire: before STARTTLS no AUTH is offered, AUTH is 538 and MAIL is 530."""
    with Talk(server.ports[STARTTLS]) as talk:
        assert "AUTH" not in str(talk.ehlo())
        assert str(talk.plain(ANN, PASSWORD)).startswith("538 5.7.11")
        assert str(talk.say(f"MAIL FROM:<{ANN}>")).startswith("530 5.7.0")


def url(server: MailwardServer, door: str) -> str:
    scheme = "smtps" if door == IMPLICIT else "smtp"
    return f"{scheme}://{quote(ANN, safe='')}:{quote(PASSWORD, safe='')}@localhost:{server.ports[door]}"


def message() -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = f"Ann <{ANN}>", BOB, "our own client"
    made.set_content("Grüße\n.\n..\n")
    return made


def send_once(server: MailwardServer, door: str) -> mailward.Receipt:
    return mailward.send(url(server, door), message(), ca=server.ca, timeout=20)


def send_sync(server: MailwardServer, door: str) -> mailward.Receipt:
    with mailward.Client(url(server, door), ca=server.ca, timeout=20) as client:
        return client.send(message())


def send_async(server: MailwardServer, door: str) -> mailward.Receipt:
    async def send() -> mailward.Receipt:
        async with mailward.AsyncClient(url(server, door), ca=server.ca, timeout=20) as client:
            return await client.send(message())

    return asyncio.run(send())


@pytest.mark.parametrize("send", [send_once, send_sync, send_async])
def test_our_own_clients(
    server: MailwardServer, door: str, send: Callable[[MailwardServer, str], mailward.Receipt]
) -> None:
    """Ours, sync and async: SCRAM-SHA-256-PLUS, bound to the channel at both ends, and the receipt says so."""
    past = len(logins(server))
    receipt = send(server, door)

    assert receipt.ok
    assert receipt.auth == mailward.AuthInfo("SCRAM-SHA-256-PLUS", "tls-server-end-point")
    assert receipt.tls is not None
    assert (receipt.tls.version, receipt.tls.verified_by) == ("TLSv1.3", "ca=")
    (event,) = until(lambda: logins(server)[past:])
    assert (event["mechanism"], event["channel_binding"]) == ("SCRAM-SHA-256-PLUS", "tls-server-end-point")
    (mail,) = [mail for mail in server.mails() if mail.id == receipt.queue_id]
    assert mail.subject == "our own client"


def test_our_command(server: MailwardServer, door: str, tmp_path: Path) -> None:
    """`mailward send` prints the receipt; `mail list` and `mail show --raw` give back what was sent."""
    password = tmp_path / "password"
    password.write_text(PASSWORD)
    password.chmod(0o600)
    via = url(server, door).replace(":" + quote(PASSWORD, safe=""), "")
    command = [COMMAND, "send", "--via", via, "--ca", str(server.ca), "--password-file", str(password)]
    command += ["--from", ANN, "--to", BOB, "--subject", "by command", "--text", "Hello", "--json"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    receipt = json.loads(done.stdout)

    assert (receipt["outcome"], receipt["auth"]["mechanism"]) == ("accepted", "SCRAM-SHA-256-PLUS")
    (mail,) = [mail for mail in server.listing("mail", "list") if mail["id"] == receipt["queue_id"]]
    assert (mail["subject"], mail["envelope_to"]) == ("by command", [BOB])
    raw = server.cli("mail", "show", mail["id"], "--raw")
    assert raw.stdout.replace("\n", "\r\n").encode() == server.content(mail["id"])

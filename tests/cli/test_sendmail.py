"""`mailward sendmail`, as programs call /usr/sbin/sendmail."""

from __future__ import annotations

import io
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mailward.cli.sendmail import CONFIG, DATA, NO_PERMISSION, NO_USER, OK, TEMPORARY, UNAVAILABLE, USAGE
from tests.cli.conftest import ANN, Done, Run, Running
from tests.support.hostile import DEFAULTS, HostileServer, Script, hang_up, hostile_server
from tests.support.installation import COMMAND, free_port

BOB = "bob@example.test"
MAIL = b"To: bob@example.test\nSubject: x\n\nhi\n"
Sendmail = Callable[..., Done]


@pytest.fixture
def profiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty file of profiles."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    file = tmp_path / "mailward" / "profiles.toml"
    file.parent.mkdir()
    file.touch()
    return file


@pytest.fixture
def ours(profiles: Path, running: Running) -> Path:
    """`default` is our own server, over TLS and with a login."""
    profiles.write_text(
        f'[default]\nvia = "{running.urls[0]}"\nca = "{running.ca}"\n'
        f'password_file = "{running.password_file}"\nfrom = "Ann <{ANN}>"\n'
    )
    return profiles


def point(profiles: Path, port: int) -> None:
    profiles.write_text(f'[default]\nvia = "smtp://127.0.0.1:{port}"\ntls = "insecure-plaintext"\nfrom = "{ANN}"\n')


@pytest.fixture
def script() -> Script:
    return Script(says=dict[str, Any]())


@pytest.fixture
def server(profiles: Path, script: Script) -> Iterator[HostileServer]:
    """`default` is a server that does as it is told."""
    with hostile_server(script) as server:
        point(profiles, server.port)
        yield server


@pytest.fixture
def sendmail(run: Run, monkeypatch: pytest.MonkeyPatch) -> Sendmail:
    """With this on standard input."""

    def typed(message: bytes, *arguments: str) -> Done:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(message)))
        return run("sendmail", *arguments)

    return typed


def envelope(server: HostileServer) -> list[str]:
    """The paths of MAIL and RCPT as they were said."""
    lines = server.heard.decode().split("\r\n")
    return [line.partition(":")[2].split(" ")[0] for line in lines if line.startswith(("MAIL FROM:", "RCPT TO:"))]


def test_recipients_of_the_header(sendmail: Sendmail, server: HostileServer) -> None:
    """-t: To, Cc and Bcc get it, each once; no one sees Bcc. What is missing of the header is added."""
    message = b"To: bob@example.test\nCc: c@example.test, bob@example.test\nBcc: secret@example.test\n\nhi\n"
    done = sendmail(message, "-t", "-i")

    assert (done.code, done.out, done.err) == (OK, "", "")
    assert envelope(server) == [f"<{ANN}>", f"<{BOB}>", "<c@example.test>", "<secret@example.test>"]
    [content] = server.contents
    assert b"secret" not in content
    assert b"bcc" not in content.lower()
    assert content.startswith(b"From: ann@example.test\r\nDate: ")
    assert b"\r\nMessage-ID: <" in content
    assert content.endswith(b"\r\n\r\nhi\r\n")


@pytest.mark.parametrize(
    ("arguments", "paths", "author"),
    [
        (("-f", "eve@example.test", BOB), ["<eve@example.test>", f"<{BOB}>"], b"From: eve@example.test\r\n"),
        (("-fEve <eve@example.test>", BOB), ["<eve@example.test>", f"<{BOB}>"], b"From: Eve <eve@example.test>\r\n"),
        (("-f", "<>", BOB), ["<>", f"<{BOB}>"], b"From: ann@example.test\r\n"),
        (("-f", "root", BOB), ["<root@example.test>", f"<{BOB}>"], b"From: root@example.test\r\n"),
        (("-FAnn", BOB), [f"<{ANN}>", f"<{BOB}>"], b"From: Ann <ann@example.test>\r\n"),
        (("-F", 'A "B" \\', BOB), [f"<{ANN}>", f"<{BOB}>"], b'From: "A \\"B\\" \\\\" <ann@example.test>\r\n'),
        (("-oi", "-oem", "-odb", BOB, "c@d.example"), [f"<{ANN}>", f"<{BOB}>", "<c@d.example>"], b"From: ann@"),
    ],
    ids=["f", "f-name", "null", "root", "F", "F-quotes", "several"],
)  # fmt: skip
def test_who_sends(
    sendmail: Sendmail, server: HostileServer, arguments: tuple[str, ...], paths: list[str], author: bytes
) -> None:
    """The reverse-path and the name that is shown; a name without a domain is one of the profile's."""
    done = sendmail(b"Subject: x\n\nhi\n", *arguments)

    assert done.code == OK, done.err
    assert envelope(server) == paths
    assert server.contents[0].startswith(author)


@pytest.mark.parametrize(
    ("arguments", "body"),
    [((), b"one\r\n"), (("-i",), b"one\r\n.\r\ntwo\r\n"), (("-oi",), b"one\r\n.\r\ntwo\r\n")],
    ids=["dot", "i", "oi"],
)
def test_a_lone_dot(sendmail: Sendmail, server: HostileServer, arguments: tuple[str, ...], body: bytes) -> None:
    """It ends the message, unless -i says that it is a line like others."""
    done = sendmail(b"Subject: x\n\none\n.\ntwo\n", *arguments, BOB)

    assert done.code == OK
    assert server.contents[0].endswith(b"\r\n\r\n" + body)


def test_notifications(sendmail: Sendmail, server: HostileServer, script: Script) -> None:
    """-N, -R and -V become DSN parameters."""
    script.keywords = ("DSN", "8BITMIME")
    done = sendmail(MAIL, "-N", "success,failure", "-R", "hdrs", "-V", "E-1", BOB)

    assert done.code == OK, done.err
    assert b" RET=HDRS ENVID=E-1" in server.heard
    assert b" NOTIFY=SUCCESS,FAILURE" in server.heard


@pytest.mark.parametrize(
    "message",
    [
        b"From ann@example.test Tue Nov 24 21:00:00 2026\nSubject: x\n\nhi\n",
        b"Subject: x\r\n\r\nhi",
        b"hi\n",
        b"\nhi\n",
    ],
    ids=["mailbox", "no-end", "body", "blank"],
)
def test_messages_as_programs_write_them(sendmail: Sendmail, server: HostileServer, message: bytes) -> None:
    """The line before a message in a mailbox is none of it; a body alone is a body."""
    assert sendmail(message, "-i", BOB).code == OK
    [content] = server.contents
    assert content.endswith(b"\r\n\r\nhi\r\n")
    assert b"From ann" not in content


@pytest.mark.parametrize(
    ("message", "arguments", "code", "told"),
    [
        (MAIL, (), DATA, "no recipient"),
        (b"Subject: x\n\nhi\n", ("-t",), DATA, "no recipient"),
        (b"", (BOB,), DATA, "empty"),
        (MAIL, ("bob@@example.test",), DATA, "@"),
        (MAIL, ("bob\r\nRCPT TO:<eve@example.test>@b.example",), DATA, "bob"),
        (MAIL, ("--", "-odd"), DATA, "odd"),
        (MAIL, ("-f", "a@b@c", BOB), DATA, "@"),
        (MAIL, ("-F", "Ann\r\nBcc: eve@example.test", BOB), DATA, "not allowed"),
        (b"To: bob@example.test, <c\n\nhi\n", ("-t",), DATA, "header to"),
        (MAIL, ("-N", "always", BOB), DATA, "notification"),
        (MAIL, ("-Z",), USAGE, "-Z"),
        (MAIL, ("-bp",), USAGE, "mailward outbox"),
        (MAIL, ("-t", "-f"), USAGE, "-f needs a value"),
        (MAIL, ("-f", "--via=smtp://203.0.113.1", BOB), DATA, ""),
        (MAIL, (BOB, "--via=smtp://203.0.113.1"), DATA, ""),
        (MAIL, ("-i", "--via", "smtp://203.0.113.1", BOB), USAGE, "no option of sendmail"),
        (MAIL, ("-i", "--", "-fevil@example.test"), 0, ""),
    ],
    ids=str,
)  # fmt: skip
def test_what_is_refused(
    sendmail: Sendmail, server: HostileServer, message: bytes, arguments: tuple[str, ...], code: int, told: str
) -> None:
    """Before anything is sent, with sysexits' code. What stands for an address or a value is never an option."""
    done = sendmail(message, *arguments)

    if arguments[-1:] == ("-fevil@example.test",):  # an odd address, and no -f
        assert envelope(server)[0] == f"<{ANN}>"
    else:
        assert server.connections == []
    assert done.code == code, done.err
    assert told in done.err


@pytest.mark.parametrize(
    ("says", "code", "told"),
    [
        ({"RCPT": b"550 5.1.1 no such user\r\n"}, NO_USER, "550 5.1.1 no such user"),
        ({"RCPT": b"451 4.7.1 later\r\n"}, TEMPORARY, "451 4.7.1 later"),
        ({"RCPT": [DEFAULTS["RCPT"], b"451 4.7.1 later\r\n"]}, NO_USER, "not accepted for everybody"),
        ({"MAIL": b"553 5.7.1 not yours\r\n"}, UNAVAILABLE, "553 5.7.1 not yours"),
        ({".": b"452 4.3.1 full\r\n"}, TEMPORARY, "452 4.3.1 full"),
        ({".": hang_up}, UNAVAILABLE, ""),
        ({"": b"421 4.3.2 going down\r\n"}, TEMPORARY, "421"),
        ({"MAIL": hang_up}, TEMPORARY, ""),
    ],
    ids=["rcpt", "rcpt-later", "partial", "mail", "data-later", "unknown", "greeting", "lost"],
)  # fmt: skip
def test_exit_codes(
    sendmail: Sendmail, server: HostileServer, script: Script, says: dict[str, Any], code: int, told: str
) -> None:
    """75 is said only where nobody would get it twice by a second try."""
    script.says.update(says)
    done = sendmail(MAIL, "-t", "c@example.test")

    assert done.code == code, done.err
    assert told in done.err
    assert server.connections


def test_nobody_there(sendmail: Sendmail, profiles: Path) -> None:
    """A server that is down may be up later."""
    point(profiles, free_port())
    assert sendmail(MAIL, "-t").code == TEMPORARY


def test_without_a_usable_profile(sendmail: Sendmail, profiles: Path) -> None:
    """A mistake of whoever set it up, not of the caller."""
    assert sendmail(MAIL, "-t").code == CONFIG
    profiles.write_text('[default]\nvia = "smtp://h.example"\nuser = "ann"\npassword_file = "/absent"\n')
    done = sendmail(MAIL, "-t")
    assert (done.code, "/absent" in done.err) == (CONFIG, True)
    profiles.write_text('[default]\nvia = "h.example"\ntls = "tsl"\n')
    assert sendmail(MAIL, "-t").code == CONFIG
    profiles.unlink()
    assert sendmail(MAIL, "-t").code == CONFIG


def test_a_wrong_password(sendmail: Sendmail, ours: Path, tmp_path: Path) -> None:
    """77, and the password is nowhere."""
    (tmp_path / "wrong").write_text("not-the-password\n")
    (tmp_path / "wrong").chmod(0o600)
    done = sendmail(MAIL, "--password-file", str(tmp_path / "wrong"), "-t")

    assert ours.is_file()
    assert done.code == NO_PERMISSION
    assert "not-the-password" not in done.out + done.err


def test_a_server_of_the_command_line(sendmail: Sendmail, profiles: Path, server: HostileServer) -> None:
    """--profile and --via stand before what sendmail knows; --via alone needs no profile, and is never clear text."""
    profiles.write_text(profiles.read_text().replace("[default]", "[other]"))
    assert sendmail(MAIL, "-t").code == CONFIG
    assert sendmail(MAIL, "--profile=other", "-t").code == OK
    assert len(server.contents) == 1
    done = sendmail(MAIL, "--via", f"smtp://127.0.0.1:{server.port}", "-t", "-f", ANN)
    assert (done.code, "STARTTLS" in done.err) == (UNAVAILABLE, True)
    assert len(server.contents) == 1


@pytest.mark.e2e
def test_under_the_name_sendmail(run: Run, ours: Path, running: Running, tmp_path: Path) -> None:
    """A link of that name is the program; our own server has the message, sent over TLS by who logged in."""
    link = tmp_path / "sendmail"
    link.symlink_to(COMMAND)
    assert ours.is_file()
    before = len(run("mail", "list", "--json", "--config", running.config_file).json)
    done = subprocess.run(
        [link, "-t", "-i", "-FAnn"], input=MAIL, capture_output=True, timeout=30, check=False, env=dict(os.environ)
    )

    assert (done.returncode, done.stdout, done.stderr) == (OK, b"", b"")
    listed = run("mail", "list", "--json", "--config", running.config_file).json
    assert len(listed) == before + 1
    assert (listed[-1]["envelope_from"], listed[-1]["envelope_to"]) == (ANN, [BOB])


@pytest.mark.e2e
def test_a_session_on_its_pipes(ours: Path) -> None:
    """-bs, with mailward sendmail as a process: each reply is that of the server behind it."""
    assert ours.is_file()
    dialogue = b"EHLO me\r\nMAIL FROM:<ann@example.test>\r\nRCPT TO:<bob@example.test>\r\nDATA\r\n"
    content = b"From: ann@example.test\r\nSubject: x\r\n\r\nhi\r\n.\r\nMAIL FROM:<eve@example.test>\r\n"
    rest = b"RCPT TO:<bob@example.test>\r\nDATA\r\nFrom: eve@example.test\r\n\r\nhi\r\n.\r\nQUIT\r\n"
    done = subprocess.run(
        [COMMAND, "sendmail", "-bs"], input=dialogue + content + rest, capture_output=True, timeout=30, check=False
    )

    assert (done.returncode, done.stderr) == (OK, b"")
    codes = [line[:3] for line in done.stdout.split(b"\r\n") if line[3:4] == b" "]
    assert codes == [b"220", b"250", b"250", b"250", b"354", b"250", b"250", b"250", b"354", b"553", b"221"]

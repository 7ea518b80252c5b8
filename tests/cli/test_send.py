"""`mailward send`, against our own server."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import ANN, PASSWORD, Done, Run, Running


@pytest.fixture
def send(run: Run, running: Running) -> Run:
    """`mailward send` with the CA and the password file."""

    def typed(*arguments: str | Path) -> Done:
        return run("send", "--ca", running.ca, "--password-file", running.password_file, *arguments)

    return typed


@pytest.mark.parametrize("door", [0, 1], ids=["implicit", "starttls"])
def test_accepted(send: Run, run: Run, running: Running, door: int) -> None:
    """Through both listeners: exit code 0, a receipt, and the message is there."""
    done = send(
        "--via", running.urls[door], "--from", ANN, "--to", "bob@example.test", "--subject", "Hi", "--text", "Hi",
        "--json",
    )  # fmt: skip

    assert done.code == 0
    receipt = done.json
    assert receipt["outcome"] == "accepted"
    assert receipt["tls"]["version"] == "TLSv1.3"
    assert receipt["auth"]["mechanism"].startswith("SCRAM-SHA-256")
    listed = run("mail", "list", "--json", "--config", running.config_file).json
    assert receipt["queue_id"] in [mail["id"] for mail in listed]


def test_for_people(send: Run, running: Running) -> None:
    """The receipt says how the channel was secured and what each recipient's reply was."""
    done = send("--via", running.urls[0], "--to", "bob@example.test", "--text", "Hi")

    assert done.code == 0
    assert "✔ accepted as " in done.out
    assert "certificate verified by ca=" in done.out
    assert "login by SCRAM-SHA-256" in done.out
    assert "bob@example.test  250 2.1.5" in done.out


def test_a_whole_message_without_sender(send: Run, running: Running, tmp_path: Path) -> None:
    """It is sent from the address that logs in, as --help says."""
    file = tmp_path / "mail.eml"
    file.write_bytes(b"Subject: x\n\nhi\n")

    done = send("--via", running.urls[0], "--to", "b@c.test", "--message", file, "--json")

    assert done.code == 0, done.err
    assert done.json["sender"] == ANN


def test_rejected(send: Run, running: Running) -> None:
    """Somebody else's address as sender is refused by the server: exit code 1, and the receipt says so."""
    done = send("--via", running.urls[0], "--from", "eve@example.test", "--to", "b@c.test", "--text", "x", "--json")

    assert done.code == 1
    assert done.json["outcome"] == "rejected"
    assert "553 5.7.1" in done.err


def test_wrong_password(run: Run, running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """A refused login is exit code 1, and the password is in no output. It may come from the environment."""
    monkeypatch.setenv("MAILWARD_PASSWORD", "hunter2-hunter2")

    done = run("send", "--via", running.urls[0], "--ca", running.ca, "--to", "b@c.test", "--text", "x", "--json")

    assert done.code == 1
    assert done.json["outcome"] == "not-sent"
    assert "535" in done.err
    assert "hunter2" not in done.out + done.err


def test_untrusted(run: Run, running: Running) -> None:
    """Without --ca the server is not believed: exit code 3, with the option that helps."""
    done = run(
        "send", "--via", running.urls[0], "--password-file", running.password_file, "--to", "b@c.test", "--text", "x"
    )

    assert done.code == 3
    assert "not trusted" in done.err
    assert "its certificate with --ca" in done.err
    pin = done.err.partition("give --pin ")[2].partition(";")[0]
    assert pin.startswith("sha256/")
    pinned = run(
        "send", "--via", running.urls[0], "--password-file", running.password_file, "--to", "b@c.test", "--text", "x",
        "--pin", pin, "--json",
    )  # fmt: skip
    assert pinned.json["tls"]["verified_by"] == "pin"


def test_nobody_there(send: Run) -> None:
    """A closed port is exit code 3."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

        done = send("--via", f"smtps://a@127.0.0.1:{port}", "--from", ANN, "--to", "b@c.test", "--text", "x", "--json")

    assert done.code == 3
    assert done.json["outcome"] == "not-sent"
    assert f"127.0.0.1 port {port}" in done.err


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A plaintext server that takes a message and hangs up instead of a verdict."""

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            for reply in ("220 x", "250 x", "250 sender", "250 recipient", "354 go"):
                connection.sendall(reply.encode() + b"\r\n")
                connection.recv(65_536)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


def test_unknown(run: Run, silent_port: int) -> None:
    """A verdict that never comes is exit code 4, and clear text is only what was asked for."""
    done = run(
        "send", "--via", f"127.0.0.1:{silent_port}", "--tls", "insecure-plaintext", "--from", ANN, "--to", "b@c.test",
        "--text", "x", "--json",
    )  # fmt: skip

    assert done.code == 4, done.err
    assert done.json["outcome"] == "unknown"
    assert done.json["tls"] is None


@pytest.mark.parametrize(
    "arguments, told",
    [
        (["--via", "smtps://ann@127.0.0.1", "--user", "bob", "--to", "b@c.test", "--text", "x"], "in one place"),
        (["--via", "smtps://127.0.0.1", "--password-file", "p", "--to", "b@c.test", "--text", "x"], "no user"),
        (["--via", "smtps://ann@127.0.0.1", "--password-file", "/absent", "--text", "x"], "/absent: No such file"),
        (["--via", "smtps://ann@127.0.0.1", "--to", "b@c.test", "--text", "x"], "no password for ann"),
        (["--via", "ftp://127.0.0.1", "--to", "b@c.test", "--text", "x"], "smtps://"),
        (["--via", "127.0.0.1", "--from", ANN, "--to", "b@c.test"], "nothing to send"),
        (["--via", "127.0.0.1", "--from", ANN, "--to", "b@@c.test", "--text", "x"], "--to: "),
        (["--via", "127.0.0.1", "--from", ANN, "--to", "b@c.test", "--text", "x", "--timeout", "-1"], "--timeout:"),
        (["--via", "127.0.0.1", "--from", ANN, "--to", "b@c.test, d@c.test", "--text", "x"], "→ repeat --to"),
    ],
)
def test_mistakes(run: Run, monkeypatch: pytest.MonkeyPatch, arguments: list[str], told: str) -> None:
    """What cannot be sent is exit code 2 before anything is opened."""
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)

    done = run("send", *arguments)

    assert done.code == 2, done.err
    assert told in done.err


def test_a_password_in_the_url_is_warned_of(run: Run, running: Running) -> None:
    """It works, with a warning that does not repeat it."""
    url = running.urls[0].replace("@127", f":{PASSWORD}@127")

    done = run("send", "--via", url, "--ca", running.ca, "--to", "b@c.test", "--text", "x")

    assert done.code == 0, done.err
    assert "seen by every user" in done.err
    assert PASSWORD not in done.out + done.err


@pytest.mark.parametrize("redirection", ["> /dev/full", ">&-", "> /dev/full 2> /dev/full"])
def test_a_receipt_that_cannot_be_printed(running: Running, redirection: str) -> None:
    """The message was accepted: exit code 0, and the id on standard error."""
    command = [sys.executable, "-m", "mailward", "send", "--ca", str(running.ca), "--password-file"]
    command += [str(running.password_file), "--via", running.urls[0], "--to", "b@c.test", "--text", "x"]

    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {redirection}', "sh", *command], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    if "2>" not in redirection:
        assert done.stderr.startswith("mailward: accepted as ")
        assert done.stderr.endswith("; the receipt could not be printed\n")
        assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("replies, code", [(5, 4), (3, 130), (0, 130)], ids=["content", "envelope", "greeting"])
def test_interrupted(run: Run, replies: int, code: int) -> None:
    """ctrl-c after the content has left is an unknown outcome, with a receipt; before, it is an interruption."""

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            for reply in ("220 x", "250 x", "250 sender", "250 recipient", "354 go")[:replies]:
                connection.sendall(reply.encode() + b"\r\n")
                connection.recv(65_536)
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
            connection.recv(65_536)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        done = run(
            "send", "--via", f"127.0.0.1:{listener.getsockname()[1]}", "--tls", "insecure-plaintext", "--from", ANN,
            "--to", "b@c.test", "--text", "x",
        )  # fmt: skip
        thread.join()

    assert done.code == code, done.err
    assert ("deliver it twice" in done.err) == (code == 4)
    assert ("! unknown" in done.out) == (code == 4)


def test_show(send: Run, running: Running) -> None:
    """The dialogue as it goes, on standard error, without the password or anything of the exchange."""
    done = send("--via", running.urls[0], "--to", "bob@example.test", "--text", "Hi", "--show", "--json")

    assert done.code == 0
    lines = done.err.splitlines()
    assert any(line.startswith("C: EHLO ") for line in lines)
    assert any(line.startswith("C: AUTH SCRAM-SHA-256") and line.endswith(" …") for line in lines)
    assert "S: 334 …" in lines
    assert f"C: MAIL FROM:<{ANN}>" in done.err
    assert any(line.startswith("* sent ") for line in lines)
    assert PASSWORD not in done.err
    assert "Queued as" in done.err


def test_a_log_of_each_session(send: Run, running: Running, tmp_path: Path) -> None:
    """As JSON lines where the name says so."""
    log = tmp_path / "smtp.jsonl"
    send("--via", running.urls[0], "--to", "bob@example.test", "--text", "Hi", "--log", str(log))

    events = [json.loads(line)["event"] for line in log.read_text().splitlines()]
    assert events[0] == "connected"
    assert events[-1] == "closed"
    assert "logged-in" in events


def test_dry_run(tmp_path: Path) -> None:
    """Message and envelope are shown; nothing is connected to, and no password asked for."""
    body = tmp_path / "body.txt"
    body.write_text("from a file\n")
    arguments = ["send", "--via", "smtps://192.0.2.1", "--from", ANN, "--to", "bob@example.test", "--bcc", "eve@c.test"]
    arguments += ["--body-file", str(body), "--header", "X-Order: 42", "--dry-run"]
    done = subprocess.run([sys.executable, "-m", "mailward", *arguments], capture_output=True, timeout=30, check=True)

    assert done.stderr.splitlines() == [
        b"MAIL FROM:<ann@example.test>",
        b"RCPT TO:<bob@example.test>",
        b"RCPT TO:<eve@c.test>",
    ]
    assert b"X-Order: 42\r\n" in done.stdout
    assert b"eve@c.test" not in done.stdout
    assert done.stdout.endswith(b"\r\n\r\nfrom a file\r\n")


@pytest.mark.parametrize("phase", ["connect", "ehlo", "auth", "mail", "rcpt"])
def test_quit_after(send: Run, run: Run, running: Running, phase: str) -> None:
    """Nothing is sent; the replies to the envelope are told."""
    before = len(run("mail", "list", "--json", "--config", running.config_file).json)
    done = send("--via", running.urls[0], "--to", "bob@example.test", "--text", "Hi", "--quit-after", phase)

    assert done.code == 0, done.err
    assert f"left after {phase}; nothing was sent" in done.out
    assert ("RCPT TO:<bob@example.test>" in done.out) == (phase == "rcpt")
    assert len(run("mail", "list", "--json", "--config", running.config_file).json) == before


def test_a_profile(run: Run, running: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of the server's options by one name."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    file = tmp_path / "mailward" / "profiles.toml"
    file.parent.mkdir()
    file.write_text(
        f'[work]\nvia = "{running.urls[0]}"\nca = "{running.ca}"\npassword_file = "{running.password_file}"\n'
    )
    done = run("send", "--profile", "work", "--to", "bob@example.test", "--text", "Hi", "--json")

    assert done.code == 0, done.err
    assert done.json["outcome"] == "accepted"
    assert run("send", "--to", "b@c.test", "--text", "x").err.startswith("mailward: there is no server")


def test_how_it_is_treated(send: Run, running: Running) -> None:
    """What the server does not offer is refused before MAIL, or told in the receipt."""
    arguments = ["--via", running.urls[0], "--to", "bob@example.test", "--text", "Hi"]

    assert "REQUIRETLS" in send(*arguments, "--requiretls").err
    assert "FUTURERELEASE" in send(*arguments, "--hold", "60").err
    receipt = send(*arguments, "--dsn", "failure", "--priority", "3", "--once", "order-1", "--json").json
    assert receipt["not_offered"] == ["DSN", "MT-PRIORITY"]
    assert receipt["idempotency_key"] == "order-1"
    assert "is no notification" in send(*arguments, "--dsn", "always").err

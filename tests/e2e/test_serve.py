"""`mailward serve` as a service: it says when it is ready, says what is wrong, and stops as it promised."""

from __future__ import annotations

import os
import signal
import socket
import time
from pathlib import Path

import pytest

from tests.support.installation import ANN, BOB, IMPLICIT, PASSWORD, PLAINTEXT, STARTTLS, TRUSTED, own_field, until
from tests.support.load import content_of, load, name_of, promised
from tests.support.mailward_server import MailwardServer
from tests.support.postfix import need_root
from tests.support.talk import Ended, Talk

pytestmark = pytest.mark.e2e


def fails(server: MailwardServer) -> str:
    """Starts it; it must end with 2, before it was ready, without a traceback. What it said."""
    server.launch()
    code = server.process.wait(20)
    server.kill()
    assert code == 2
    assert "ready" not in server.printed
    assert "Traceback" not in server.complaints
    return server.complaints


def snapshot(directory: Path) -> dict[str, tuple[int, int]]:
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in directory.rglob("*")}


def test_ready_means_ready(tmp_path: Path) -> None:
    """`ready` is a line of its own, printed once, when every listener takes connections."""
    with MailwardServer(tmp_path, listeners=(IMPLICIT, STARTTLS, PLAINTEXT), relay=True) as server:
        for port in server.ports.values():
            socket.create_connection(("127.0.0.1", port)).close()
        printed = server.printed

    assert printed.count("ready") == 1
    assert printed[-1] == "ready"


def test_port_in_use(tmp_path: Path) -> None:
    """A port in use is one line with file, line and key, exit 2, and nothing is left open or changed."""
    with MailwardServer(tmp_path / "first") as first:
        second = MailwardServer(tmp_path / "second")
        second.configure({IMPLICIT: 0, STARTTLS: first.ports[STARTTLS]})
        said = fails(second)
        with Talk(first.ports[STARTTLS]) as talk:
            assert talk.answer().code == 220

    address = f"127.0.0.1:{first.ports[STARTTLS]}"
    line = 1 + second.file.read_text().splitlines().index(f'address = "{address}"')
    assert f"{second.file}:{line}: listener[1].address: cannot listen on {address}: another program listens" in said
    with second:
        pass


def test_one_server_for_a_state_directory(tmp_path: Path) -> None:
    """A second server on the same state directory is refused, naming the first, which goes on."""
    with MailwardServer(tmp_path) as first:
        second = MailwardServer(tmp_path / "second", accounts={})
        second.state = first.state
        second.configure({IMPLICIT: 0, STARTTLS: 0})
        said = fails(second)

        assert f"process {first.process.pid}" in said
        with Talk(first.ports[STARTTLS]) as talk:
            assert talk.answer().code == 220


def test_state_directory_of_another(tmp_path: Path) -> None:
    """A state directory of another owner is refused with its line, and is not touched."""
    need_root()
    server = MailwardServer(tmp_path)
    os.chown(server.state, 65534, 65534)
    before = snapshot(server.state)
    server.configure({IMPLICIT: 0, STARTTLS: 0})
    said = fails(server)

    assert f"{server.file}:2: state: " in said
    assert "belongs to nobody" in said
    assert snapshot(server.state) == before


def test_certificate_authority_that_does_not_fit(tmp_path: Path) -> None:
    """A local CA that did not issue the certificate beside it is refused, and neither is replaced."""
    with MailwardServer(tmp_path / "one") as server, MailwardServer(tmp_path / "other") as other:
        pass
    for name in ("ca.pem", "ca.key"):
        (server.state / "ca" / name).write_bytes((other.state / "ca" / name).read_bytes())
    before = snapshot(server.state / "ca")
    said = fails(server)

    assert "did not issue" in said
    assert "state" in said
    assert snapshot(server.state / "ca") == before


@pytest.mark.parametrize("abstract", [False, True])
def test_systemd_is_told(tmp_path: Path, abstract: bool) -> None:
    """A service of Type=notify: READY=1 when the listeners are open, STOPPING=1 when it is asked to stop."""
    name = f"@mailward-e2e-{os.getpid()}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind("\0" + name[1:] if abstract else name)
        systemd.settimeout(10)
        server = MailwardServer(tmp_path)
        server.environment = {"NOTIFY_SOCKET": name}
        with server:
            assert systemd.recv(100) == b"READY=1"
            with Talk(server.ports[STARTTLS]) as talk:
                assert talk.answer().code == 220
        assert systemd.recv(100) == b"STOPPING=1"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stops_in_time(tmp_path: Path, number: signal.Signals) -> None:
    """A signal ends idle sessions with 421, and the process at once and with 0."""
    with MailwardServer(tmp_path) as server, Talk(server.ports[STARTTLS]) as talk:
        talk.ehlo()
        begin = time.monotonic()
        server.process.send_signal(number)
        assert str(talk.answer()).startswith("421 4.3.2")
        assert talk.ended()
        server.wait_stopped()
        assert time.monotonic() - begin < 5


def test_second_signal_changes_nothing(tmp_path: Path) -> None:
    """An impatient operator's second SIGTERM neither breaks the first nor is needed."""
    with MailwardServer(tmp_path) as server:
        server.terminate()
        server.terminate()
        server.wait_stopped()


def test_stop_under_load(tmp_path: Path) -> None:
    """SIGTERM under load: every acknowledged message is there, once, and so is its event, in both places."""
    with MailwardServer(tmp_path, listeners=(IMPLICIT, PLAINTEXT), relay=True) as server:
        with load(server) as senders:
            until(lambda: all(len(sender.acknowledged) > 5 for sender in senders))
            server.stop()
        tried, acknowledged = promised(senders)

    mails = {mail.id: name_of(server.content(mail.id)) for mail in server.mails()}
    names = set(mails.values())
    assert len(names) == len(mails)
    assert acknowledged.keys() == names & acknowledged.keys()
    assert names <= tried
    assert {mails[identifier] for identifier in acknowledged.values()} == acknowledged.keys()
    for identifier, name in mails.items():
        assert own_field(server.content(identifier))[1] == content_of(name)
    in_file = [event["message"] for event in server.events("message.accepted")]
    assert sorted(in_file) == sorted(mails)
    assert sorted(map(str, server.recorded())) == sorted(map(str, server.events())), "the two may differ in order"


def test_crowd_of_slow_clients(tmp_path: Path) -> None:
    """S64: hundreds who say nothing, or one octet, are gone in time, and a real login is quick throughout."""
    limits = {"idle_before_login": 1.0}
    with MailwardServer(tmp_path, listeners=(IMPLICIT, STARTTLS), limits=limits) as server:
        sources = [f"127.0.2.{number}" for number in range(1, 11)]
        crowd = [Talk(server.ports[STARTTLS], source=source) for source in sources for _ in range(30)]
        try:
            begin = time.monotonic()
            for talk in crowd[::2]:
                talk.write(b"E")
            waits = []
            for _ in range(5):
                start = time.monotonic()
                with Talk(server.ports[IMPLICIT], tls=server.trust) as talk:
                    talk.ehlo()
                    assert talk.scram(ANN, PASSWORD).code == 235
                waits.append(time.monotonic() - start)
            for talk in crowd:
                assert talk.answer().code == 220
                assert str(talk.answer()).startswith("421 4.4.2")
                assert talk.ended(10)
            assert time.monotonic() - begin < 8
            assert max(waits) < 1
        finally:
            for talk in crowd:
                talk.socket.close()


def test_reset_by_the_peer_leaves_no_trace(tmp_path: Path) -> None:
    """Clients that vanish at every point of a session leave the server as it was, and nothing on its standard error."""
    script = [b"EHLO x\r\n", f"MAIL FROM:<{ANN}>\r\n".encode(), f"RCPT TO:<{BOB}>\r\n".encode(), b"DATA\r\n", b"half"]
    with MailwardServer(tmp_path, listeners=(PLAINTEXT,), relay=True) as server:
        for stop in range(len(script) + 1):
            with Talk(server.ports[PLAINTEXT], source=TRUSTED) as talk:
                talk.answer()
                for line in script[:stop]:
                    talk.write(line)
                talk.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        with Talk(server.ports[PLAINTEXT], source=TRUSTED) as talk:
            talk.ehlo()
            talk.envelope(ANN, BOB)
            assert talk.data(b"x\r\n").code == 250
        assert len(server.mails()) == 1
        assert "ERROR" not in server.complaints
        with pytest.raises((Ended, OSError)), Talk(server.ports[PLAINTEXT]) as talk:
            server.stop()
            talk.answer()
            talk.answer()
            talk.answer()

"""Security memory, whole: real sessions with servers that once did better, on both drivers; and where it is kept."""

from __future__ import annotations

import logging
import ssl
from pathlib import Path
from typing import Any

import pytest

from mailward import INSECURE_PLAINTEXT, BadCredentials, DowngradeError, Outcome
from mailward.client import memory as memory_module
from mailward.client.memory import Memory
from mailward.client.tls_mode import Endpoint, TlsMode
from mailward.client.watch import Watch
from mailward.errors import InputError, StoreError
from mailward.net.ports import Ports
from tests.client.test_watch import HOST, NEW, Told
from tests.support.certificates import authority, good
from tests.support.drivers import Driver, both_drivers
from tests.support.embedded_server import EmbeddedServer
from tests.support.hostile import KEYWORDS, Script, hostile_server
from tests.support.installation import ANN, IMPLICIT, PASSWORD
from tests.support.sending import LOGIN, SECRETS, Face, both_faces, url_of


def only_old() -> ssl.SSLContext:
    context = good().server_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


def no_secret_after(heard: bytes, before: int) -> bool:
    return not any(secret in heard[before:] for secret in SECRETS) and b"AUTH" not in heard[before:]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "memory.db"


@both_faces
@pytest.mark.parametrize(
    ("change", "was", "now"),
    [
        ({"context": only_old()}, {"TLS": "TLS 1.3"}, {"TLS": "TLS 1.2"}),
        ({"auth": ("PLAIN",)}, {"mechanism": "SCRAM-SHA-256"}, {"mechanism": "PLAIN"}),
        ({"keywords": KEYWORDS}, {"REQUIRETLS": "offered"}, {"REQUIRETLS": "not offered"}),
    ],
    ids=["version", "mechanism", "requiretls"],
)
def test_a_server_that_does_less_gets_nothing(
    face: Face, file: Path, change: dict[str, Any], was: dict[str, str], now: dict[str, str]
) -> None:
    """C14, and each thing remembered: the session after the downgrade ends before a credential or a message."""
    script = Script(tls="implicit", auth=("SCRAM-SHA-256", "PLAIN"), keywords=(*KEYWORDS, "REQUIRETLS"))
    with hostile_server(script) as server:
        assert face.send(url_of(server, script), auth=LOGIN, memory=file).ok
        before = len(server.heard)
        for name, value in change.items():
            setattr(script, name, value)
        for _ in range(2):
            with pytest.raises(DowngradeError) as caught:
                face.send(url_of(server, script), auth=LOGIN, memory=file)

            assert (caught.value.was, caught.value.now) == (was, now)
            assert caught.value.receipt.outcome is Outcome.NOT_SENT
            assert not caught.value.retryable
    assert no_secret_after(server.heard, before)
    assert server.verbs.count("MAIL") == 1


@both_faces
def test_a_lost_channel_binding(face: Face, file: Path) -> None:
    """Who takes -PLUS out of the offer, as one in the middle must, is refused."""
    script = Script(tls="implicit", auth=("SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"))
    with hostile_server(script) as server:
        assert face.send(url_of(server, script), auth=LOGIN, memory=file).ok
        script.auth = ("SCRAM-SHA-256",)
        with pytest.raises(DowngradeError, match="channel binding: yes → no"):
            face.send(url_of(server, script), auth=LOGIN, memory=file)

    assert server.verbs.count("AUTH") == 1


@both_faces
def test_an_impostor_in_the_place_of_a_real_server(face: Face, file: Path, tmp_path: Path) -> None:
    """A Mailward server is known by its bound login; who takes its port, with a good certificate, gets nothing."""
    with EmbeddedServer(tmp_path / "server", listeners=(IMPLICIT,)) as real:
        trusted = real.ca.read_bytes() + authority().pem
        port, login = real.ports[IMPLICIT], (ANN, PASSWORD)
        told = []
        for _ in range(2):
            receipt = face.send(f"smtps://127.0.0.1:{port}", auth=login, ca=trusted, memory=file)
            told.append(receipt.auth)
    script = Script(tls="implicit", auth=("SCRAM-SHA-256", "PLAIN"))
    with hostile_server(script, port=port) as impostor, pytest.raises(DowngradeError) as caught:
        face.send(f"smtps://127.0.0.1:{port}", auth=login, ca=trusted, memory=file)

    assert [auth.mechanism for auth in told if auth is not None] == ["SCRAM-SHA-256-PLUS"] * 2
    assert caught.value.was["channel binding"] == "yes"
    assert impostor.verbs == ["EHLO", "QUIT"]
    assert PASSWORD.encode() not in impostor.heard


@both_faces
@pytest.mark.parametrize("tls", ["starttls", INSECURE_PLAINTEXT], ids=["starttls", "clear"])
def test_another_mode_on_the_same_port(face: Face, file: Path, tls: Any) -> None:
    """A port that was TLS from the first octet is not spoken to in clear, whatever our own options say by now."""
    script = Script(tls="implicit", auth=("SCRAM-SHA-256",))
    with hostile_server(script) as server:
        assert face.send(url_of(server, script), auth=LOGIN, memory=file).ok
        before = len(server.heard)
        script.tls = "starttls" if tls == "starttls" else None
        with pytest.raises(DowngradeError, match=r"mode: TLS from|TLS: TLS 1\.3 → clear text"):
            face.send(f"smtp://127.0.0.1:{server.port}", auth=LOGIN, tls=tls, memory=file)

    assert no_secret_after(server.heard, before)


@both_faces
def test_only_what_succeeded_is_remembered(face: Face, file: Path) -> None:
    """A refused login leaves no line: whoever answers it has proved nothing."""
    script = Script(tls="starttls", auth=("SCRAM-SHA-256",))
    with hostile_server(script) as server, pytest.raises(BadCredentials):
        face.send(url_of(server), auth=("ann@example.test", "wrong"), memory=file)

    assert Memory(file).every() == ([], [])


@both_faces
def test_what_is_remembered_of_a_session(face: Face, file: Path) -> None:
    """One line for the port and one for the login, each with what the receipt says."""
    script = Script(tls="starttls", auth=("SCRAM-SHA-256",))
    with hostile_server(script) as server:
        receipt = face.send(url_of(server), auth=LOGIN, memory=file)
        face.send(url_of(server), memory=file)
    (channel,), (login,) = Memory(file).every()

    assert receipt.tls is not None
    assert (channel.host, channel.port) == ("127.0.0.1", server.port)
    assert (channel.tls, channel.pin, channel.verified_by) == (receipt.tls.version, receipt.tls.pin, "ca=")
    assert (channel.implicit, channel.requiretls) == (False, False)
    assert (login.account, login.mechanism, login.kind) == (LOGIN[0], "SCRAM-SHA-256", "password")


@both_faces
@pytest.mark.parametrize("memory", [None, False], ids=["usual", "none"])
def test_loopback_is_not_remembered_unasked(face: Face, memory: Any, file: Path, monkeypatch: Any) -> None:
    """A port of this machine belongs to whoever opens it next; and memory=False remembers nothing at all."""
    monkeypatch.setenv("MAILWARD_MEMORY", str(file))
    script = Script(tls="implicit", auth=("SCRAM-SHA-256",))
    with hostile_server(script) as server:
        face.send(url_of(server, script), auth=LOGIN, memory=memory)
        script.auth = ("PLAIN",)
        assert face.send(url_of(server, script), auth=LOGIN, memory=memory).ok

    assert not file.exists()


@both_faces
def test_a_memory_that_was_asked_for_must_work(face: Face, file: Path) -> None:
    """Where its file cannot be read nothing is sent, and no login is tried."""
    file.write_bytes(b"junk" * 1000)
    script = Script(tls="starttls", auth=("SCRAM-SHA-256",))
    with hostile_server(script) as server, pytest.raises(StoreError, match=r"memory\.db"):
        face.send(url_of(server), auth=LOGIN, memory=file)

    assert "AUTH" not in server.verbs
    assert "MAIL" not in server.verbs


@both_drivers
def test_the_usual_one_is_done_without(driver: Driver, file: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Where its file cannot be used, the session goes on; it is told once, to the observer and in the log."""
    file.write_bytes(b"junk" * 1000)
    memory = Memory.of(None, environ={"MAILWARD_MEMORY": str(file)})
    told = Told()

    async def flow(ports: Ports) -> None:
        for _ in range(2):
            watch = Watch(memory, Endpoint(HOST, 465, TlsMode.IMPLICIT), ports, tell=told)
            await watch.check_tls(NEW)
            await watch.record(NEW)

    with caplog.at_level(logging.WARNING, "mailward.memory"):
        driver.run(flow)

    assert told.kinds == ["memory-unusable"]
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "MAILWARD_MEMORY=off" in caplog.text
    assert file.read_bytes() == b"junk" * 1000


def test_where_it_is_kept(tmp_path: Path) -> None:
    """MAILWARD_MEMORY, else under XDG_STATE_HOME, else under the home; a service without a home keeps none."""

    def path(**environ: str) -> str | None:
        memory = Memory.of(None, environ=environ)
        return None if memory is None else str(memory.path)

    assert path(MAILWARD_MEMORY="/m.db", XDG_STATE_HOME="/x", HOME="/h") == "/m.db"
    assert path(XDG_STATE_HOME="/x", HOME="/h") == "/x/mailward/memory.db"
    assert path(XDG_STATE_HOME="relative", HOME="/h") == "/h/.local/state/mailward/memory.db"
    assert path(HOME="/h") == "/h/.local/state/mailward/memory.db"
    assert path() is None
    assert path(MAILWARD_MEMORY="off", HOME="/h") is None
    assert Memory.of(tmp_path / "m.db").path == tmp_path / "m.db"  # type: ignore[union-attr]
    assert Memory.of(value=False) is None


def test_one_for_each_file() -> None:
    """The usual one is the same for all clients of a process; one that is given is used as it is."""
    environ = {"MAILWARD_MEMORY": "/m.db"}
    mine = Memory("/n.db")

    assert Memory.of(None, environ=environ) is Memory.of(value=True, environ=environ)
    assert Memory.of(mine) is mine
    assert repr(mine) == "Memory('/n.db')"


@pytest.mark.parametrize("value", ["", 7, b"x"])
def test_what_is_no_memory(value: object) -> None:
    """It is refused when the client is made."""
    with pytest.raises(InputError, match="memory="):
        Memory.of(value)


@pytest.mark.parametrize(
    ("host", "remembered"),
    [
        ("127.0.0.1", False),
        ("127.8.8.8", False),
        ("::1", False),
        ("LOCALHOST.", False),
        ("a.localhost", False),
        ("192.0.2.1", True),
        ("fe80::1%eth0", True),
        ("localhost.example.test", True),
    ],
)
def test_loopback(host: str, remembered: bool) -> None:
    """By every name of it; one that was asked for remembers this machine too."""
    assert memory_module.Memory("/m.db", loopback=False).remembers(host) is remembered
    assert Memory("/m.db").remembers(host)

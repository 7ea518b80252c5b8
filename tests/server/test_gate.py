"""Everything that decides about logins, as the configuration says."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from mailward.errors import InvalidConfig
from mailward.server import gate
from tests.login.place import AT_ONCE, BUDGET, b64, book, connect, fresh, told
from tests.support.certificates import authority
from tests.support.embedded_server import EmbeddedServer
from tests.support.identity_provider import AUDIENCE, identity_provider
from tests.support.installation import ANN, PASSWORD, until

NETWORKS = "127.0.0.0/24"


def code(server: EmbeddedServer, source: str, password: str = PASSWORD) -> int:
    with connect(server, source) as talk:
        return talk.plain(ANN, password).code


def offered(server: EmbeddedServer) -> set[str]:
    with connect(server, "127.0.0.1") as talk:
        (line,) = [line for line in talk.ehlo().lines if line.startswith("AUTH ")]
    return set(line.split()[1:])


def test_tokens_are_offered_where_somebody_vouches(tmp_path: Path) -> None:
    """OAUTHBEARER and XOAUTH2 only with `[oauth2]`; passwords always."""
    passwords = {"PLAIN", "LOGIN", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"}
    with EmbeddedServer(tmp_path / "without") as server:
        assert offered(server) == passwords
    with identity_provider(tmp_path) as provider:
        oauth2 = {"issuer": provider.url, "audience": AUDIENCE, "ca": str(provider.ca)}
        with EmbeddedServer(tmp_path / "with", oauth2=oauth2) as server:
            assert offered(server) == passwords | {"OAUTHBEARER", "XOAUTH2"}


def test_counters_survive_a_restart(tmp_path: Path) -> None:
    """Guesses that were counted before a restart are counted after it, and the file is ours alone."""
    guard = AT_ONCE | {BUDGET: 3, "source_failures": 100}
    server = EmbeddedServer(tmp_path, guard=guard)
    with server:
        assert [code(server, fresh(), f"wrong {number}") for number in range(2)] == [535, 535]
    with server:
        assert code(server, fresh(), "wrong 3") == 535
        assert code(server, fresh()) == 454

    state = server.state / "guard.state"
    assert state.stat().st_mode & 0o077 == 0
    assert state.stat().st_size < 64 << 20


def test_a_state_that_is_damaged_is_replaced_and_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The server starts with empty counters, and says why; the bans in the store still hold."""
    guard = AT_ONCE | {BUDGET: 32, "source_failures": 1}
    server = EmbeddedServer(tmp_path, guard=guard)
    source = fresh()
    with server:
        assert code(server, source, "wrong") == 535
        assert code(server, source) == 454
    (server.state / "guard.state").write_bytes(b"rubbish")
    with server:
        assert code(server, source) == 454
        assert code(server, fresh()) == 235

    assert "the guard begins with empty counters" in caplog.text


def test_false_salts_survive_and_are_ours_alone(tmp_path: Path) -> None:
    """The key of the false salts is made once, with mode 0600; a damaged one is not used."""
    server = EmbeddedServer(tmp_path)
    with server:
        assert code(server, "127.0.0.1") == 235
    key = server.state / "fake-salt.key"
    first = key.read_bytes()
    assert (len(first), key.stat().st_mode & 0o777) == (32, 0o600)
    with server:
        assert code(server, "127.0.0.1") == 235
    assert key.read_bytes() == first

    key.write_bytes(b"")
    with pytest.raises(Exception, match="is damaged"):
        server.start()
    key.unlink()
    (server.state / "fake-salt.key.part").write_bytes(b"of a server that was killed")
    with server:
        assert code(server, "127.0.0.1") == 235


@pytest.mark.slow  # a file is looked at every five seconds
def test_a_list_that_changes_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of networks counts as it is now; a bad one is not taken, the old one stays."""
    monkeypatch.setattr("mailward.server.app._HOUSEKEEPING", 0.05)
    office = tmp_path / "office.cidr"
    office.write_text(f"{NETWORKS}\n")
    with EmbeddedServer(tmp_path / "place", guard=AT_ONCE, allowlist={"networks": [f"file:{office}"]}) as server:
        server.expected = ("office.cidr",)
        assert [code(server, "127.0.0.5"), code(server, "127.0.1.5")] == [235, 535]
        _write(office, "127.0.1.0/24\n")
        until(lambda: code(server, "127.0.1.5") == 235)
        assert code(server, "127.0.0.5") == 535
        _write(office, "nonsense\n")
        time.sleep(0.3)
        assert [code(server, "127.0.0.5"), code(server, "127.0.1.5")] == [535, 235]


def _write(path: Path, text: str) -> None:
    beside = path.with_suffix(".new")
    beside.write_text(text)
    moment = time.time() + 5
    os.utime(beside, (moment, moment))
    beside.rename(path)


def test_a_bad_secret_stops_the_start(tmp_path: Path) -> None:
    """A client secret that others can read is told with its key, before anything is open."""
    secret = tmp_path / "secret"
    secret.write_text("s3cret\n")
    secret.chmod(0o644)
    with pytest.raises(InvalidConfig, match="open to others") as error:
        gate._first_line(secret)

    assert error.value.key == "oauth2.client_secret_file"
    secret.chmod(0o600)
    assert gate._first_line(secret) == "s3cret"


def test_the_rules_of_age_are_the_files(tmp_path: Path) -> None:
    """`[passwords]` decides when a password is over, also for those that were set before."""
    rules: dict[str, Any] = {
        "profile": "legacy",
        "maximum_age_days": 1,
        "grace_days": 0,
        "warn_days": 0,
        "minimum_age_days": 0,
    }
    server = EmbeddedServer(tmp_path, guard=AT_ONCE)
    with server:
        assert code(server, "127.0.0.1") == 235
    server.section("passwords", **rules)
    with server:
        account = server.call(lambda: server.services.logins.accounts.find(ANN))
        assert account is not None
        assert account.expires == pytest.approx(account.passwords[0].created + 86_400)


def test_everything_is_let_go(tmp_path: Path) -> None:
    """A stopped server has written down what was used, and holds nothing of its state open."""
    (tmp_path / "clients.pem").write_bytes(authority("Client CA").pem)
    server = EmbeddedServer(
        tmp_path / "place", guard=AT_ONCE, client_certificates={"ca": str(tmp_path / "clients.pem")}
    )
    with server:
        assert code(server, "127.0.0.1") == 235
    with book(server) as accounts:
        assert accounts.existing(ANN).passwords[0].last_used is not None

    held = [os.readlink(f"/proc/self/fd/{each}") for each in os.listdir("/proc/self/fd") if _is_open(each)]  # noqa: PTH115, PTH208
    assert [path for path in held if path.startswith(str(server.state))] == []
    assert str(server.state) not in Path("/proc/self/maps").read_text()


def _is_open(descriptor: str) -> bool:
    return Path(f"/proc/self/fd/{descriptor}").is_symlink()


def test_false_salts_are_of_names(tmp_path: Path) -> None:
    """Two names that are one account's have one salt, whether or not there is an account."""
    with EmbeddedServer(tmp_path, guard=AT_ONCE) as server:
        heard = []
        for name in ("nobody@example.test", "NOBODY@EXAMPLE.TEST", ANN, ANN.upper()):
            source = fresh()
            with connect(server, source) as talk:
                heard.append(talk.say(b"AUTH SCRAM-SHA-256 " + b64(f"n,,n={name},r=abcdefgh")).code)
            until(lambda source=source: told(server, source))  # type: ignore[misc]

        assert heard == [334] * 4

"""One session against the security memory: what is a downgrade and what is none, and how it is told."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from mailward.client.memory import Memory
from mailward.client.receipt import TlsInfo
from mailward.client.tls_mode import INSECURE_PLAINTEXT, Endpoint, TlsMode
from mailward.client.watch import Watch
from mailward.errors import DowngradeError
from mailward.events import DowngradeRefused, decode
from mailward.net.ports import Ports
from mailward.sasl.register import client_mechanisms
from tests.support.drivers import DRIVERS, Driver, both_drivers

HOST = "mail.example.test"
IMPLICIT, STARTTLS = Endpoint(HOST, 465, TlsMode.IMPLICIT), Endpoint(HOST, 465, TlsMode.STARTTLS)
NEW = TlsInfo("TLSv1.3", "TLS_AES_256_GCM_SHA384", "system CAs", "sha256/AAAA")
OLD = TlsInfo("TLSv1.2", "ECDHE-RSA-AES256-GCM-SHA384", "system CAs", "sha256/AAAA")


class Told:
    """An observer that keeps what it is told."""

    def __init__(self) -> None:
        self.kinds: list[str] = []
        self.fields: list[dict[str, Any]] = []

    def __call__(self, kind: str, **fields: Any) -> None:
        self.kinds.append(kind)
        self.fields.append(fields)


class Session:
    """One session after another, through one memory."""

    def __init__(self, driver: Driver, memory: Memory | None) -> None:
        self.told = Told()
        self._driver = driver
        self._memory = memory

    def __call__(
        self,
        tls: TlsInfo | None = NEW,
        endpoint: Endpoint = IMPLICIT,
        *,
        requiretls: bool = False,
        offered: Sequence[str] = (),
        chosen: str | None = None,
        account: str = "ann",
        newest: str = "TLSv1.3",
    ) -> None:
        async def flow(ports: Ports) -> None:
            watch = Watch(self._memory, endpoint, ports, account=account, tell=self.told)
            await watch.check_tls(tls, newest=newest)
            watch.check_offers(requiretls=requiretls)
            mechanism = chosen or (offered[0] if offered else None)
            if mechanism is not None:
                watch.check_mechanism(client_mechanisms()[mechanism], offered)
            await watch.record(tls, requiretls=requiretls, mechanism=mechanism)

        self._driver.run(flow)


@pytest.fixture(params=DRIVERS, ids=lambda driver: driver.name)
def session(request: pytest.FixtureRequest, tmp_path: Path) -> Session:
    return Session(request.param, Memory(tmp_path / "memory.db"))


@pytest.mark.parametrize(
    ("then", "was", "now"),
    [
        ({"tls": OLD}, {"TLS": "TLS 1.3"}, {"TLS": "TLS 1.2"}),
        ({"endpoint": STARTTLS}, {"mode": "TLS from the first octet"}, {"mode": "STARTTLS"}),
        (
            {"tls": None, "endpoint": Endpoint(HOST, 465, INSECURE_PLAINTEXT)},
            {"TLS": "TLS 1.3"},
            {"TLS": "clear text"},
        ),
        ({"requiretls": False}, {"REQUIRETLS": "offered"}, {"REQUIRETLS": "not offered"}),
        ({"offered": ["PLAIN"]}, {"mechanism": "SCRAM-SHA-256"}, {"mechanism": "PLAIN"}),
        ({"offered": ["SCRAM-SHA-1"]}, {"mechanism": "SCRAM-SHA-256"}, {"mechanism": "SCRAM-SHA-1"}),
    ],
    ids=["version", "mode", "clear", "requiretls", "plain", "sha1"],
)
def test_downgrades(session: Session, then: dict[str, Any], was: dict[str, str], now: dict[str, str]) -> None:
    """Each is refused with what was and what is, and is one event; the same again, for nothing weaker is learnt."""
    best: dict[str, Any] = {"requiretls": True, "offered": ["SCRAM-SHA-256"]}
    session(**best)
    for _ in range(2):
        with pytest.raises(DowngradeError, match=f"{HOST} port 465 does less than it is known to since 20") as caught:
            session(**{**best, **then})

        assert (caught.value.was, caught.value.now) == (was, now)
        assert f"mailward memory forget {HOST} --file " in caught.value.advice
        assert all(f"{name}: {was[name]} → {now[name]}" in str(caught.value) for name in was)
    assert session.told.kinds == ["downgrade", "downgrade"]
    event = decode(json.dumps(session.told.fields[0]).encode())
    assert isinstance(event, DowngradeRefused)
    assert (event.host, event.port, event.account, event.was, event.now) == (HOST, 465, "ann", was, now)
    session(**best)


def test_the_lost_channel_binding_is_named(session: Session) -> None:
    """From -PLUS to the same without it is two differences."""
    session(offered=["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"])
    with pytest.raises(DowngradeError) as caught:
        session(offered=["SCRAM-SHA-256", "PLAIN"])

    assert caught.value.was == {"mechanism": "SCRAM-SHA-256-PLUS", "channel binding": "yes"}
    assert caught.value.now == {"mechanism": "SCRAM-SHA-256", "channel binding": "no"}
    assert caught.value.phase == "auth"


@pytest.mark.parametrize(
    "then",
    [
        {"offered": ["SCRAM-SHA-256", "PLAIN"], "chosen": "PLAIN"},
        {"offered": ["PLAIN"], "account": "bob"},
        {"offered": ["SCRAM-SHA-256-PLUS"]},
        {"tls": OLD, "newest": "TLSv1.2"},
        {"tls": OLD, "endpoint": Endpoint(HOST, 587, TlsMode.STARTTLS)},
        {"endpoint": Endpoint("other.example.test", 465, TlsMode.STARTTLS)},
        {},
    ],
    ids=["our-choice", "other-account", "stronger", "our-limit", "other-port", "other-host", "no-login"],
)
def test_no_downgrades(session: Session, then: dict[str, Any]) -> None:
    """What the caller chose, what we cannot do ourselves, and what is said of somebody else."""
    session(offered=["SCRAM-SHA-256"])
    session(**then)

    assert session.told.kinds == []


def test_both_submission_ports_are_one_place_to_log_in(session: Session) -> None:
    """A weaker login on 587 is a downgrade of the one on 465."""
    session(offered=["SCRAM-SHA-256"])
    with pytest.raises(DowngradeError, match="port 587"):
        session(endpoint=Endpoint(HOST, 587, TlsMode.STARTTLS), offered=["PLAIN"])


def test_the_name_of_a_host_has_one_form(session: Session) -> None:
    """Upper case and a dot at its end make no other host of it."""
    session()
    with pytest.raises(DowngradeError):
        session(OLD, Endpoint("MAIL.example.TEST.", 465, TlsMode.IMPLICIT))


def test_a_changed_key_is_told_and_taken(session: Session) -> None:
    """Certificates are renewed: it is no reason to refuse. With a downgrade it is part of the difference."""
    other = TlsInfo("TLSv1.3", NEW.cipher, NEW.verified_by, "sha256/BBBB")
    session()
    session(other)
    session(other)

    assert session.told.kinds == ["key-changed"]
    assert session.told.fields[0] == {"host": HOST, "port": 465, "was": "sha256/AAAA", "now": "sha256/BBBB"}
    with pytest.raises(DowngradeError) as caught:
        session(OLD)
    assert caught.value.was["key"] == "sha256/BBBB"


def test_what_rises_is_remembered(session: Session) -> None:
    """From then on the better is the least."""
    session(OLD, STARTTLS, offered=["PLAIN"])
    session(NEW, IMPLICIT, offered=["SCRAM-SHA-256"], requiretls=True)

    for then in ({"tls": OLD}, {"endpoint": STARTTLS}, {"requiretls": False}, {"offered": ["PLAIN"]}):
        with pytest.raises(DowngradeError):
            session(**{"offered": ["SCRAM-SHA-256"], "requiretls": True, **then})  # type: ignore[arg-type]


def test_forgotten_is_forgotten(session: Session, tmp_path: Path) -> None:
    """After `mailward memory forget` the server is taken as it comes."""
    session(offered=["SCRAM-SHA-256"])
    assert Memory(tmp_path / "memory.db").forget(HOST) == 2
    session(OLD, STARTTLS, offered=["PLAIN"])


def test_what_is_known_is_not_written_again(session: Session, tmp_path: Path) -> None:
    """A file that nothing is added to is only read: a thousand sessions a minute do not wear out a disk."""
    session(offered=["SCRAM-SHA-256"])
    before = (tmp_path / "memory.db").stat().st_mtime_ns
    session(offered=["SCRAM-SHA-256"])

    assert (tmp_path / "memory.db").stat().st_mtime_ns == before


@both_drivers
def test_without_a_memory(driver: Driver) -> None:
    """Nothing is checked, kept or told."""
    session = Session(driver, None)
    session(offered=["SCRAM-SHA-256"])
    session(OLD, STARTTLS, offered=["PLAIN"])

    assert session.told.kinds == []


def test_clear_text_is_nothing_to_remember(session: Session, tmp_path: Path) -> None:
    """What was asked for by name says nothing of what the server can do."""
    session(None, Endpoint(HOST, 25, INSECURE_PLAINTEXT))

    assert list(tmp_path.iterdir()) == []

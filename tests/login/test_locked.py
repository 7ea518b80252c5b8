"""A locked account and a banned source: what nobody can guess still gets in, and everything else sounds the same."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mailward.accounts.account import Account
from mailward.accounts.directory import Accounts
from mailward.accounts.hasher import Hasher
from mailward.secret import Secret
from tests.login.place import (
    AT_ONCE,
    BUDGET,
    FAILED,
    b64,
    book,
    by_certificate,
    by_password,
    by_token,
    client_certificate,
    connect,
    fresh,
    showing,
    told,
)
from tests.support.certificates import authority
from tests.support.embedded_server import EmbeddedServer
from tests.support.identity_provider import AUDIENCE, IdentityProvider, identity_provider
from tests.support.installation import ANN, BOB, PASSWORD
from tests.support.talk import Answer, Talk

TIGHT = AT_ONCE | {BUDGET: 2, "source_failures": 2, "sprayed_accounts": 1000}
PASSWORDS = ("PLAIN", "LOGIN", "SCRAM-SHA-256")
OTHER = "brown herons wait at dusk"


@dataclass(frozen=True)
class Locked:
    """A server on which strangers have locked ann's account. app: an app password of it."""

    server: EmbeddedServer
    provider: IdentityProvider
    folder: Path
    app: str

    def token(self) -> str:
        return self.provider.token(self.provider.claims(time.time()))

    def banned(self) -> str:
        """A source that has guessed too often, at an account of somebody else."""
        source = fresh()
        with connect(self.server, source) as talk:
            codes = [talk.plain(f"{source}@example.test", f"wrong {number}").code for number in range(2)]
        assert codes == [535, 535]
        return source


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Locked]:
    folder = tmp_path_factory.mktemp("locked")
    (folder / "clients.pem").write_bytes(authority("Client CA").pem)
    with identity_provider(folder) as provider:
        oauth2 = {"issuer": provider.url, "audience": AUDIENCE, "jwks": provider.jwks, "ca": str(provider.ca)}
        certificates = {"ca": str(folder / "clients.pem")}
        place = EmbeddedServer(folder / "place", guard=TIGHT, oauth2=oauth2, client_certificates=certificates)
        with place as server:
            with book(server) as accounts:
                _, app = accounts.add_app_password(ANN, "laptop")
            for number in range(2):
                with connect(server, fresh()) as talk:
                    assert talk.plain(ANN, f"wrong {number}").code == 535
            yield Locked(server, provider, folder, app.reveal())


@pytest.mark.parametrize("mechanism", PASSWORDS)
def test_right_password_of_a_stranger(locked: Locked, mechanism: str) -> None:
    """S56: a locked account takes no password from a source it does not know, right or wrong, by any mechanism."""
    for password in (PASSWORD, "wrong"):
        source = fresh()
        with connect(locked.server, source) as talk:
            assert str(by_password(talk, mechanism, ANN, password)).startswith("454 4.7.0")
        (event,) = told(locked.server, source)
        assert (event["type"], event["reason"]) == ("login.refused", "locked")
        assert event["until"] > time.time()


@pytest.mark.parametrize("mechanism", PASSWORDS)
@pytest.mark.parametrize("where", ["locked", "banned"])
def test_app_password_gets_in(locked: Locked, mechanism: str, where: str) -> None:
    """An app password cannot be guessed, so neither a lock of its account nor a ban of its source keeps it out."""
    source = fresh() if where == "locked" else locked.banned()
    with connect(locked.server, source) as talk:
        assert by_password(talk, mechanism, ANN, locked.app).code == 235

    assert told(locked.server, source)[-1]["credential"] == "app-password:laptop"


@pytest.mark.parametrize("where", ["locked", "banned"])
def test_token_and_certificate_get_in(locked: Locked, where: str) -> None:
    """Nor can a token or a certificate: 235 on a locked account, and from a banned source."""
    source = fresh() if where == "locked" else locked.banned()
    with connect(locked.server, source) as talk:
        assert by_token(talk, "OAUTHBEARER", ANN, locked.token()).code == 235
    source = fresh() if where == "locked" else locked.banned()
    tls = showing(locked.server, client_certificate(ANN), locked.folder)
    with connect(locked.server, source, tls=tls) as talk:
        assert by_certificate(talk).code == 235


def test_bad_token_on_a_locked_account(locked: Locked) -> None:
    """A token that is no good is answered as the lock is, after the same challenge as ever."""
    source = fresh()
    with connect(locked.server, source) as talk:
        assert by_token(talk, "OAUTHBEARER", ANN, "not.a.token").code == 334
        assert talk.say("AQ==").code == 454

    assert [event["reason"] for event in told(locked.server, source)] == ["locked"]


def test_a_banned_source_is_not_forgiven(locked: Locked) -> None:
    """The app password of one account buys a banned source no guess at another."""
    source = locked.banned()
    with connect(locked.server, source) as talk:
        assert talk.plain(ANN, locked.app).code == 235
    with connect(locked.server, source) as talk:
        assert talk.plain(BOB, "guess").code == 454


def test_scram_shows_nothing_of_a_lock(locked: Locked) -> None:
    """Every account, there or not, with app passwords or without, answers a proof with 334 and then 454."""
    with book(locked.server) as accounts:
        accounts.add(BOB, Secret(OTHER))
    names = (ANN, BOB, "nobody@example.test")
    for name in names[1:]:
        for number in range(2):
            with connect(locked.server, fresh()) as talk:
                assert talk.plain(name, f"wrong {number}").code == 535
    heard = {name: (_first(locked, name), _scram(locked, name, "wrong")) for name in names}

    assert {first.code for first, _ in heard.values()} == {334}
    assert {str(answer)[:9] for _, answer in heard.values()} == {"454 4.7.0"}
    assert len({answer for _, answer in heard.values()}) == 1
    again = {name: _first(locked, name) for name in names}
    salts = {name: _salt(first) for name, (first, _) in heard.items()}
    assert salts == {name: _salt(first) for name, first in again.items()}
    assert len({(len(salt), salt.partition(",i=")[2]) for salt in salts.values()}) == 1


def _scram(locked: Locked, name: str, password: str) -> Answer:
    with connect(locked.server, fresh()) as talk:
        return talk.scram(name, password)


def _first(locked: Locked, name: str) -> Answer:
    """The server's first message, after which the client leaves."""
    with connect(locked.server, fresh()) as talk:
        return talk.say(b"AUTH SCRAM-SHA-256 " + b64(f"n,,n={name},r=abcdefgh"))


def _salt(answer: Answer) -> str:
    return base64.b64decode(answer.lines[0]).decode().partition(",")[2]


def test_a_lock_costs_no_hash(locked: Locked, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is refused unlooked at costs no hash, and neither does an app password."""
    hashed: list[str | None] = []
    verify = Hasher.verify

    def counting(self: Hasher, verifier: str | None, password: Secret) -> bool:
        hashed.append(verifier)
        return verify(self, verifier, password)

    monkeypatch.setattr(Hasher, "verify", counting)
    with connect(locked.server, fresh()) as talk:
        assert talk.plain(ANN, PASSWORD).code == 454
        assert talk.plain(ANN, locked.app).code == 235

    assert hashed == []


@pytest.mark.e2e
def test_the_operators_ban_is_for_everything(locked: Locked) -> None:
    """What the operator bans is not looked at, whatever the credential."""
    source = fresh()
    added = locked.server.cli("bans", "add", source, "--for", "1h")
    assert added.returncode == 0, added.stderr
    with connect(locked.server, source) as talk:
        assert talk.plain(ANN, locked.app).code == 454
        assert talk.scram(ANN, locked.app).code == 454
    tls = showing(locked.server, client_certificate(ANN), locked.folder)
    with connect(locked.server, source, tls=tls) as talk:
        assert by_certificate(talk).code == 454
        assert by_token(talk, "OAUTHBEARER", ANN, locked.token()).code == 454

    reasons = [event["reason"] for event in told(locked.server, source)]
    assert reasons == ["banned"] * 4


def test_sprayed_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A password that is tried on many accounts is refused where the source is unknown, right or wrong alike, after
    the work of a wrong one; a source that the account knows is let in with it."""
    guard = AT_ONCE | {"sprayed_accounts": 3, "source_failures": 100, BUDGET: 32}
    hashed: list[str | None] = []
    verify = Hasher.verify

    def counting(self: Hasher, verifier: str | None, password: Secret) -> bool:
        hashed.append(verifier)
        return verify(self, verifier, password)

    with EmbeddedServer(tmp_path, guard=guard) as server:
        home = fresh()
        assert _answer(server, home, ANN, PASSWORD).code == 235
        for number in range(3):
            assert _answer(server, fresh(), f"user{number}@example.test", PASSWORD) == FAILED
        monkeypatch.setattr(Hasher, "verify", counting)
        right, wrong = fresh(), fresh()
        assert _answer(server, right, ANN, PASSWORD) == FAILED
        assert _answer(server, wrong, "nobody@example.test", PASSWORD) == FAILED
        assert len(hashed) == 2
        assert _answer(server, home, ANN, PASSWORD).code == 235
        with connect(server, fresh()) as talk:
            assert talk.scram(ANN, PASSWORD).code == 235, "a proof cannot be sprayed without being counted"

        assert [told(server, each)[0]["reason"] for each in (right, wrong)] == ["sprayed", "sprayed"]


def _answer(server: EmbeddedServer, source: str, name: str, password: str) -> Answer:
    with connect(server, source) as talk:
        return talk.plain(name, password)


def test_listeners_have_lists_of_their_own(tmp_path: Path) -> None:
    """Who may not log in at one listener fails there as with a wrong password, and is told as not allowed."""
    door = {"allow": ["127.0.0.0/8"], "block": ["127.0.0.64/26"]}
    with EmbeddedServer(tmp_path, guard=AT_ONCE, door=door) as server:
        for mechanism in PASSWORDS:
            with connect(server, "127.0.0.65") as talk:
                assert by_password(talk, mechanism, ANN, PASSWORD) == FAILED
            with connect(server, "127.0.0.2") as talk:
                assert by_password(talk, mechanism, ANN, PASSWORD).code == 235

        reasons = [event["reason"] for event in server.events("login.failed")]
        assert reasons == ["not-allowed"] * 3


def test_account_lists_hold_back_strangers_only(tmp_path: Path) -> None:
    """Guesses from outside an account's own networks lock nobody out who is inside."""
    guard = AT_ONCE | {BUDGET: 2, "source_failures": 2}
    with EmbeddedServer(tmp_path, guard=guard) as server:
        with book(server) as accounts:
            accounts.change(ANN, allow_from=["127.0.0.0/24"])
        for number in range(4):
            _answer(server, fresh(), ANN, f"wrong {number}")
        assert _answer(server, "127.0.0.5", ANN, PASSWORD).code == 235
        outside = fresh()
        assert _answer(server, outside, ANN, PASSWORD).code in {535, 454}


def _talk(server: EmbeddedServer) -> Talk:
    return connect(server, fresh())


def test_failures_sound_alike_whatever_they_are(tmp_path: Path) -> None:
    """Unknown, wrong, elsewhere, disabled, over, with a second factor: one reply on each mechanism."""
    names = [f"{kind}@example.test" for kind in ("elsewhere", "disabled", "over", "totp")]
    accounts_there = dict.fromkeys([ANN, *names], PASSWORD)
    guard = AT_ONCE | {BUDGET: 32, "source_failures": 100, "sprayed_accounts": 100}
    with EmbeddedServer(tmp_path, guard=guard, accounts=accounts_there) as server:
        with book(server) as accounts:
            accounts.change(names[0], allow_from=["192.0.2.0/24"])
            accounts.change(names[1], disabled=True)
            accounts.change(names[2], must_change=True)
            accounts.change(names[3], second_factor=True)
        heard: set[Answer] = set()
        for mechanism in PASSWORDS:
            for name in (*names, "nobody@example.test"):
                with _talk(server) as talk:
                    heard.add(by_password(talk, mechanism, name, PASSWORD))
            with _talk(server) as talk:
                heard.add(by_password(talk, mechanism, ANN, "wrong"))

        assert heard == {FAILED}
        reasons = ["not-allowed", "disabled", "expired", "app-password-required", "unknown-account", "bad-password"]
        assert [event["reason"] for event in server.events("login.failed")] == reasons * 3


def test_a_refusal_costs_no_look_at_the_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is refused whatever the account is, is refused before the account is read; an app password may overcome
    that, and only what has the form of one is looked at."""
    read: list[str] = []
    find = Accounts.find_key

    def counting(self: Accounts, key: str) -> Account | None:
        read.append(key)
        return find(self, key)

    with EmbeddedServer(tmp_path, guard=AT_ONCE | {"source_failures": 2}) as server:
        with connect(server, "127.0.0.7") as talk:
            assert [talk.plain(ANN, f"wrong {number}").code for number in range(2)] == [535, 535]
        monkeypatch.setattr(Accounts, "find_key", counting)
        with connect(server, "127.0.0.7") as talk:
            assert talk.plain(ANN, PASSWORD).code == 454
            assert read == []
            assert talk.plain(ANN, f"mw-{'a' * 8}-{'b' * 24}").code == 454
            assert read == [ANN]

"""Every credential there is, through a real server: what it lets in, what it does not, and what the event says."""

from __future__ import annotations

import base64
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mailward.accounts.account import Account
from mailward.accounts.certificates import pin_of
from mailward.secret import Secret
from tests.login.place import (
    AT_ONCE,
    BAD_TOKEN,
    BUDGET,
    FAILED,
    book,
    by_certificate,
    by_password,
    by_token,
    client_certificate,
    connect,
    fresh,
    showing,
    ssha,
    told,
)
from tests.support.certificates import Pair, authority
from tests.support.embedded_server import EmbeddedServer
from tests.support.identity_provider import AUDIENCE, IdentityProvider, identity_provider
from tests.support.installation import ANN, PASSWORD, until
from tests.support.talk import Answer

LENIENT = AT_ONCE | {"source_failures": 1000, BUDGET: 32, "sprayed_accounts": 1000, "failures_per_connection": 3}
NEW = "brown herons wait at dusk"
PINNED, OVERRIDDEN, ELSEWHERE = "pinned@example.test", "file@example.test", "legacy@example.test"
EVERY = ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "PLAIN", "LOGIN", "OAUTHBEARER", "XOAUTH2", "EXTERNAL"]
FAR_ELSEWHERE, GUESTS = "far@example.test", "guest@example.test"
PASSWORDS = ("PLAIN", "LOGIN", "SCRAM-SHA-256")
TOKENS = ("OAUTHBEARER", "XOAUTH2")
EXTERNAL = ("EXTERNAL",)


@dataclass(frozen=True)
class World:
    """A server with every way to log in, and those who vouch for its users."""

    server: EmbeddedServer
    provider: IdentityProvider
    pinned: Pair
    folder: Path

    def add(self, name: str) -> Account:
        with book(self.server) as accounts:
            return accounts.add(f"{name}@example.test", Secret(PASSWORD))

    def login(self, mechanism: str, name: str, password: str = PASSWORD, *, source: str | None = None) -> Answer:
        """With what is right of this kind, unless another password is named."""
        where = source or fresh()
        if mechanism == "EXTERNAL":
            tls = showing(self.server, client_certificate(name), self.folder)
            with connect(self.server, where, tls=tls) as talk:
                return by_certificate(talk)
        with connect(self.server, where) as talk:
            if mechanism in TOKENS:
                token = self.provider.token(self.provider.claims(time.time(), email=name))
                answer = by_token(talk, mechanism, name, token)
                return talk.say("AQ==") if answer.code == 334 else answer
            return by_password(talk, mechanism, name, password)

    def why(self, mechanism: str, name: str, password: str = PASSWORD) -> tuple[int, str | None]:
        """The answer's code and the reason in the one event."""
        source = fresh()
        answer = self.login(mechanism, name, password, source=source)
        (event,) = told(self.server, source)
        assert (event["account"], event["mechanism"]) == (name, mechanism)
        assert answer == FAILED or answer.code != 535
        return answer.code, event["reason"]

    def credential(self, name: str, password: str, mechanism: str = "PLAIN") -> str:
        """What the event of a good login calls it."""
        source = fresh()
        assert self.login(mechanism, name, password, source=source).code == 235
        (event,) = told(self.server, source)
        assert event["account"] == name
        return str(event["credential"])


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("credentials")
    (folder / "clients.pem").write_bytes(authority("Client CA").pem)
    legacy = folder / "legacy.passwd"
    legacy.write_text(
        "".join(f"{name}:{{SSHA}}{ssha(PASSWORD)}::::::\n" for name in (ELSEWHERE, GUESTS))
        + f"{FAR_ELSEWHERE}:{{SSHA}}{ssha(PASSWORD)}::::::allow_nets=192.0.2.0/24\n"
    )
    legacy.chmod(0o600)
    pinned = client_certificate("other@example.test")
    named: dict[str, Any] = {
        "client_certificates.accounts": {pin_of(pinned.der): PINNED},
        f'account."{OVERRIDDEN}"': {"allow_from": ["192.0.2.0/24"]},
        f'account."{GUESTS}"': {"disabled": True},
        "[account_source]": {"kind": "passwd-file", "path": str(legacy)},
    }
    with identity_provider(folder) as provider:
        server = EmbeddedServer(
            folder / "place",
            guard=LENIENT,
            door={"mechanisms": EVERY},
            oauth2={"issuer": provider.url, "audience": AUDIENCE, "jwks": provider.jwks, "ca": str(provider.ca)},
            client_certificates={"ca": str(folder / "clients.pem")},
            **named,
        )
        with server:
            yield World(server, provider, pinned, folder)


# --- one decision for every mechanism


@pytest.mark.parametrize("mechanism", PASSWORDS + TOKENS + EXTERNAL)
def test_disabled_account(world: World, mechanism: str) -> None:
    """S56: an account that the operator locked fails as a wrong password does, with every right credential."""
    name = world.add(f"disabled-{mechanism.lower()}").name
    assert world.login(mechanism, name).code == 235
    with book(world.server) as accounts:
        accounts.change(name, disabled=True)

    assert world.why(mechanism, name) == (535, "disabled")


@pytest.mark.parametrize("mechanism", PASSWORDS + TOKENS + EXTERNAL)
def test_account_that_is_elsewhere(world: World, mechanism: str) -> None:
    """S56: outside the account's own networks every right credential fails as a wrong password; the event knows."""
    name = world.add(f"elsewhere-{mechanism.lower()}").name
    with book(world.server) as accounts:
        accounts.change(name, allow_from=["192.0.2.0/24"])
    assert world.why(mechanism, name) == (535, "not-allowed")

    with book(world.server) as accounts:
        accounts.change(name, allow_from=["192.0.2.0/24", "127.0.0.0/8"])
    assert world.login(mechanism, name).code == 235


@pytest.mark.parametrize("mechanism", PASSWORDS)
def test_password_that_must_be_changed(world: World, mechanism: str) -> None:
    """S56: a password that is over is not taken by any mechanism that takes passwords."""
    name = world.add(f"over-{mechanism.lower()}").name
    with book(world.server) as accounts:
        accounts.change(name, must_change=True)

    assert world.why(mechanism, name) == (535, "expired")


@pytest.mark.parametrize("mechanism", PASSWORDS)
def test_rotated_password(world: World, mechanism: str) -> None:
    """S56: a password that was replaced is refused, the new one taken."""
    name = world.add(f"rotated-{mechanism.lower()}").name
    with book(world.server) as accounts:
        accounts.set_password(name, Secret(NEW))

    code, reason = world.why(mechanism, name)
    assert code == 535
    assert reason in {"stale", "bad-password"}
    assert world.login(mechanism, name, NEW).code == 235


@pytest.mark.parametrize("mechanism", PASSWORDS)
def test_second_factor(world: World, mechanism: str) -> None:
    """An account with a second factor logs in with an app password and not with its own, whatever the mechanism."""
    name = world.add(f"totp-{mechanism.lower()}").name
    with book(world.server) as accounts:
        accounts.enable_totp(name, "mail.example.test")
        _, secret = accounts.add_app_password(name, "laptop")

    assert world.why(mechanism, name) == (535, "app-password-required")
    assert world.credential(name, secret.reveal(), mechanism) == "app-password:laptop"


# --- passwords


@pytest.mark.parametrize("mechanism", PASSWORDS)
def test_two_passwords_overlap(world: World, mechanism: str) -> None:
    """After a rotation the old and the new password log in, and a third does not, until the old one is retired."""
    name = world.add(f"overlap-{mechanism.lower()}").name
    with book(world.server) as accounts:
        accounts.rotate(name, Secret(NEW), days=3)
    assert [world.credential(name, each, mechanism) for each in (PASSWORD, NEW)] == ["password", "password"]
    assert world.why(mechanism, name, "a third one") == (535, "bad-password")

    with book(world.server) as accounts:
        assert accounts.retire(name)
    assert world.login(mechanism, name).code == 535
    assert world.login(mechanism, name, NEW).code == 235


def test_stale_proof_counts_for_nothing(tmp_path: Path) -> None:
    """A telephone that proves an old password by SCRAM, again and again, locks neither itself nor the account."""
    with EmbeddedServer(tmp_path, guard=AT_ONCE | {BUDGET: 2, "source_failures": 2}) as server:
        with book(server) as accounts:
            accounts.set_password(ANN, Secret(NEW))
        source, stranger = fresh(), fresh()
        for _ in range(4):
            with connect(server, source) as talk:
                assert talk.scram(ANN, PASSWORD) == FAILED
        for each in (source, stranger):
            with connect(server, each) as talk:
                assert talk.scram(ANN, NEW).code == 235

        assert [event["reason"] for event in server.events("login.failed")] == ["stale"] * 4
        assert server.events("ban.added") == []


@pytest.mark.e2e
def test_imported_verifier_is_replaced_at_the_first_login(world: World) -> None:
    """An imported hash logs in by password at once, and by SCRAM from its first login on, under argon2id."""
    name = "imported@example.test"
    file = world.folder / "users"
    file.write_text(f"{name}:{{SSHA}}{ssha(PASSWORD)}\n")
    file.chmod(0o600)
    done = world.server.cli("user", "import", str(file), "--format", "dovecot")
    assert done.returncode == 0, done.stderr

    assert world.login("SCRAM-SHA-256", name).code == 535
    assert world.login("PLAIN", name, "wrong").code == 535
    assert world.login("PLAIN", name).code == 235
    until(lambda: _kept(world, name).startswith("$argon2id$"))
    assert world.login("SCRAM-SHA-256", name).code == 235
    assert world.login("PLAIN", name).code == 235


def _kept(world: World, name: str) -> str:
    with book(world.server) as accounts:
        return accounts.existing(name).passwords[0].verifier


def test_last_use_is_noted(world: World) -> None:
    """The login writes down when its credential was used, and of no other credential."""
    name = world.add("used").name
    with book(world.server) as accounts:
        kept, secret = accounts.add_app_password(name, "laptop")
        before = accounts.existing(name)
    assert (before.passwords[0].last_used, kept.last_used) == (None, None)

    begun = time.time()
    assert world.login("PLAIN", name, secret.reveal()).code == 235

    def noted() -> bool:
        with book(world.server) as accounts:
            account = accounts.existing(name)
        last = account.app_passwords[0].last_used
        return account.passwords[0].last_used is None and last is not None and last >= begun - 1

    until(noted)


def test_grace_is_told(tmp_path: Path) -> None:
    """A password past its time is taken in its grace, and the event says so; after it, it is over."""
    rules: dict[str, Any] = {
        "profile": "legacy",
        "maximum_age_days": 30,
        "grace_days": 5,
        "warn_days": 3,
        "minimum_age_days": 0,
    }
    with EmbeddedServer(tmp_path, guard=AT_ONCE, passwords=rules) as server:
        seen = []
        for days in (1, 32, 40):
            _aged(server, days)
            source = fresh()
            with connect(server, source) as talk:
                code = talk.scram(ANN, PASSWORD).code
            (event,) = [event for event in told(server, source) if event["type"].startswith("login.")]
            seen.append((code, event.get("grace"), event["reason"]))

    assert seen == [(235, False, None), (235, True, None), (535, None, "expired")]


def _aged(server: EmbeddedServer, days: float) -> None:
    """As if ann's password had been set so long ago."""
    connection = sqlite3.connect(server.state / "mailward.db", timeout=5)
    with connection:
        connection.execute("UPDATE credentials SET created = ?", (time.time() - days * 86_400,))
    connection.close()


# --- app passwords


@pytest.mark.parametrize("mechanism", PASSWORDS)
def test_app_password_has_its_limits(world: World, mechanism: str) -> None:
    """Its scope, its own networks and its end are kept, and a revoked one is nothing."""
    name = world.add(f"apps-{mechanism.lower()}").name
    with book(world.server) as accounts:
        _, other = accounts.add_app_password(name, "reader", scopes=["imap"])
        _, away = accounts.add_app_password(name, "office", allow_from=["192.0.2.0/24"])
        _, home = accounts.add_app_password(name, "home", allow_from=["127.0.0.0/8"])
        _, short = accounts.add_app_password(name, "short", expires=time.time() + 0.05)
        gone, revoked = accounts.add_app_password(name, "gone")
        accounts.revoke_app_password(name, gone.id)
        time.sleep(0.06)

    assert world.why(mechanism, name, other.reveal()) == (535, "scope")
    assert world.why(mechanism, name, away.reveal()) == (535, "not-allowed")
    assert world.why(mechanism, name, short.reveal()) == (535, "expired")
    assert world.why(mechanism, name, revoked.reveal()) == (535, "bad-password")
    assert world.credential(name, home.reveal(), mechanism) == "app-password:home"


def test_app_password_of_another_account(world: World) -> None:
    """An app password is of one account."""
    name, other = world.add("one").name, world.add("other").name
    with book(world.server) as accounts:
        _, secret = accounts.add_app_password(name, "laptop")

    assert world.why("PLAIN", other, secret.reveal()) == (535, "bad-password")
    assert world.why("SCRAM-SHA-256", other, secret.reveal()) == (535, "bad-password")


# --- tokens


@pytest.mark.parametrize("mechanism", TOKENS)
def test_token_of_the_identity_provider(world: World, mechanism: str) -> None:
    """A valid token logs in as the account it names, whether or not the client names it too; the event says whose."""
    token = world.provider.token(world.provider.claims(time.time()))
    for name in (ANN, "Ann@Example.TEST", *([""] if mechanism == "OAUTHBEARER" else [])):
        source = fresh()
        with connect(world.server, source) as talk:
            assert by_token(talk, mechanism, name, token).code == 235
        (event,) = told(world.server, source)
        assert (event["account"], event["credential"]) == (ANN, f"token:{world.provider.url}")


@pytest.mark.parametrize("response", ["AQ==", "=", "*", "eA=="])
@pytest.mark.parametrize("mechanism", TOKENS)
def test_bad_token(world: World, mechanism: str, response: str) -> None:
    """S55: a bad token is told why in a challenge; whatever the client says to it, 535 follows, and no guess counts."""
    claims = world.provider.claims(time.time(), aud="another server")
    source = fresh()
    with connect(world.server, source) as talk:
        answer = by_token(talk, mechanism, ANN, world.provider.token(claims))
        assert answer.code == 334
        assert base64.b64decode(answer.lines[0]).startswith(b"{")
        assert talk.say(response).code in {535, 501} if response == "*" else talk.say(response) == FAILED
        assert talk.plain(ANN, PASSWORD).code == 235

    first, second = told(world.server, source)
    assert (first["type"], first["reason"], first["account"]) == ("login.failed", "bad-token", ANN)
    assert second["type"] == "login.succeeded"


def test_token_of_somebody_else(world: World) -> None:
    """S55: a valid token is no way into an account that it does not name."""
    token = world.provider.token(world.provider.claims(time.time(), email="mallory@example.test"))
    source = fresh()
    with connect(world.server, source) as talk:
        answer = by_token(talk, "OAUTHBEARER", ANN, token)
        assert base64.b64decode(answer.lines[0]) == BAD_TOKEN
        assert talk.say("AQ==") == FAILED

    assert [event["reason"] for event in told(world.server, source)] == ["bad-token"]


def test_client_that_leaves_instead_of_answering(world: World) -> None:
    """S55: leaving at the error challenge is the same failure, told once."""
    source = fresh()
    with connect(world.server, source) as talk:
        assert by_token(talk, "OAUTHBEARER", ANN, "not.a.token").code == 334

    (event,) = until(lambda: told(world.server, source))
    assert event["reason"] == "bad-token"


def test_provider_that_is_out_of_order(tmp_path: Path) -> None:
    """When nobody can tell whether a token is good it is 454, and nobody's failure."""
    with identity_provider(tmp_path) as provider:
        claims = provider.claims(time.time())
        section = {"issuer": provider.url, "audience": AUDIENCE, "jwks": provider.jwks, "ca": str(provider.ca)}
    source = fresh()
    with EmbeddedServer(tmp_path / "place", guard=AT_ONCE, oauth2=section) as server:
        with connect(server, source) as talk:
            answer = by_token(talk, "OAUTHBEARER", ANN, provider.token(claims))
            assert str(answer).startswith("454 4.7.0")
            assert talk.plain(ANN, PASSWORD).code == 235

        assert [event["type"] for event in told(server, source)] == ["login.refused", "login.succeeded"]


# --- certificates


def test_certificate_logs_in(world: World) -> None:
    """EXTERNAL: the pinned key's account, else the mail address in the certificate; the event says it was one."""
    for pair, name in ((world.pinned, PINNED), (client_certificate(ANN), ANN)):
        for said in ("", name):
            source = fresh()
            with connect(world.server, source, tls=showing(world.server, pair, world.folder)) as talk:
                assert by_certificate(talk, said).code == 235
            (event,) = told(world.server, source)
            assert (event["account"], event["mechanism"], event["credential"]) == (name, "EXTERNAL", "certificate")


def test_certificate_of_somebody_else(world: World) -> None:
    """Whoever the client says it is, it is whom its certificate names; one that names nobody logs nobody in."""
    source = fresh()
    with connect(world.server, source, tls=showing(world.server, client_certificate(ANN), world.folder)) as talk:
        assert by_certificate(talk, PINNED) == FAILED
    with connect(world.server, source, tls=showing(world.server, client_certificate(), world.folder)) as talk:
        assert by_certificate(talk, ANN) == FAILED
        assert by_certificate(talk) == FAILED
        assert talk.plain(ANN, PASSWORD).code == 235

    reasons = [event["reason"] for event in told(world.server, source)]
    assert reasons == ["bad-exchange", "unknown-account", "unknown-account", None]


def test_external_needs_a_certificate(world: World) -> None:
    """Without a certificate EXTERNAL is neither offered nor known."""
    with connect(world.server, fresh()) as talk:
        assert "EXTERNAL" not in " ".join(talk.ehlo().lines)
        assert by_certificate(talk).code == 504
    with connect(world.server, fresh(), tls=showing(world.server, world.pinned, world.folder)) as talk:
        assert "AUTH EXTERNAL" in " ".join(talk.ehlo().lines)


# --- accounts of another source, and what the file says


def test_account_source(world: World) -> None:
    """A name that the store does not know is looked for elsewhere; it fails and succeeds like any other."""
    assert world.credential(ELSEWHERE, PASSWORD) == "account-source"
    assert world.why("PLAIN", ELSEWHERE, "wrong") == (535, "bad-password")
    assert world.why("PLAIN", "nobody@example.test") == (535, "unknown-account")
    assert world.why("PLAIN", FAR_ELSEWHERE) == (535, "not-allowed")
    assert world.why("SCRAM-SHA-256", ELSEWHERE)[0] == 535


def test_the_file_goes_before_every_store(world: World) -> None:
    """What `[account."…"]` says counts for an account of the store, of a source, of a token and of a certificate."""
    world.add(OVERRIDDEN.partition("@")[0])
    for mechanism in PASSWORDS:
        assert world.why(mechanism, OVERRIDDEN) == (535, "not-allowed")
    for mechanism in ("PLAIN", *TOKENS, *EXTERNAL):
        assert world.why(mechanism, GUESTS) == (535, "disabled")

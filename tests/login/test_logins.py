"""What every login needs, put together once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mailward.accounts.account import Account
from mailward.login.logins import Logins
from mailward.sasl.mechanism import ChannelBinding
from mailward.secret import Secret
from tests.login.place import AT_ONCE, book, connect
from tests.support.embedded_server import EmbeddedServer
from tests.support.identity_provider import AUDIENCE, identity_provider
from tests.support.installation import ANN, PASSWORD, Section

BINDING = (ChannelBinding("tls-server-end-point", b"x"),)
NEW = "brown herons wait at dusk"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    with EmbeddedServer(tmp_path_factory.mktemp("logins"), guard=AT_ONCE) as running:
        yield running


@pytest.fixture
def logins(server: EmbeddedServer) -> Logins:
    return server.services.logins


def test_the_strongest_mechanism_comes_first(logins: Logins) -> None:
    """A proof bound to the channel, a proof, a password; the binding only where there is one to bind to."""
    assert logins.mechanisms() == ("SCRAM-SHA-256", "PLAIN", "LOGIN")
    assert logins.mechanisms(bindings=BINDING) == ("SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "PLAIN", "LOGIN")
    assert "EXTERNAL" in logins.mechanisms(certificate=True)


def test_no_scram_where_accounts_are_kept_elsewhere(tmp_path: Path) -> None:
    """A client that prefers SCRAM would fail there with the right password, each time; a listener may insist on it."""
    passwd = tmp_path / "passwd"
    passwd.write_text("legacy@example.test:{SSHA}x::::::\n")
    passwd.chmod(0o600)
    source: Section = {"kind": "passwd-file", "path": str(passwd)}
    place: dict[str, Any] = {"[account_source]": source}
    with EmbeddedServer(tmp_path / "place", **place) as server:
        logins = server.services.logins
        assert logins.mechanisms(bindings=BINDING) == ("PLAIN", "LOGIN")
        assert logins.mechanisms(bindings=BINDING, wanted=("PLAIN", "SCRAM-SHA-256")) == ("SCRAM-SHA-256", "PLAIN")


def test_a_listener_offers_what_it_is_told(tmp_path: Path) -> None:
    """`mechanisms` of a listener are the only ones there, and no other is known."""
    with EmbeddedServer(tmp_path, door={"mechanisms": ["PLAIN"]}) as server, connect(server, "127.0.0.1") as talk:
        assert "AUTH PLAIN" in talk.ehlo().lines
        assert talk.scram(ANN, PASSWORD).code == 504
        assert talk.plain(ANN, PASSWORD).code == 235


def test_tokens_where_they_can_be_validated(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Without an identity provider no token could ever be right, so none is asked for."""
    folder = tmp_path_factory.mktemp("tokens")
    with identity_provider(folder) as provider:
        oauth2 = {"issuer": provider.url, "audience": AUDIENCE, "ca": str(provider.ca)}
        with EmbeddedServer(folder / "place", oauth2=oauth2) as server:
            assert set(server.services.logins.mechanisms()) >= {"OAUTHBEARER", "XOAUTH2"}


def found(server: EmbeddedServer, logins: Logins, name: str = ANN) -> Account:
    account = server.call(lambda: logins.accounts.find(name))
    assert account is not None
    return account


def test_a_session_ends_with_what_it_rests_on(server: EmbeddedServer, logins: Logins) -> None:
    """Nothing changed: it goes on. Another password, a lock, the account gone: it is over."""
    account = found(server, logins)
    assert server.call(lambda: logins.renewed(account)) == account
    with book(server) as accounts:
        accounts.set_password(ANN, Secret(NEW))
    assert server.call(lambda: logins.renewed(account)) is None

    again = found(server, logins)
    with book(server) as accounts:
        accounts.change(ANN, disabled=True)
    assert server.call(lambda: logins.renewed(again)) is None

    with book(server) as accounts:
        accounts.add("gone@example.test", Secret(NEW))
    gone = found(server, logins, "gone@example.test")
    with book(server) as accounts:
        accounts.remove("gone@example.test")
    assert server.call(lambda: logins.renewed(gone)) is None


def test_an_account_kept_elsewhere_goes_on(server: EmbeddedServer, logins: Logins) -> None:
    """The store says nothing of it, until the operator makes a locked account of that name."""
    elsewhere = Account("ldap@example.test", passwords=(), senders=(), created=0.0, changed=0.0)
    assert server.call(lambda: logins.renewed(elsewhere)) == elsewhere

    with book(server) as accounts:
        accounts.add("ldap@example.test", Secret(NEW))
        accounts.change("ldap@example.test", disabled=True)
    assert server.call(lambda: logins.renewed(elsewhere)) is None


def test_no_two_nonces(logins: Logins) -> None:
    """RFC 5802 §5.1: fresh each time."""
    assert len({logins.nonce() for _ in range(1000)}) == 1000

"""The logins of one session, as its connection sees them."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from mailward.login.login import PATIENCE
from mailward.secret import Secret
from mailward.server.authentication import Authentication
from tests.login.place import AT_ONCE, FAILED, b64, book, connect
from tests.support.embedded_server import EmbeddedServer
from tests.support.installation import ANN, BOB, PASSWORD, until
from tests.support.talk import Answer, Talk

NEW = "brown herons wait at dusk"
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    guard = AT_ONCE | {"source_failures": 1000, "failures_per_connection": 2}
    with EmbeddedServer(tmp_path_factory.mktemp("authentication"), guard=guard) as running:
        yield running


@pytest.fixture
def talk(server: EmbeddedServer) -> Iterator[Talk]:
    with connect(server, f"127.3.0.{next(_numbers)}") as talk:
        yield talk


def session_of(server: EmbeddedServer) -> Authentication:
    (connection,) = server.server.listeners[0].connections
    found: Any = connection._session
    authentication = found._authentication
    assert isinstance(authentication, Authentication)
    return authentication


def test_failures_end_the_session_and_a_success_forgives_them(talk: Talk) -> None:
    """A failure before the success does not count after it; two in a row are the last word, which says so."""
    assert talk.plain(ANN, "wrong 1") == FAILED
    assert talk.plain(ANN, PASSWORD).code == 235


def test_the_last_failure_says_so(talk: Talk) -> None:
    """A password that fails at the session's end hears another text of the same code, and then nothing."""
    assert talk.plain(ANN, "wrong 1") == FAILED
    last = talk.plain(ANN, "wrong 2")

    assert last.code == 535
    assert last != FAILED
    assert talk.ended()


def test_cancels_count_too(talk: Talk) -> None:
    """Who begins and cancels logins without end is ended as well, with the reply of a cancel."""
    for _ in range(2):
        assert talk.say("AUTH PLAIN").code == 334
        assert talk.say("*").code == 501
    assert talk.ended()


def test_patience_is_for_responses_only(server: EmbeddedServer, talk: Talk) -> None:
    """While a response is awaited the client has little time, otherwise as much as any other."""
    authentication = server.call(lambda: session_of(server))
    assert server.call(lambda: authentication.patience) is None
    assert talk.say("AUTH LOGIN").code == 334
    assert server.call(lambda: authentication.patience) == PATIENCE
    assert talk.say("*").code == 501
    assert server.call(lambda: authentication.patience) is None


def test_a_silent_client_is_not_waited_for(server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody holds a guess by saying nothing: the connection ends, and the event says abandoned."""
    monkeypatch.setattr("mailward.server.authentication.PATIENCE", 0.2)
    monkeypatch.setattr("mailward.server.connection._LOOK", 0.1)
    before = len(server.events("login.failed"))
    with connect(server, "127.3.1.9") as talk:
        assert talk.say(b"AUTH SCRAM-SHA-256 " + b64(f"n,,n={ANN},r=abcdefgh")).code == 334
        assert b"421" in talk.rest()

    told = until(lambda: server.events("login.failed")[before:])
    assert [event["reason"] for event in told] == ["abandoned"]
    assert server.services.logins.guard._open == {}


def test_hanging_up_while_it_is_judged(server: EmbeddedServer) -> None:
    """A step under way is taken to its end; when it asks for more, and nobody is there, the login is given up."""
    before = len(server.events("login.failed"))
    with connect(server, "127.3.1.1") as talk:
        assert talk.say("AUTH LOGIN").code == 334
        talk.write(b64(ANN) + b"\r\n")
    told = until(lambda: server.events("login.failed")[before:])

    assert [event["reason"] for event in told] == ["abandoned"]
    assert server.services.logins.guard._open == {}


def test_a_new_password_ends_the_session(server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was logged in with a password that is taken no more may send no more: 421, and one is told why."""
    monkeypatch.setattr("mailward.server.authentication._STILL_VALID", 0.0)
    with book(server) as accounts:
        accounts.add(BOB, Secret(PASSWORD))
    with connect(server, "127.3.1.2") as talk:
        assert talk.plain(BOB, PASSWORD).code == 235
        talk.envelope(BOB, ANN)
        assert talk.say("RSET").code == 250
        with book(server) as accounts:
            accounts.set_password(BOB, Secret(NEW))
        answer: Answer = talk.say(f"MAIL FROM:<{BOB}>")
        assert answer.code == 421
        assert talk.ended()
    with connect(server, "127.3.1.3") as talk:
        assert talk.plain(BOB, NEW).code == 235


def test_a_lock_ends_the_session(server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """So does the operator's lock, an app password that is revoked, and a network that is not the account's."""
    monkeypatch.setattr("mailward.server.authentication._STILL_VALID", 0.0)
    name = "carol@example.test"
    with book(server) as accounts:
        accounts.add(name, Secret(PASSWORD))
        kept, app = accounts.add_app_password(name, "laptop")
    for number, change in enumerate(("revoke", "networks", "lock")):
        with connect(server, f"127.3.2.{number + 1}") as talk:
            assert talk.plain(name, app.reveal() if change == "revoke" else PASSWORD).code == 235
            with book(server) as accounts:
                if change == "revoke":
                    accounts.revoke_app_password(name, kept.id)
                elif change == "networks":
                    accounts.change(name, allow_from=["127.3.2.0/24"])
                else:
                    accounts.change(name, disabled=True)
            assert talk.say(f"MAIL FROM:<{name}>").code == 421
            assert talk.ended()


def test_a_second_password_ends_nothing(server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rotation with an overlap leaves those who are logged in alone."""
    monkeypatch.setattr("mailward.server.authentication._STILL_VALID", 0.0)
    name = "dora@example.test"
    with book(server) as accounts:
        accounts.add(name, Secret(PASSWORD))
    with connect(server, "127.3.3.1") as talk:
        assert talk.plain(name, PASSWORD).code == 235
        with book(server) as accounts:
            accounts.rotate(name, Secret(NEW))
        talk.envelope(name, ANN)


def test_a_response_without_a_login(talk: Talk) -> None:
    """What looks like a response is a command like any other where none was asked for."""
    assert talk.say(base64.b64encode(b"\0ann\0pw")).code == 500

"""One AUTH command: what each mechanism takes, what it refuses, and the one event that tells exactly which it was."""

from __future__ import annotations

import base64
import itertools
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mailward.accounts.hasher import Hasher
from mailward.errors import StoreError
from mailward.sasl.mechanism import Credentials, respond
from mailward.sasl.register import client_mechanisms
from mailward.secret import Secret
from mailward.server import gate
from mailward.store import accounts
from mailward.store.bans import LookUp
from tests.support.embedded_server import EmbeddedServer
from tests.support.installation import ANN, BOB, IMPLICIT, PASSWORD, STARTTLS, until
from tests.support.talk import Answer, Talk

AT_ONCE = {"delay_first": 0.0, "delay_most": 0.0}
BUDGET = "distinct_wrong_passwords_per_account"
LENIENT = AT_ONCE | {"source_failures": 1000, BUDGET: 32, "sprayed_accounts": 1000, "failures_per_connection": 3}
_numbers = itertools.count(10)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    with EmbeddedServer(tmp_path_factory.mktemp("login"), guard=LENIENT) as running:
        yield running


@pytest.fixture
def source() -> str:
    """An address nobody came from before."""
    number = next(_numbers)
    return f"127.1.{number // 250}.{number % 250 + 1}"


def connect(server: EmbeddedServer, source: str) -> Talk:
    talk = Talk(server.ports[IMPLICIT], tls=server.trust, source=source)
    talk.ehlo()
    return talk


@pytest.fixture
def talk(server: EmbeddedServer, source: str) -> Iterator[Talk]:
    with connect(server, source) as talk:
        yield talk


def b64(data: bytes | str) -> bytes:
    return base64.b64encode(data.encode() if isinstance(data, str) else data)


def auth_plain(data: bytes | str) -> bytes:
    return b"AUTH PLAIN " + b64(data)


def told(server: EmbeddedServer, source: str) -> list[dict[str, Any]]:
    return [event for event in server.events() if event["source"] == source]


# --- the ways in


def plain_at_once(talk: Talk) -> Answer:
    return talk.plain(ANN, PASSWORD)


def plain_when_asked(talk: Talk) -> Answer:
    assert talk.say("AUTH PLAIN") == (334, ("",))
    return talk.say(b64(f"\0{ANN}\0{PASSWORD}"))


def login_when_asked(talk: Talk) -> Answer:
    assert talk.say("AUTH LOGIN").lines == (b64("Username:").decode(),)
    assert talk.say(b64(ANN)).lines == (b64("Password:").decode(),)
    return talk.say(b64(PASSWORD))


def login_with_name(talk: Talk) -> Answer:
    assert talk.say(b"AUTH LOGIN " + b64(ANN)).code == 334
    return talk.say(b64(PASSWORD))


def scram(talk: Talk) -> Answer:
    return talk.scram(ANN, PASSWORD)


@pytest.mark.parametrize("way", [plain_at_once, plain_when_asked, login_when_asked, login_with_name, scram])
def test_ways_in(server: EmbeddedServer, talk: Talk, source: str, way: Callable[[Talk], Answer]) -> None:
    """Each mechanism lets the right password in, and tells one event with who, whence and how."""
    assert str(way(talk)).startswith("235 2.7.0")

    (event,) = told(server, source)
    mechanism = "SCRAM-SHA-256" if way is scram else way.__name__.partition("_")[0].upper()
    assert (event["type"], event["account"], event["mechanism"]) == ("login.succeeded", ANN, mechanism)
    assert event["tls"].startswith("TLSv1.3 ")
    assert event["listener"] == f"127.0.0.1:{server.ports[IMPLICIT]}"
    assert event["reason"] is None


@pytest.mark.parametrize("name", ["ANN@Example.TEST", "ａｎｎ＠example.test", "a\u00adnn@example.test"])
def test_spellings_are_one_account(server: EmbeddedServer, talk: Talk, source: str, name: str) -> None:
    """S51: every spelling that SASLprep and case folding make equal is one account, to look up and to count on."""
    assert talk.plain(name, "wrong").code == 535
    assert talk.plain(name, PASSWORD).code == 235

    assert [event["account"] for event in told(server, source)] == [ANN, ANN]


# --- the ways not in


def test_failures_look_alike(server: EmbeddedServer, source: str) -> None:
    """A wrong password and an unknown account hear the same reply; the event knows which it was."""
    answers = []
    for name in (ANN, "nobody@example.test", "not an address"):
        with connect(server, source) as talk:
            answers.append(talk.plain(name, "wrong"))

    assert set(answers) == {(535, ("5.7.8 Authentication failed",))}
    reasons = [event["reason"] for event in told(server, source)]
    assert reasons == ["bad-password", "unknown-account", "unknown-account"]


@pytest.mark.parametrize(
    "response",
    [
        f"bob@example.test\0{ANN}\0{PASSWORD}",
        f"{ANN}\0\0{PASSWORD}",
        f"\0{ANN}\0",
        "\0\0",
        f"{ANN} {PASSWORD}",
        f"\0{ANN}\0{PASSWORD}\0",
        f"\0{ANN}\0{PASSWORD}\0more\0",
        f"\0{ANN}\r\nReceived: evil\0{PASSWORD}",
        f"\0{ANN}\u202e\0{PASSWORD}",
        f"\0{ANN} \0{PASSWORD}",
        f"\0{'a' * 300}@example.test\0{PASSWORD}",
        f"\0{ANN}\0{'x' * 1025}",
        b"\0ann@example.test\0\xff\xfe",
    ],
    ids=ascii,
)
def test_malformed_plain(server: EmbeddedServer, talk: Talk, source: str, response: str | bytes) -> None:
    """S50, S51: no PLAIN response but the one right form logs in; each is one failure with one event."""
    assert talk.say(auth_plain(response)).code == 535
    assert talk.plain(ANN, PASSWORD).code == 235

    first, second = told(server, source)
    assert (first["type"], first["reason"]) == ("login.failed", "bad-exchange")
    assert second["type"] == "login.succeeded"


def test_authzid_may_repeat_the_authcid(talk: Talk) -> None:
    """S50: an authorization identity is taken when it is the account itself, in any spelling."""
    assert talk.say(auth_plain(f"ANN@example.test\0{ANN}\0{PASSWORD}")).code == 235


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"AUTH PLAIN AGEAYR==", 501),
        (b"AUTH PLAIN AGEA YQ==", 501),
        (b"AUTH PLAIN ====", 501),
        (b"AUTH PLAIN AGEAYQ", 501),
        (b"AUTH PLAIN !", 501),
        (b"AUTH PLAIN AGEA\tYQ==", 500),
        (b"AUTH PLAIN " + b"A" * 12_300, 500),
        (b"AUTH", 501),
        (b"AUTH CRAM-MD5", 504),
        (b"AUTH XOAUTH2 eA==", 504),
        (b"AUTH PLAIN\x00", 500),
    ],
    ids=lambda value: value[:30].decode("ascii") if isinstance(value, bytes) else str(value),
)
def test_broken_auth_lines(server: EmbeddedServer, talk: Talk, source: str, line: bytes, code: int) -> None:
    """S52, S53: an AUTH line that is broken or names no mechanism of ours is refused before there is any exchange."""
    assert talk.say(line).code == code
    assert told(server, source) == []


def test_empty_initial_response(talk: Talk) -> None:
    """S52: `=` is an empty response, which PLAIN cannot use; the session goes on."""
    assert talk.say("AUTH PLAIN =").code == 535
    assert talk.plain(ANN, PASSWORD).code == 235


@pytest.mark.parametrize("response", ["*", "AGEAYR==", "=", "A B="], ids=repr)
def test_cancelled_exchange(server: EmbeddedServer, talk: Talk, source: str, response: str) -> None:
    """S52, S53: `*` and what is not base64 end the exchange with 501, and another mechanism may follow at once."""
    assert talk.say("AUTH PLAIN").code == 334
    assert talk.say(response).code == 501
    assert login_when_asked(talk).code == 235

    first, second = told(server, source)
    assert (first["type"], first["reason"], first["mechanism"]) == ("login.failed", "cancelled", "PLAIN")
    assert (second["type"], second["mechanism"]) == ("login.succeeded", "LOGIN")


def test_longest_response(server: EmbeddedServer, talk: Talk, source: str) -> None:
    """S52: a response of 12,286 octets, the longest line there is, is read and judged."""
    assert talk.say("AUTH PLAIN").code == 334
    assert talk.say(b64(b"\0" + b"x" * 9212)).code == 535
    assert [event["reason"] for event in told(server, source)] == ["bad-exchange"]


def test_response_beyond_the_longest_line(talk: Talk) -> None:
    """S52: a longer one is 500, and the connection ends: nobody knows whose it is."""
    assert talk.say("AUTH PLAIN").code == 334
    assert talk.say(b"A" * 20_000).code == 500
    assert talk.ended()


def test_auth_has_its_place(talk: Talk) -> None:
    """S53: no second AUTH after a login, none in a transaction, and none after HELO, which offers nothing."""
    assert talk.say("HELO client.test").code == 250
    assert talk.plain(ANN, PASSWORD).code == 503
    talk.ehlo()
    assert talk.plain(ANN, PASSWORD).code == 235
    assert talk.plain(ANN, PASSWORD).code == 503
    talk.envelope(ANN, BOB)
    assert talk.plain(ANN, PASSWORD).code == 503
    assert talk.data(b"x\r\n").code == 250


def test_hanging_up_in_an_exchange(server: EmbeddedServer, source: str) -> None:
    """S53: a client that leaves in the middle of any exchange leaves one event, and no guess that is held."""
    with connect(server, source) as talk:
        assert talk.say("AUTH LOGIN").code == 334
        assert talk.say(b64(ANN)).code == 334
    until(lambda: told(server, source))
    with connect(server, source) as talk:
        assert scram_first(talk, f"n,,n={ANN},r=abcdefgh").code == 334
    until(lambda: len(told(server, source)) == 2)
    with connect(server, source) as talk:
        assert talk.plain(ANN, PASSWORD).code == 235

    events = told(server, source)
    assert [(event["type"], event["reason"], event["account"]) for event in events] == [
        ("login.failed", "abandoned", None),
        ("login.failed", "abandoned", ANN),
        ("login.succeeded", None, ANN),
    ]
    assert server.services.logins.guard._open == {}


def prove(talk: Talk) -> Answer:
    """A right proof, up to the server's signature."""
    client = client_mechanisms()["SCRAM-SHA-256"].client(
        Credentials(ANN, Secret(PASSWORD)), binding=None, server_offers_plus=False, nonce="abcdefgh"
    )
    first = scram_first(talk, next(client).decode()).lines[0]
    return talk.say(b64(respond(client, first.encode())))


@pytest.mark.parametrize("ending", [b"*\r\n", b64("more") + b"\r\n", b""], ids=["cancels", "goes on", "hangs up"])
def test_no_right_proof_is_free(server: EmbeddedServer, source: str, ending: bytes) -> None:
    """A client that has been told that its proof is right knows the password: however it leaves, one event says so."""
    with connect(server, source) as talk:
        answer = prove(talk)
        assert answer.code == 334
        assert base64.b64decode(answer.lines[0]).startswith(b"v=")
        talk.write(ending)
        if ending:
            assert talk.answer().code in {501, 535}

    until(lambda: told(server, source))
    with connect(server, source) as talk:
        assert talk.plain("nobody@example.test", "x").code == 535
    first, second = told(server, source)
    assert (first["type"], first["reason"], first["account"]) == ("login.failed", "proved-and-left", ANN)
    assert second["reason"] == "unknown-account"


def test_broken_exchanges_are_late_on_every_connection(tmp_path: Path) -> None:
    """Rubbish and cancels are answered later each time, over all connections, and end in a ban of the source alone."""
    guard = {
        "delay_first": 0.01,
        "delay_growth": 2.0,
        "delay_most": 0.04,
        "source_failures": 2,
        BUDGET: 1,
    }
    with EmbeddedServer(tmp_path, guard=guard) as server:
        for _ in range(3):
            with connect(server, "127.0.0.5") as talk:
                assert talk.say(auth_plain("rubbish")).code == 535
                assert talk.say("AUTH PLAIN").code == 334
                assert talk.say("*").code == 501
        with connect(server, "127.0.0.5") as talk:
            assert talk.plain(ANN, PASSWORD).code == 454
        with connect(server, "127.0.0.6") as talk:
            assert talk.plain(ANN, PASSWORD).code == 235

        delays = [event["delay"] for event in server.events("login.failed")]
        assert delays == [0.01, 0.02, 0.04, 0.04, 0.04, 0.04]
        assert [event["subject"] for event in server.events("ban.added")] == ["ip:127.0.0.5"]


def test_abandoned_exchanges_end_in_a_ban_of_their_source(tmp_path: Path) -> None:
    """Who holds guesses of an account by saying nothing gives them back on leaving, and is soon not heard any more."""
    with EmbeddedServer(tmp_path, guard=AT_ONCE | {"source_failures": 2, BUDGET: 2}) as server:
        for number in range(5):
            with connect(server, "127.0.0.5") as talk:
                assert scram_first(talk, f"n,,n={ANN},r=abcdefgh").code == 334
            until(lambda number=number: len(server.events("login.failed")) == number + 1)  # type: ignore[misc]
        with connect(server, "127.0.0.5") as talk:
            assert talk.plain(ANN, PASSWORD).code == 454
        with connect(server, "127.0.0.6") as talk:
            assert talk.plain(ANN, PASSWORD).code == 235

        assert [event["subject"] for event in server.events("ban.added")] == ["ip:127.0.0.5"]


def test_a_fault_of_ours_holds_no_guess(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever breaks inside a login gives its guess back, is told as ours, and costs the client no strike."""

    async def broken(_self: Hasher, _verifiers: list[str], _password: Secret, *, known: bool) -> int | None:
        raise RuntimeError("a fault inside")

    with EmbeddedServer(tmp_path, guard={"source_failures": 2, BUDGET: 2}) as server:
        server.expected = ("a fault inside", "Task exception was never retrieved")
        with monkeypatch.context() as patch:
            patch.setattr(Hasher, "first_right_async", broken)
            for _ in range(4):
                with connect(server, "127.0.0.1") as talk:
                    assert talk.plain(ANN, PASSWORD).code == 421
                    assert talk.ended()
        with connect(server, "127.0.0.1") as talk:
            assert talk.plain(ANN, PASSWORD).code == 235

        assert server.services.logins.guard._open == {}
        assert [event["reason"] for event in server.events("login.refused")] == ["unavailable"] * 4
        assert server.events("login.failed") == []


def test_a_password_sent_in_clear_is_told(tmp_path: Path) -> None:
    """AUTH before TLS is refused unread, and one event says that a password may have been shown."""
    with EmbeddedServer(tmp_path, listeners=(STARTTLS,)) as server:
        with Talk(server.ports[STARTTLS]) as talk:
            talk.ehlo()
            assert str(talk.plain(ANN, PASSWORD)).startswith("538 5.7.11")
            talk.starttls(server.trust)
            talk.ehlo()
            assert talk.plain(ANN, PASSWORD).code == 235

        first, second = server.events()
        assert (first["type"], first["reason"], first["account"]) == ("login.refused", "exposed", None)
        assert first["mechanism"] == "PLAIN"
        assert second["type"] == "login.succeeded"


def test_three_failures_end_the_connection(server: EmbeddedServer, source: str, talk: Talk) -> None:
    """S42: the third failed login is the connection's last word, and it says so; no 235 follows."""
    answers = [talk.plain(ANN, f"wrong {number}") for number in range(3)]

    assert [answer.code for answer in answers] == [535, 535, 535]
    assert answers[2] != answers[1]
    assert talk.ended()
    assert [event["type"] for event in told(server, source)] == ["login.failed"] * 3


# --- SCRAM, octet by octet


def scram_first(talk: Talk, message: str) -> Answer:
    answer = talk.say(b"AUTH SCRAM-SHA-256 " + b64(message))
    if answer.code != 334:
        return answer
    return Answer(334, (base64.b64decode(answer.lines[0]).decode(),))


@pytest.mark.parametrize(
    "message",
    [
        f"y,,n={ANN},r=abcdefgh",
        f"p=tls-server-end-point,,n={ANN},r=abcdefgh",
        f"n,,m=x,n={ANN},r=abcdefgh",
        f"n,,n={ANN}",
        "n,,n=,r=abcdefgh",
        f"n,,n={ANN},r=a\u0007",
        f"{ANN}",
        f"n,,n={ANN}=2Z,r=abcdefgh",
    ],
    ids=ascii,
)
def test_broken_scram_beginnings(server: EmbeddedServer, talk: Talk, source: str, message: str) -> None:
    """S54: a downgrade, an unknown extension, a missing part: each ends the exchange, with one event."""
    assert scram_first(talk, message).code == 535
    (event,) = told(server, source)
    assert (event["type"], event["reason"]) == ("login.failed", "bad-exchange")


@pytest.mark.parametrize(
    "final",
    [
        "c=biws,r={nonce}",
        "c=eSws,r={nonce},p={proof}",
        "c=biws,r={nonce}x,p={proof}",
        "c=biws,r=abcdefgh,p={proof}",
        "",
    ],
)
def test_broken_scram_endings(server: EmbeddedServer, talk: Talk, source: str, final: str) -> None:
    """S54: another nonce, another header in c=, no proof: each fails."""
    first = scram_first(talk, f"n,,n={ANN},r=abcdefgh").lines[0]
    nonce = first.split(",")[0][2:]
    assert nonce.startswith("abcdefgh")
    assert len(nonce) >= len("abcdefgh") + 18

    answer = talk.say(b64(final.format(nonce=nonce, proof=b64(b"p" * 32).decode())))
    assert answer.code == 535
    (event,) = told(server, source)
    assert event["reason"] == "bad-exchange"


def test_wrong_proof(server: EmbeddedServer, talk: Talk, source: str) -> None:
    """S54: a proof of another password fails, and the server proves nothing either."""
    answer = talk.scram(ANN, "another password")
    assert answer.code == 535
    (event,) = told(server, source)
    assert event["reason"] == "bad-password"


def test_unknown_account_has_a_stable_salt(tmp_path: Path) -> None:
    """S54: an account that does not exist shows one salt and the usual iterations, before a restart and after it."""
    seen = []
    server = EmbeddedServer(tmp_path, guard=LENIENT)
    for _ in range(2):
        with server:
            for name in ("nobody@example.test", "NOBODY@example.test", "other@example.test", ANN):
                with connect(server, "127.0.0.1") as talk:
                    seen.append(scram_first(talk, f"n,,n={name},r=abcdefgh").lines[0].partition(",")[2])

    nobody, again, other, ann = seen[:4]
    assert seen[4:] == seen[:4]
    assert nobody == again
    assert len({nobody, other, ann}) == 3
    assert len({(len(each), each.partition(",i=")[2]) for each in seen}) == 1, "all look alike"


def test_client_that_dies_after_its_proof(server: EmbeddedServer, source: str) -> None:
    """A client whose proof was wrong has failed, whether or not it waits for the reply."""
    with connect(server, source) as talk:
        first = scram_first(talk, f"n,,n={ANN},r=abcdefgh").lines[0]
        nonce = first.split(",")[0][2:]
        talk.write(b64(f"c=biws,r={nonce},p={b64(b'p' * 32).decode()}") + b"\r\n")

    (event,) = until(lambda: told(server, source))
    assert event["reason"] == "bad-password"


# --- what is not the client's failure


def test_busy_hasher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """454 when the queue of the password hasher is full; it counts as nobody's failure, and SCRAM needs no hash."""
    monkeypatch.setattr(gate, "Hasher", lambda: Hasher(workers=1, waiting=0))
    guard = AT_ONCE | {"source_failures": 2, BUDGET: 2}
    with EmbeddedServer(tmp_path, guard=guard) as server:
        turns = server.services.logins.credentials._hasher._turns
        turns._free = 0  # as if one were being hashed
        with connect(server, "127.0.0.1") as talk:
            answers = [talk.plain(ANN, "wrong"), talk.plain(ANN, PASSWORD)]
        with connect(server, "127.0.0.1") as talk:
            assert talk.scram(ANN, PASSWORD).code == 235
        turns._free = 1
        with connect(server, "127.0.0.1") as talk:
            assert talk.plain(ANN, PASSWORD).code == 235

        assert [str(answer)[:9] for answer in answers] == ["454 4.7.0", "454 4.7.0"]
        refused = server.events("login.refused")
        assert [event["reason"] for event in refused] == ["busy", "busy"]
        assert server.events("login.failed", "ban.added") == []


def test_unreadable_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """454 and never 535 when the accounts cannot be read: nobody is let in, and nobody is blamed."""

    def unreadable(_connection: sqlite3.Connection, _name: str) -> None:
        raise StoreError("disk on fire", phase="store")

    with EmbeddedServer(tmp_path, guard=AT_ONCE) as server:
        with monkeypatch.context() as patch:
            patch.setattr(accounts, "find", unreadable)
            for way in (plain_at_once, scram):
                with connect(server, "127.0.0.1") as talk:
                    assert str(way(talk)).startswith("454 4.7.0")
        with connect(server, "127.0.0.1") as talk:
            assert talk.plain(ANN, PASSWORD).code == 235

        assert [event["reason"] for event in server.events("login.refused")] == ["unavailable", "unavailable"]
        assert server.events("login.failed") == []


def test_unreadable_bans(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the bans cannot be read a broken exchange is nobody's failure, and one event tells of each all the same."""

    def unreadable(*_: object) -> object:
        raise StoreError("disk on fire", phase="store")

    with EmbeddedServer(tmp_path, guard=AT_ONCE) as server:
        server.expected = ("disk on fire",)  # the sweep reads them too
        with connect(server, "127.0.0.1") as talk:
            for _ in range(2):
                assert talk.say(auth_plain("rubbish")).code == 535
        monkeypatch.setattr(LookUp, "__call__", unreadable)
        with connect(server, "127.0.0.1") as talk:
            assert str(talk.say(auth_plain("rubbish"))).startswith("454 4.7.0")
            assert str(talk.say(auth_plain("rubbish"))).startswith("454 4.7.0")
            assert talk.say("AUTH PLAIN").code == 334

        until(lambda: len(server.events()) == 5)
        reasons = [event["reason"] for event in server.events()]
        assert reasons == ["bad-exchange"] * 2 + ["unavailable"] * 3


def test_refused_without_a_hash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A source that is banned hears 454 and costs no hash; not even the right password is looked at."""
    hashed: list[str | None] = []
    verify = Hasher.verify

    def counting(self: Hasher, verifier: str | None, password: Secret) -> bool:
        hashed.append(verifier)
        return verify(self, verifier, password)

    monkeypatch.setattr(Hasher, "verify", counting)
    with EmbeddedServer(tmp_path, guard=AT_ONCE | {"source_failures": 2}) as server:
        with connect(server, "127.0.0.1") as talk:
            codes = [talk.plain(ANN, password).code for password in ("wrong 1", "wrong 2", "wrong 3")]
            assert talk.ended()
        with connect(server, "127.0.0.1") as talk:
            codes += [talk.plain(ANN, PASSWORD).code, talk.scram(ANN, PASSWORD).code]

        assert codes == [535, 535, 454, 454, 454]
        assert len(hashed) == 2
        refused = server.events("login.refused")
        assert [event["reason"] for event in refused] == ["banned"] * 3
        assert all(event["until"] for event in refused)


@pytest.mark.parametrize("way", [IMPLICIT, STARTTLS])
def test_guess_of_who_hangs_up_counts(tmp_path: Path, way: str) -> None:
    """Hanging up before the answer makes no guess free: it is told, counted, and leads to the ban like any other."""
    with EmbeddedServer(tmp_path, guard=AT_ONCE | {"source_failures": 3}) as server:
        for number in range(3):
            with Talk(server.ports[way], tls=server.trust if way == IMPLICIT else None) as talk:
                talk.ehlo()
                if way == STARTTLS:
                    talk.starttls(server.trust)
                    talk.ehlo()
                talk.write(auth_plain(f"\0{ANN}\0wrong {number}") + b"\r\n")
            until(lambda number=number: len(server.events("login.failed")) == number + 1)  # type: ignore[misc]

        assert [event["reason"] for event in server.events("ban.added")] == ["source-failures"]


def test_right_guess_of_who_hangs_up_is_told(tmp_path: Path) -> None:
    """A client with the right password that hangs up before the answer has logged in all the same: one event."""
    with EmbeddedServer(tmp_path) as server:
        with connect(server, "127.0.0.1") as talk:
            talk.write(auth_plain(f"\0{ANN}\0{PASSWORD}") + b"\r\n")

        (event,) = until(lambda: server.events("login.succeeded"))
        assert event["account"] == ANN


def test_password_is_nowhere(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """No password, right or wrong, in any spelling, is in an event, a log record or a file of the state directory."""
    secret = "Wr0ng-c4nary-in-the-mine"
    caplog.set_level("DEBUG")
    with EmbeddedServer(tmp_path, guard=LENIENT) as server:
        with connect(server, "127.0.0.1") as talk:
            talk.plain(ANN, secret)
            talk.say("AUTH LOGIN")
            talk.say(b64(ANN))
            talk.say(b64(secret))
            talk.say(auth_plain(f"{secret}\0{ANN}"))
        with connect(server, "127.0.0.1") as talk:
            talk.scram(ANN, secret)
            talk.plain(ANN, PASSWORD)

    kept = b"".join(path.read_bytes() for path in server.state.rglob("*") if path.is_file()) + caplog.text.encode()
    for word in (secret, PASSWORD):
        for form in (word.encode(), b64(word), b64(f"\0{ANN}\0{word}"), word.encode().hex().encode()):
            assert form not in kept

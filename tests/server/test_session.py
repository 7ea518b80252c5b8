"""What the server answers to each command, at each door and in each order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import cast

import pytest

from mailward.accounts.directory import Accounts
from mailward.errors import StoreError
from mailward.guard.allowlist import Networks
from mailward.login.logins import Logins
from mailward.secret import Secret
from mailward.server import authentication
from mailward.server.door import Door
from mailward.server.services import Services
from mailward.server.session import Session
from mailward.store.message import StoredMessage
from tests.support.embedded_server import EmbeddedServer
from tests.support.installation import ANN, BOB, IMPLICIT, PASSWORD, PLAINTEXT, STARTTLS, TRUSTED, own_field
from tests.support.talk import Answer, Talk

LIMITS = {"recipients": 3, "message_size": 100_000, "commands_bad": 10}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    directory = tmp_path_factory.mktemp("session")
    with EmbeddedServer(directory, listeners=(IMPLICIT, STARTTLS, PLAINTEXT), relay=True, limits=LIMITS) as running:
        yield running


@pytest.fixture
def trusted(server: EmbeddedServer) -> Iterator[Talk]:
    """A client that may send without a login, after EHLO."""
    with Talk(server.ports[PLAINTEXT], source=TRUSTED) as talk:
        talk.ehlo()
        yield talk


@pytest.fixture
def ann(server: EmbeddedServer) -> Iterator[Talk]:
    """Logged in over implicit TLS."""
    with Talk(server.ports[IMPLICIT], tls=server.trust) as talk:
        talk.ehlo()
        assert talk.scram(ANN, PASSWORD).code == 235
        yield talk


def offered(talk: Talk) -> set[str]:
    return {line.partition(" ")[0] for line in talk.ehlo().lines[1:]}


def kept(server: EmbeddedServer, answer: Answer) -> StoredMessage:
    """The message that `answer` acknowledges."""
    (mail,) = [mail for mail in server.mails() if mail.id == answer.queue_id]
    return mail


# --- before and after TLS


def test_greeting_says_little(server: EmbeddedServer) -> None:
    """The greeting names the host and neither the software nor its version."""
    with Talk(server.ports[STARTTLS]) as talk:
        assert str(talk.answer()) == "220 mail.example.test ESMTP"


def test_nothing_before_tls(server: EmbeddedServer) -> None:
    """S49: before STARTTLS neither AUTH is offered nor AUTH, MAIL or anything that needs a login is taken."""
    with Talk(server.ports[STARTTLS]) as talk:
        keywords = offered(talk)
        talk.play("""
            C: AUTH PLAIN AGFubkBleGFtcGxlLnRlc3QAc2VjcmV0
            S: 538 5.7.11
            C: MAIL FROM:<ann@example.test>
            S: 530 5.7.0 Issue STARTTLS first
            C: RCPT TO:<bob@example.test>
            S: 503 5.5.1
            C: DATA
            S: 503 5.5.1
        """)

    assert "STARTTLS" in keywords
    assert "AUTH" not in keywords


def test_offers_inside_tls(server: EmbeddedServer) -> None:
    """Inside TLS AUTH is offered and STARTTLS is not; after the login neither is."""
    with Talk(server.ports[STARTTLS]) as talk:
        talk.ehlo()
        talk.starttls(server.trust)
        inside = offered(talk)
        assert talk.scram(ANN, PASSWORD).code == 235
        after = offered(talk)

    assert "AUTH" in inside - after
    assert "STARTTLS" not in inside | after
    assert {"PIPELINING", "8BITMIME", "SMTPUTF8", "CHUNKING", "SIZE", "ENHANCEDSTATUSCODES", "LIMITS"} <= after


def test_never_auth_in_clear(server: EmbeddedServer) -> None:
    """The insecure-plaintext door knows no AUTH, not even from a network that is trusted."""
    with Talk(server.ports[PLAINTEXT], source=TRUSTED) as talk:
        assert not {"AUTH", "STARTTLS"} & offered(talk)
        assert str(talk.plain(ANN, PASSWORD)).startswith("538 5.7.11")


def test_strangers_may_not_send(server: EmbeddedServer) -> None:
    """Without a login nobody sends, but from the networks that need none."""
    with Talk(server.ports[IMPLICIT], tls=server.trust) as talk:
        talk.ehlo()
        assert str(talk.say(f"MAIL FROM:<{ANN}>")).startswith("530 5.7.0 Authentication required")
    with Talk(server.ports[PLAINTEXT]) as talk:
        talk.ehlo()
        assert str(talk.say(f"MAIL FROM:<{ANN}>")).startswith("550 5.7.1")
    with Talk(server.ports[PLAINTEXT], source=TRUSTED) as talk:
        talk.ehlo()
        talk.envelope("anyone@elsewhere.test", BOB)


def test_starttls_has_no_argument_and_no_second_time(server: EmbeddedServer) -> None:
    """S47: STARTTLS with an argument is 501, before EHLO or a second time 503, where it is not offered 502."""
    with Talk(server.ports[STARTTLS]) as talk:
        talk.play("""
            S: 220
            C: STARTTLS
            S: 503
            C: EHLO client.test
            S: 250
            C: STARTTLS now
            S: 501
        """)
        talk.starttls(server.trust)
        talk.ehlo()
        assert talk.say("STARTTLS").code == 503
    with Talk(server.ports[IMPLICIT], tls=server.trust) as talk:
        talk.ehlo()
        assert talk.say("STARTTLS").code == 502
    with Talk(server.ports[PLAINTEXT]) as talk:
        talk.ehlo()
        assert talk.say("STARTTLS").code == 502


def test_starttls_forgets(server: EmbeddedServer) -> None:
    """S47, S48: after the handshake EHLO is due again; nothing said in clear counts any more (RFC 3207 §4.2)."""
    with Talk(server.ports[STARTTLS], source=TRUSTED) as talk:
        talk.ehlo("in-clear.test")
        talk.starttls(server.trust)
        talk.play("""
            C: MAIL FROM:<a@b.test>
            S: 503
            C: RCPT TO:<b@c.test>
            S: 503
            C: EHLO inside.test
            S: 250
            C: MAIL FROM:<a@b.test>
            S: 250
            C: RCPT TO:<marker@inside.test>
            S: 250
        """)
        identifier = talk.data(b"x\r\n").queue_id

    field, _ = own_field(server.content(identifier))
    assert b"from inside.test" in field


# --- the envelope


def test_sender_must_be_ones_own(ann: Talk) -> None:
    """The reverse-path belongs to the account, or is the null path, which is nobody's."""
    ann.play("""
        C: MAIL FROM:<bob@example.test>
        S: 553 5.7.1
        C: MAIL FROM:<ann@example.test.evil.test>
        S: 553 5.7.1
        C: MAIL FROM:<ANN@EXAMPLE.TEST>
        S: 250
        C: RSET
        S: 250
        C: MAIL FROM:<>
        S: 250
    """)


def test_order_of_a_transaction(trusted: Talk) -> None:
    """S23, S39: no RCPT without MAIL, no MAIL inside MAIL, no DATA without RCPT, and none of it after the end."""
    trusted.play("""
        C: RCPT TO:<b@c.test>
        S: 503
        C: DATA
        S: 503
        C: MAIL FROM:<a@b.test>
        S: 250
        C: MAIL FROM:<a@b.test>
        S: 503
        C: DATA
        S: 503
        C: RCPT TO:<b@c.test>
        S: 250
    """)
    assert trusted.data(b"x\r\n").code == 250
    trusted.play("""
        C: RCPT TO:<b@c.test>
        S: 503
        C: DATA
        S: 503
    """)


def test_refused_content_ends_the_transaction(trusted: Talk) -> None:
    """S23: after content was refused at its end, the next RCPT needs a MAIL."""
    trusted.envelope("a@b.test", BOB)
    assert trusted.data(b"x" * 99_000 + b"\r\n" + b"x" * 3000 + b"\r\n").code == 552
    trusted.play("""
        C: RCPT TO:<b@c.test>
        S: 503
        C: DATA
        S: 503
    """)


def test_rset_and_ehlo_forget_the_transaction(trusted: Talk) -> None:
    """RSET and EHLO end a transaction (RFC 5321 §4.1.4)."""
    for command in ("RSET", "EHLO again.test", "HELO again.test"):
        trusted.envelope("a@b.test", BOB)
        assert trusted.say(command).code == 250
        assert trusted.say("DATA").code == 503


def test_recipients_are_counted_once(server: EmbeddedServer, trusted: Talk) -> None:
    """S39: the same recipient again is one recipient; over the limit each further one is 452 4.5.3."""
    trusted.envelope("a@b.test", "one@x.test", "one@x.test", "ONE@X.test", "two@x.test", "three@x.test", "two@x.test")
    assert str(trusted.say("RCPT TO:<four@x.test>")).startswith("452 4.5.3")

    assert kept(server, trusted.data(b"x\r\n")).envelope_to == ("one@x.test", "two@x.test", "three@x.test")


def test_bare_postmaster_is_ours(server: EmbeddedServer, trusted: Talk) -> None:
    """<postmaster> without a domain is taken, as this host's (RFC 5321 §4.5.1)."""
    trusted.envelope("a@b.test", "Postmaster")

    assert kept(server, trusted.data(b"x\r\n")).envelope_to == ("Postmaster@mail.example.test",)


@pytest.mark.parametrize(
    ("parameters", "answer"),
    [
        ("SIZE=100001", "552 5.3.4"),
        ("SIZE=99999999999999999999", "552 5.3.4"),
        ("SIZE=100000", "250"),
        ("SIZE=-1", "501 5.5.4"),
        ("BODY=8BITMIME SMTPUTF8", "250"),
        ("BODY=BINARYMIME", "555 5.5.4"),
        ("REQUIRETLS", "555 5.5.4"),
        ("RET=FULL", "555 5.5.4"),
        ("ENVID=abc", "555 5.5.4"),
        ("FOO=1", "555 5.5.4"),
    ],
)
def test_parameters_that_were_not_offered(trusted: Talk, parameters: str, answer: str) -> None:
    """A parameter whose keyword was not offered is refused, and so is more than SIZE allows."""
    assert str(trusted.say(f"MAIL FROM:<a@b.test> {parameters}")).startswith(answer)


@pytest.mark.parametrize(
    "parameter", ["HOLDFOR=60", "HOLDUNTIL=2030-01-01T00:00:00Z", "BY=60;R", "MT-PRIORITY=1", "ENVID=x"]
)
def test_what_changes_the_delivery_was_not_offered(trusted: Talk, parameter: str) -> None:
    """A wish that nobody would fulfil is refused, not forgotten."""
    assert str(trusted.say(f"MAIL FROM:<{ANN}> {parameter}")).startswith("555 5.5.4")


def test_a_message_said_twice_under_one_key_is_taken_once(server: EmbeddedServer, ann: Talk) -> None:
    """X-IDEMPOTENT: the second 250 has the first one's id, by DATA as by BDAT; another message is refused."""
    content = b"Subject: order\r\n\r\nonce\r\n"
    key = f"MAIL FROM:<{ANN}> X-IDEMPOTENT=order-42"
    before = len(server.mails())

    assert ann.say(key).code == ann.say(f"RCPT TO:<{BOB}>").code == 250
    first = ann.data(content)
    assert ann.say(key).code == ann.say(f"RCPT TO:<{BOB}>").code == 250
    ann.write(b"BDAT %d LAST\r\n%s" % (len(content), content))
    assert ann.answer() == first
    assert ann.say(key).code == ann.say(f"RCPT TO:<{BOB}>").code == 250
    assert str(ann.data(content.replace(b"once", b"more"))).startswith("554 5.5.4")

    assert len(server.mails()) == before + 1


def test_delivery_status_was_not_offered(trusted: Talk) -> None:
    """RCPT with a parameter of DSN is refused, since DSN was not offered."""
    trusted.envelope("a@b.test")
    assert trusted.say("RCPT TO:<b@c.test> NOTIFY=NEVER").code == 555
    assert trusted.say("RCPT TO:<b@c.test> ORCPT=rfc822;b@c.test").code == 555


def test_protocol_names_in_received(server: EmbeddedServer, trusted: Talk, ann: Talk) -> None:
    """The trace field says how the message came: SMTP, ESMTP, ESMTPSA, UTF8SMTP (RFC 3848, RFC 6531)."""
    answers = []
    assert trusted.say("HELO plain.test").code == 250
    trusted.envelope("a@b.test", BOB)
    answers.append(trusted.data(b"x\r\n"))
    trusted.ehlo()
    trusted.envelope("a@b.test", BOB)
    answers.append(trusted.data(b"x\r\n"))
    ann.envelope(ANN, BOB)
    answers.append(ann.data(b"x\r\n"))
    ann.play(f"""
        C: MAIL FROM:<{ANN}> SMTPUTF8
        S: 250
        C: RCPT TO:<{BOB}>
        S: 250
    """)
    answers.append(ann.data("é\r\n".encode()))

    fields = [own_field(server.content(answer.queue_id))[0] for answer in answers]
    names = [field.split(b" with ")[1].split()[0] for field in fields]
    assert names == [b"SMTP", b"ESMTP", b"ESMTPSA", b"UTF8SMTPSA"]


# --- commands that lead nowhere


def test_nobody_is_looked_up(server: EmbeddedServer) -> None:
    """S43: VRFY, EXPN and RCPT say the same of an account that exists and of one that does not."""
    answers = []
    for name in (ANN, "nobody@example.test"):
        with Talk(server.ports[PLAINTEXT]) as talk:
            talk.ehlo()
            answers.append([talk.say(line) for line in (f"VRFY {name}", f"EXPN {name}", f"RCPT TO:<{name}>")])

    assert answers[0] == answers[1]
    assert [answer.code for answer in answers[0]] == [252, 502, 503]


def test_ten_mistakes_are_enough(server: EmbeddedServer) -> None:
    """S42: the tenth command that leads nowhere ends the session."""
    with Talk(server.ports[STARTTLS]) as talk:
        talk.ehlo()
        answers = [talk.say("FROBNICATE") for _ in range(10)]

        assert [answer.code for answer in answers] == [500] * 9 + [421]
        assert talk.ended()


def test_idle_talk_ends(server: EmbeddedServer) -> None:
    """S42: a hundred NOOPs and EHLOs in a row are answered, the next one ends the session."""
    with Talk(server.ports[STARTTLS]) as talk:
        assert talk.answer().code == 220
        codes = [talk.say(line).code for line in ["EHLO x", "HELO x", "NOOP", "RSET", "HELP"] * 20]

        assert set(codes) == {250, 214}
        assert talk.say("NOOP").code == 421
        assert talk.ended()


def test_refusals_for_one_message_are_no_mistakes(trusted: Talk) -> None:
    """Refused recipients and parameters are the sender's business and do not end the session."""
    for _ in range(12):
        assert trusted.say("MAIL FROM:<a@b.test> SIZE=200000").code == 552
    trusted.envelope("a@b.test", BOB)


@pytest.mark.parametrize(
    "line",
    [
        b"POST / HTTP/1.1\r\nHost: x",
        b"GET /",
        b"CONNECT x:80 HTTP/1.1",
        b"Subject: x",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\x05\x01\x00",
        b"\x03\x00\x00\x2f\x2a\xe0\x00\x00\x00\x00\x00Cookie: mstshash=Administr",
        b"SSH-2.0-OpenSSH_9.2",
    ],
    ids=["post", "get", "connect", "header", "client-hello", "socks", "rdp", "ssh"],
)
def test_other_protocols_are_shown_out(server: EmbeddedServer, line: bytes) -> None:
    """S40: what is another protocol gets one 4yz or 5yz and the end, and nothing after it is executed."""
    with Talk(server.ports[PLAINTEXT], source=TRUSTED) as talk:
        assert talk.answer().code == 220
        talk.write(line + b"\r\nEHLO x\r\nMAIL FROM:<a@b.test>\r\n")
        rest = talk.rest()

    assert len(rest.splitlines()) == 1
    assert rest[:1] in b"45"


def test_quit_says_bye(server: EmbeddedServer) -> None:
    """QUIT is answered and then the server closes."""
    with Talk(server.ports[PLAINTEXT]) as talk:
        talk.ehlo()
        assert talk.say("QUIT").code == 221
        assert talk.ended()


# --- what becomes of a login


def _removed(accounts: Accounts) -> None:
    accounts.remove("guest@example.test")


def _changed(accounts: Accounts) -> None:
    accounts.set_password("guest@example.test", Secret("another lantern on the wharf 5"))


@pytest.mark.parametrize("change", [_removed, _changed, None], ids=["removed", "new-password", "unchanged"])
def test_a_login_lasts_as_long_as_its_account(
    server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch, change: Callable[[Accounts], None] | None
) -> None:
    """At MAIL an open session whose account is gone or has another password hears 421 and is ended."""
    monkeypatch.setattr(authentication, "_STILL_VALID", 0.0)
    accounts = server.services.logins.accounts
    password = "a lantern on the wharf 93"
    server.call(lambda: accounts.add("guest@example.test", Secret(password)))
    try:
        with Talk(server.ports[IMPLICIT], tls=server.trust) as talk:
            talk.ehlo()
            assert talk.scram("guest@example.test", password).code == 235
            assert talk.say("MAIL FROM:<guest@example.test>").code == 250
            assert talk.say("RSET").code == 250
            if change is not None:
                server.call(lambda: change(accounts))
            answer = talk.say("MAIL FROM:<guest@example.test>")
            if change is None:
                assert answer.code == 250
            else:
                assert str(answer) == "421 4.7.0 Your login has ended, log in again"
                assert talk.ended()
    finally:
        if change is not _removed:
            server.call(lambda: accounts.remove("guest@example.test"))


def test_an_account_is_not_looked_up_for_each_message(
    server: EmbeddedServer, ann: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within two seconds a login is believed in; when nobody can tell afterwards, the client may try again."""

    def unreadable(_account: object) -> None:
        raise StoreError("disk on fire", phase="store")

    monkeypatch.setattr(Logins, "renewed", lambda _self, account: unreadable(account))
    for _ in range(20):
        assert ann.say(f"MAIL FROM:<{ANN}>").code == 250
        assert ann.say("RSET").code == 250
    monkeypatch.setattr(authentication, "_STILL_VALID", 0.0)
    assert ann.say(f"MAIL FROM:<{ANN}>").code == 451
    monkeypatch.undo()
    assert ann.say(f"MAIL FROM:<{ANN}>").code == 250


def test_a_response_is_due_soon(server: EmbeddedServer) -> None:
    """While a login waits for the client it has ten seconds, and no such limit before and after."""
    with Talk(server.ports[IMPLICIT], tls=server.trust, source="127.0.7.7") as talk:
        talk.ehlo()
        (own,) = [each.session for each in server.server.listeners[0].connections if each.source == "127.0.7.7"]
        seen = [own.patience]
        assert talk.say("AUTH PLAIN").code == 334
        seen.append(own.patience)
        assert talk.say("*").code == 501
        seen.append(own.patience)

    assert seen == [None, 10.0, None]


# --- what a session is made of


def a_session(peer: str) -> Session:
    services = cast(
        Services, SimpleNamespace(new_id=lambda: "5e5510", relay_without_login=Networks.parse(["10.0.0.0/8"]))
    )
    door = Door(name="x", tls="implicit", hostname="x.test", size=1, recipients=1, mechanisms=())
    return Session(services, door, peer)


def test_mapped_peer_is_its_ipv4_address() -> None:
    """S62: ::ffff:10.0.0.1, as a dual-stack socket names it, is 10.0.0.1 from the first moment on."""
    mapped = a_session("::ffff:10.0.0.1")

    assert str(mapped.source) == "10.0.0.1"
    assert mapped.trusted


@pytest.mark.parametrize("peer", ["2002:a00:1::", "64:ff9b::a00:1", "::10.0.0.1", "fe80::1%eth0"])
def test_embedded_addresses_are_not_trusted(peer: str) -> None:
    """S62: 6to4, NAT64 and v4-compatible forms of a trusted address are strangers; a zone is dropped."""
    stranger = a_session(peer)

    assert not stranger.trusted
    assert "%" not in str(stranger.source)

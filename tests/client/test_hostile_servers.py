"""A server that breaks rules, or a thief on the path, gets an error by name and never a credential byte."""

from __future__ import annotations

import base64
import ssl
import time
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID

from mailward import (
    INSECURE_PLAINTEXT,
    CertificateError,
    ConnectionLost,
    DeadlineExceeded,
    MailwardError,
    MechanismUnavailable,
    Outcome,
    OutcomeUnknown,
    PermanentReply,
    ProtocolError,
    RecipientsRefused,
    SaslError,
    ServiceUnavailable,
    StartTlsInjection,
    TlsError,
    TlsRequired,
    TransientReply,
)
from mailward.client.tls_mode import TLS
from mailward.errors import InvalidAddress, InvalidMessage
from tests.support import hostile
from tests.support.certificates import (
    DAY,
    NOW,
    Pair,
    authority,
    constrained,
    issue,
    self_signed,
    signed_with_sha1,
    weak_key,
)
from tests.support.hostile import Connection, HostileServer, Saying, Script, hostile_server
from tests.support.sending import LOGIN, MESSAGE, SECRETS, Face, both_faces, url_of


def after_each_end(server: HostileServer, *messages: bytes) -> Iterator[bytes]:
    """Messages, each only when the server has closed the connection of the one before."""
    for message in messages:
        until = time.monotonic() + 5
        while not all(connection.over for connection in server.connections):
            assert time.monotonic() < until, "the server keeps a connection"
            time.sleep(0.005)
        yield message


def no_secret_in(octets: bytes) -> bool:
    return not any(secret in octets for secret in SECRETS) and b"AUTH" not in octets.upper()


@both_faces
@pytest.mark.parametrize(
    "greeting",
    [
        b"22X OK\r\n",
        b"220OK\r\n",
        b"2_5 hi\r\n",
        b"+25 hi\r\n",
        b" 25 hi\r\n",
        b"2\r\n",
        b"699 x\r\n",
        b"100 x\r\n",
        b"250 x\r\n",
        b"\x00" * 65536,
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"220 a\n",
        b"220-a\r\n550 b\r\n",
        b"220 x \r y\r\n",
        b"220 \x03\r\n",
        b"2" * 70000,
        b"220-A\r\n" * 300,
    ],
    ids=range(17),
)
def test_a_greeting_that_is_none(face: Face, greeting: bytes) -> None:
    """C01, C02, C03: what is no SMTP reply is a ProtocolError, and nothing is said to such a server."""
    with hostile_server(Script(says={"": greeting})) as server, pytest.raises(ProtocolError):
        face.send(url_of(server), auth=LOGIN)

    assert server.heard == b""


@both_faces
@pytest.mark.parametrize(
    ("greeting", "retryable"),
    [(b"421 busy\r\n", True), (b"421\r\n", True), (b"550\r\n", False), (b"554 go away\r\n", False)],
)
def test_a_greeting_that_turns_us_away(face: Face, greeting: bytes, retryable: bool) -> None:
    """C01: 421, 550 and 554 in place of a greeting are ServiceUnavailable with the code."""
    script = Script(says={"": greeting})
    with hostile_server(script) as server, pytest.raises(ServiceUnavailable, match="turned us away") as caught:
        face.send(url_of(server))

    assert caught.value.code == int(greeting[:3])
    assert caught.value.retryable is retryable
    assert caught.value.receipt.outcome is Outcome.NOT_SENT


@both_faces
def test_a_server_that_hangs_up_at_once(face: Face) -> None:
    """C01: nothing at all is ConnectionLost, at the greeting."""
    with hostile_server(Script(says={"": hostile.hang_up})) as server, pytest.raises(ConnectionLost) as caught:
        face.send(url_of(server))

    assert caught.value.phase == "greeting"


@both_faces
@pytest.mark.parametrize("at", ["", "EHLO", "MAIL"])
@pytest.mark.parametrize("half", [b"250-a\r\n", b"250-a\r\n2", b"25"])
def test_a_reply_cut_short(face: Face, at: str, half: bytes) -> None:
    """C02: what ends before its last line is no reply: the connection is lost, and nothing was sent."""
    script = Script(says={at: hostile.then_close(half if at else half.replace(b"250", b"220"))})
    with hostile_server(script) as server, pytest.raises((ConnectionLost, ProtocolError)) as caught:
        face.send(url_of(server), tls=INSECURE_PLAINTEXT)

    assert server.contents == []
    assert caught.value.receipt.outcome is Outcome.NOT_SENT


@both_faces
@pytest.mark.parametrize("data", [b"250-A\r\n", b"2" * 1000], ids=["lines", "line"])
def test_an_endless_reply_is_cut_off(face: Face, data: bytes) -> None:
    """C03: a reply without end is a ProtocolError after 64 KiB, not a full memory."""
    script = Script(says={"EHLO": hostile.endless(data)})
    with hostile_server(script) as server, pytest.raises(ProtocolError):
        face.send(url_of(server))


@pytest.mark.slow
@both_faces
@pytest.mark.parametrize("at", ["", "EHLO", "MAIL", "DATA"])
def test_a_dripping_server_is_left_in_time(face: Face, at: str) -> None:
    """C04: an octet each half second does not stretch the total deadline."""
    begun = time.monotonic()
    script = Script(says={at: hostile.drip(b"250-a\r\n", every=0.05)})
    with hostile_server(script) as server:
        with pytest.raises(DeadlineExceeded):
            face.send(url_of(server), tls="starttls" if at in ("", "EHLO") else INSECURE_PLAINTEXT, timeout=0.4)
        took = time.monotonic() - begun

    assert 0.39 <= took <= 0.6


@pytest.mark.slow
@both_faces
def test_a_server_dripping_inside_a_handshake_is_left_in_time(face: Face) -> None:
    """C04: the same for TLS: one octet at a time of a record is no progress."""
    begun = time.monotonic()
    script = Script(says={"": hostile.drip(b"\x16\x03\x03\x40\x00\x02\x00\x00", every=0.05)})
    with hostile_server(script) as server:
        with pytest.raises(DeadlineExceeded):
            face.send(f"smtps://127.0.0.1:{server.port}", timeout=0.4)
        took = time.monotonic() - begun

    assert 0.39 <= took <= 0.6


@both_faces
@pytest.mark.parametrize(
    "says",
    [
        {"": b"220 a\r\n250 b\r\n"},
        {"EHLO": b"250 a\r\n250 b\r\n"},
        {"MAIL": b"250 a\r\n250 b\r\n"},
        {"RSET": b"250 a\r\n"},
    ],
    ids=["greeting", "EHLO", "MAIL", "none"],
)
def test_replies_nobody_asked_for(face: Face, says: dict[str, Saying]) -> None:
    """C05: two replies to one command end the session before anything that matters is said."""
    script = Script(says=says, keywords=())
    with hostile_server(script) as server:
        if "RSET" in says:
            assert face.send(url_of(server), tls=INSECURE_PLAINTEXT).ok
        else:
            with pytest.raises((ProtocolError, ConnectionLost)):
                face.send(url_of(server), tls=INSECURE_PLAINTEXT)
            assert server.contents == []


@both_faces
@pytest.mark.parametrize(
    ("at", "reply"),
    [
        ("MAIL", b"354 x\r\n"),
        ("MAIL", b"334 x\r\n"),
        ("DATA", b"250 x\r\n"),
        ("EHLO", b"220 x\r\n"),
        ("EHLO", b"235 x\r\n"),
    ],
)
def test_replies_that_cannot_be(face: Face, at: str, reply: bytes) -> None:
    """C06: a code that cannot answer the command is a ProtocolError, and no content leaves."""
    with hostile_server(Script(says={at: reply})) as server, pytest.raises(ProtocolError) as caught:
        face.send(url_of(server), tls=INSECURE_PLAINTEXT)

    assert server.contents == []
    assert caught.value.receipt.outcome is Outcome.NOT_SENT


@both_faces
@pytest.mark.parametrize(
    "act",
    [hostile.hang_up, hostile.reset, hostile.silence, b"2x0 what\r\n", b"354 more\r\n"],
    ids=["close", "reset", "silence", "garbage", "354"],
)
def test_no_verdict_on_the_content_is_an_unknown_outcome(face: Face, act: Saying) -> None:
    """C07: whatever happens after the final dot instead of its reply is OutcomeUnknown, and nothing is sent again."""
    with hostile_server(Script(says={".": act})) as server, pytest.raises(OutcomeUnknown) as caught:
        face.send(url_of(server), tls=INSECURE_PLAINTEXT, timeout=0.4)

    receipt = caught.value.receipt
    assert receipt.outcome is Outcome.UNKNOWN
    assert [(result.address, result.accepted, result.reply) for result in receipt.recipients] == [
        ("bob@example.test", False, None)
    ]
    assert "twice" in caught.value.advice
    assert server.verbs.count("MAIL") == 1
    assert len(server.connections) == 1


@both_faces
def test_the_connection_lost_before_the_dot_is_not_sent(face: Face) -> None:
    """C07: a connection that ends in the middle of the content cannot have been accepted."""

    def stop_listening(connection: Connection) -> bytes:
        connection.say(b"354 go on\r\n")
        connection.socket.recv(65536)
        hostile.reset(connection)
        return b""

    content = MESSAGE + b"x" * 70 + b"\r\n"
    script = Script(keywords=("PIPELINING",), says={"DATA": stop_listening})
    with hostile_server(script) as server, pytest.raises(ConnectionLost) as caught:
        face.send(url_of(server), content + (b"x" * 70 + b"\r\n") * 200_000, tls=INSECURE_PLAINTEXT)

    assert caught.value.receipt.outcome is Outcome.NOT_SENT


@both_faces
def test_a_server_that_closes_right_after_accepting(face: Face) -> None:
    """A 250 is a 250 whatever follows; the next message goes over a new connection."""
    script = Script(says={".": hostile.then_close(b"250 2.0.0 Ok: queued as A1\r\n")})
    with hostile_server(script) as server:
        receipts = face.send_each(url_of(server), after_each_end(server, MESSAGE, MESSAGE), tls=INSECURE_PLAINTEXT)

    assert [receipt.outcome for receipt in receipts] == [Outcome.ACCEPTED, Outcome.ACCEPTED]
    assert len(server.connections) == 2
    assert len(server.contents) == 2


@both_faces
@pytest.mark.parametrize(
    "goodbye",
    [hostile.hang_up, hostile.reset, b"500 no\r\n", b"garbage\r\n"],
    ids=["close", "reset", "refusal", "garbage"],
)
def test_a_bad_goodbye_does_not_fail_a_send(face: Face, goodbye: Saying) -> None:
    """What happens at QUIT changes nothing."""
    with hostile_server(Script(says={"QUIT": goodbye})) as server:
        assert face.send(url_of(server), tls=INSECURE_PLAINTEXT).ok


@both_faces
@pytest.mark.parametrize(
    "text", [b"\x1b[2J\x1b]0;pwn\x07", b"\xff\xfe", "\u202e".encode()], ids=["esc", "bytes", "bidi"]
)
def test_peer_text_is_escaped(face: Face, text: bytes) -> None:
    """C08: what a server says reaches no terminal as it is."""
    script = Script(says={"MAIL": b"550 " + text + b"\r\n"})
    with hostile_server(script) as server, pytest.raises((PermanentReply, ProtocolError)) as caught:
        face.send(url_of(server), tls=INSECURE_PLAINTEXT)

    shown = str(caught.value) + str(caught.value.receipt.as_dict())
    assert shown.isascii()
    assert shown.isprintable()


@both_faces
@pytest.mark.parametrize("auth", [LOGIN, None], ids=["login", "no-login"])
@pytest.mark.parametrize(
    ("script", "verbs"),
    [
        (Script(keywords=("PIPELINING", "AUTH PLAIN LOGIN")), ["EHLO", "QUIT"]),
        (Script(keywords=("XXXXXXXX", "AUTH PLAIN LOGIN")), ["EHLO", "QUIT"]),
        *(
            (Script(tls="starttls", says={"STARTTLS": f"{code} no\r\n".encode()}), ["EHLO", "STARTTLS", "QUIT"])
            for code in (454, 500, 501, 502, 503, 554)
        ),
    ],
    ids=["stripped", "XXXXXXXX", "454", "500", "501", "502", "503", "554"],
)
def test_stripped_starttls(face: Face, script: Script, verbs: list[str], auth: tuple[str, str] | None) -> None:
    """C09: without STARTTLS there is no session: EHLO, STARTTLS and QUIT are all that is said."""
    with hostile_server(script) as server, pytest.raises(TlsRequired, match="STARTTLS") as caught:
        face.send(url_of(server), auth=auth)

    assert server.verbs == verbs
    assert no_secret_in(server.heard)
    assert caught.value.receipt.outcome is Outcome.NOT_SENT
    assert "strip" in caught.value.advice


@both_faces
@pytest.mark.parametrize(
    "reply",
    [
        b"220 go\r\n250-x\r\n250 AUTH PLAIN\r\n",
        b"220 go\r\n250-SMTPUTF8 INJECTED ",
        b"220 go\r\n2",
        b"220 go\r\n\r\n",
    ],
    ids=["reply", "half", "octet", "empty"],
)
def test_octets_injected_after_the_220(face: Face, reply: bytes) -> None:
    """C10: plaintext behind the 220 ends the session as an attack, before the handshake."""

    def inject(connection: Connection) -> bytes:
        connection.say(reply)
        hostile.silence(connection)
        return b""

    script = Script(tls="starttls", says={"STARTTLS": inject})
    with hostile_server(script) as server, pytest.raises(StartTlsInjection):
        face.send(url_of(server), auth=LOGIN)

    assert server.verbs == ["EHLO", "STARTTLS"]
    assert no_secret_in(server.heard)


@both_faces
def test_octets_injected_a_moment_after_the_220(face: Face) -> None:
    """C10: plaintext in place of the server's first TLS record is the same attack."""

    def inject(connection: Connection) -> bytes:
        connection.say(b"220 go\r\n")
        connection.socket.recv(65536)  # the ClientHello
        connection.say(b"250-x\r\n250 AUTH PLAIN\r\n")
        hostile.silence(connection)
        return b""

    script = Script(tls="starttls", says={"STARTTLS": inject})
    with hostile_server(script) as server, pytest.raises(StartTlsInjection):
        face.send(url_of(server), auth=LOGIN)

    assert no_secret_in(server.heard)


@both_faces
def test_a_whole_session_injected_after_a_refusal(face: Face) -> None:
    """C11: replies ready for every later command do not make a client say one of them."""
    flood = b"454 x\r\n235 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n250 ok\r\n"
    script = Script(tls="starttls", says={"STARTTLS": flood})
    with hostile_server(script) as server, pytest.raises(TlsRequired):
        face.send(url_of(server), auth=LOGIN)

    assert server.verbs == ["EHLO", "STARTTLS"]


@both_faces
def test_what_was_offered_in_clear_is_forgotten(face: Face) -> None:
    """C12: a mechanism offered only before TLS is not used, and STARTTLS offered again inside it is not said."""
    script = Script(
        tls="starttls", keywords=("STARTTLS", "PIPELINING"), keywords_in_clear=("STARTTLS", "AUTH PLAIN", "SIZE 1")
    )
    with hostile_server(script) as server:
        with pytest.raises(MechanismUnavailable, match="no login"):
            face.send(url_of(server), auth=LOGIN)
        assert face.send(url_of(server)).ok

    assert server.verbs.count("STARTTLS") == 2
    assert no_secret_in(server.heard)


@both_faces
@pytest.mark.parametrize(
    ("before", "inside", "verbs"),
    [
        ("AUTH PLAIN LOGIN", ("SCRAM-SHA-256",), ["AUTH", ":", ":"]),
        ("AUTH SCRAM-SHA-256", ("PLAIN",), ["AUTH"]),
        ("AUTH X-NONE", ("PLAIN",), ["AUTH"]),
    ],
)
def test_what_is_offered_inside_counts(face: Face, before: str, inside: tuple[str, ...], verbs: list[str]) -> None:
    """C12: where the mechanisms change with TLS, only those named inside it are there to be used."""
    script = Script(tls="starttls", auth=inside, keywords_in_clear=("STARTTLS", before, "SIZE 1", "REQUIRETLS"))
    with hostile_server(script) as server:
        receipt = face.send(url_of(server), auth=LOGIN)

    assert receipt.ok
    assert receipt.auth is not None
    assert receipt.auth.mechanism == inside[0]
    assert [verb for verb in server.verbs if verb in ("AUTH", ":")] == verbs
    assert not any(secret in server.heard_in_clear for secret in SECRETS)


def _client_only() -> Pair:
    return issue(usage=ExtendedKeyUsageOID.CLIENT_AUTH)


@both_faces
@pytest.mark.parametrize("tls", ["implicit", "starttls"])
@pytest.mark.parametrize(
    ("pair", "reason", "advice"),
    [
        (self_signed(), "self-signed", 'pin="sha256/'),
        (issue(issuer=authority("Other CA")), "authority that is not trusted", "ca="),
        (issue(start=NOW - 9 * DAY, end=NOW - DAY), "expired", "renew"),
        (issue(start=NOW + DAY, end=NOW + 9 * DAY), "not valid yet", "renew"),
        (issue(("mail.example.org", "192.0.2.7")), "it is for mail.example.org, 192.0.2.7, not for 127.0.0.1", "name"),
        (issue((), common_name="127.0.0.1"), "wrong name: it has no such name", "name"),
        (issue(("*.0.0.1", "127.0.0.*")), "wrong name", "name"),
        (issue(("127.0.0.1\x00.evil.test",)), "wrong name", "name"),
        (issue(("192.0.2.7",)), "it is for 192.0.2.7, not for 127.0.0.1", "name"),
        (_client_only(), "not meant for a server", "renew"),
        (issue(key=weak_key()), "key is too weak", "renew"),
        (signed_with_sha1(), "signature in its chain is too weak", "renew"),
        (issue(issuer=constrained("example.test")), "may not certify such a name", "renew"),
    ],
    ids=[
        "self-signed",
        "other-ca",
        "expired",
        "future",
        "wrong-name",
        "cn-only",
        "wildcards",
        "nul",
        "wrong-address",
        "client-only",
        "1024-bit",
        "sha-1",
        "name-constrained",
    ],
)
def test_a_certificate_that_is_refused(face: Face, tls: str, pair: Pair, reason: str, advice: str) -> None:
    """C13: the error says which of the many reasons it was and what to do, and nothing is said inside such TLS."""
    script = Script(tls=tls, pair=pair, auth=("PLAIN",))
    with hostile_server(script) as server, pytest.raises(CertificateError) as caught:
        face.send(url_of(server, script), auth=LOGIN)

    assert reason in str(caught.value)
    assert advice in caught.value.advice
    assert no_secret_in(server.heard)
    assert not any(connection.inside for connection in server.connections)


@both_faces
@pytest.mark.parametrize("tls", ["implicit", "starttls"])
@pytest.mark.parametrize(
    ("name", "names"),
    [
        ("*.com", "example.com"),
        ("f*.example.test", "foo.example.test"),
        ("*oo.example.test", "foo.example.test"),
        ("*.example.test", "a.foo.example.test"),
        ("*.example.test", "example.test"),
        ("*.*.example.test", "a.foo.example.test"),
        ("good.example.test\x00.evil.test", "good.example.test"),
        ("192.0.2.*", "192.0.2.7"),
        ("example.test", ("good.test", "*.example.test")),
        ("*.com", ("example.com", "example.net")),
        ("f*.example.test", ("foo.example.test", "fox.example.test")),
        ("good.example.test\x00.evil.test", ("good.example.test", "evil.test")),
        ("192.0.2.*", ("192.0.2.7", "192.0.2.8")),
    ],
)
def test_a_name_that_only_looks_right(face: Face, tls: str, name: str, names: Any) -> None:
    """C13: no wildcard but a whole first label above two more, nothing behind a NUL; for one name or several."""
    script = Script(tls=tls, pair=issue((name,), common_name="192.0.2.7"), auth=("PLAIN",))
    with hostile_server(script) as server, pytest.raises(CertificateError, match="wrong name") as caught:
        face.send(url_of(server, script), auth=LOGIN, tls=TLS(tls, names=names))

    assert str(caught.value).isprintable()
    assert no_secret_in(server.heard)
    assert not any(connection.inside for connection in server.connections)


@both_faces
@pytest.mark.parametrize("tls", ["implicit", "starttls"])
@pytest.mark.parametrize(
    ("least", "most", "told"),
    [
        ("1.2", ssl.TLSVersion.TLSv1, "does not speak TLS 1.2 or later: it speaks older versions only"),
        ("1.2", ssl.TLSVersion.TLSv1_1, "does not speak TLS 1.2 or later: it speaks older versions only"),
        ("1.3", ssl.TLSVersion.TLSv1_2, "does not speak TLS 1.3"),
    ],
)
def test_old_tls_is_refused(face: Face, tls: str, least: str, most: ssl.TLSVersion, told: str) -> None:
    """C13: TLS 1.1 and before is no TLS, nor is 1.2 where 1.3 is asked for; the error says so."""
    script = Script(tls=tls, context=_old_context(most), auth=("PLAIN",))
    with hostile_server(script) as server, pytest.raises(TlsError, match=told) as caught:
        face.send(url_of(server, script), auth=LOGIN, tls=TLS(tls, min_version=least))

    assert not isinstance(caught.value, CertificateError)
    assert f"TLS {least} or later" in caught.value.advice
    assert no_secret_in(server.heard)


def _old_context(most: ssl.TLSVersion) -> ssl.SSLContext:
    context = issue().server_context()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = most
    return context


@both_faces
@pytest.mark.parametrize("tls", ["implicit", "starttls"])
@pytest.mark.parametrize("ciphers", ["aNULL:@SECLEVEL=0", "eNULL:@SECLEVEL=0", "PSK"])
def test_ciphers_that_prove_or_hide_nothing(face: Face, tls: str, ciphers: str) -> None:
    """C13: a server with anonymous or empty ciphers alone has none in common with us."""
    context = issue().server_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(ciphers)
    script = Script(tls=tls, context=context, auth=("PLAIN",))
    with hostile_server(script) as server, pytest.raises(TlsError, match="no cipher in common") as caught:
        face.send(url_of(server, script), auth=LOGIN)

    assert not isinstance(caught.value, CertificateError)
    assert no_secret_in(server.heard)


@both_faces
@pytest.mark.parametrize(
    ("version", "cipher", "told"),
    [
        (b"\x03\x00", b"\x00\x2f", "no version later than SSL 3.0"),
        (b"\x03\x01", b"\x00\x2f", "no version later than TLS 1.0"),
        (b"\x03\x02", b"\x00\x2f", "no version later than TLS 1.1"),
        (b"\x03\x03", b"\x00\x34", "no cipher in common"),  # TLS_DH_anon_WITH_AES_128_CBC_SHA
        (b"\x03\x03", b"\x00\x00", "no cipher in common"),  # TLS_NULL_WITH_NULL_NULL
    ],
)
def test_a_choice_that_was_not_offered(face: Face, version: bytes, cipher: bytes, told: str) -> None:
    """C13: a server that takes an old version or an anonymous cipher all the same is left in the handshake."""

    def choose(connection: Connection) -> bytes:
        connection.socket.recv(65536)
        hello = version + bytes(32) + b"\x00" + cipher + b"\x00"
        handshake = b"\x02" + len(hello).to_bytes(3, "big") + hello
        connection.say(b"\x16" + version + len(handshake).to_bytes(2, "big") + handshake)
        hostile.silence(connection)
        return b""

    script = Script(says={"": choose})
    with hostile_server(script) as server, pytest.raises(TlsError, match=told):
        face.send(f"smtps://127.0.0.1:{server.port}", auth=LOGIN)

    assert no_secret_in(server.heard)


@both_faces
def test_a_plaintext_server_where_tls_is_expected(face: Face) -> None:
    """A server that speaks first on an implicit TLS port is told apart from a broken one."""
    with hostile_server(Script()) as server, pytest.raises(TlsError, match="plaintext first") as caught:
        face.send(f"smtps://127.0.0.1:{server.port}", auth=LOGIN)

    assert "this port speaks STARTTLS" in caught.value.advice
    assert no_secret_in(server.heard)


@both_faces
def test_a_tls_server_where_starttls_is_expected(face: Face) -> None:
    """A server that waits for TLS where a greeting is due: the error says what to try."""
    script = Script(tls="implicit")
    with hostile_server(script) as server, pytest.raises(DeadlineExceeded) as caught:
        face.send(f"smtp://127.0.0.1:{server.port}", timeout=0.3)

    assert "implicit" in caught.value.advice


@both_faces
@pytest.mark.parametrize("offered", ["PLAIN", "LOGIN", "PLAIN LOGIN", ""])
def test_no_password_outside_tls(face: Face, offered: str) -> None:
    """C14: where clear text was asked for by name, a mechanism that shows the password is still refused."""
    script = Script(keywords=(f"AUTH {offered}",))
    with hostile_server(script) as server, pytest.raises(MechanismUnavailable):
        face.send(url_of(server), auth=LOGIN, tls=INSECURE_PLAINTEXT)

    assert server.verbs == ["EHLO", "QUIT"]
    assert no_secret_in(server.heard)


@both_faces
def test_scram_is_safe_outside_tls(face: Face) -> None:
    """SCRAM shows no password, so it may be used where clear text was asked for by name."""
    script = Script(auth=("PLAIN", "SCRAM-SHA-256"))
    with hostile_server(script) as server:
        receipt = face.send(url_of(server), auth=LOGIN, tls=INSECURE_PLAINTEXT)

    assert receipt.ok
    assert receipt.auth is not None
    assert receipt.auth.mechanism == "SCRAM-SHA-256"
    assert receipt.tls is None
    assert not any(secret in server.heard for secret in SECRETS)


@both_faces
@pytest.mark.parametrize(
    "challenge",
    [b"334 !!!\r\n", b"334 YQ\r\n", b"334 " + b"A" * 5000 + b"\r\n", b"334-YQ==\r\n334 YQ==\r\n", b"334 aT0x\r\n"],
    ids=["not-base64", "not-canonical", "too-long", "two-lines", "nonsense"],
)
def test_bad_challenges(face: Face, challenge: bytes) -> None:
    """C15: a challenge that makes no sense ends the login, with `*` where there is anything to cancel."""
    script = Script(tls="starttls", auth=("SCRAM-SHA-256",), says={"AUTH": challenge, "*": b"501 cancelled\r\n"})
    with hostile_server(script) as server, pytest.raises((SaslError, ProtocolError)) as caught:
        face.send(url_of(server), auth=LOGIN)

    assert "MAIL" not in server.verbs
    if isinstance(caught.value, SaslError):
        assert server.verbs[-2:] == ["*", "QUIT"]


@both_faces
def test_endless_challenges(face: Face) -> None:
    """C15: a server that only ever asks is left after a few rounds."""
    ask = b"334 VXNlcm5hbWU6\r\n"

    def go_on(connection: Connection) -> bytes:
        for _ in range(30):
            connection.say(ask)
            line = connection.hear_line()
            if line == b"*":
                return b"501 cancelled\r\n"
        raise AssertionError("it never gave up")

    script = Script(tls="starttls", auth=("LOGIN",), says={"AUTH": go_on})
    with hostile_server(script) as server, pytest.raises(SaslError):
        face.send(url_of(server), auth=LOGIN)

    assert server.verbs[-1] == "QUIT"


@both_faces
@pytest.mark.parametrize("iterations", ["4294967295", "1", "-1", "1000001"])
def test_absurd_iterations(face: Face, iterations: str) -> None:
    """C16: a server cannot make us compute for minutes, nor with next to no work."""

    def terms(connection: Connection) -> bytes:
        first = base64.b64decode(connection.line.split(b" ")[2]).decode()
        nonce = first.rpartition("r=")[2]
        return b"334 " + base64.b64encode(f"r={nonce}x,s=c2FsdHNhbHQ=,i={iterations}".encode()) + b"\r\n"

    script = Script(tls="starttls", auth=("SCRAM-SHA-256",), says={"AUTH": terms, "*": b"501 cancelled\r\n"})
    begun = time.monotonic()
    with hostile_server(script) as server, pytest.raises(SaslError):
        face.send(url_of(server), auth=LOGIN)

    assert time.monotonic() - begun < 1
    assert "MAIL" not in server.verbs


@both_faces
def test_success_without_proof_is_no_success(face: Face) -> None:
    """C16: a server that says 235 and has not shown that it knows the password is an impostor."""
    script = Script(tls="starttls", auth=("SCRAM-SHA-256",), says={"AUTH": b"235 welcome\r\n"})
    with hostile_server(script) as server, pytest.raises(SaslError):
        face.send(url_of(server), auth=LOGIN)

    assert "MAIL" not in server.verbs


@both_faces
@pytest.mark.parametrize(
    "keyword",
    [
        "SIZE 999999999999999999999",
        "SIZE -1",
        "SIZE 1_0",
        "LIMITS RCPTMAX=0",
        "LIMITS RCPTMAX=x MAILMAX=",
        "AUTH=LOGIN",
        "X-\x7f",
        "",
    ],
)
def test_keywords_that_make_no_sense_are_ignored(face: Face, keyword: str) -> None:
    """C17: the message is sent all the same."""
    with hostile_server(Script(keywords=("PIPELINING", keyword))) as server:
        assert face.send(url_of(server), tls=INSECURE_PLAINTEXT).ok


@both_faces
@pytest.mark.parametrize("line", [b"X-\xff", b"\xff\xfe", b"SIZE \xff", b"AUTH \xff PLAIN", b"X-\xe2\x80\xae"])
def test_octets_in_a_keyword(face: Face, line: bytes) -> None:
    """C17: what is not ASCII, or not even UTF-8, is no keyword, and hides none."""
    script = Script(says={"EHLO": b"250-x\r\n250-" + line + b"\r\n250 PIPELINING\r\n"})
    with hostile_server(script) as server:
        assert face.send(url_of(server), tls=INSECURE_PLAINTEXT).ok


@both_faces
@pytest.mark.parametrize("silent", ["MAIL", "RCPT", "DATA"])
def test_a_reply_too_few(face: Face, silent: str) -> None:
    """C18: where one command of a group is not answered, no reply is taken for another's, and no content leaves."""
    script = Script(keywords=("PIPELINING",), says={silent: b""})
    with hostile_server(script) as server, pytest.raises((ProtocolError, DeadlineExceeded)) as caught:
        face.send(url_of(server), tls=INSECURE_PLAINTEXT, timeout=0.3)

    assert not any(server.contents)
    assert caught.value.receipt.outcome is Outcome.NOT_SENT


@both_faces
@pytest.mark.parametrize("pipelining", [True, False])
def test_a_promise_to_nobody(face: Face, pipelining: bool) -> None:
    """C18: a 354 though every recipient was refused is answered with the dot alone, and the session is left."""
    script = Script(
        keywords=("PIPELINING",) if pipelining else (),
        says={"RCPT": b"550 5.1.1 who?\r\n", ".": b"250 queued as GHOST\r\n"},
    )
    with hostile_server(script) as server, pytest.raises(RecipientsRefused, match="who") as caught:
        face.send(url_of(server), tls=INSECURE_PLAINTEXT)

    assert server.contents == ([b""] if pipelining else [])
    assert caught.value.receipt.outcome is Outcome.REJECTED
    assert [(result.accepted, str(result.reply)) for result in caught.value.receipt.recipients] == [
        (False, "550 5.1.1 who?")
    ]


@both_faces
def test_a_refused_sender_and_an_accepted_recipient(face: Face) -> None:
    """C18: MAIL 550, RCPT 250, DATA 354: the refusal of MAIL is the answer and no content leaves."""
    script = Script(says={"MAIL": b"550 5.7.1 no\r\n"})
    with hostile_server(script) as server, pytest.raises(PermanentReply, match=r"550 5\.7\.1 no") as caught:
        face.send(url_of(server), tls=INSECURE_PLAINTEXT)

    assert all(content == b"" for content in server.contents)
    assert caught.value.receipt.outcome is Outcome.REJECTED


@both_faces
@pytest.mark.parametrize("at", ["MAIL", "RCPT", "DATA", "."])
def test_421_in_the_middle(face: Face, at: str) -> None:
    """C18: a server that ends the session has refused the message for now."""
    script = Script(says={at: hostile.then_close(b"421 4.3.2 shutting down\r\n")})
    with hostile_server(script) as server, pytest.raises(TransientReply, match="421") as caught:
        face.send(url_of(server), tls=INSECURE_PLAINTEXT)

    assert caught.value.retryable
    assert caught.value.receipt.outcome is Outcome.REJECTED


@both_faces
@pytest.mark.parametrize(
    ("message", "error", "match"),
    [
        (MESSAGE.replace(b"hello", "grüße".encode()), InvalidMessage, "8BITMIME"),
        (MESSAGE.replace(b"Subject: x", "Subject: ü".encode()), InvalidAddress, "header has UTF-8"),
        (MESSAGE.replace(b"bob@", "jürgen@".encode()), InvalidAddress, "jürgen@example.test is not ASCII"),
    ],
    ids=["body", "header", "address"],
)
def test_what_the_server_cannot_carry(face: Face, message: bytes, error: type[MailwardError], match: str) -> None:
    """C19: without 8BITMIME or SMTPUTF8 a message that needs it ends before MAIL."""
    with hostile_server(Script(keywords=("PIPELINING",))) as server, pytest.raises(error, match=match) as caught:
        face.send(url_of(server), message, tls=INSECURE_PLAINTEXT)

    assert server.verbs == ["EHLO", "QUIT"]
    assert caught.value.receipt.outcome is Outcome.NOT_SENT


@both_faces
def test_a_late_reply_meets_nobody(face: Face) -> None:
    """C20: a session that ran into its deadline is dropped; the next message has another connection."""

    def slow(connection: Connection) -> bytes:
        time.sleep(0.5)
        connection.say(b"250 2.0.0 late\r\n")
        hostile.hang_up(connection)
        return b""

    script = Script(says={"MAIL": _first(slow, b"250 2.1.0 OK\r\n")})
    with hostile_server(script) as server:
        receipts = face.send_many(url_of(server), [MESSAGE, MESSAGE], tls=INSECURE_PLAINTEXT, timeout=0.3)

    assert [receipt.outcome for receipt in receipts] == [Outcome.NOT_SENT, Outcome.ACCEPTED]
    assert len(server.connections) == 2


def _first(act: hostile.Act, then: bytes) -> hostile.Act:
    """`act` the first time, `then` afterwards, over all connections."""
    times: list[int] = []

    def either(connection: Connection) -> bytes | None:
        times.append(1)
        return act(connection) if len(times) == 1 else then

    return either

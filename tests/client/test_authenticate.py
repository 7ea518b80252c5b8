"""One login attempt by the strongest common mechanism, and what each refusal means."""

from __future__ import annotations

import base64
import traceback

import pytest

from mailward import (
    INSECURE_PLAINTEXT,
    AuthError,
    AuthUnavailable,
    BadCredentials,
    ConnectionLost,
    InputError,
    MailwardError,
    MechanismUnavailable,
    Outcome,
)
from mailward.client.receipt import AuthInfo
from tests.support import hostile
from tests.support.hostile import Connection, Saying, Script, hostile_server
from tests.support.sending import LOGIN, SECRETS, Face, both_faces, url_of

BOUND = AuthInfo("SCRAM-SHA-256-PLUS", "tls-server-end-point")


@both_faces
@pytest.mark.parametrize("tls", ["implicit", "starttls"])
@pytest.mark.parametrize(
    ("offered", "used"),
    [
        (("LOGIN", "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"), BOUND),
        (("SCRAM-SHA-256-PLUS",), BOUND),
        (("PLAIN", "SCRAM-SHA-256", "LOGIN"), AuthInfo("SCRAM-SHA-256")),
        (("LOGIN", "PLAIN", "CRAM-MD5"), AuthInfo("PLAIN")),
        (("LOGIN",), AuthInfo("LOGIN")),
    ],
    ids=["all", "plus", "scram", "plain", "login"],
)
def test_the_strongest_common_mechanism(face: Face, tls: str, offered: tuple[str, ...], used: AuthInfo) -> None:
    """Against a real server's side of each mechanism, bound to the channel where that is offered."""
    script = Script(tls=tls, auth=offered)
    with hostile_server(script) as server:
        receipt = face.send(url_of(server, script), auth=LOGIN)

    assert receipt.ok
    assert receipt.auth == used
    assert receipt.tls is not None
    assert receipt.tls.version == "TLSv1.3"
    assert server.verbs.count("AUTH") == 1
    assert not any(secret in server.heard_in_clear for secret in SECRETS)


@both_faces
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"])
def test_a_wrong_password_costs_one_attempt(face: Face, mechanism: str) -> None:
    """No second mechanism is tried, nor the same again for the next message."""
    script = Script(tls="starttls", auth=(mechanism, "PLAIN", "LOGIN"))
    with hostile_server(script) as server:
        with pytest.raises(BadCredentials, match="535") as caught:
            face.send_many(url_of(server), [b"", b""], auth=("ann@example.test", "wrong"))
        verbs = server.verbs

    assert verbs.count("AUTH") == 1
    assert verbs[-1] == "QUIT"
    assert not caught.value.retryable
    assert "counts against the account" in caught.value.advice
    assert "wrong" not in str(caught.value)


@both_faces
@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (b"535 5.7.8 no\r\n", BadCredentials),
        (b"504 5.5.4 what?\r\n", MechanismUnavailable),
        (b"534 5.7.9 too weak\r\n", MechanismUnavailable),
        (b"538 5.7.11 not here\r\n", MechanismUnavailable),
        (b"454 4.7.0 busy\r\n", AuthUnavailable),
        (b"421 4.7.0 too many\r\n", AuthUnavailable),
        (b"432 4.7.12 transition\r\n", AuthUnavailable),
        (b"500 5.5.6 line\r\n", AuthError),
        (b"501 5.5.2 syntax\r\n", AuthError),
    ],
)
def test_refusals_by_kind(face: Face, reply: bytes, kind: type[AuthError]) -> None:
    """The reply code says whether credentials, mechanism or moment were wrong."""
    script = Script(tls="starttls", auth=("PLAIN",), says={"AUTH": reply})
    with hostile_server(script) as server, pytest.raises(kind) as caught:
        face.send(url_of(server), auth=LOGIN)

    assert type(caught.value) is kind
    assert caught.value.phase == "auth"
    assert caught.value.code == int(reply[:3])
    assert caught.value.retryable is (kind is AuthUnavailable)
    assert caught.value.receipt.outcome is Outcome.NOT_SENT
    assert "MAIL" not in server.verbs


@both_faces
def test_a_long_initial_response_waits_for_the_challenge(face: Face) -> None:
    """RFC 4954 §4: an AUTH command stays within 512 octets."""
    password = "p" * 600
    script = Script(tls="starttls", auth=("PLAIN",), accounts={"ann": password})
    with hostile_server(script) as server:
        assert face.send(url_of(server), auth=("ann", password)).ok

    assert b"AUTH PLAIN\r\n" in server.heard


@both_faces
def test_login_without_initial_response(face: Face) -> None:
    """A server that ignores the initial response and asks for the name again is answered."""

    def ask_again(connection: Connection) -> bytes:
        answers = []
        for prompt in (b"VXNlcm5hbWU6", b"UGFzc3dvcmQ6"):
            connection.say(b"334 " + prompt + b"\r\n")
            answers.append(base64.b64decode(connection.hear_line()))
        return b"235 ok\r\n" if answers == [b"ann@example.test", b"correct horse"] else b"535 no\r\n"

    script = Script(tls="starttls", auth=("LOGIN",), says={"AUTH": ask_again})
    with hostile_server(script) as server:
        assert face.send(url_of(server), auth=LOGIN).ok


@both_faces
@pytest.mark.parametrize(
    ("script", "tls"),
    [
        (Script(tls="starttls", auth=("PLAIN",), says={"AUTH": b"535 5.7.8 no\r\n"}), "auto"),
        (Script(tls="starttls", auth=("PLAIN",), says={"AUTH": hostile.hang_up}), "auto"),
        (Script(tls="starttls", auth=("PLAIN",), says={"AUTH": hostile.reset}), "auto"),
        (Script(tls="starttls", auth=("PLAIN",), says={"AUTH": b"garbage\r\n"}), "auto"),
        (Script(tls="starttls", auth=("PLAIN",), says={"AUTH": b"334 YQ==\r\n"}), "auto"),
        (Script(tls="starttls", auth=("PLAIN",), says={"AUTH": hostile.silence}), "auto"),
        (Script(tls="starttls", auth=("LOGIN",), says={"AUTH": b"334 !\r\n"}), "auto"),
        (Script(tls="starttls", auth=("LOGIN",), says={"AUTH": b"334 UGFzc3dvcmQ6\r\n", "*": b"5\r\n"}), "auto"),
        (Script(tls="starttls", auth=("SCRAM-SHA-256",), says={"AUTH": b"235 x\r\n"}), "auto"),
        (Script(tls="starttls", auth=("SCRAM-SHA-256",), says={"AUTH": b"334 YQ==\r\n"}), "auto"),
        (Script(auth=("PLAIN",)), INSECURE_PLAINTEXT),
        (Script(tls="starttls"), "auto"),
    ],
    ids=range(12),
)
def test_no_failure_shows_the_password(face: Face, script: Script, tls: object) -> None:
    """E14: neither message nor traceback, with the local variables of every frame, nor the chain of causes."""
    with hostile_server(script) as server, pytest.raises(MailwardError) as caught:
        face.send(url_of(server), auth=LOGIN, tls=tls, timeout=0.5)

    told = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    frames = [frame for frame in told.stack if "/src/mailward/" in frame.filename]
    shown = f"{caught.value!r} {caught.value.__dict__} " + " ".join(str(frame.locals) for frame in frames)
    cause = caught.value.__cause__ or caught.value.__context__
    while cause is not None:
        told = traceback.TracebackException.from_exception(cause, capture_locals=True)
        shown += " ".join(str(frame.locals) for frame in told.stack) + repr(cause)
        cause = cause.__cause__ or cause.__context__
    assert frames
    assert not any(secret.decode() in shown for secret in SECRETS)


@both_faces
@pytest.mark.parametrize("password", ["a\0b", "\ud800"], ids=["nul", "surrogate"])
def test_a_password_that_cannot_be_sent(face: Face, password: str) -> None:
    """The mistake is the caller's and nothing of the login is said."""
    script = Script(tls="starttls", auth=("PLAIN",))
    with hostile_server(script) as server, pytest.raises(InputError) as caught:
        face.send(url_of(server), auth=("ann", password))

    assert "AUTH" not in server.verbs
    assert password not in str(caught.value)


@both_faces
def test_a_lost_connection_is_not_a_wrong_password(face: Face) -> None:
    """Nothing was judged, so the login may be tried again."""
    script = Script(tls="starttls", auth=("PLAIN",), says={"AUTH": hostile.hang_up})
    with hostile_server(script) as server, pytest.raises(ConnectionLost) as caught:
        face.send(url_of(server), auth=LOGIN)

    assert (caught.value.phase, caught.value.retryable) == ("auth", True)


@both_faces
def test_a_login_is_not_repeated_for_the_next_message(face: Face) -> None:
    """One session, one login, many messages."""
    script = Script(tls="starttls", auth=("SCRAM-SHA-256-PLUS", "PLAIN"))
    says: dict[str, Saying] = {}
    script.says = says
    with hostile_server(script) as server:
        receipts = face.send_each(url_of(server), [hostile_message(n) for n in range(3)], auth=LOGIN)

    assert [receipt.auth for receipt in receipts] == [BOUND] * 3
    assert server.verbs.count("AUTH") == 1


def hostile_message(number: int) -> bytes:
    return b"From: ann@example.test\r\nTo: bob@example.test\r\n\r\n%d\r\n" % number

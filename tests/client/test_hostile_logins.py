"""Servers that do to a login what they can (C15, C16), and that nothing of it is found in any failure (E14)."""

from __future__ import annotations

import base64
import logging
import time
import traceback
import urllib.parse
from collections.abc import Callable, Iterator
from itertools import repeat

import pytest

from mailward.client.authenticate import authenticate
from mailward.client.receipt import AuthInfo
from mailward.errors import AuthError, BadCredentials, MailwardError, MechanismUnavailable, ProtocolError, SaslError
from mailward.net.ports import Ports
from mailward.sasl.mechanism import Credentials, Kind
from mailward.secret import Secret
from tests.support import hostile
from tests.support.certificates import good
from tests.support.drivers import Driver, both_drivers
from tests.support.hostile import Act, Connection, HostileServer, Saying, Script, hostile_server
from tests.support.login_flow import HOST, talking
from tests.support.sasl_peer import REFUSED, WELCOME, ask, asking, by_scramp, initial_of

USERNAME, PASSWORD = base64.b64encode(b"Username:"), base64.b64encode(b"Password:")
CANARY = "canary+in+the+c0al-mine~=="  # a password, and a token by its letters
KINDS: dict[str, Kind] = {
    **dict.fromkeys(("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512-PLUS"), "password"),
    **dict.fromkeys(("XOAUTH2", "OAUTHBEARER"), "token"),
    "NTLM": "ntlm",
}
each_mechanism = pytest.mark.parametrize("mechanism", list(KINDS))


def logged_in(driver: Driver, server: HostileServer, mechanism: str, secret: str = CANARY) -> AuthInfo:
    kind = KINDS[mechanism]
    credentials = Credentials("ann@example.test", Secret(secret), kind=kind, host=HOST, port=587)

    async def flow(ports: Ports) -> AuthInfo:
        async with talking(ports, server.port, total=4.0) as conversation:
            return await authenticate(
                conversation, credentials, allowed=[mechanism], certificate=good().der, ports=ports
            )

    return driver.run(flow)


def script(mechanism: str, auth: Saying) -> Script:
    return Script(tls="implicit", auth=(mechanism,), says={"AUTH": auth})


# ---------------------------------------------------------------------------------------------------------------- C15


@both_drivers
def test_login_prompts_reversed(driver: Driver) -> None:
    """C15: the password goes to the question for it, once; the question for the name after it is not answered."""
    with hostile_server(script("LOGIN", asking([PASSWORD, USERNAME]))) as server:
        with pytest.raises(SaslError):
            logged_in(driver, server, "LOGIN")
        assert server.verbs[-2:] == [":", "*"]

    assert server.heard.count(base64.b64encode(CANARY.encode())) == 1


@both_drivers
@each_mechanism
@pytest.mark.parametrize("challenge", [b"", PASSWORD, USERNAME, b"eyJzdGF0dXMiOiI0MDEifQ=="])
def test_a_million_challenges(driver: Driver, mechanism: str, challenge: bytes) -> None:
    """C15: after ten rounds at the most the client cancels with `*`, whatever it is asked."""
    with hostile_server(script(mechanism, asking(repeat(challenge, 10**6)))) as server:
        with pytest.raises(SaslError):
            logged_in(driver, server, mechanism)
        verbs = server.verbs

    assert verbs[-1] == "*"
    assert verbs.count(":") <= 10
    assert verbs.count("AUTH") == 1


@both_drivers
@each_mechanism
@pytest.mark.parametrize("challenge", [b"!", b"UGFzc3dvcmQ6=", b"QQ", b"QR==", b"UGFz c3dv", "ä".encode()])
def test_bad_base64(driver: Driver, mechanism: str, challenge: bytes) -> None:
    """C15: cancelled, for it cannot be known what was meant."""
    with hostile_server(script(mechanism, asking(repeat(challenge, 3)))) as server:
        with pytest.raises(SaslError, match="not base64"):
            logged_in(driver, server, mechanism)
        assert server.verbs[-1] == "*"


@both_drivers
@each_mechanism
def test_a_challenge_of_a_mebibyte(driver: Driver, mechanism: str) -> None:
    """C15: not read to its end; the session is over."""
    with hostile_server(script(mechanism, b"334 " + b"QUFB" * 2**18 + b"\r\n")) as server:
        with pytest.raises(ProtocolError, match="longer than"):
            logged_in(driver, server, mechanism)
        assert server.verbs == ["EHLO", "AUTH"]


# ---------------------------------------------------------------------------------------------------------------- C16


def first_of(connection: Connection, *, nonce: str = "{}server", salt: str = "c2FsdA==", i: str = "4096") -> bytes:
    ours = (initial_of(connection) or b"").decode("ascii", "replace").rpartition("r=")[2]
    return f"r={nonce.format(ours)},s={salt},i={i}".encode()


def scram(then: bytes = REFUSED, /, **terms: str) -> Act:
    """A server-first with these terms; what the client says to it is refused, or whatever."""

    def act(connection: Connection) -> bytes:
        answer = ask(connection, first_of(connection, **terms))
        return then if answer else b"501 5.7.0 cancelled\r\n"

    return act


scrams = pytest.mark.parametrize("mechanism", ["SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512-PLUS"])


@both_drivers
@scrams
@pytest.mark.parametrize(
    "terms",
    [
        *({"i": count} for count in ("4294967295", "10000000", "1000001", "4095", "1", "0", "-1", "x", "4e3")),
        {"nonce": "another-nonce-of-the-server"},
        {"nonce": "{}"},
        {"salt": ""},
        {"salt": "!"},
        {"salt": "c2FsdA==,m=x"},
    ],
    ids=str,
)
def test_scram_terms_out_of_bounds(driver: Driver, mechanism: str, terms: dict[str, str]) -> None:
    """C16: cancelled at once, with no work done for it and no proof given."""
    begin = time.perf_counter()
    with hostile_server(script(mechanism, scram(**terms))) as server:
        with pytest.raises(SaslError):
            logged_in(driver, server, mechanism)
        assert server.verbs[-1] == "*"

    assert time.perf_counter() - begin < 1.0


@both_drivers
@scrams
def test_scram_success_without_a_signature(driver: Driver, mechanism: str) -> None:
    """C16: 235 at once, or after the proof, without the server's own."""
    for verdict in (WELCOME, scram(WELCOME)):
        with hostile_server(script(mechanism, verdict)) as server, pytest.raises(SaslError):
            logged_in(driver, server, mechanism)


@both_drivers
@scrams
def test_scram_success_with_a_wrong_signature(driver: Driver, mechanism: str) -> None:
    """C16: a server that does not know the password is not believed, however welcome we are."""

    def act(connection: Connection) -> bytes:
        ask(connection, first_of(connection))
        ask(connection, b"v=" + base64.b64encode(b"s" * 32))
        return WELCOME

    with hostile_server(script(mechanism, act)) as server:
        with pytest.raises(SaslError, match="does not know the password"):
            logged_in(driver, server, mechanism)
        assert server.verbs[-1] == "*"


@both_drivers
@scrams
def test_scram_error_in_the_last_message(driver: Driver, mechanism: str) -> None:
    """RFC 5802 §7: what the server says is told with the refusal."""

    def act(connection: Connection) -> bytes:
        ask(connection, first_of(connection))
        ask(connection, b"e=channel-bindings-dont-match")
        return REFUSED

    told = pytest.raises(BadCredentials, match="the server says channel-bindings-dont-match")
    with hostile_server(script(mechanism, act)) as server, told:
        logged_in(driver, server, mechanism)


@both_drivers
def test_scram_with_the_most_iterations(driver: Driver) -> None:
    """C16: a million are still done, beside the event loop, and the login succeeds."""
    with hostile_server(script("SCRAM-SHA-256", by_scramp(CANARY, iterations=1_000_000))) as server:
        assert logged_in(driver, server, "SCRAM-SHA-256").mechanism == "SCRAM-SHA-256"


# ---------------------------------------------------------------------------------------------------------------- E14


def spellings(secret: str) -> Iterator[str]:
    """As it is, base64 at each of the three places in a group, hexadecimal, in a URL."""
    octets = secret.encode()
    yield secret
    for before in range(3):
        yield base64.b64encode(b"\0" * before + octets)[(4 if before else 0) : -4].decode()
    yield octets.hex()
    yield urllib.parse.quote(secret, safe="")
    yield urllib.parse.quote_plus(secret)


def everything_about(error: BaseException) -> str:
    """Message, repr, attributes, and the local variables of our frames, down the whole chain of causes."""
    shown = ""
    told: BaseException | None = error
    while told is not None:
        frames = traceback.TracebackException.from_exception(told, capture_locals=True).stack
        ours = [frame for frame in frames if "/tests/" not in frame.filename]
        shown += f"{told} {told!r} {vars(told)} {told.args} " + " ".join(str(frame.locals) for frame in ours)
        told = told.__cause__ or told.__context__
    return shown


def says(data: bytes) -> Act:
    """After whatever the client wants to say first."""

    def act(connection: Connection) -> bytes:
        initial_of(connection)
        return data

    return act


def echoes(connection: Connection) -> bytes:
    """What it heard, in base64 and as it is, in a challenge and in the refusal."""
    said = initial_of(connection) or b"nothing"
    answer = ask(connection, said[:2000])
    return b"535 5.7.8 " + b" ".join((connection.line[:500], said[:500], answer[:500])).translate(_NO_CONTROL) + b"\r\n"


_NO_CONTROL = bytes(octet if 32 <= octet < 127 else 63 for octet in range(256))


FAILURES: dict[str, Callable[[], Saying]] = {
    "refused": lambda: says(REFUSED),
    "refused-at-once": lambda: REFUSED,
    "refused-after-questions": lambda: asking([PASSWORD, USERNAME]),
    "blocked": lambda: says(b"535 5.7.139 basic authentication is disabled\r\n"),
    "busy": lambda: says(b"454 4.7.0 busy\r\n"),
    "closing": lambda: says(b"421 4.7.0 bye\r\n"),
    "welcome-too-soon": lambda: WELCOME,
    "hangs-up": lambda: hostile.hang_up,
    "resets": lambda: hostile.reset,
    "garbage": lambda: says(b"garbage\r\n"),
    "bad-base64": lambda: asking([b"!"]),
    "no-end": lambda: asking(repeat(b"", 100)),
    "echoes": lambda: echoes,
    "json": lambda: asking([base64.b64encode(b'{"status":"401"}')]),
    "scram-first": scram,
    "ntlm-nonsense": lambda: asking([base64.b64encode(b"NTLMSSP\0\x02\0\0\0" + b"\0" * 8)]),
}


@both_drivers
@each_mechanism
@pytest.mark.parametrize("failure", list(FAILURES))
def test_no_failure_shows_the_secret(
    driver: Driver, mechanism: str, failure: str, caplog: pytest.LogCaptureFixture
) -> None:
    """E14, figure 12: no spelling of it, nor any response the server heard, in the error, its frames or the log."""
    caplog.set_level(logging.DEBUG)
    error: MailwardError | None = None
    with hostile_server(script(mechanism, FAILURES[failure]())) as server:
        try:
            logged_in(driver, server, mechanism)
        except MailwardError as problem:
            error = problem
        heard = server.heard

    if error is None:  # who only proves that it is the server's friend is believed at once
        assert failure == "welcome-too-soon"
        assert mechanism in {"PLAIN", "XOAUTH2", "OAUTHBEARER"}
        return
    shown = everything_about(error) + caplog.text
    responses = [word.decode() for line in heard.split(b"\r\n") for word in line.split()[-1:] if len(word) > 24]
    assert [each for each in (*spellings(CANARY), *responses) if each in shown] == []
    assert error.phase


@each_mechanism
@pytest.mark.parametrize("secret", ["canary\0canary", "\ud800canary", "canary\x01canary", ""])
def test_a_secret_that_cannot_be_said_is_not_shown(mechanism: str, secret: str) -> None:
    """E05, E14: the caller's mistake, told without it; where the mechanism can say it, it is merely wrong."""
    with hostile_server(script(mechanism, says(REFUSED))) as server, pytest.raises(MailwardError) as caught:
        logged_in_blocking(server, mechanism, secret)

    assert "canary" not in everything_about(caught.value)
    assert isinstance(caught.value, ValueError | AuthError | SaslError)


def logged_in_blocking(server: HostileServer, mechanism: str, secret: str) -> AuthInfo:
    from tests.support.drivers import DRIVERS  # noqa: PLC0415

    return logged_in(DRIVERS[0], server, mechanism, secret)


def test_where_the_library_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is said, and the extra to install is named."""
    monkeypatch.setitem(__import__("sys").modules, "spnego", None)
    with hostile_server(script("NTLM", says(REFUSED))) as server:
        with pytest.raises(MechanismUnavailable) as caught:
            logged_in_blocking(server, "NTLM", CANARY)
        assert server.verbs == ["EHLO"]

    assert "mailward[kerberos]" in caught.value.advice
    assert CANARY not in everything_about(caught.value)

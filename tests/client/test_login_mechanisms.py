"""Each mechanism of the client on the wire, by both drivers, at somebody else's server where there is one."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from pathlib import Path

import pytest

from mailward import INSECURE_PLAINTEXT
from mailward.client.authenticate import authenticate
from mailward.client.receipt import AuthInfo
from mailward.client.secure import certificate_of
from mailward.errors import BadCredentials, DowngradeError, InputError, MechanismUnavailable, SaslError
from mailward.net.ports import Ports
from mailward.net.tls_stream import TlsStream
from mailward.sasl.channel_binding import tls_server_end_point
from mailward.sasl.mechanism import Credentials, Kind, Mechanism
from mailward.sasl.mechanisms import gssapi
from mailward.secret import Secret
from mailward.wire.tls import TlsLayer
from tests.sasl.mechanisms.test_gssapi import Ticket
from tests.support.certificates import good
from tests.support.drivers import Driver, both_drivers
from tests.support.hostile import Act, Connection, HostileServer, Script, hostile_server
from tests.support.login_flow import HOST, talking
from tests.support.sasl_peer import REFUSED, WELCOME, ask, by_pyspnego, by_scramp, if_said, initial_of
from tests.support.sending import LOGIN, Face, both_faces

TOKEN = "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg=="
END_POINT = "tls-server-end-point"


def who(secret: str = "", kind: Kind = "password", user: str = "ann@example.test", authzid: str = "") -> Credentials:
    return Credentials(user, Secret(secret), authzid, kind=kind, host=HOST, port=587)


def logged_in(
    driver: Driver, server: HostileServer, credentials: Credentials, allowed: Sequence[str] | None = None
) -> AuthInfo:
    async def flow(ports: Ports) -> AuthInfo:
        async with talking(ports, server.port) as conversation:
            assert isinstance(conversation.stream, TlsStream)
            certificate = certificate_of(conversation.stream)
            return await authenticate(conversation, credentials, allowed=allowed, certificate=certificate, ports=ports)

    return driver.run(flow)


def script(*offered: str, auth: Act) -> Script:
    return Script(tls="implicit", auth=offered, says={"AUTH": auth})


@both_drivers
@pytest.mark.parametrize("hash_name", ["1", "256", "512"])
@pytest.mark.parametrize("plus", ["", "-PLUS"])
def test_scram(driver: Driver, hash_name: str, plus: str) -> None:
    """At scramp over SMTP, one round with the initial response; a wrong password is told and costs one attempt."""
    name = f"SCRAM-SHA-{hash_name}{plus}"
    with hostile_server(script(name, "PLAIN", "LOGIN", auth=by_scramp("pässwörd"))) as server:
        assert logged_in(driver, server, who("pässwörd")) == AuthInfo(name, END_POINT if plus else None)
        with pytest.raises(BadCredentials):
            logged_in(driver, server, who("crayon"))
        verbs = server.verbs

    assert verbs.count("AUTH") == 2


@both_drivers
@pytest.mark.parametrize("mechanism", ["OAUTHBEARER", "XOAUTH2"])
def test_tokens(driver: Driver, mechanism: str) -> None:
    """What RFC 7628 and Google write down; the refusal's JSON is answered and told (26 of the field's pains)."""
    oauthbearer = mechanism == "OAUTHBEARER"
    name = b"n,a=ann@example.test,\x01host=127.0.0.1\x01port=587\x01" if oauthbearer else b"user=ann@example.test\x01"
    expected = name + b"auth=Bearer " + TOKEN.encode() + b"\x01\x01"
    peer = if_said(expected, error=b'{"status":"invalid_token","scope":"mail"}')
    with hostile_server(script("PLAIN", mechanism, auth=peer)) as server:
        assert logged_in(driver, server, who(TOKEN, "token")) == AuthInfo(mechanism)
        with pytest.raises(BadCredentials, match="status invalid_token, scope mail"):
            logged_in(driver, server, who("another", "token"))
        verbs = server.verbs

    assert repr(b"\x01" if oauthbearer else b"") in verbs


@both_drivers
@pytest.mark.parametrize("mechanism", ["OAUTHBEARER", "XOAUTH2"])
def test_a_long_token_waits_for_the_challenge(driver: Driver, mechanism: str) -> None:
    """RFC 4954 §4: no initial response that makes the command longer than 512 octets."""
    token = "t" * 2000
    peer = if_said(b"", judge=lambda said: token.encode() in said)
    with hostile_server(script(mechanism, auth=peer)) as server:
        assert logged_in(driver, server, who(token, "token")) == AuthInfo(mechanism)

    assert f"AUTH {mechanism}\r\n".encode() in server.heard


@both_drivers
def test_oauthbearer_before_xoauth2(driver: Driver) -> None:
    """The standard one first; a token is never shown to PLAIN."""
    peer = if_said(b"", judge=lambda said: said.startswith(b"n,"))
    with hostile_server(script("PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER", auth=peer)) as server:
        assert logged_in(driver, server, who(TOKEN, "token")).mechanism == "OAUTHBEARER"
    with hostile_server(script("PLAIN", "LOGIN", "SCRAM-SHA-256-PLUS", auth=peer)) as server:
        with pytest.raises(MechanismUnavailable, match="needs a password"):
            logged_in(driver, server, who(TOKEN, "token"))
        assert "AUTH" not in server.verbs


@both_drivers
def test_external(driver: Driver) -> None:
    """RFC 4422 App. A: nobody is named, which is a "=" on the wire, or whom to act as."""
    with hostile_server(script("EXTERNAL", "PLAIN", auth=if_said(b""))) as server:
        assert logged_in(driver, server, who(kind="certificate", user="")) == AuthInfo("EXTERNAL")
        assert b"AUTH EXTERNAL =\r\n" in server.heard
    with hostile_server(script("EXTERNAL", auth=if_said(b"ann@example.test"))) as server:
        assert logged_in(driver, server, who(kind="certificate")) == AuthInfo("EXTERNAL")


@both_drivers
def test_anonymous(driver: Driver) -> None:
    """RFC 4505: only for credentials that say so."""
    with hostile_server(script("ANONYMOUS", auth=if_said(b"sirhc"))) as server:
        assert logged_in(driver, server, who(kind="anonymous", user="sirhc")) == AuthInfo("ANONYMOUS")
        with pytest.raises(MechanismUnavailable):
            logged_in(driver, server, who("password"))


@both_drivers
def test_cram_md5(driver: Driver) -> None:
    """RFC 2195, only where it is named; AUTH carries no initial response."""
    challenge = b"<1896.697170952@postoffice.example.test>"

    def peer(connection: Connection) -> bytes:
        name, _, digest = ask(connection, challenge).rpartition(b" ")
        right = hmac.new(b"correct horse", challenge, hashlib.md5).hexdigest().encode()
        return WELCOME if (name, digest) == (b"ann@example.test", right) else REFUSED

    with hostile_server(script("CRAM-MD5", auth=peer)) as server:
        assert logged_in(driver, server, who("correct horse"), ["CRAM-MD5"]) == AuthInfo("CRAM-MD5")
        with pytest.raises(MechanismUnavailable, match="only where mechanisms= names it"):
            logged_in(driver, server, who("correct horse"))

    assert server.heard.count(b"AUTH CRAM-MD5\r\n") == 1


@both_drivers
def test_ntlm(driver: Driver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At pyspnego over SMTP, bound to the channel; a wrong password is told."""
    (tmp_path / "accounts").write_text("EXAMPLE:ann:pässwörd\n")
    monkeypatch.setenv("NTLM_USER_FILE", str(tmp_path / "accounts"))
    ours = tls_server_end_point(good().der)
    with hostile_server(script("NTLM", "PLAIN", auth=by_pyspnego(ours))) as server:
        assert logged_in(driver, server, who("pässwörd", "ntlm", user="EXAMPLE\\ann")) == AuthInfo("NTLM")
        with pytest.raises(BadCredentials):
            logged_in(driver, server, who("crayon", "ntlm", user="EXAMPLE\\ann"))


@both_drivers
def test_gssapi(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    """RFC 4752 over SMTP, with a context of our own in the place of the system's: token, nothing, no layer."""
    monkeypatch.setattr(gssapi, "kerberos", lambda _: Ticket())

    def peer(connection: Connection) -> bytes:
        assert initial_of(connection) == b"token 1"
        assert ask(connection, b"server's token") == b""
        return WELCOME if ask(connection, b"sealed \x07\0\x10\0") == b"sealed \x01\0\0\0" else REFUSED

    with hostile_server(script("GSSAPI", "PLAIN", auth=peer)) as server:
        assert logged_in(driver, server, who(kind="kerberos")) == AuthInfo("GSSAPI")


@both_drivers
@pytest.mark.parametrize("password", ["pässwörd", "密码", "pa\u0308ss", " spaces "])
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"])
def test_passwords_that_are_not_ascii(driver: Driver, password: str, mechanism: str) -> None:
    """UTF-8 in PLAIN and LOGIN, SASLprep in SCRAM, at our own server's side."""
    accounts = {"ann@example.test": password.replace("a\u0308", "ä")}
    with hostile_server(Script(tls="implicit", auth=(mechanism,), accounts=accounts)) as server:
        assert logged_in(driver, server, who(password)).mechanism == mechanism


@both_drivers
@pytest.mark.parametrize("user", ["a\0b", "a\x01b", "a\r\nMAIL FROM:<e>", "a\nb", ""])
@pytest.mark.parametrize(
    ("mechanism", "kind"),
    [
        *((name, "password") for name in ("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-512-PLUS")),
        ("XOAUTH2", "token"),
    ],
)
def test_users_that_cannot_be_said(driver: Driver, user: str, mechanism: str, kind: Kind) -> None:
    """E05: refused before AUTH is said."""
    with hostile_server(script(mechanism, auth=if_said(b""))) as server:
        with pytest.raises(InputError):
            logged_in(driver, server, who("secret", kind, user=user), [mechanism])
        assert server.verbs == ["EHLO"]


@both_drivers
@pytest.mark.parametrize("user", ["a,b", "a=b", "=2C,=3D"])
def test_users_with_commas(driver: Driver, user: str) -> None:
    """E05: `,` and `=` are =2C and =3D in SCRAM and OAUTHBEARER, and our server reads them back."""
    accounts = {user: "correct horse"}
    with hostile_server(Script(tls="implicit", auth=("SCRAM-SHA-256",), accounts=accounts)) as server:
        assert logged_in(driver, server, who("correct horse", user=user)).mechanism == "SCRAM-SHA-256"
    escaped = user.replace("=", "=3D").replace(",", "=2C").encode()
    peer = if_said(b"", judge=lambda said: said.startswith(b"n,a=" + escaped + b",\x01"))
    with hostile_server(script("OAUTHBEARER", auth=peer)) as server:
        assert logged_in(driver, server, who(TOKEN, "token", user=user)).mechanism == "OAUTHBEARER"


@both_drivers
def test_a_check_comes_before_the_first_word(driver: Driver) -> None:
    """C14: whoever remembers SCRAM refuses PLAIN there; the server hears nothing of the login."""
    seen: list[tuple[str, tuple[str, ...]]] = []

    def check(mechanism: Mechanism, offered: Sequence[str]) -> None:
        seen.append((mechanism.name, tuple(offered)))
        raise DowngradeError("less", was={"mechanism": "SCRAM"}, now={"mechanism": "PLAIN"}, phase="auth", advice="")

    async def flow(ports: Ports) -> None:
        async with talking(ports, server.port) as conversation:
            await authenticate(conversation, who("correct horse"), certificate=good().der, ports=ports, check=check)

    with hostile_server(Script(tls="implicit", auth=("PLAIN", "LOGIN"))) as server:
        with pytest.raises(DowngradeError):
            driver.run(flow)
        assert server.verbs == ["EHLO"]
    assert seen == [("PLAIN", ("PLAIN", "LOGIN"))]


@both_faces
@pytest.mark.parametrize("mechanism", ["LOGIN", "PLAIN", "CRAM-MD5", "XOAUTH2", "NTLM"])
def test_nothing_is_revealed_outside_tls(face: Face, mechanism: str) -> None:
    """C14: not even to who talks in the clear because he was told to."""
    clear = Script(auth=(mechanism,))
    with hostile_server(clear) as server:
        with pytest.raises(MechanismUnavailable):
            face.send(f"smtp://{HOST}:{server.port}", auth=LOGIN, tls=INSECURE_PLAINTEXT)
        assert "AUTH" not in server.verbs


@both_drivers
def test_scram_pinned_and_only_plain_offered(driver: Driver) -> None:
    """C14: `allowed` is a pin; the password is not shown to a server that lost its SCRAM."""
    with hostile_server(Script(tls="implicit", auth=("PLAIN", "LOGIN"))) as server:
        with pytest.raises(MechanismUnavailable, match="PLAIN is not one of those allowed here"):
            logged_in(driver, server, who("correct horse"), ["SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"])
        assert server.verbs == ["EHLO"]


@both_drivers
def test_no_way_from_plus_to_plain_scram(driver: Driver) -> None:
    """RFC 5802 §6: refused in -PLUS is refused; whoever cut -PLUS out of the list is told by "y"."""
    with hostile_server(script("SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "PLAIN", auth=if_said(b""))) as server:
        with pytest.raises(BadCredentials):
            logged_in(driver, server, who("correct horse"))
        assert server.verbs.count("AUTH") == 1
        assert b"AUTH SCRAM-SHA-256-PLUS " in server.heard
    peer = if_said(b"", judge=lambda said: said.startswith(b"y,,"))
    with hostile_server(script("SCRAM-SHA-256", auth=peer)) as server, pytest.raises(SaslError, match="server-first"):
        logged_in(driver, server, who("correct horse"))  # the peer says welcome at once, and that is not enough


@both_drivers
def test_the_channel_s_own_keys_where_they_can_be_had(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    """RFC 9266: an ssl that can export binds by tls-exporter, before the certificate's hash."""

    class Exporting:
        def version(self) -> str:
            return "TLSv1.3"

        def export_keying_material(self, label: bytes, octets: int) -> bytes:
            assert label == b"EXPORTER-Channel-Binding"
            return b"k" * octets

    heard: list[bytes] = []

    def peer(connection: Connection) -> bytes:
        heard.append(initial_of(connection) or b"")
        return REFUSED

    monkeypatch.setattr(TlsLayer, "tls_object", property(lambda _: Exporting()))
    with hostile_server(script("SCRAM-SHA-256-PLUS", auth=peer)) as server, pytest.raises(BadCredentials):
        logged_in(driver, server, who("correct horse"))

    assert heard[0].startswith(b"p=tls-exporter,,")

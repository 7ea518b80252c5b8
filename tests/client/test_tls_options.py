"""Pins, a client's certificate, other names, versions and contexts, from end to end on both drivers."""

from __future__ import annotations

import re
import ssl
import traceback
from pathlib import Path
from typing import Any

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID

from mailward import AsyncClient, CertificateError, Client, InputError, TlsError, TlsRequired
from mailward.client.certificate import pin_of
from mailward.client.tls_mode import TLS
from tests.client.test_hostile_servers import after_each_end
from tests.support import hostile
from tests.support.certificates import DAY, NOW, Pair, authority, good, issue, self_signed
from tests.support.hostile import KEYWORDS, Connection, HostileServer, Script, hostile_server
from tests.support.sending import LOGIN, MESSAGE, SECRETS, Face, both_faces, url_of

OTHER_PIN = "sha256/" + "A" * 43 + "="


def nothing_was_said(server: HostileServer) -> bool:
    inside = any(connection.inside for connection in server.connections)
    return not inside and not any(secret in server.heard for secret in SECRETS)


@both_faces
@pytest.mark.parametrize("tls", ["implicit", "starttls"])
@pytest.mark.parametrize("pair", [self_signed(), issue(issuer=authority("Other CA"))], ids=["self-signed", "other-ca"])
def test_the_error_prints_the_pin_to_paste(face: Face, tls: str, pair: Pair) -> None:
    """What the error says to give makes the next try succeed, and the receipt says what vouched for the server."""
    script = Script(tls=tls, pair=pair, auth=("PLAIN",))
    with hostile_server(script) as server:
        with pytest.raises(CertificateError) as caught:
            face.send(url_of(server, script), auth=LOGIN)
        assert nothing_was_said(server)
        assert len(server.connections) == 2
        pin = re.findall(r'pin="(sha256/[^"]+)"', caught.value.advice)
        receipt = face.send(url_of(server, script), auth=LOGIN, ca=None, pin=pin[0])

    assert pin == [pin_of(pair.der)]
    assert receipt.tls is not None
    assert (receipt.tls.verified_by, receipt.tls.pin) == ("pin", pin[0])


@both_faces
@pytest.mark.parametrize(
    "pair",
    [
        issue(("other.example.test",)),
        issue(start=NOW - 9 * DAY, end=NOW - DAY),
        self_signed((), end=NOW - DAY),
    ],
    ids=["wrong-name", "expired", "both"],
)
def test_a_pinned_key_needs_no_name_and_no_date(face: Face, pair: Pair) -> None:
    """The key is who the server is: several may be given, and one of them is enough."""
    script = Script(tls="implicit", pair=pair)
    with hostile_server(script) as server:
        assert face.send(url_of(server, script), ca=None, pin=(OTHER_PIN, pin_of(pair.der))).ok


@both_faces
@pytest.mark.parametrize("tls", ["implicit", "starttls"])
@pytest.mark.parametrize("ca", [None, authority().pem], ids=["alone", "with-ca"])
def test_another_key_is_refused(face: Face, tls: str, ca: bytes | None) -> None:
    """Even one that an authority vouches for; both pins are told, and nothing is said to it."""
    script = Script(tls=tls, auth=("PLAIN",))
    with hostile_server(script) as server, pytest.raises(CertificateError) as caught:
        face.send(url_of(server, script), auth=LOGIN, ca=ca, pin=OTHER_PIN)

    assert f"it is {pin_of(good().der)}, and pin= expects {OTHER_PIN}" in str(caught.value)
    assert len(server.connections) == 1
    assert nothing_was_said(server)


@both_faces
def test_a_pin_does_not_replace_an_authority_that_was_named(face: Face) -> None:
    """With `ca=` both must hold."""
    pair = self_signed()
    script = Script(tls="implicit", pair=pair)
    with hostile_server(script) as server, pytest.raises(CertificateError, match="self-signed"):
        face.send(url_of(server, script), pin=pin_of(pair.der))


def wants_certificates() -> ssl.SSLContext:
    context = good().server_context()
    context.load_verify_locations(cadata=authority().pem.decode())
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def written(folder: Path, pair: Pair) -> tuple[Path, Path]:
    (folder / "client.pem").write_bytes(pair.pem)
    (folder / "client.key").write_bytes(pair.key_pem)
    return folder / "client.pem", folder / "client.key"


@both_faces
@pytest.mark.parametrize("tls", ["implicit", "starttls"])
def test_a_client_certificate(face: Face, tls: str, tmp_path: Path) -> None:
    """It is shown to a server that asks; a renewed one is shown on the next connection of the same client."""
    first, second = (issue(("ann@example.test",), usage=ExtendedKeyUsageOID.CLIENT_AUTH) for _ in range(2))
    shown: list[bytes] = []

    def note(connection: Connection) -> bytes:
        assert isinstance(connection.socket, ssl.SSLSocket)
        shown.append(connection.socket.getpeercert(binary_form=True) or b"")
        return b"250 2.1.0 OK\r\n"

    def renew_and_leave(connection: Connection) -> bytes:
        written(tmp_path, second)
        connection.say(b"250 2.0.0 OK\r\n")
        raise hostile.HangUp

    script = Script(tls=tls, context=wants_certificates(), says={"MAIL": note, ".": renew_and_leave})
    with hostile_server(script) as server:
        cert = written(tmp_path, first)
        receipts = face.send_each(url_of(server, script), after_each_end(server, MESSAGE, MESSAGE), cert=cert)

    assert all(receipt.ok for receipt in receipts)
    assert shown == [first.der, second.der]


@both_faces
def test_a_server_that_wants_a_certificate_of_ours(face: Face) -> None:
    """Without one the error says what to give."""
    script = Script(tls="implicit", context=wants_certificates(), auth=("PLAIN",))
    with hostile_server(script) as server, pytest.raises(TlsError, match="certificate required") as caught:
        face.send(url_of(server, script), auth=LOGIN)

    assert "cert=" in caught.value.advice
    assert nothing_was_said(server)


@both_faces
@pytest.mark.parametrize("names", ["mail.example.test", ("other.example.test", "mail.example.test")])
def test_other_names_than_the_host(face: Face, names: Any) -> None:
    """What the certificate must be for can be said apart from where to connect, and is asked for in the handshake."""
    asked: list[str | None] = []
    context = issue(("mail.example.test",)).server_context()
    context.sni_callback = lambda _socket, name, _context: asked.append(name)
    script = Script(tls="implicit", context=context)
    with hostile_server(script) as server:
        assert face.send(url_of(server, script), tls=TLS(names=names)).ok
        with pytest.raises(CertificateError, match=r"not for www\.example\.test"):
            face.send(url_of(server, script), tls=TLS(names="www.example.test"))

    assert asked[0] == (names if isinstance(names, str) else names[0])
    assert set(asked[1:]) == {"www.example.test"}


@both_faces
def test_tls_1_3_alone_and_other_ciphers(face: Face) -> None:
    """What was asked for is what the receipt tells."""
    old = good().server_context()
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    with hostile_server(Script(tls="implicit")) as server:
        receipt = face.send(f"smtps://127.0.0.1:{server.port}", tls=TLS(min_version="1.3"))
    with hostile_server(Script(tls="implicit", context=old)) as server:
        other = face.send(f"smtps://127.0.0.1:{server.port}", tls=TLS(ciphers="ECDHE+CHACHA20"))

    assert receipt.tls is not None
    assert receipt.tls.version == "TLSv1.3"
    assert other.tls is not None
    assert (other.tls.version, other.tls.cipher) == ("TLSv1.2", "ECDHE-ECDSA-CHACHA20-POLY1305")


@both_faces
def test_a_context_of_ones_own(face: Face) -> None:
    """It decides alone, with the pin beside it."""
    context = ssl.create_default_context(cadata=authority().pem.decode())
    script = Script(tls="starttls")
    with hostile_server(script) as server:
        receipt = face.send(url_of(server), ca=None, tls=TLS(context=context), pin=pin_of(good().der))

    assert receipt.tls is not None
    assert receipt.tls.verified_by == "context= and pin"


@pytest.mark.parametrize("face", [Client, AsyncClient])
@pytest.mark.parametrize(
    "options",
    [
        {"cert": ("a.pem", "a.key", "open sesame"), "port": 0},
        {"cert": ("a.pem", "a.key", "open sesame"), "tls": TLS(cert="b.pem")},
        {"cert": ("a.pem", "a.key", "open sesame"), "ca": authority().pem},
        {"cert": ("a.pem", 7, "open sesame")},
    ],
)
def test_the_password_of_a_key_is_in_no_traceback(face: type, options: dict[str, Any]) -> None:
    """However the options are refused, no frame below the caller's holds it in the open."""
    with pytest.raises(InputError) as caught:
        face("smtps://mail.example.test", **options)

    frames = [frame for frame, _ in traceback.walk_tb(caught.value.__traceback__)][1:]
    assert "sesame" not in "".join(repr(value) for frame in frames for value in frame.f_locals.values())


@both_faces
def test_requiretls_for_every_message(face: Face) -> None:
    """A client that says so asks for it with each message, but where a message says otherwise."""
    script = Script(tls="implicit", keywords=(*KEYWORDS, "REQUIRETLS"))
    with hostile_server(script) as server:
        for how in ({}, {"requiretls": False}):
            assert face.send(url_of(server, script), envelope=how, tls=TLS(requiretls=True)).ok
        script.keywords = KEYWORDS
        with pytest.raises(TlsRequired, match="REQUIRETLS"):
            face.send(url_of(server, script), tls=TLS(requiretls=True))

    mails = [line for line in server.heard.splitlines() if line.startswith(b"MAIL")]
    assert [b"REQUIRETLS" in line for line in mails] == [True, False]


@both_faces
def test_two_clients_share_nothing(face: Face) -> None:
    """What one believes, the next does not."""
    pair = self_signed()
    script = Script(tls="implicit", pair=pair)
    with hostile_server(script) as server:
        assert face.send(url_of(server, script), ca=None, pin=pin_of(pair.der)).ok
        with pytest.raises(CertificateError):
            face.send(url_of(server, script))

"""Against aiosmtpd, a server that is not ours: STARTTLS, implicit TLS, login, and what it received."""

from __future__ import annotations

import contextlib
import email
import email.policy
import socket
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope

from mailward import BadCredentials, Outcome, RecipientsRefused
from mailward.client.receipt import AuthInfo
from tests.support.certificates import good
from tests.support.sending import LOGIN, Face, both_faces


class Handler:
    """Keeps envelopes; knows no recipient named nobody."""

    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []

    async def handle_RCPT(  # noqa: N802  # aiosmtpd finds it by this name
        self, server: Any, session: Any, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address.startswith("nobody@"):
            return "550 5.1.1 no such user"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:  # noqa: N802  # as above
        self.envelopes.append(envelope)
        return "250 2.0.0 OK id=peer-1"


def judge(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
    given = (data.login.decode(), data.password.decode())
    return AuthResult(success=given == LOGIN, handled=False)


@contextlib.contextmanager
def aiosmtpd_server(handler: Handler, *, implicit: bool) -> Iterator[str]:
    context = good().server_context()
    options: dict[str, Any] = {"authenticator": judge, "enable_SMTPUTF8": True}
    if implicit:
        options |= {"ssl_context": context, "auth_require_tls": False}  # it does not know that it is inside TLS
    else:
        options |= {"tls_context": context, "require_starttls": True, "auth_required": True}
    controller = Controller(handler, hostname="127.0.0.1", port=_free_port(), **options)
    controller.start()
    try:
        yield f"{'smtps' if implicit else 'smtp'}://127.0.0.1:{controller.port}"
    finally:
        controller.stop()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def message() -> EmailMessage:
    mail = EmailMessage()
    mail["From"] = "Ann <ann@example.test>"
    mail["To"] = "bob@example.test, nobody@example.test"
    mail["Bcc"] = "carol@example.test"
    mail["Subject"] = "Grüße"
    mail.set_content("Zeile\n.\n..Punkte\n" + "lang " * 400 + "\n")
    mail.add_attachment(bytes(range(256)) * 100, maintype="application", subtype="octet-stream", filename="ä.bin")
    return mail


@both_faces
@pytest.mark.parametrize("implicit", [True, False], ids=["implicit", "starttls"])
def test_a_message_arrives_as_it_was(face: Face, implicit: bool) -> None:
    """Envelope, hidden Bcc, umlauts, dots, long lines and an attachment, over verified TLS and after a login."""
    handler = Handler()
    with aiosmtpd_server(handler, implicit=implicit) as url:
        receipt = face.send(url, message(), auth=LOGIN)

    assert receipt.outcome is Outcome.PARTIAL
    assert receipt.queue_id == "peer-1"
    assert receipt.auth == AuthInfo("PLAIN")
    envelope = handler.envelopes[0]
    content = bytes(envelope.original_content or b"")
    arrived = email.message_from_bytes(content, policy=email.policy.default)
    assert envelope.mail_from == "ann@example.test"
    assert envelope.rcpt_tos == ["bob@example.test", "carol@example.test"]
    assert b"carol" not in content
    assert arrived["Subject"] == "Grüße"
    text, attachment = arrived.iter_parts()
    assert text.get_content().splitlines() == ["Zeile", ".", "..Punkte", "lang " * 400]
    assert attachment.get_filename() == "ä.bin"
    assert attachment.get_content() == bytes(range(256)) * 100


@both_faces
def test_it_refuses_a_wrong_password_once(face: Face) -> None:
    """One attempt, and the server's 535."""
    with aiosmtpd_server(Handler(), implicit=False) as url, pytest.raises(BadCredentials):
        face.send(url, message(), auth=(LOGIN[0], "wrong"))


@both_faces
def test_it_refuses_everybody(face: Face) -> None:
    """And the session serves the next message."""
    handler = Handler()
    with aiosmtpd_server(handler, implicit=False) as url:
        with pytest.raises(RecipientsRefused):
            face.send(url, message(), envelope={"recipients": "nobody@example.test"}, auth=LOGIN)
        assert face.send_each(url, [message()] * 3, envelope={"recipients": "bob@example.test"}, auth=LOGIN)[-1].ok

    assert len(handler.envelopes) == 3


def test_the_certificate_file_is_not_needed(tmp_path: Path) -> None:
    """`ca=` may also be a file."""
    (tmp_path / "ca.pem").write_bytes(good().pem)
    with aiosmtpd_server(Handler(), implicit=True) as url:
        receipt = Face("sync").send(
            url, message(), envelope={"recipients": "bob@example.test"}, auth=LOGIN, ca=tmp_path / "ca.pem"
        )

    assert receipt.ok

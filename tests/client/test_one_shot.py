"""`mailward.send`: one message, one call."""

from __future__ import annotations

import email
import email.policy
import time
import traceback
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

import mailward
from tests.support import hostile
from tests.support.certificates import authority
from tests.support.hostile import Script, hostile_server
from tests.support.sending import LOGIN, MESSAGE

CA = authority().pem


def test_the_hello_world() -> None:
    """A URL with user and password, to, subject and text: sent over verified TLS, the session ended."""
    script = Script(tls="implicit", auth=("SCRAM-SHA-256-PLUS", "PLAIN"), accounts={"ann@example.test": "p@ss word"})
    with hostile_server(script) as server:
        receipt = mailward.send(
            f"smtps://ann%40example.test:p%40ss%20word@127.0.0.1:{server.port}",
            to="bob@example.test",
            subject="Grüße",
            text="Hello Bob.\n",
            html="<p>Hello Bob.</p>",
            ca=CA,
        )

    message = email.message_from_bytes(server.contents[0], policy=email.policy.default)
    assert receipt.ok
    assert receipt.sender == "ann@example.test"
    assert receipt.auth is not None
    assert receipt.auth.channel_binding == "tls-server-end-point"
    assert (message["From"], message["Subject"]) == ("ann@example.test", "Grüße")
    assert [part.get_content_type() for part in message.walk()] == ["multipart/alternative", "text/plain", "text/html"]
    assert server.verbs[-1] == "QUIT"


def test_a_finished_message() -> None:
    """With its own envelope, or with the one given."""
    with hostile_server(Script(tls="starttls")) as server:
        url = f"127.0.0.1:{server.port}"
        assert mailward.send(url, MESSAGE, ca=CA).sender == "ann@example.test"
        receipt = mailward.send(url, MESSAGE, sender="", recipients=["x@example.test", "y@example.test"], ca=CA)

    assert [result.address for result in receipt.recipients] == ["x@example.test", "y@example.test"]
    assert receipt.sender == ""
    assert server.contents == [MESSAGE, MESSAGE]


def test_a_display_name_stays_in_the_header() -> None:
    """The envelope has the address alone."""
    with hostile_server(Script()) as server:
        receipt = mailward.send(
            f"127.0.0.1:{server.port}",
            sender="Ann <ann@example.test>",
            to="Bob <bob@example.test>",
            text="x",
            tls=mailward.INSECURE_PLAINTEXT,
        )

    assert receipt.sender == "ann@example.test"
    assert receipt.recipients[0].address == "bob@example.test"
    assert b"From: Ann <ann@example.test>\r\n" in server.contents[0]


def test_everything_at_once(tmp_path: Path) -> None:
    """Cc, Bcc, Reply-To, a file and a header of one's own; nobody reads who is in Bcc."""
    (tmp_path / "a.csv").write_bytes(b"a,b\r\n" * 20_000)
    with hostile_server(Script()) as server:
        receipt = mailward.send(
            f"127.0.0.1:{server.port}",
            sender="Ann <ann@example.test>",
            to="bob@example.test",
            cc=["carol@example.test"],
            bcc="Dave <dave@example.test>",
            reply_to="desk@example.test",
            subject="Table",
            text="See the table.",
            attach=tmp_path / "a.csv",
            headers={"X-Tag": "7"},
            tls=mailward.INSECURE_PLAINTEXT,
        )

    message = email.message_from_bytes(server.contents[0], policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    assert [result.address.partition("@")[0] for result in receipt.recipients] == ["bob", "carol", "dave"]
    assert b"dave" not in server.contents[0]
    assert (message["Cc"], message["Reply-To"], message["X-Tag"]) == ("carol@example.test", "desk@example.test", "7")
    attached = next(message.iter_attachments())
    assert (attached.get_filename(), attached.get_content_type()) == ("a.csv", "text/csv")
    assert attached.get_payload(decode=True) == b"a,b\r\n" * 20_000


@pytest.mark.parametrize(
    "arguments",
    [
        {"sender": "ann@example.test", "to": "a@b.c", "text": "x", "attach": "/nowhere/a.pdf"},
        {"sender": "ann@example.test", "to": "a@b.c", "text": "x", "attach": "https://example.org/a.pdf"},
        {"sender": "ann@example.test", "to": "a@b.c", "text": "x", "headers": {"X": "a\r\nBcc: x@y.z"}},
        {"sender": "ann@example.test", "cc": "a@b.c\r\nBcc: x@y.z", "text": "x"},
        {"message": MESSAGE, "bcc": "x@y.z"},
        {"message": MESSAGE, "attach": []},
        {},
        {"to": "bob@example.test", "text": "x"},
        {"sender": "ann@example.test", "text": "x"},
        {"sender": "ann@example.test", "to": "bob@example.test"},
        {"message": MESSAGE, "to": "bob@example.test"},
        {"message": MESSAGE, "text": ""},
        {"message": MESSAGE, "recipients": "a@b.c\r\nRCPT TO:<x@y.z>"},
        {"sender": "ann@example.test", "to": "a@b.c\r\nBcc: x@y.z", "text": "x"},
        {"sender": "ann@example.test", "to": "a@b.c", "subject": "x\r\nBcc: x@y.z", "text": "x"},
        {"message": MESSAGE, "auth": ("ann", "")},
        {"message": MESSAGE, "tls": "none"},
        {"message": MESSAGE, "timeout": -1},
    ],
)
def test_bad_input_reaches_no_server(arguments: dict[str, Any]) -> None:
    """Not even a connection is opened."""
    with hostile_server(Script()) as server, pytest.raises(mailward.InputError):
        mailward.send(f"127.0.0.1:{server.port}", **{"tls": mailward.INSECURE_PLAINTEXT, **arguments})

    assert server.connections == []


@pytest.mark.slow
def test_the_deadline_holds_to_the_goodbye() -> None:
    """A server that took the message and drips at QUIT neither fails the send nor stretches it."""
    with hostile_server(Script(says={"QUIT": hostile.drip(every=0.1)})) as server:
        begun = time.monotonic()
        receipt = mailward.send(f"127.0.0.1:{server.port}", MESSAGE, tls=mailward.INSECURE_PLAINTEXT, timeout=0.4)
        took = time.monotonic() - begun

    assert receipt.ok
    assert took <= 0.6


@pytest.mark.parametrize("in_url", [True, False])
def test_no_frame_keeps_the_password(in_url: bool) -> None:
    """E14: a traceback that shows the local variables of our frames shows no password."""
    script = Script(tls="starttls", auth=("PLAIN",), says={"AUTH": b"535 5.7.8 no\r\n"})
    with hostile_server(script) as server:
        user = "ann%40example.test:hunter2hunter2@" if in_url else ""
        auth = None if in_url else (LOGIN[0], "hunter2hunter2")
        with pytest.raises(mailward.BadCredentials) as caught:
            mailward.send(f"smtp://{user}127.0.0.1:{server.port}", MESSAGE, auth=auth, ca=CA)

    told = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    ours = [frame for frame in told.stack if "/src/mailward/" in frame.filename]
    assert ours
    assert not any("hunter2" in str(frame.locals) for frame in ours)

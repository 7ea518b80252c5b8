"""The message that a command line describes."""

from __future__ import annotations

import io
from email.message import EmailMessage
from pathlib import Path

import pytest

from mailward.cli.written import Written, names_sender
from mailward.errors import InputError, MailwardError
from mailward.message.builder import Message
from mailward.message.content import content_of
from mailward.net.clock import Clock

ANN, BOB = "Ann <ann@example.test>", "bob@example.test"


def composed(written: Written) -> EmailMessage:
    message = written.message()
    assert isinstance(message, Message)
    return message.complete(Clock().utc, Clock().nonce).as_email_message()


def test_composed() -> None:
    """Headers from options; the envelope is then the header's."""
    written = Written(sender=ANN, to=[BOB], cc=["Cäsar <c@example.test>"], subject="Grüße", text="Hi")

    message = composed(written)

    content = content_of(message)
    assert b"\r\n\r\nHi\r\n" in content
    assert message["Message-ID"].endswith("@example.test>")
    assert content.isascii()
    assert written.envelope() == (None, None)


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    """--text - reads the body."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO("Grüße\n".encode())))

    message = composed(Written(sender=ANN, to=[BOB], text="-"))

    assert message.get_content() == "Grüße\r\n"


def test_attachments(tmp_path: Path) -> None:
    """--attach adds files with their type and name, and the text stays."""
    (tmp_path / "page.html").write_text("<b>x</b>")
    (tmp_path / "data.zzz").write_bytes(b"\0\xff")

    message = composed(
        Written(sender=ANN, to=[BOB], text="Hi", attachments=[tmp_path / "page.html", tmp_path / "data.zzz"])
    )

    parts = [(part.get_content_type(), part.get_filename()) for part in message.iter_attachments()]
    assert parts == [("text/html", "page.html"), ("application/octet-stream", "data.zzz")]
    assert b"Hi" in content_of(message)


def test_a_whole_message(tmp_path: Path) -> None:
    """--message is sent as it is; --from and --to are then the envelope alone."""
    path = tmp_path / "mail.eml"
    path.write_bytes(b"From: x@example.test\r\n\r\nhi\r\n")

    written = Written(sender=ANN, to=[BOB], bcc=["Eve <eve@example.test>"], file=path)

    assert written.message() == path.read_bytes()
    sender, recipients = written.envelope()
    assert sender == "ann@example.test"
    assert [str(each) for each in recipients or ()] == [BOB, "eve@example.test"]
    assert Written(sender=None, file=path).envelope() == (None, None)
    assert Written(sender="", to=[BOB], file=path).envelope()[0] == ""
    assert names_sender(path.read_bytes())
    assert not names_sender(b"Subject: x\n\nFrom: y\n")


@pytest.mark.parametrize(
    "written, told",
    [
        (Written(sender=ANN, to=[BOB]), "nothing to send"),
        (Written(sender=None, to=[BOB], text="x"), "no sender"),
        (Written(sender=ANN, text="x"), "no recipient"),
        (Written(sender=ANN, to=[BOB], text="x", file=Path("m.eml")), "goes without"),
        (Written(sender=ANN, to=[BOB], text="x", attachments=[Path("absent.pdf")]), "absent.pdf: No such file"),
        (Written(sender=ANN, to=[BOB], file=Path("absent.eml")), "absent.eml: No such file"),
        (Written(sender=ANN, to=[BOB], text="x", subject="a\r\nBcc: eve@example.test"), "Subject|subject"),
        (Written(sender="ann@example.test\r\nX: y", to=[BOB], text="x"), "From|address|header|control|line"),
    ],
)
def test_refused(written: Written, told: str) -> None:
    """What cannot be a message is refused before anything is sent."""
    with pytest.raises(InputError, match=told):
        written.message()


def test_hostile_envelope(tmp_path: Path) -> None:
    """An address of the envelope cannot carry a command."""
    path = tmp_path / "mail.eml"
    path.write_bytes(b"From: x@example.test\r\n\r\nhi\r\n")

    with pytest.raises(MailwardError):
        Written(sender="a@example.test>\r\nRCPT TO:<b@example.test", file=path).envelope()

"""The message `mailward.send` makes of its arguments."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailward.client.composed import composed
from mailward.errors import InvalidAddress, InvalidMessage
from mailward.net.blocking import BlockingPorts


def test_a_message_of_its_parts() -> None:
    """From, To, Subject, Date and a Message-ID of the sender's domain."""
    draft = composed(sender="Ann <ann@example.test>", to=["bob@example.test"], subject="Hi", text="Hello", html=None)
    message = draft.complete(BlockingPorts().utc, BlockingPorts().nonce).as_email_message()

    assert message["From"] == "Ann <ann@example.test>"
    assert message["To"] == "bob@example.test"
    assert message["Subject"] == "Hi"
    assert message["Message-ID"].endswith("@example.test>")
    assert message["Date"]


@pytest.mark.parametrize(
    ("sender", "to", "error"),
    [
        (None, "b@example.test", InvalidMessage),
        ("a@example.test", None, InvalidMessage),
        ("a@example.test", [], InvalidMessage),
        ("a", "b@example.test", InvalidAddress),
        ("a@example.test", "b@example.test\r\nBcc: c@example.test", InvalidAddress),
    ],
)
def test_what_is_missing_or_bad(sender: str | None, to: object, error: type[Exception]) -> None:
    """Told before anything is opened."""
    with pytest.raises(error):
        composed(sender=sender, to=to, subject="x", text="x", html=None)  # type: ignore[arg-type]


def test_the_other_parts(tmp_path: Path) -> None:
    """Cc, Bcc, Reply-To, files and further fields; one path may stand alone."""
    path = tmp_path / "a.txt"
    path.write_bytes(b"abc")
    for attach in (path, str(path), [path]):
        draft = composed(
            sender="a@b.c",
            to=None,
            subject=None,
            text="x",
            html=None,
            cc="c@d.e",
            bcc=["f@g.h"],
            reply_to="r@s.t",
            attach=attach,
            headers={"X-Tag": "1"},
        )
        message = draft.complete(BlockingPorts().utc, BlockingPorts().nonce).as_email_message()

        assert (message["Cc"], message["Bcc"], message["Reply-To"]) == ("c@d.e", "f@g.h", "r@s.t")
        assert message["X-Tag"] == "1"
        assert [part.get_filename() for part in message.iter_attachments()] == ["a.txt"]


def test_a_subject_cannot_add_a_header() -> None:
    """E08 for the easy way too."""
    with pytest.raises(InvalidMessage):
        composed(sender="a@b.c", to="d@e.f", subject="x\r\nBcc: e@x", text="x", html=None)

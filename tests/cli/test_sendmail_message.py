"""What a program hands to sendmail becomes a whole message."""

from __future__ import annotations

import re

import pytest

from mailward.cli.sendmail_arguments import SendmailArguments
from mailward.cli.sendmail_message import completed
from mailward.errors import InputError
from mailward.wire.address import Mailbox

BOB = Mailbox("bob", "example.test")


def test_what_is_missing_is_added() -> None:
    """From, Date and Message-ID, and nothing that is there."""
    asked = SendmailArguments(recipients=(str(BOB),), sender="ann@example.test", full_name="Ann")
    content, sender, recipients = completed(b"Subject: x\n\nhi\n", asked, default=None)

    header = content.partition(b"\r\n\r\n")[0].decode()
    assert re.fullmatch(
        r"From: \"?Ann\"? <ann@example\.test>\r\nDate: .*\r\nMessage-ID: <\S+@example\.test>\r\nSubject: x", header
    )
    assert (sender, recipients) == ("ann@example.test", (BOB,))

    whole = b"From: a@b.example\r\nDate: x\r\nMessage-ID: <1@b.example>\r\n\r\nhi\r\n"
    assert completed(whole, asked, default=None)[0] == whole


def test_recipients_of_the_header() -> None:
    """-t: To, Cc and Bcc, each once, besides those named."""
    asked = SendmailArguments(recipients=(str(BOB),), from_header=True)
    data = b"To: bob@example.test, c@example.test\nBcc: d@example.test\n\nhi\n"
    _, sender, recipients = completed(data, asked, default="Cron <cron@example.test>")

    assert [str(mailbox) for mailbox in recipients] == ["bob@example.test", "c@example.test", "d@example.test"]
    assert sender == "cron@example.test"


@pytest.mark.parametrize("data", [b"just a line: of text\n", b"It failed.\n", b"\nhi\n"])
def test_a_body_alone(data: bytes) -> None:
    """A program that gives no header means a body."""
    content, _, _ = completed(data, SendmailArguments(recipients=(str(BOB),)), default="a@b.example")
    assert content.endswith(b"\r\n\r\n" + data.lstrip(b"\n").replace(b"\n", b"\r\n"))


@pytest.mark.parametrize("recipient", ["", "bob", "a@b.example\r\nX: y", "-odd"])
def test_recipients_are_addresses(recipient: str) -> None:
    """Nothing else becomes a command."""
    with pytest.raises(InputError):
        completed(b"\nhi\n", SendmailArguments(recipients=(recipient,)), default="a@b.example")


def test_nobody() -> None:
    """Neither named nor in the header."""
    with pytest.raises(InputError, match="no recipient"):
        completed(b"\nhi\n", SendmailArguments(), default="a@b.example")

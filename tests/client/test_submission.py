"""What an application gives is checked before any octet could leave (rows E01 to E10)."""

from __future__ import annotations

from email.message import EmailMessage, Message
from typing import Any

import pytest

from mailward.client.submission import Submission, prepare
from mailward.errors import InputError, InvalidAddress, InvalidMessage
from mailward.wire.address import Mailbox

MESSAGE = b"From: ann@example.test\r\nTo: bob@example.test\r\nSubject: x\r\n\r\nhello\r\n"
ANN, BOB = Mailbox("ann", "example.test"), Mailbox("bob", "example.test")


def email_message(**headers: str) -> EmailMessage:
    message = EmailMessage()
    message["From"] = "Ann <ann@example.test>"
    message["To"] = "bob@example.test"
    for name, value in headers.items():
        message[name] = value
    message.set_content("hello\n")
    return message


def test_the_envelope_comes_from_the_header() -> None:
    """Of octets as of an EmailMessage; Bcc is in the envelope and not in the content."""
    submission = prepare(email_message(Cc="carol@example.test", Bcc="dave@example.test"))

    assert submission.sender == ANN
    assert [str(mailbox) for mailbox in submission.recipients] == [
        "bob@example.test",
        "carol@example.test",
        "dave@example.test",
    ]
    assert b"dave" not in submission.content
    assert prepare(MESSAGE) == Submission(ANN, (BOB,), MESSAGE, eight_bit=False, smtputf8=False)


def test_what_is_given_wins() -> None:
    """Sender or recipients or both; "" is the null reverse-path; one address may stand alone; each counts once."""
    assert prepare(MESSAGE, sender="x@example.test").sender == Mailbox("x", "example.test")
    assert prepare(MESSAGE, sender="").sender is None
    assert prepare(MESSAGE, sender=BOB).sender == BOB
    assert prepare(MESSAGE, recipients="ann@example.test").recipients == (ANN,)
    assert prepare(MESSAGE, recipients=[ANN, "bob@example.test", "ann@example.test"]).recipients == (ANN, BOB)


def test_a_message_without_any_header() -> None:
    """Octets need no header when the envelope is given."""
    submission = prepare(b"\r\nhello\r\n", sender="ann@example.test", recipients="bob@example.test")

    assert submission.content == b"\r\nhello\r\n"


def test_what_a_message_needs_of_a_server() -> None:
    """Octets over 127 in the body need 8BITMIME; in a header or an address SMTPUTF8."""
    body = prepare(MESSAGE.replace(b"hello", "grüße".encode()))
    header = prepare(MESSAGE.replace(b"Subject: x", "Subject: ü".encode()))
    address = prepare(MESSAGE, recipients="jürgen@example.test")
    domain = prepare(MESSAGE, recipients="bob@bücher.example")

    assert (body.eight_bit, body.smtputf8) == (True, False)
    assert (header.eight_bit, header.smtputf8) == (True, True)
    assert (address.eight_bit, address.smtputf8) == (False, True)
    assert (domain.eight_bit, domain.smtputf8) == (False, False)


def test_the_old_message_class() -> None:
    """`email.message.Message` is taken too."""
    message = Message()
    message["From"], message["To"] = "ann@example.test", "bob@example.test"
    message.set_payload("hello\n")

    assert prepare(message).recipients == (BOB,)


@pytest.mark.parametrize(
    "address",
    [
        "a@b.c\r\nRCPT TO:<x@y.z>",
        "a@b.c\n",
        "a@b.c\r",
        "a@b.c\0",
        "a\x0b@b.c",
        "a\x7f@b.c",
        "a\x85@b.c",
        "a\u2028@b.c",
        "a@b.c> SIZE=1",
        "<a@b.c>",
        "a@b.c,d@e.f",
        " a@b.c",
        "",
        "a@",
        "@b",
        "x\u760d\u760aRCPT TO:<e@x>@b.c",
        '"a\r\nRCPT TO:<e@x>\r\n"@c.d',
        '"a\\\r\n"@c.d',
        "alice@example.org)bob@evil.com",
        "alice@example.org]<bob@evil.com>",
        "a@b.c <d@e.f>",
        "a@evil．com",
        None,
        25,
        b"a@b.c",
    ],
)
def test_recipients_that_are_refused(address: Any) -> None:
    """E01 to E04, E07, E11: never sent, never cut short, never somebody else."""
    with pytest.raises(InvalidAddress):
        prepare(MESSAGE, recipients=[address])
    if address not in ("", None):
        with pytest.raises(InvalidAddress):
            prepare(MESSAGE, sender=address)


def test_a_quoted_name_goes_to_its_own_domain() -> None:
    """E06: an @ in a quoted local part is no delimiter."""
    submission = prepare(MESSAGE, recipients='"victim@gmail.com x"@internal.example')

    assert submission.recipients == (Mailbox("victim@gmail.com x", "internal.example"),)


@pytest.mark.parametrize("recipients", [[], (), iter(())])
def test_nobody_to_send_to(recipients: Any) -> None:
    """An empty list is a mistake, not everyone in the header."""
    with pytest.raises(InputError, match="no recipient"):
        prepare(MESSAGE, recipients=recipients)


@pytest.mark.parametrize("name", ["X\r\nBcc: e@x\r\nY", "Bcc: e\nX", "X Y", "X:"])
def test_header_names_that_are_refused(name: str) -> None:
    """E08: the standard library would write them out as they are."""
    message = Message()
    message["From"], message["To"] = "ann@example.test", "bob@example.test"
    message._headers.append((name, "v"))  # type: ignore[attr-defined]
    message.set_payload("hello\n")

    with pytest.raises(InvalidMessage):
        prepare(message)


@pytest.mark.parametrize("message", [None, "From: a@b.c", 5, object(), bytearray(b"x")])
def test_messages_of_another_kind(message: Any) -> None:
    """A str has no octets of its own."""
    with pytest.raises(InvalidMessage, match="must be"):
        prepare(message, sender="", recipients="a@b.c")


def test_line_ends_and_dots() -> None:
    """E10: bare line feeds become CRLF, dots are left to the wire, the end is a line end."""
    assert prepare(b"\n.\n..\nx", sender="", recipients="a@b.c").content == b"\r\n.\r\n..\r\nx\r\n"
    with pytest.raises(InvalidMessage, match="longer than 998"):
        prepare(b"\r\n" + b"x" * 999 + b"\r\n", sender="", recipients="a@b.c")


def test_content_that_stays_as_it_is() -> None:
    """A relay's octets are not touched, Bcc and all."""
    content = b"Bcc: x@example.test\r\n\r\nhello\r\n"

    assert Submission.of(None, (BOB,), content).content == content

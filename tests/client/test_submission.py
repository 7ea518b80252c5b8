"""What an application gives is checked before any octet could leave (rows E01 to E10)."""

from __future__ import annotations

from datetime import timedelta
from email.message import EmailMessage, Message
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from mailward.client.how import How
from mailward.client.submission import Submission, finished, prepare
from mailward.errors import InputError, InvalidAddress, InvalidMessage
from mailward.message.builder import Message as MailwardMessage
from mailward.message.dkim import DKIM
from mailward.message.octets import octets_of_file
from mailward.net.blocking import BlockingPorts
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
    assert isinstance(submission.content, bytes)
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


def draft(**changes: Any) -> MailwardMessage:
    parts: dict[str, Any] = {"from_": "Ann <ann@example.test>", "to": "bob@example.test", "text": "hello\n"}
    return MailwardMessage(**(parts | changes))


def test_a_message_of_ours() -> None:
    """Its envelope is its own; Date and Message-ID are given from the ports once, and stay for the next try."""
    ports = BlockingPorts()
    message = draft(cc="carol@example.test", bcc="dave@example.test")
    first = prepare(message, ports=ports)

    assert first.sender == ANN
    assert [mailbox.local_part for mailbox in first.recipients] == ["bob", "carol", "dave"]
    assert isinstance(first.content, bytes)
    assert b"dave" not in first.content
    assert message.message_id is not None
    assert message.message_id.endswith("@example.test>")
    assert prepare(message) == first
    assert prepare(draft()).content != prepare(draft()).content
    assert not first.eight_bit


def test_its_envelope_may_be_given() -> None:
    """As for any other; one without recipients needs it."""
    found = prepare(draft(to=()), sender="", recipients="x@example.test")

    assert (found.sender, [str(mailbox) for mailbox in found.recipients]) == (None, ["x@example.test"])
    with pytest.raises(InvalidMessage, match="no recipient"):
        prepare(draft(to=()))


def test_files_stay_on_the_disk(tmp_path: Path) -> None:
    """A message with a file in it, and a file that is a message, are content in pieces; the header is found in them."""
    (tmp_path / "a.bin").write_bytes(b"x" * 100_000)
    (tmp_path / "mail.eml").write_bytes(MESSAGE)
    attached = prepare(draft().attach(tmp_path / "a.bin"))
    whole = prepare(octets_of_file(tmp_path / "mail.eml"))

    assert not isinstance(attached.content, bytes)
    assert attached.size == sum(map(len, attached.content.pieces())) > 130_000
    assert not isinstance(whole.content, bytes)
    assert (whole.sender, whole.recipients) == (ANN, (BOB,))
    assert b"".join(whole.content.pieces()) == MESSAGE
    assert prepare(octets_of_file(tmp_path / "mail.eml"), sender="", recipients=[ANN]).recipients == (ANN,)


def test_what_pieces_need_of_a_server(tmp_path: Path) -> None:
    """8BITMIME for a body, SMTPUTF8 for a header or an address."""
    (tmp_path / "body.eml").write_bytes(MESSAGE.replace(b"hello", "grüße".encode()))
    (tmp_path / "header.eml").write_bytes(MESSAGE.replace(b"Subject: x", "Subject: ü".encode()))
    body, header = (prepare(octets_of_file(tmp_path / name)) for name in ("body.eml", "header.eml"))

    assert (body.eight_bit, body.smtputf8) == (True, False)
    assert (header.eight_bit, header.smtputf8) == (True, True)
    assert prepare(draft(to="böb@example.test")).smtputf8


def test_anything_else_is_no_message() -> None:
    """A text or a path is refused, not guessed at (E12)."""
    for other in ("From: a@b.c", 7, None, bytearray(MESSAGE), Path("/etc/passwd")):
        with pytest.raises(InvalidMessage, match=r"must be a mailward\.Message"):
            prepare(other)  # type: ignore[arg-type]


def test_a_message_signed_again_under_its_key_is_the_same() -> None:
    """Else a server that takes one message once would take the second for another one."""
    key = ed25519.Ed25519PrivateKey.generate()
    signer = DKIM("example.test", "s1", key, expires=timedelta(days=7))
    content = b"From: ann@example.test\r\nDate: Tue, 24 Nov 2026 12:00:00 +0100\r\n\r\nhi\r\n"
    keyed = prepare(content, recipients="bob@example.test", how=How.of(idempotency_key="order-1"))

    first, again = (finished(keyed, BlockingPorts(), [signer]) for _ in range(2))
    assert first.content == again.content
    assert isinstance(first.content, bytes)
    assert b"t=1795518000;" in first.content.replace(b"\r\n ", b" ")
    assert first.dkim == ("s1._domainkey.example.test",)

from __future__ import annotations

from email.message import EmailMessage, Message

import pytest

from mailward.errors import InputError, InvalidAddress, InvalidMessage
from mailward.message.content import octets_of
from mailward.message.envelope import Envelope, envelope_of, recipients_of, sender_of
from mailward.wire.address import Mailbox

ANN, BOB, EVE, ZOE = (Mailbox(name, "example.test") for name in ("ann", "bob", "eve", "zoe"))
PLAIN = b"From: ann@example.test\r\nTo: bob@example.test\r\n"


@pytest.mark.parametrize(
    "header, sender, recipients",
    [
        (PLAIN, ANN, (BOB,)),
        (PLAIN + b"Cc: Eve <eve@example.test>\r\nBcc: zoe@example.test\r\n", ANN, (BOB, EVE, ZOE)),
        (b"From: ann@example.test\r\nBcc: zoe@example.test,\r\n\teve@example.test\r\n", ANN, (ZOE, EVE)),
        (b"Sender: zoe@example.test\r\n" + PLAIN, ZOE, (BOB,)),
        (b"sender: zoe@example.test\r\nFROM: a@x.test, b@x.test\r\nTO: bob@example.test\r\n", ZOE, (BOB,)),
        (PLAIN + b"To: bob@example.test, eve@example.test\r\n", ANN, (BOB, EVE)),
        (PLAIN + b"Cc: friends: eve@example.test, bob@example.test;\r\n", ANN, (BOB, EVE)),
        (PLAIN + b"Cc:\r\nBcc: undisclosed-recipients:;\r\n", ANN, (BOB,)),
        (b"Resent-From: zoe@example.test\r\nResent-To: eve@example.test\r\n" + PLAIN, ZOE, (EVE,)),
        (
            b"Resent-Sender: bob@example.test\r\nResent-From: zoe@example.test\r\nResent-Bcc: eve@example.test\r\n"
            + PLAIN,
            BOB,
            (EVE,),
        ),
        (PLAIN + b"\r\nBcc: eve@example.test\r\n", ANN, (BOB,)),
    ],
)
def test_the_header_tells_the_envelope(header: bytes, sender: Mailbox, recipients: tuple[Mailbox, ...]) -> None:
    """Sender or From; To, Cc and Bcc; Resent- fields alone if there are any; each recipient once."""
    octets = header if b"\r\n\r\n" in header else header + b"\r\nbody\r\n"

    assert envelope_of(octets) == Envelope(sender, recipients)


@pytest.mark.parametrize(
    "header, reason",
    [
        (b"To: bob@example.test\r\n", "names no sender"),
        (b"From:\r\nTo: bob@example.test\r\n", "names no sender"),
        (b"From: a@x.test, b@x.test\r\nTo: bob@example.test\r\n", "more than one mailbox"),
        (b"From: a@x.test\r\n" + PLAIN, "more than one from field"),
        (b"Sender: a@x.test\r\nSender: b@x.test\r\n" + PLAIN, "more than one sender field"),
        (b"Sender: a@x.test, b@x.test\r\n" + PLAIN, "exactly one mailbox"),
        (b"Sender:\r\n" + PLAIN, "exactly one mailbox"),
        (b"From: ann@example.test\r\n", "names no recipient"),
        (b"From: ann@example.test\r\nTo: undisclosed-recipients:;\r\n", "names no recipient"),
        (b"Resent-From: zoe@example.test\r\n" + PLAIN, "names no recipient"),
        (b"Resent-To: zoe@example.test\r\n" + PLAIN, "names no sender"),
        (b"Resent-To: zoe@example.test\r\nResent-From: b@x.test\r\nResent-To: c@x.test\r\n" + PLAIN, "more than once"),
    ],
)
def test_an_unclear_envelope_is_refused(header: bytes, reason: str) -> None:
    """Nobody is guessed, and the null reverse-path is never meant."""
    with pytest.raises(InvalidMessage, match=reason) as caught:
        envelope_of(header + b"\r\nbody\r\n")

    assert "explicitly" in caught.value.advice or "§3.6.2" in str(caught.value)


@pytest.mark.parametrize(
    "value",
    [
        b"alice@example.org)bob@evil.com",
        b"a@b.test <d@e.test>",
        b"a@b.test d@e.test",
        b"a@b.test; c@d.test",
        b"\xff@b.test",
    ],
)
def test_an_ambiguous_address_is_refused(value: bytes) -> None:
    """The error names the header (E07)."""
    with pytest.raises(InvalidAddress, match="header cc: "):
        recipients_of(PLAIN + b"Cc: " + value + b"\r\n\r\n")


def test_half_an_envelope_is_enough() -> None:
    """A caller who gives the other half asks for one only."""
    assert sender_of(b"From: ann@example.test\r\n\r\n") == ANN
    assert recipients_of(b"To: bob@example.test\r\n\r\n") == (BOB,)


@pytest.mark.parametrize("kind", [EmailMessage, Message])
@pytest.mark.parametrize(
    "value", ["alice@example.org)bob@evil.com", "a@b.test <d@e.test>", "a@b.test\r\nRCPT TO:<x@y.test>"]
)
def test_no_message_object_hides_a_recipient(kind: type[Message], value: str) -> None:
    """Between what was assigned and what goes out, nobody is lost (E01, E07)."""
    message = kind()
    message["From"] = "ann@example.test"

    with pytest.raises((InputError, ValueError)):
        message["To"] = value
        envelope_of(octets_of(message))


def test_ten_thousand_recipients_are_read() -> None:
    """In order, none lost."""
    addresses = [f"user{number}@example.test" for number in range(10_000)]
    octets = b"From: ann@example.test\r\nTo: " + ",\r\n ".join(addresses).encode() + b"\r\n\r\n"

    assert [str(mailbox) for mailbox in recipients_of(octets)] == addresses

"""A message is held against what the server offers before MAIL."""

from __future__ import annotations

from typing import Any

import pytest

from mailward.client.offers import Offers
from mailward.client.submission import Submission
from mailward.errors import InputError, InvalidAddress, InvalidMessage
from mailward.wire.address import Mailbox
from mailward.wire.keyword import Keywords
from mailward.wire.parameters import Body, MailParameters

BOB = Mailbox("bob", "example.test")
ASCII = Submission.of(BOB, (BOB,), b"\r\nhello\r\n")


def offers(**keywords: str) -> Offers:
    return Offers.of(Keywords({name.replace("_8", "8"): value for name, value in keywords.items()}))


def test_a_server_with_nothing_takes_plain_mail() -> None:
    """No parameter is said that was not offered."""
    offers().check(ASCII)

    assert offers().parameters(ASCII) == MailParameters()


def test_parameters_follow_the_offer() -> None:
    """SIZE, BODY and SMTPUTF8, each only as far as it is needed."""
    wide = Submission.of(BOB, (Mailbox("jürgen", "example.test"),), "\r\ngrüße\r\n".encode())
    everything = offers(SIZE="1000", _8BITMIME="", SMTPUTF8="")
    everything.check(wide)

    assert everything.parameters(ASCII) == MailParameters(size=9)
    assert everything.parameters(wide) == MailParameters(size=11, body=Body.EIGHT_BIT_MIME, smtputf8=True)


@pytest.mark.parametrize(
    ("keywords", "submission", "error", "match"),
    [
        ({}, Submission.of(BOB, (BOB,), b"\r\n\xff\r\n"), InvalidMessage, "8BITMIME"),
        ({}, Submission.of(None, (Mailbox("ü", "b.example"),), b"\r\n"), InvalidAddress, "ü@b.example"),
        ({}, Submission.of(Mailbox("ü", "b.example"), (BOB,), b"\r\n"), InvalidAddress, "ü@b.example"),
        ({"_8BITMIME": ""}, Submission.of(BOB, (BOB,), "A: ü\r\n\r\n".encode()), InvalidAddress, "header"),
        ({"SIZE": "8"}, ASCII, InvalidMessage, "9 octets and the server takes 8"),
        ({"LIMITS": "RCPTMAX=1"}, Submission.of(BOB, (BOB, BOB), b"\r\n"), InputError, "takes 1 recipients"),
    ],
)
def test_what_is_not_offered(keywords: dict[str, str], submission: Submission, error: Any, match: str) -> None:
    """The error names what is missing and for whom."""
    with pytest.raises(error, match=match) as caught:
        offers(**keywords).check(submission)

    assert caught.value.phase == "mail"


def test_limits() -> None:
    """RFC 9422; SIZE 0 and no number at all mean any size."""
    assert offers(LIMITS="RCPTMAX=2 MAILMAX=3").most_recipients == 2
    assert offers(LIMITS="RCPTMAX=2 MAILMAX=3").most_transactions == 3
    assert offers(LIMITS="RCPTMAX=0").most_recipients is None
    offers(SIZE="0").check(ASCII)
    offers(SIZE="").check(ASCII)

"""A message is held against what the server offers before MAIL."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from mailward.client.how import Dsn, How
from mailward.client.offers import Offers
from mailward.client.submission import Submission
from mailward.errors import InputError, InvalidAddress, InvalidMessage, MailwardError, TlsRequired
from mailward.wire.address import Mailbox
from mailward.wire.keyword import Keywords
from mailward.wire.parameters import NO_RCPT_PARAMETERS, Body, DeliverBy, MailParameters

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


EVERYTHING = {
    "DSN": "",
    "REQUIRETLS": "",
    "FUTURERELEASE": "3600 2027-01-01T00:00:00Z",
    "DELIVERBY": "60",
    "MT-PRIORITY": "",
    "X-IDEMPOTENT": "86400",
}


def how(**arguments: Any) -> Submission:
    return Submission.of(BOB, (BOB,), b"\r\nhello\r\n", How.of(**arguments))


@pytest.mark.parametrize(
    ("arguments", "mail", "rcpt"),
    [
        ({"requiretls": True}, "REQUIRETLS", ""),
        ({"hold": 60}, "HOLDFOR=60", ""),
        ({"hold": datetime(2026, 12, 24, tzinfo=UTC)}, "HOLDUNTIL=2026-12-24T00:00:00Z", ""),
        ({"deliver_by": 120}, "BY=120;R", ""),
        ({"deliver_by": DeliverBy(5, notify=True)}, "BY=5;N", ""),
        ({"priority": 3}, "MT-PRIORITY=3", ""),
        ({"idempotency_key": "k"}, "X-IDEMPOTENT=k", ""),
        (
            {"dsn": Dsn(notify="success", ret="full", envid="e")},
            "RET=FULL ENVID=e",
            "NOTIFY=SUCCESS ORCPT=rfc822;bob@example.test",
        ),
        (
            {"dsn": Dsn(recipients={"bob@example.test": "never"}, original={"bob@example.test": "bob@old.example"})},
            "RET=HDRS",
            "NOTIFY=NEVER ORCPT=rfc822;bob@old.example",
        ),
    ],
)
def test_how_a_message_is_treated(arguments: dict[str, Any], mail: str, rcpt: str) -> None:
    """Each wish becomes its parameter where it is offered."""
    submission, server = how(**arguments), offers(**EVERYTHING)
    server.check(submission)

    assert server.parameters(submission).encode() == mail
    assert server.recipient_parameters(submission, BOB).encode() == rcpt
    assert server.missed(submission.how) == ()


@pytest.mark.parametrize(
    ("arguments", "missed"),
    [
        ({"dsn": "failure"}, ("DSN",)),
        ({"priority": 3}, ("MT-PRIORITY",)),
        ({"priority": 0}, ()),
        ({"idempotency_key": "k"}, ()),
    ],
)
def test_wishes_that_may_be_missed(arguments: dict[str, Any], missed: tuple[str, ...]) -> None:
    """Nothing is said that was not offered, and it is known what that was."""
    submission, server = how(**arguments), offers()
    server.check(submission)

    assert server.parameters(submission) == MailParameters()
    assert server.recipient_parameters(submission, BOB) == NO_RCPT_PARAMETERS
    assert server.missed(submission.how) == missed


@pytest.mark.parametrize(
    ("arguments", "keywords", "error", "match"),
    [
        ({"requiretls": True}, {}, TlsRequired, "REQUIRETLS"),
        ({"hold": 60}, {}, InputError, "FUTURERELEASE"),
        ({"hold": 3601}, EVERYTHING, InputError, "3600 seconds at most"),
        ({"deliver_by": 60}, {}, InputError, "DELIVERBY"),
        ({"deliver_by": 59}, EVERYTHING, InputError, "60 seconds at least"),
    ],
)
def test_wishes_that_must_be_met(
    arguments: dict[str, Any], keywords: dict[str, str], error: type[MailwardError], match: str
) -> None:
    """What changes when or how safely a message travels is never dropped in silence."""
    with pytest.raises(error, match=match) as caught:
        offers(**keywords).check(how(**arguments))

    assert caught.value.phase == "mail"


def test_limits_of_domains() -> None:
    """RFC 9422 RCPTDOMAINMAX."""
    two = Submission.of(BOB, (BOB, Mailbox("eve", "example.net")), b"\r\n")
    offers(LIMITS="RCPTDOMAINMAX=2").check(two)
    with pytest.raises(InputError, match="RCPTDOMAINMAX"):
        offers(LIMITS="RCPTDOMAINMAX=1").check(two)


def test_limits() -> None:
    """RFC 9422; SIZE 0 and no number at all mean any size."""
    assert offers(LIMITS="RCPTMAX=2 MAILMAX=3").most_recipients == 2
    assert offers(LIMITS="RCPTMAX=2 MAILMAX=3").most_transactions == 3
    assert offers(LIMITS="RCPTMAX=0").most_recipients is None
    offers(SIZE="0").check(ASCII)
    offers(SIZE="").check(ASCII)

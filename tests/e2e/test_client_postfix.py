"""The client against a real Postfix: what it sends arrives octet for octet, whatever Postfix offers and refuses."""

from __future__ import annotations

import base64
import re
import tracemalloc
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

import mailward
from mailward import Outcome
from tests.support.certificates import Pair, authority
from tests.support.installation import until
from tests.support.letters import as_sent, letter, letters, name_of, stored
from tests.support.postfix_submission import (
    WITH_EVERYTHING,
    WITHOUT_8BITMIME,
    WITHOUT_CHUNKING,
    WITHOUT_PIPELINING,
    WITHOUT_SIZE,
    PostfixSubmission,
)
from tests.support.sending import Face, both_faces

pytestmark = [pytest.mark.e2e, pytest.mark.peer("postfix"), pytest.mark.peer("sasldb")]

BOB, CAROL, DAVE = "bob@inbox.test", "carol@inbox.test", "dave@inbox.test"
NOBODY, RELAYED = "nobody@inbox.test", "ann@elsewhere.test"
MANY = 300
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def postfix() -> Iterator[PostfixSubmission]:
    with PostfixSubmission() as running:
        yield running


def url(postfix: PostfixSubmission) -> str:
    return f"smtp://localhost:{postfix.port}"


def found(postfix: PostfixSubmission, user: str, wanted: Sequence[bytes]) -> list[bytes]:
    """Each of `wanted` as it arrived; none more than once."""
    names = {name_of(content) for content in wanted}
    arrived = until(lambda: some if len(some := _named(postfix, user, names)) >= len(names) else [], within=20)
    by_name = {name_of(content): content for content in arrived}
    assert len(by_name) == len(arrived), "something arrived twice"
    return [by_name[name_of(content)] for content in wanted]


def _named(postfix: PostfixSubmission, user: str, names: set[bytes]) -> list[bytes]:
    return [content for content in map(as_sent, postfix.mailbox(user)) if name_of(content) in names]


@both_faces
@pytest.mark.parametrize("source", [WITH_EVERYTHING, WITHOUT_CHUNKING, WITHOUT_PIPELINING])
def test_a_stream(face: Face, postfix: PostfixSubmission, source: str) -> None:
    """300 messages after one login, by BDAT, by DATA with PIPELINING, by DATA without: each arrives once, unchanged.

    Postfix rejects here who pipelines what it may not, and bare line feeds.
    """
    sent = letters(BOB, MANY)
    logged = len(postfix.log)
    receipts = face.send_many(url(postfix), sent, auth=postfix.login, local_address=source, timeout=30)

    assert [receipt.outcome for receipt in receipts] == [Outcome.ACCEPTED] * MANY
    assert found(postfix, "bob", sent) == [stored(content) for content in sent]
    assert len({receipt.queue_id for receipt in receipts}) == MANY
    assert receipts[0].auth == mailward.AuthInfo("SCRAM-SHA-256")
    log = postfix.log[logged:]
    assert f"bdat={MANY}" in log if source == WITH_EVERYTHING else f"data={MANY}" in log
    assert "auth=1 " in log
    assert "improper command pipelining" not in log


@both_faces
def test_over_several_connections(face: Face, postfix: PostfixSubmission) -> None:
    """The same over four connections at once."""
    sent = letters(BOB, MANY)
    receipts = face.send_many(url(postfix), sent, limits=mailward.Limits(connections=4), timeout=30)

    assert all(receipt.ok for receipt in receipts)
    assert found(postfix, "bob", sent) == [stored(content) for content in sent]


@both_faces
@pytest.mark.parametrize("source", [WITH_EVERYTHING, WITHOUT_CHUNKING])
def test_a_stream_that_is_hung_up_on(face: Face, postfix: PostfixSubmission, source: str) -> None:
    """Postfix ends the connection after 20 errors in a row: what was accepted arrived, and nothing did so twice.

    By BDAT much was on the way, and where the reset took the replies with it the outcome is unknown; by DATA none is.
    """
    good, strange = letters(BOB, 60), [letter(NOBODY) for _ in range(45)]
    sent = good[:20] + strange + good[20:]
    logged = len(postfix.log)
    receipts = face.send_many(url(postfix), sent, local_address=source, timeout=30)

    assert "too many errors" in postfix.log[logged:]
    outcomes = dict(zip(map(name_of, sent), (receipt.outcome for receipt in receipts), strict=True))
    accepted = [content for content in good if outcomes[name_of(content)] is Outcome.ACCEPTED]
    assert found(postfix, "bob", accepted) == [stored(content) for content in accepted]
    arrived = [name_of(content) for content in _named(postfix, "bob", set(outcomes))]
    assert len(arrived) == len(set(arrived)), "something arrived twice"
    assert {outcomes[name_of(content)] for content in strange} <= {Outcome.REJECTED, Outcome.UNKNOWN}
    if source == WITHOUT_CHUNKING:
        assert accepted == good
    else:
        assert {outcomes[name_of(content)] for content in good} <= {Outcome.ACCEPTED, Outcome.UNKNOWN}


def test_a_pin_alone(postfix: PostfixSubmission) -> None:
    """The certificate error of a server whose CA is not known prints the pin, and with that pin alone it is sent."""
    with pytest.raises(mailward.CertificateError) as caught:
        Face("sync").send(url(postfix), letter(BOB), ca=other_authority().pem)
    (pin,) = re.findall(r'pin="(sha256/[^"]+)"', caught.value.advice or "")

    for face in (Face("sync"), Face("async")):
        for given, verified_by in (({"ca": None, "pin": pin}, "pin"), ({}, "ca=")):
            tls = face.send(url(postfix), letter(BOB), **given).tls
            assert tls is not None
            assert (tls.verified_by, tls.pin) == (verified_by, pin)


def other_authority() -> Pair:
    return authority("Another CA")


@both_faces
def test_a_wrong_password(face: Face, postfix: PostfixSubmission) -> None:
    """One failed login in Postfix's log, however many messages were to go; the same secret is not said again."""
    before = len(postfix.refused_logins)
    wrong = (postfix.login[0], f"not this one, {face.name}")
    with pytest.raises(mailward.BadCredentials):
        face.send_many(url(postfix), letters(BOB, 5), auth=wrong)
    with pytest.raises(mailward.CredentialsBlocked):
        face.send(url(postfix), letter(BOB), auth=wrong)

    (told,) = postfix.refused_logins[before:]
    assert "SASL SCRAM-SHA-256 authentication failed" in told
    assert face.send(url(postfix), letter(BOB), auth=postfix.login).ok


@both_faces
@pytest.mark.parametrize("source", [WITH_EVERYTHING, WITHOUT_CHUNKING])
def test_partly_refused(face: Face, postfix: PostfixSubmission, source: str) -> None:
    """Who is unknown and who is elsewhere are told by Postfix's own replies; the others get it."""
    sent = letter(BOB)
    recipients = [NOBODY, BOB, RELAYED, CAROL]
    receipt = face.send(url(postfix), sent, envelope={"recipients": recipients}, local_address=source)

    assert receipt.outcome is Outcome.PARTIAL
    told = [
        (each.address, each.accepted, each.reply and (each.reply.code, each.reply.enhanced))
        for each in receipt.recipients
    ]
    assert told == [
        (NOBODY, False, (550, "5.1.1")),
        (BOB, True, (250, "2.1.5")),
        (RELAYED, False, (554, "5.7.1")),
        (CAROL, True, (250, "2.1.5")),
    ]
    assert found(postfix, "bob", [sent]) == found(postfix, "carol", [sent]) == [stored(sent)]
    with pytest.raises(mailward.RecipientsRefused, match="every recipient was refused"):
        face.send(url(postfix), letter(NOBODY), local_address=source)


@both_faces
def test_names_of_the_world(face: Face, postfix: PostfixSubmission) -> None:
    """SMTPUTF8 where an address needs it; a domain of the world alone goes as its A-label to any server."""
    international, domain_only = letter("jörg@inbox.test"), letter(CAROL)
    logged = len(postfix.log)
    assert face.send(url(postfix), international, envelope={"recipients": "jörg@inbox.test"}).ok
    somewhere = {"recipients": "carol@bücher.test"}
    assert face.send(url(postfix), domain_only, envelope=somewhere, local_address=WITHOUT_8BITMIME).ok

    assert found(postfix, "carol", [international, domain_only]) == [stored(international), stored(domain_only)]
    assert "orig_to=<jörg@inbox.test>" in postfix.log[logged:]
    with pytest.raises(mailward.InvalidAddress, match="SMTPUTF8"):
        face.send(url(postfix), letter("jörg@inbox.test"), local_address=WITHOUT_8BITMIME)


@both_faces
def test_eight_bits(face: Face, postfix: PostfixSubmission) -> None:
    """Octets over 127 go with BODY=8BITMIME, and not at all where that is not offered; a Message goes anyhow."""
    sent = letter(BOB, eight_bit=True)
    assert face.send(url(postfix), sent).ok
    assert found(postfix, "bob", [sent]) == [stored(sent)]

    with pytest.raises(mailward.InvalidMessage, match="8BITMIME"):
        face.send(url(postfix), letter(BOB, eight_bit=True), local_address=WITHOUT_8BITMIME)
    made = mailward.Message(from_="ann@example.test", to=BOB, subject="Grüße", text="Grüße\n")
    assert face.send(url(postfix), made, local_address=WITHOUT_8BITMIME).ok


@both_faces
def test_a_report_finds_its_receipt(face: Face, postfix: PostfixSubmission) -> None:
    """ENVID, ORCPT, RET=FULL, NOTIFY by recipient: what Postfix returns is about this message, and brings it back."""
    sent = letter(BOB, sender=BOB)
    others = [
        face.send(url(postfix), letter(CAROL, sender=BOB)),
        face.send(url(postfix), letter(CAROL), envelope={"dsn": "never"}),
    ]
    asked = mailward.Dsn(
        notify="failure",
        ret="full",
        envid=f"order 4711+{face.name}=",
        recipients={CAROL: "success"},
        original={DAVE: "david@old.test"},
    )
    receipt = face.send(url(postfix), sent, envelope={"recipients": [CAROL, DAVE, "bob@inbox.test"], "dsn": asked})
    reports = until(lambda: some if len(some := _reports(postfix, asked.envid)) >= 2 else [])

    assert [report.receipt_among([*others, receipt]) for report, _ in reports] == [receipt, receipt]
    told = sorted((each.original, each.action) for report, _ in reports for each in report.recipients)
    assert told == [("carol@inbox.test", "delivered"), ("david@old.test", "failed")]
    (returned,) = [raw for report, raw in reports if report.failed]
    assert b"X-Folded: one\n two\n\tthree\n" in returned
    assert stored(sent).partition(b"\n\n")[2] in returned


def _reports(postfix: PostfixSubmission, envid: str | None) -> list[tuple[mailward.DeliveryReport, bytes]]:
    read = [(mailward.read_report(raw), raw) for raw in postfix.mailbox("bob") if b"multipart/report" in raw]
    return [(report, raw) for report, raw in read if report is not None and report.envid == envid]


@both_faces
def test_too_large(face: Face, postfix: PostfixSubmission) -> None:
    """What is over the SIZE that is offered is not even begun; where none is, Postfix breaks it off: 552, one reply."""
    content, said = Large(), list[str]()
    hooks = {"said": lambda event: said.append(event.data["text"])}
    with pytest.raises(mailward.InvalidMessage, match="the server takes 50331648"):
        face.send(url(postfix), content, envelope={"recipients": BOB, "sender": "ann@example.test"}, event_hooks=hooks)
    assert content.read <= 2 * MIB, "only the header is looked at"
    assert not [text for text in said if text.startswith("MAIL")]

    options: dict[str, Any] = {"local_address": WITHOUT_SIZE, "timeout": 30}
    with pytest.raises(mailward.PermanentReply) as caught:
        face.send(url(postfix), content, envelope={"recipients": BOB, "sender": "ann@example.test"}, **options)
    assert (caught.value.code, caught.value.enhanced_code) == (552, "5.3.4")
    assert caught.value.receipt is not None
    assert caught.value.receipt.outcome is Outcome.REJECTED


class Large:
    """Content over Postfix's limit."""

    size = 49 * MIB
    eight_bit = smtputf8_headers = False

    def __init__(self) -> None:
        self.read = 0

    def pieces(self) -> Iterator[bytes]:
        line = b"x" * 1022 + b"\r\n"
        for _ in range(self.size // MIB):
            self.read += MIB
            yield line * 1024


@both_faces
@pytest.mark.parametrize("source", [WITH_EVERYTHING, WITHOUT_CHUNKING])
def test_a_large_attachment(face: Face, postfix: PostfixSubmission, source: str, tmp_path: Path) -> None:
    """30 MiB from disk, in chunks or by DATA, in little memory."""
    file = tmp_path / "large.bin"
    file.write_bytes((bytes(range(256)) * 4096 * 30)[: 30 * MIB])
    message = mailward.Message(from_="ann@example.test", to=DAVE, subject="large", text="see there").attach(file)
    tracemalloc.start()
    try:
        receipt = face.send(url(postfix), message, envelope={"recipients": CAROL}, local_address=source, timeout=60)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert receipt.ok
    assert most < 8 * MIB
    names = {receipt.message_id.encode()}
    (raw,) = until(lambda: _named(postfix, "carol", names))
    assert (
        base64.b64decode(raw.rpartition(b"base64\n")[2].partition(b"\n\n")[2].partition(b"--")[0]) == file.read_bytes()
    )

"""The client against a real Exim and Dovecot's real LMTP: what it sends arrives octet for octet."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import pytest

import mailward
from mailward import Outcome
from tests.support.dovecot_lmtp import DovecotLmtp
from tests.support.exim_inbox import WITH_CHUNKING, WITHOUT_CHUNKING, EximInbox
from tests.support.installation import until
from tests.support.letters import as_sent, letter, letters, name_of, stored
from tests.support.sending import Face, both_faces

pytestmark = pytest.mark.e2e

BOB, CAROL, NOBODY = "bob@inbox.test", "carol@inbox.test", "nobody@inbox.test"
MANY = 60


@pytest.fixture(scope="module")
def exim() -> Iterator[EximInbox]:
    with EximInbox() as running:
        yield running


@pytest.fixture(scope="module")
def dovecot() -> Iterator[DovecotLmtp]:
    with DovecotLmtp() as running:
        yield running


def arrived(peer: EximInbox | DovecotLmtp, user: str, wanted: list[bytes]) -> list[bytes]:
    """Each of `wanted` as it arrived; none more than once."""
    names = {name_of(content) for content in wanted}

    def here() -> list[bytes]:
        there = [content for content in map(as_sent, peer.mailbox(user)) if name_of(content) in names]
        return there if len(there) >= len(names) else []

    there = until(here, within=20)
    by_name = {name_of(content): content for content in there}
    assert len(by_name) == len(there), "something arrived twice"
    return [by_name[name_of(content)] for content in wanted]


@pytest.mark.peer("exim")
@both_faces
@pytest.mark.parametrize("source", [WITH_CHUNKING, WITHOUT_CHUNKING])
def test_a_stream_to_exim(face: Face, exim: EximInbox, source: str) -> None:
    """By BDAT and by DATA with PIPELINING; Exim, which ends a session that is out of step, takes all of it."""
    sent = letters(BOB, MANY)
    receipts = face.send_many(f"smtp://localhost:{exim.port}", sent, local_address=source, timeout=30)

    assert [receipt.outcome for receipt in receipts] == [Outcome.ACCEPTED] * MANY, exim.log[-2000:]
    assert len({receipt.queue_id for receipt in receipts}) == MANY
    assert arrived(exim, "bob", sent) == [stored(content) for content in sent]
    assert "synchronization error" not in exim.log


@pytest.mark.peer("exim")
@both_faces
@pytest.mark.parametrize("source", [WITH_CHUNKING, WITHOUT_CHUNKING])
def test_partly_refused_by_exim(face: Face, exim: EximInbox, source: str) -> None:
    """In the middle of a stream: one is unknown, one message is for nobody, and the rest is not touched by that."""
    both = letter(f"{BOB}, {NOBODY}, {CAROL}")
    sent = [letter(BOB), both, letter(NOBODY), letter(CAROL)]
    receipts = face.send_many(f"smtp://localhost:{exim.port}", sent, local_address=source)

    expected = [Outcome.ACCEPTED, Outcome.PARTIAL, Outcome.REJECTED, Outcome.ACCEPTED]
    assert [receipt.outcome for receipt in receipts] == expected
    (refused,) = receipts[1].refused
    assert refused.address == NOBODY
    assert refused.reply is not None
    assert (refused.reply.code, refused.reply.text) == (550, "unknown user")
    assert arrived(exim, "carol", [both, sent[3]]) == [stored(both), stored(sent[3])]
    assert arrived(exim, "bob", [sent[0], both]) == [stored(sent[0]), stored(both)]


@pytest.mark.peer("dovecot-lmtp")
@both_faces
@pytest.mark.parametrize("way", ["tcp", "unix"])
def test_lmtp(face: Face, dovecot: DovecotLmtp, way: str) -> None:
    """One is unknown at RCPT, one mailbox is full after the content, one takes it: a reply of its own for each."""
    url = f"lmtp://localhost:{dovecot.port}" if way == "tcp" else f"lmtp+unix://{quote(str(dovecot.socket))}"
    sent = letter(BOB, eight_bit=True)
    receipt = face.send(url, sent, envelope={"recipients": [CAROL, NOBODY, BOB]})

    assert receipt.outcome is Outcome.PARTIAL
    told = {each.address: (each.accepted, each.reply and each.reply.enhanced) for each in receipt.recipients}
    assert told == {CAROL: (False, "5.2.2"), NOBODY: (False, "5.1.1"), BOB: (True, "2.0.0")}
    assert (receipt.tls is None) == (way == "unix")
    assert arrived(dovecot, "bob", [sent]) == [stored(sent)]
    assert dovecot.mailbox("carol") == []
    with pytest.raises(mailward.RecipientsRefused, match=r"5\.2\.2"):
        face.send(url, letter(CAROL))


@pytest.mark.peer("dovecot-lmtp")
@both_faces
def test_many_by_lmtp(face: Face, dovecot: DovecotLmtp) -> None:
    """In one session, with those in between that nobody takes."""
    sent = [letter(CAROL if number % 5 == 4 else BOB) for number in range(30)]
    receipts = face.send_many(f"lmtp+unix://{quote(str(dovecot.socket))}", sent)

    taken = [content for content, receipt in zip(sent, receipts, strict=True) if receipt.ok]
    assert len(taken) == 24
    assert arrived(dovecot, "bob", taken) == [stored(content) for content in taken]

"""One mail transaction against a server that says what we want it to, on both drivers."""

from __future__ import annotations

import pytest

from mailward import INSECURE_PLAINTEXT, Outcome, OutcomeUnknown, PermanentReply, RecipientsRefused, TransientReply
from tests.support.hostile import CHUNKING, Connection, HostileServer, Saying, Script, hostile_server
from tests.support.sending import MESSAGE, Face, both_faces, url_of


def refuse(*locals_: str, code: bytes = b"550 5.1.1 nobody\r\n") -> dict[str, Saying]:
    """Refuses the recipients whose local part is one of these."""

    def act(connection: Connection) -> bytes:
        return code if any(f"<{name}@".encode() in connection.line for name in locals_) else b"250 2.1.5 OK\r\n"

    return {"RCPT": act}


def names(count: int) -> list[str]:
    return [f"r{number}@example.test" for number in range(count)]


@both_faces
@pytest.mark.parametrize("keywords", [("PIPELINING",), ()], ids=["pipelining", "one-by-one"])
def test_accepted(face: Face, keywords: tuple[str, ...]) -> None:
    """The content arrives as it is, dots and all, and the receipt says by whom it was taken."""
    message = MESSAGE + b".\r\n..\r\n.dot\r\n"
    with hostile_server(Script(keywords=keywords)) as server:
        receipt = face.send(url_of(server), message, tls=INSECURE_PLAINTEXT)

    assert server.contents == [message]
    assert receipt.ok
    assert (receipt.outcome, receipt.queue_id, receipt.error) == (Outcome.ACCEPTED, "4FdQ1z", "")
    assert [(result.address, result.accepted, str(result.reply)) for result in receipt.recipients] == [
        ("bob@example.test", True, "250 2.1.5 OK")
    ]
    assert server.verbs == ["EHLO", "MAIL", "RCPT", "DATA", "QUIT"]


@both_faces
def test_the_envelope_leaves_at_once(face: Face) -> None:
    """RFC 2920: MAIL, RCPT and DATA are one write, so that they cost one round trip."""
    seen: list[bytes] = []

    def peek(connection: Connection) -> bytes:
        seen.append(bytes(connection.clear))
        return b"250 2.1.0 OK\r\n"

    with hostile_server(Script(says={"MAIL": peek})) as server:
        face.send(url_of(server), tls=INSECURE_PLAINTEXT)

    assert seen[0].endswith(
        b"MAIL FROM:<ann@example.test> SIZE=%d\r\nRCPT TO:<bob@example.test>\r\nDATA\r\n" % len(MESSAGE)
    )


@both_faces
@pytest.mark.parametrize("keywords", [("PIPELINING",), ()], ids=["pipelining", "one-by-one"])
def test_partial(face: Face, keywords: tuple[str, ...]) -> None:
    """A refused recipient is in the receipt and does not stop the others."""
    script = Script(keywords=keywords, says=refuse("bob"))
    with hostile_server(script) as server:
        receipt = face.send(
            url_of(server),
            envelope={"recipients": ["carol@example.test", "bob@example.test"]},
            tls=INSECURE_PLAINTEXT,
        )

    assert receipt.outcome is Outcome.PARTIAL
    assert not receipt.ok
    assert receipt.error == "1 of 2 recipients were refused"
    assert [(result.address, result.accepted, str(result.reply)) for result in receipt.recipients] == [
        ("carol@example.test", True, "250 2.1.5 OK"),
        ("bob@example.test", False, "550 5.1.1 nobody"),
    ]
    assert len(server.contents) == 1


@both_faces
@pytest.mark.parametrize("keywords", [("PIPELINING",), ()], ids=["pipelining", "one-by-one"])
@pytest.mark.parametrize("count", [49, 50, 120])
def test_many_recipients(face: Face, keywords: tuple[str, ...], count: int) -> None:
    """More recipients than one group holds, one in three refused, each with its own reply."""

    def every_third(connection: Connection) -> bytes:
        number = int(connection.line.partition(b"<r")[2].partition(b"@")[0])
        return b"550 5.1.1 r%d\r\n" % number if number % 3 == 0 else b"250 2.1.5 r%d\r\n" % number

    with hostile_server(Script(keywords=keywords, says={"RCPT": every_third})) as server:
        receipt = face.send(url_of(server), envelope={"recipients": names(count)}, tls=INSECURE_PLAINTEXT)

    assert [result.address for result in receipt.recipients] == names(count)
    assert [result.reply.text for result in receipt.recipients if result.reply] == [f"r{n}" for n in range(count)]
    assert [result.accepted for result in receipt.recipients] == [number % 3 != 0 for number in range(count)]


@both_faces
@pytest.mark.parametrize("keywords", [("PIPELINING",), ()], ids=["pipelining", "one-by-one"])
@pytest.mark.parametrize("count", [1, 120])
def test_everybody_refused(face: Face, keywords: tuple[str, ...], count: int) -> None:
    """Nobody accepted raises; the receipt has each reply, and no content leaves."""
    says: dict[str, Saying] = {"RCPT": b"550 5.1.1 nobody\r\n", "DATA": b"554 5.5.1 no valid recipients\r\n"}
    refused = pytest.raises(RecipientsRefused, match=r"r0@example\.test: 550 5\.1\.1 nobody")
    with hostile_server(Script(keywords=keywords, says=says)) as server, refused as caught:
        face.send(url_of(server), envelope={"recipients": names(count)}, tls=INSECURE_PLAINTEXT)

    error = caught.value
    assert (error.phase, error.code, error.enhanced_code, error.retryable) == ("rcpt", 550, "5.1.1", False)
    assert error.receipt.outcome is Outcome.REJECTED
    assert [str(result.reply) for result in error.receipt.recipients] == ["550 5.1.1 nobody"] * count
    assert server.contents == []
    assert server.verbs[-2:] == ["RSET", "QUIT"]


@both_faces
def test_everybody_refused_for_now(face: Face) -> None:
    """When every refusal is transient the same call may succeed later."""
    says: dict[str, Saying] = {"RCPT": b"451 4.7.1 greylisted\r\n", "DATA": b"554 5.5.1 no valid recipients\r\n"}
    with hostile_server(Script(says=says)) as server, pytest.raises(RecipientsRefused) as caught:
        face.send(url_of(server), tls=INSECURE_PLAINTEXT)

    assert caught.value.retryable


@both_faces
@pytest.mark.parametrize("keywords", [("PIPELINING",), ()], ids=["pipelining", "one-by-one"])
@pytest.mark.parametrize(
    ("at", "reply", "kind", "phase"),
    [
        ("MAIL", b"550 5.7.1 not you\r\n", PermanentReply, "mail"),
        ("MAIL", b"451 4.3.0 later\r\n", TransientReply, "mail"),
        ("MAIL", b"530 5.7.0 log in\r\n", PermanentReply, "mail"),
        ("DATA", b"451 4.3.0 later\r\n", TransientReply, "data"),
        ("DATA", b"554 5.5.0 no\r\n", PermanentReply, "data"),
        (".", b"552 5.3.4 too big\r\n", PermanentReply, "content"),
        (".", b"452 4.3.1 no space\r\n", TransientReply, "content"),
    ],
)
def test_a_refused_message(
    face: Face, keywords: tuple[str, ...], at: str, reply: bytes, kind: type[PermanentReply], phase: str
) -> None:
    """Each place of refusal, with the reply that decided, and the same session for the next message."""
    says: dict[str, Saying] = {at: [reply, b"250 ok\r\n"] if at != "DATA" else [reply, b"354 go on\r\n"]}
    if at == "MAIL":
        says |= {"RCPT": [b"503 5.5.1 MAIL first\r\n", b"250 ok\r\n"], "DATA": [b"503 5.5.1 no\r\n", b"354 go on\r\n"]}
        if not keywords:
            says = {at: [reply, b"250 ok\r\n"]}
    with hostile_server(Script(keywords=keywords, says=says)) as server:
        receipts = face.send_many(url_of(server), [MESSAGE, MESSAGE], tls=INSECURE_PLAINTEXT)
        assert len(server.connections) == 1
        with pytest.raises(kind) as caught:
            face.send(url_of(server), tls=INSECURE_PLAINTEXT)

    assert [receipt.outcome for receipt in receipts] == [Outcome.REJECTED, Outcome.ACCEPTED]
    assert (caught.value.phase, caught.value.code) == (phase, int(reply[:3]))
    assert caught.value.retryable is (kind is TransientReply)
    assert caught.value.receipt == receipts[0]
    if at in ("DATA", "."):
        assert str(receipts[0].recipients[0].reply) == reply.decode().strip()
        assert not receipts[0].recipients[0].accepted
    assert ("auth=" in caught.value.advice) is reply.startswith(b"530")


def lmtp(server: HostileServer) -> str:
    return f"lmtp://127.0.0.1:{server.port}"


def lmtp_verdicts(*replies: bytes) -> dict[str, Saying]:
    """One for each recipient that was accepted."""

    def act(connection: Connection) -> bytes:
        return b"".join(replies)

    return {".": act, "LHLO": lambda connection: connection.ehlo()}


@both_faces
def test_lmtp_has_a_verdict_for_each_recipient(face: Face) -> None:
    """RFC 2033 §4.2: two were accepted at RCPT, and one of them was not at the end."""
    replies = b"250 2.0.0 saved\r\n", b"552 5.2.2 full\r\n"
    with hostile_server(Script(says=lmtp_verdicts(*replies) | refuse("r1"))) as server:
        receipt = face.send(lmtp(server), envelope={"recipients": names(3)}, tls=INSECURE_PLAINTEXT)

    assert server.verbs[0] == "LHLO"
    assert receipt.outcome is Outcome.PARTIAL
    assert [(result.accepted, str(result.reply)) for result in receipt.recipients] == [
        (True, "250 2.0.0 saved"),
        (False, "550 5.1.1 nobody"),
        (False, "552 5.2.2 full"),
    ]


@both_faces
def test_lmtp_refuses_everybody_at_the_end(face: Face) -> None:
    """Each verdict is a refusal."""
    refused = pytest.raises(RecipientsRefused)
    script = Script(says=lmtp_verdicts(b"452 4.2.2 full\r\n", b"452 4.2.2 full\r\n"))
    with hostile_server(script) as server, refused as caught:
        face.send(lmtp(server), envelope={"recipients": names(2)}, tls=INSECURE_PLAINTEXT)

    assert caught.value.retryable


@both_faces
def test_lmtp_with_a_verdict_too_few(face: Face) -> None:
    """C07: who has none may have the message or not."""
    script = Script(says=lmtp_verdicts(b"250 2.0.0 saved\r\n"))
    with hostile_server(script) as server, pytest.raises(OutcomeUnknown):
        face.send(lmtp(server), envelope={"recipients": names(2)}, tls=INSECURE_PLAINTEXT, timeout=0.3)


@both_faces
def test_envelope_and_content_leave_at_once(face: Face) -> None:
    """RFC 3030 with RFC 2920: a single message is one round trip."""
    seen: list[bytes] = []

    def peek(connection: Connection) -> bytes:
        seen.append(connection._buffer)
        return b"250 2.1.0 OK\r\n"

    with hostile_server(Script(keywords=CHUNKING, says={"MAIL": peek})) as server:
        receipt = face.send(url_of(server), tls=INSECURE_PLAINTEXT)

    assert receipt.ok
    assert server.contents == [MESSAGE]
    assert seen[0].endswith(b"BDAT %d LAST\r\n" % len(MESSAGE) + MESSAGE)
    assert server.verbs == ["EHLO", "MAIL", "RCPT", "BDAT", "QUIT"]


@both_faces
def test_at_once_and_nobody_is_there(face: Face) -> None:
    """All refused: the content has left, was refused too, and the refusals of the recipients are the answer."""
    refused = pytest.raises(RecipientsRefused)
    with hostile_server(Script(keywords=CHUNKING, says=refuse("bob"))) as server, refused as caught:
        face.send(url_of(server), tls=INSECURE_PLAINTEXT)

    assert caught.value.receipt.outcome is Outcome.REJECTED
    assert str(caught.value.receipt.recipients[0].reply) == "550 5.1.1 nobody"
    assert server.verbs[-2:] == ["RSET", "QUIT"]

"""Many messages on their way at once: each has its own truth, whatever the server does to the others."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from mailward import INSECURE_PLAINTEXT, DeadlineExceeded, Limits, Outcome, Receipt
from mailward.client.deliver import Deliverer
from mailward.client.options import client_options
from mailward.client.pool import Pool
from mailward.client.submission import prepare
from mailward.client.transaction import LARGE
from mailward.net.ports import Ports
from tests.support import hostile
from tests.support.drivers import Driver, both_drivers
from tests.support.hostile import CHUNKING, Connection, HostileServer, Saying, Script, hostile_server
from tests.support.sending import MESSAGE, Face, both_faces, url_of

PIPELINING = ("PIPELINING", "8BITMIME")
each_way = pytest.mark.parametrize("keywords", [CHUNKING, PIPELINING, ()], ids=["chunking", "pipelining", "one-by-one"])


def numbered(count: int) -> list[bytes]:
    return [MESSAGE.replace(b"hello", b"message %d" % number) for number in range(count)]


def addressed(count: int) -> list[bytes]:
    """To r0, r1 and so on."""
    return [MESSAGE.replace(b"To: bob@", b"To: r%d@" % number) for number in range(count)]


def number_of(connection: Connection) -> int:
    """Of the recipient in this RCPT."""
    return int(connection.line.partition(b"<r")[2].partition(b"@")[0])


def outcomes(receipts: list[Receipt]) -> list[str]:
    return [receipt.outcome.value for receipt in receipts]


def send(face: Face, server: HostileServer, messages: list[bytes], **options: object) -> list[Receipt]:
    return face.send_many(url_of(server), messages, tls=INSECURE_PLAINTEXT, **options)


@both_faces
@each_way
def test_each_arrives_once_and_in_order(face: Face, keywords: tuple[str, ...]) -> None:
    """Two hundred messages over one connection, each as it was given."""
    messages = numbered(200)
    with hostile_server(Script(keywords=keywords)) as server:
        receipts = send(face, server, messages)

    assert server.contents == messages
    assert outcomes(receipts) == ["accepted"] * 200
    assert {receipt.queue_id for receipt in receipts} == {"4FdQ1z"}
    assert len(server.connections) == 1


@both_faces
def test_a_window_of_messages_is_on_the_way(face: Face) -> None:
    """With CHUNKING several whole messages are here before the first is answered, each behind an RSET but the first."""
    seen: list[bytes] = []

    def wait(connection: Connection) -> bytes:
        if not seen:
            time.sleep(0.05)
            seen.append(connection._buffer)
        return b"250 2.1.0 OK\r\n"

    with hostile_server(Script(keywords=CHUNKING, says={"MAIL": wait})) as server:
        receipts = send(face, server, numbered(8))

    assert seen[0].count(b"BDAT") == 8
    assert seen[0].count(b"RSET\r\nMAIL") == 7
    assert outcomes(receipts) == ["accepted"] * 8


@both_faces
def test_the_next_envelope_leaves_with_the_content(face: Face) -> None:
    """With PIPELINING alone one write has the end of a message and MAIL, RCPT and DATA of the next."""
    seen: list[bytes] = []

    def peek(connection: Connection) -> bytes:
        seen.append(connection._buffer)
        return b"250 2.0.0 OK\r\n"

    with hostile_server(Script(keywords=PIPELINING, says={".": peek})) as server:
        send(face, server, numbered(3))

    assert [data.count(b"DATA\r\n") for data in seen] == [1, 1, 0]
    assert server.verbs == ["EHLO", *["MAIL", "RCPT", "DATA"] * 3, "QUIT"]


@both_faces
@each_way
@pytest.mark.parametrize("at", ["MAIL", "RCPT", "end"])
def test_a_refusal_is_of_its_own_message_only(face: Face, keywords: tuple[str, ...], at: str) -> None:
    """Refused at MAIL, at RCPT or at its end, message 3 fails, and its neighbours do not."""
    mails: list[int] = []

    def mail(connection: Connection) -> bytes:
        mails.append(1)
        return b"550 5.7.1 not you\r\n" if at == "MAIL" and len(mails) == 4 else b"250 2.1.0 OK\r\n"

    def rcpt(connection: Connection) -> bytes:
        if at == "MAIL" and len(mails) == 4:
            return b"503 5.5.1 MAIL first\r\n"
        return b"550 5.1.1 nobody\r\n" if at == "RCPT" and number_of(connection) == 3 else b"250 2.1.5 OK\r\n"

    def end(connection: Connection) -> bytes:
        if connection.line.startswith(b"BDAT") and not connection.takers:
            return b"503 5.5.1 nobody\r\n"
        return b"552 5.3.4 no\r\n" if at == "end" and len(connection.contents) == 4 else b"250 2.0.0 OK\r\n"

    def data(connection: Connection) -> bytes:
        return b"354 go on\r\n" if connection.takers else b"503 5.5.1 RCPT first\r\n"

    says: dict[str, Saying] = {"MAIL": mail, "RCPT": rcpt, ".": end, "BDAT": end, "DATA": data}
    with hostile_server(Script(keywords=keywords, says=says)) as server:
        receipts = send(face, server, addressed(8))

    assert outcomes(receipts) == ["accepted"] * 3 + ["rejected"] + ["accepted"] * 4
    assert [receipt.recipients[0].address for receipt in receipts] == [f"r{n}@example.test" for n in range(8)]
    assert receipts[3].recipients[0].reply is not None
    assert receipts[3].recipients[0].reply.code == {"MAIL": 550, "RCPT": 550, "end": 552}[at]
    assert len(server.connections) == 1


@both_faces
def test_some_recipients_refused_on_the_way(face: Face) -> None:
    """The content has left when one RCPT is refused: the others have the message, and the receipt says who."""
    message = MESSAGE.replace(b"To: bob@example.test", b"To: r1@example.test, r2@example.test, r3@example.test")

    def rcpt(connection: Connection) -> bytes:
        return b"550 5.1.1 nobody\r\n" if number_of(connection) == 2 else b"250 2.1.5 OK\r\n"

    with hostile_server(Script(keywords=CHUNKING, says={"RCPT": rcpt})) as server:
        receipts = send(face, server, [message] * 3)

    assert outcomes(receipts) == ["partial"] * 3
    assert [result.accepted for result in receipts[0].recipients] == [True, False, True]


@both_faces
@pytest.mark.parametrize("act", [hostile.hang_up, hostile.reset, hostile.silence], ids=["close", "reset", "silence"])
def test_a_lost_connection_leaves_the_rest_unknown(face: Face, act: hostile.Act) -> None:
    """C07: whose end had left is unknown and never sent again; whoever had not begun goes over another connection."""

    def third(connection: Connection) -> bytes | None:
        return act(connection) if len(connection.contents) == 3 else b"250 2.0.0 OK\r\n"

    with hostile_server(Script(keywords=CHUNKING, says={"BDAT": third})) as server:
        receipts = send(face, server, numbered(5), timeout=0.5)

    assert outcomes(receipts) == ["accepted"] * 2 + ["unknown"] * 3
    assert [content for content in server.contents if b"message 2" in content] == [numbered(3)[2]]
    assert all("sent whole" in receipt.error for receipt in receipts[2:])


@both_faces
def test_with_data_only_the_message_itself_is_unknown(face: Face) -> None:
    """C07: the envelope that left with its end had no content yet, so that message is sent on another connection."""
    ends: list[int] = []

    def second(connection: Connection) -> bytes | None:
        ends.append(1)
        if len(ends) == 2:
            hostile.hang_up(connection)
        return b"250 2.0.0 OK\r\n"

    with hostile_server(Script(keywords=PIPELINING, says={".": second})) as server:
        receipts = send(face, server, numbered(4))

    assert outcomes(receipts) == ["accepted", "unknown", "accepted", "accepted"]
    assert server.contents == numbered(4)
    assert len(server.connections) == 2


@both_faces
@pytest.mark.parametrize("at", ["MAIL", "RCPT", "BDAT", "RSET"])
def test_421_in_the_middle_of_a_window(face: Face, at: str) -> None:
    """C18: the message it answers is refused; those behind it were not read, and go over another connection."""
    times: list[int] = []

    def fourth(connection: Connection) -> bytes:
        times.append(1)
        if len(times) == 4:
            connection.say(b"421 4.3.2 closing\r\n")
            hostile.hang_up(connection)
        return b"250 2.0.0 OK\r\n"

    with hostile_server(Script(keywords=CHUNKING, says={at: fourth})) as server:
        receipts = send(face, server, addressed(8))

    refused = 4 if at == "RSET" else 3
    assert outcomes(receipts) == ["accepted"] * refused + ["rejected"] + ["accepted"] * (7 - refused)
    reply = receipts[refused].reply
    assert reply is not None
    assert reply.code == 421
    assert len(server.connections) == 2
    assert len({content for content in server.contents if content in addressed(8)}) >= 7


@both_faces
@pytest.mark.parametrize("keywords", [CHUNKING, PIPELINING], ids=["chunking", "pipelining"])
def test_a_reply_too_many(face: Face, keywords: tuple[str, ...]) -> None:
    """C05: more replies than commands end the session; nobody is said to be accepted by a reply to something else."""
    extra: dict[str, Saying] = {"MAIL": [b"250 a\r\n", b"250 a\r\n250 b\r\n"]}
    with hostile_server(Script(keywords=keywords, says=extra)) as server:
        receipts = send(face, server, numbered(3), timeout=2)

    assert outcomes(receipts)[0] == "accepted"
    if keywords is PIPELINING:
        assert outcomes(receipts)[1:] == ["not-sent", "accepted"]  # the last over another connection


@both_faces
@pytest.mark.parametrize(("at", "reply"), [("MAIL", b"354 x\r\n"), ("BDAT", b"354 x\r\n"), ("RSET", b"235 x\r\n")])
def test_replies_that_cannot_be(face: Face, at: str, reply: bytes) -> None:
    """C06: a code that cannot answer the command is no acceptance of anything."""
    with hostile_server(Script(keywords=CHUNKING, says={at: reply})) as server:
        receipts = send(face, server, numbered(2), timeout=2)

    assert "accepted" not in outcomes(receipts)[(at == "RSET") :]
    assert outcomes(receipts)[-1] in ("unknown", "accepted")


@both_faces
def test_a_server_that_accepts_for_nobody(face: Face) -> None:
    """C18: MAIL 550, RCPT 250 and BDAT 250 is a refusal, whatever the server means by the rest."""
    says: dict[str, Saying] = {"MAIL": b"550 5.7.1 no\r\n", "BDAT": b"250 2.0.0 OK\r\n"}
    with hostile_server(Script(keywords=CHUNKING, says=says)) as server:
        receipts = send(face, server, numbered(1))

    assert outcomes(receipts) == ["rejected"]
    assert receipts[0].reply is not None
    assert receipts[0].reply.code == 550


@both_faces
def test_a_late_reply_meets_nobody(face: Face) -> None:
    """C20: after a deadline the connection is dropped; the late reply is not taken for that of another message."""

    def late_once(connection: Connection) -> bytes:
        if len(server.connections) == 1 and len(connection.contents) == 2:
            time.sleep(0.6)
        return b"250 2.0.0 OK\r\n"

    with hostile_server(Script(keywords=CHUNKING, says={"BDAT": late_once})) as server:
        receipts = send(face, server, numbered(2), timeout=0.3)
        again = send(face, server, numbered(1), timeout=2)

    assert outcomes(receipts) == ["accepted", "unknown"]
    assert outcomes(again) == ["accepted"]


@both_faces
@each_way
def test_limits_of_the_server_are_kept(face: Face, keywords: tuple[str, ...]) -> None:
    """RFC 9422: another connection after MAILMAX; recipients split over transactions by RCPTMAX and RCPTDOMAINMAX."""
    many = MESSAGE.replace(b"bob@example.test", b"a@x.test, b@x.test, c@x.test, d@y.test, e@z.test")
    limits = (*keywords, "LIMITS MAILMAX=4 RCPTMAX=2 RCPTDOMAINMAX=1")
    with hostile_server(Script(keywords=limits)) as server:
        receipts = send(face, server, [many, MESSAGE, many])

    assert outcomes(receipts) == ["accepted"] * 3
    assert [len(receipt.recipients) for receipt in receipts] == [5, 1, 5]
    assert [connection.verbs.count("MAIL") for connection in server.connections] == [4, 4, 1]
    assert len(server.contents) == 9


@both_faces
def test_a_part_that_is_refused(face: Face) -> None:
    """Where a message needs several transactions its receipt tells of all of them together."""
    many = MESSAGE.replace(b"bob@example.test", b"r1@x.test, r2@x.test, r3@x.test")

    def rcpt(connection: Connection) -> bytes:
        return b"550 5.1.1 nobody\r\n" if number_of(connection) == 2 else b"250 2.1.5 OK\r\n"

    with hostile_server(Script(keywords=(*CHUNKING, "LIMITS RCPTMAX=1"), says={"RCPT": rcpt})) as server:
        receipts = send(face, server, [many, MESSAGE.replace(b"bob@", b"r9@")])

    assert outcomes(receipts) == ["partial", "accepted"]
    assert [result.accepted for result in receipts[0].recipients] == [True, False, True]
    assert receipts[0].recipients[1].reply is not None


@both_drivers
def test_a_server_that_reads_nothing_until_it_is_heard(driver: Driver) -> None:
    """RFC 2920 §3.1: it fills the way back with replies and reads no more until we have read them; nobody waits."""
    long = b"250-" + b"x" * 900 + b"\r\n"

    def much(connection: Connection) -> bytes:
        return long * 60 + b"250 2.1.0 OK\r\n"

    submissions = [prepare(MESSAGE + (b"y" * 70 + b"\r\n") * 1500) for _ in range(12)]

    async def flow(ports: Ports) -> list[Outcome]:
        options = client_options("127.0.0.1", server.port, tls=INSECURE_PLAINTEXT, timeout=20)
        way = Deliverer(options, ports, Pool())
        streaming = way.streaming()
        for submission in submissions:
            streaming.offer(submission)
        await streaming.step(settle=True)
        await streaming.release()
        await way.close()
        return [delivery.receipt.outcome for delivery in streaming.done]

    script = Script(keywords=CHUNKING[:3], says={"RCPT": much, "MAIL": much})
    with hostile_server(script) as server:
        assert driver.run(flow) == [Outcome.ACCEPTED] * 12


@both_faces
@each_way
def test_large_content_among_small(face: Face, keywords: tuple[str, ...]) -> None:
    """It waits for its turn and follows an envelope that was accepted; the order stays."""
    large = MESSAGE + (b"." + b"x" * 70 + b"\r\n") * (2 * LARGE // 70)
    messages = [*numbered(3), large, *numbered(3)]
    with hostile_server(Script(keywords=keywords)) as server:
        receipts = send(face, server, messages)

    assert outcomes(receipts) == ["accepted"] * 7
    assert server.contents == messages
    assert len(server.connections) == 1


@both_faces
def test_a_refused_chunk_is_the_last(face: Face) -> None:
    """RFC 3030 §2: after a refusal no other chunk follows, RSET does, and the next message is sent."""
    large = MESSAGE + (b"x" * 70 + b"\r\n") * (16 * LARGE // 70)

    def second(connection: Connection) -> bytes:
        chunks = connection.verbs.count("BDAT")
        if chunks == 1 or connection.takers == 0:
            return b"250 2.0.0 OK\r\n" if connection.takers else b"503 5.5.1 no\r\n"
        if connection.line.endswith(b"LAST"):
            return b"250 2.0.0 OK\r\n"
        connection.takers = 0
        return b"452 4.3.1 full\r\n"

    with hostile_server(Script(keywords=CHUNKING[:4], says={"BDAT": second})) as server:
        receipts = send(face, server, [large, MESSAGE])

    assert outcomes(receipts) == ["rejected", "accepted"]
    assert receipts[0].reply is not None
    assert receipts[0].reply.code == 452
    assert server.verbs.count("BDAT") < 10
    assert "RSET" in server.verbs
    assert len(server.connections) == 1


@both_faces
def test_a_message_that_cannot_be_sent_keeps_its_place(face: Face) -> None:
    """What the server does not offer, or what cannot be prepared, has a receipt where it belongs."""
    messages = [MESSAGE, b"no header\r\n", MESSAGE.replace(b"hello", "grüße".encode()), MESSAGE]
    with hostile_server(Script(keywords=("PIPELINING", "CHUNKING"))) as server:
        receipts = send(face, server, messages)

    assert outcomes(receipts) == ["accepted", "not-sent", "not-sent", "accepted"]
    assert "8BITMIME" in receipts[2].error


@both_faces
@pytest.mark.parametrize("keywords", [CHUNKING, PIPELINING], ids=["chunking", "pipelining"])
def test_several_connections(face: Face, keywords: tuple[str, ...]) -> None:
    """Receipts come in the order of the messages, over no more connections than allowed."""
    with hostile_server(Script(keywords=keywords)) as server:
        receipts = send(face, server, addressed(300), limits=Limits(connections=4))

    assert [receipt.recipients[0].address for receipt in receipts] == [f"r{n}@example.test" for n in range(300)]
    assert outcomes(receipts) == ["accepted"] * 300
    assert sorted(server.contents) == sorted(addressed(300))
    assert len(server.connections) <= 4
    assert all(connection.verbs[-1] == "QUIT" for connection in server.connections)


@both_faces
def test_fewer_connections_than_asked_for_are_enough(face: Face) -> None:
    """A server that turns away the third connection is served over the two it takes."""

    def greet(connection: Connection) -> bytes:
        return b"220 x\r\n" if connection in server.connections[:2] else b"421 4.7.0 too many connections\r\n"

    def slow(connection: Connection) -> bytes:
        time.sleep(0.002)
        return b"250 2.1.0 OK\r\n"

    with hostile_server(Script(keywords=PIPELINING, says={"": greet, "MAIL": slow})) as server:
        receipts = send(face, server, numbered(60), limits=Limits(connections=4, min_idle=1))

    assert outcomes(receipts) == ["accepted"] * 60


@both_faces
def test_a_rate_is_kept(face: Face) -> None:
    """Twenty messages at 50 a second in bursts of a second's worth; then no faster than that."""
    begun = time.monotonic()
    with hostile_server(Script(keywords=CHUNKING)) as server:
        receipts = send(face, server, numbered(70), limits=Limits(rate="50/s"))

    assert outcomes(receipts) == ["accepted"] * 70
    assert 0.35 < time.monotonic() - begun < 2.0


@both_drivers
def test_waiting_for_a_turn_is_part_of_the_call(driver: Driver) -> None:
    """A single send whose turn comes after its deadline fails at once, and nothing is sent."""

    async def flow(ports: Ports) -> None:
        options = client_options(
            "127.0.0.1", server.port, tls=INSECURE_PLAINTEXT, timeout=1, limits=Limits(rate="1/hour")
        )
        way = Deliverer(options, ports, Pool())
        assert (await way.deliver(prepare(MESSAGE), until=way.end_of_call())).receipt.ok
        with pytest.raises(DeadlineExceeded, match="turn"):
            await way.deliver(prepare(MESSAGE), until=way.end_of_call())
        await way.close()

    with hostile_server(Script()) as server:
        driver.run(flow)
    assert len(server.contents) == 1


def slow_source(count: int) -> Iterator[bytes]:
    for message in numbered(count):
        time.sleep(0.01)
        yield message


@both_faces
def test_a_slow_source_is_not_waited_for(face: Face) -> None:
    """Each message leaves, and its receipt is given, before the source is asked for many more."""
    with hostile_server(Script(keywords=CHUNKING)) as server:
        receipts = face.send_many(url_of(server), slow_source(5), tls=INSECURE_PLAINTEXT)

    assert outcomes(receipts) == ["accepted"] * 5
    assert len(server.connections) == 1


@both_faces
@pytest.mark.parametrize("offered", [True, False])
def test_a_key_resolves_what_is_unknown(face: Face, offered: bool) -> None:
    """With an idempotency key on offer those whose end had left are said again, once, under the same key."""
    keywords = (*CHUNKING, "X-IDEMPOTENT 86400") if offered else CHUNKING

    def third(connection: Connection) -> bytes:
        if len(server.connections) == 1 and len(connection.contents) == 3:
            hostile.hang_up(connection)
        return b"250 2.0.0 OK\r\n"

    with hostile_server(Script(keywords=keywords, says={"BDAT": third})) as server:
        receipts = send(face, server, numbered(5))

    keys = [line.rpartition(b"X-IDEMPOTENT=")[2] for line in server.heard.split(b"\r\n") if b"X-IDEMPOTENT=" in line]
    if offered:
        assert outcomes(receipts) == ["accepted"] * 5
        assert len(keys) == 8
        assert keys[2:5] == keys[5:8]
        assert len(set(keys)) == 5
    else:
        assert outcomes(receipts) == ["accepted"] * 2 + ["unknown"] * 3
        assert keys == []

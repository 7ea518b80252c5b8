"""Replies: written, parsed strictly, shown safely, and each of ours by name."""

from __future__ import annotations

import copy
import pickle
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailward.errors import BadCommand, InputError, ProtocolError
from mailward.wire import reply as replies
from mailward.wire.reply import MAX_LINE, MAX_LINES, MAX_OCTETS, Reply, ReplyParser

NAMED = {name: value for name, value in vars(replies).items() if isinstance(value, Reply)}


def parsed(data: bytes) -> list[Reply]:
    parser = ReplyParser()
    parser.feed(data)
    found = []
    while (reply := parser.next_reply()) is not None:
        found.append(reply)
    return found


def feed_singly(parser: ReplyParser, data: bytes) -> None:
    for octet in data:
        parser.feed(bytes([octet]))
        assert parser.next_reply() is None


@pytest.mark.parametrize(
    ("data", "reply"),
    [
        (b"250 OK\r\n", Reply(250, "OK")),
        (b"250\r\n", Reply(250, "")),
        (b"550 \r\n", Reply(550, "")),
        (b"250 2.1.0 Sender OK\r\n", Reply(250, "Sender OK", "2.1.0")),
        (b"250 2.1.0\r\n", Reply(250, "", "2.1.0")),
        (b"250-x\r\n250-SIZE 5\r\n250 DSN\r\n", Reply(250, ("x", "SIZE 5", "DSN"))),
        (b"550-5.1.1 no\r\n550-5.1.1\r\n550 5.1.1 such user\r\n", Reply(550, ("no", "", "such user"), "5.1.1")),
        (b"550-5.1.1 no\r\n550 such user\r\n", Reply(550, ("no", "such user"), "5.1.1")),
        (b"550 4.1.1 odd class\r\n", Reply(550, "4.1.1 odd class")),
        (b"250 2.1.0.3 ready\r\n", Reply(250, "2.1.0.3 ready")),
        (b"250 2.1.01 ready\r\n", Reply(250, "2.1.01 ready")),
        (b"354 5.0.0\r\n", Reply(354, "5.0.0")),
        (b"421\r\n", Reply(421, "")),
        (b"250-\r\n250\r\n", Reply(250, ("", ""))),
    ],
)
def test_how_a_reply_is_read(data: bytes, reply: Reply) -> None:
    """One line or many, with and without an enhanced status code, text or none."""
    assert parsed(data) == [reply]


BROKEN = {
    "C01-letter-in-code": b"22X OK\r\n",
    "C01-no-space": b"220OK\r\n",
    "C01-underscore": b"2_5 hi\r\n",
    "C01-plus": b"+25 hi\r\n",
    "C01-space": b" 25 hi\r\n",
    "C01-one-digit": b"2\r\n",
    "C01-two-digits": b"25\r\n",
    "C01-6yz": b"699 x\r\n",
    "C01-1yz": b"100 x\r\n",
    "C01-nul": b"\x00" * 65536,
    "C01-ssh": b"SSH-2.0-OpenSSH_9.2p1\r\n",
    "C01-http": b"HTTP/1.1 400 Bad Request\r\n",
    "C01-tls-alert": b"\x15\x03\x01\x00\x02\x02\x46",
    "C01-arabic-digits": "\u0662\u0665\u0660 x\r\n".encode(),
    "C01-empty-line": b"\r\n",
    "C01-four-digits": b"2500 x\r\n",
    "C01-tab": b"250\tx\r\n",
    "C02-codes-differ": b"250-a\r\n550 b\r\n",
    "C02-bare-lf": b"250 a\n",
    "C02-bare-lf-between": b"250-a\n250 b\r\n",
    "C02-bare-cr": b"400 x \r y\r\n",
    "C02-two-cr": b"250 x\r\r\n",
    "C02-control": b"500 \x03\r\n",
    "C02-nul": b"250 a\x00b\r\n",
    "C03-endless-line": b"250-" + b"A" * MAX_LINE,
    "C03-long-line": b"250 " + b"A" * MAX_LINE + b"\r\n",
    "C03-endless-digits": b"2222",
    "C03-too-many-lines": b"250-A\r\n" * (MAX_LINES + 1),
    "C03-last-line-too-many": b"250-A\r\n" * MAX_LINES + b"250 A\r\n",
    "C03-too-many-octets": (b"250-" + b"A" * 4000 + b"\r\n") * 17,
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN.keys())
def test_what_is_no_reply(data: bytes) -> None:
    """C01-C03: refused whole or octet by octet, with an error that can be printed; and the parser stays broken."""
    parser = ReplyParser()
    with pytest.raises(ProtocolError):
        parsed(data)
    with pytest.raises(ProtocolError) as caught:
        feed_singly(parser, data)
    parser.feed(b"\r\n250 OK\r\n")
    with pytest.raises(ProtocolError):
        parser.next_reply()

    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    "data", [b"", b"2", b"25", b"250", b"250 ", b"250 O", b"250 OK\r", b"250-a\r\n", b"250-a\r\n25"]
)
def test_an_unfinished_reply_waits(data: bytes) -> None:
    """C01, C02: an end of stream here is the connection lost, and `pending` tells that something was begun."""
    parser = ReplyParser()
    parser.feed(data)

    assert parser.next_reply() is None
    assert parser.pending is bool(data)


def test_the_largest_reply_is_taken() -> None:
    """Up to its limits a reply is read."""
    lines = parsed(b"250-A\r\n" * (MAX_LINES - 1) + b"250 A\r\n")[0].lines
    line = b"250-" + b"A" * (MAX_LINE - 6) + b"\r\n"
    large = parsed(line * (MAX_OCTETS // MAX_LINE - 1) + line.replace(b"-", b" "))[0]

    assert len(lines) == MAX_LINES
    assert len(large.encode()) == MAX_OCTETS


def test_replies_of_a_group_come_one_by_one() -> None:
    """RFC 2920: many replies in one segment."""
    parser = ReplyParser()
    parser.feed(b"250 a\r\n550-b\r\n550 c\r\n354 d\r\n")
    found = [parser.next_reply() for _ in range(4)]

    assert found == [Reply(250, "a"), Reply(550, ("b", "c")), Reply(354, "d"), None]
    assert not parser.pending


@pytest.mark.parametrize(
    ("data", "shown", "text"),
    [
        (b"550 \x1b[2J\x1b]0;pwn\x07\r\n", r"550 \x1b[2J\x1b]0;pwn\x07", "\x1b[2J\x1b]0;pwn\x07"),
        (b"550 \xff\xfe\r\n", r"550 \xff\xfe", r"\xff\xfe"),
        ("550 a\u202eb\r\n".encode(), r"550 a\u202eb", "a\u202eb"),
        (b"550 \xed\xa0\x80\r\n", r"550 \xed\xa0\x80", r"\xed\xa0\x80"),
        ("550 5.1.1 gibt's nicht, tschüß\r\n".encode(), "550 5.1.1 gibt's nicht, tschüß", "gibt's nicht, tschüß"),
    ],
    ids=["C08-terminal", "C08-not-utf8", "C08-override", "C08-surrogate", "C08-utf8"],
)
def test_hostile_text_is_kept_and_shown_escaped(data: bytes, shown: str, text: str) -> None:
    """C08: str() can be printed anywhere, nothing of the text is lost, and no surrogate comes in."""
    reply = parsed(data)[0]

    assert str(reply) == shown
    assert reply.text == text
    assert repr(reply).isprintable()
    reply.text.encode()


def test_a_reply_is_classified_by_its_first_digit() -> None:
    """2yz, 3yz, 4yz and 5yz are told apart (RFC 5321 §4.2.1)."""
    told = {
        code: (reply.positive, reply.intermediate, reply.transient, reply.permanent)
        for code in (250, 354, 451, 550)
        for reply in [Reply(code, "x")]
    }

    assert told == {
        250: (True, False, False, False),
        354: (False, True, False, False),
        451: (False, False, True, False),
        550: (False, False, False, True),
    }


def test_how_a_reply_is_written() -> None:
    """A hyphen after all codes but the last, and the enhanced status code on every line (RFC 2034)."""
    assert Reply(250, "OK", "2.0.0").encode() == b"250 2.0.0 OK\r\n"
    assert Reply(250, ("a", "b", "c")).encode() == b"250-a\r\n250-b\r\n250 c\r\n"
    assert Reply(550, ("a", "b"), "5.1.1").encode() == b"550-5.1.1 a\r\n550 5.1.1 b\r\n"
    assert replies.OK.encode() is replies.OK.encode()


@pytest.mark.parametrize(
    ("code", "text", "enhanced"),
    [
        (199, "x", None),
        (600, "x", None),
        (250, "x\r\n550 y", None),
        (250, ("x", "y\n"), None),
        (250, "x\0", None),
        (250, (), None),
        (250, "x", "5.0.0"),
        (250, "x", "2.0"),
        (250, "x", "2.0.0\r\n"),
        (354, "x", "3.0.0"),
        (250, "x", ""),
    ],
)
def test_what_is_never_a_reply(code: int, text: str | tuple[str, ...], enhanced: str | None) -> None:
    """A reply that could not be written as one is not built."""
    with pytest.raises(InputError):
        Reply(code, text, enhanced)


def test_a_reply_is_a_value() -> None:
    """Equal by what it says, hashable, unchangeable, copied and pickled like any value."""
    reply = Reply(550, ("a", "b"), "5.1.1")
    reply.encode()

    assert reply == Reply(550, ("a", "b"), "5.1.1")
    assert reply != Reply(550, ("a", "b"))
    assert reply != "550"
    assert len({reply, Reply(550, ("a", "b"), "5.1.1")}) == 1
    assert pickle.loads(pickle.dumps(reply)) == reply  # noqa: S301  # our own pickle
    assert copy.copy(reply) == reply
    with pytest.raises(AttributeError):
        reply.code = 250


def test_a_refusal_carries_its_reply() -> None:
    """From a name to the error and back, with the fatal mark."""
    error = replies.NOT_SMTP.refusal(fatal=True)

    assert isinstance(error, BadCommand)
    assert error.fatal
    assert Reply.of(error) == replies.NOT_SMTP
    assert not replies.OK.refusal().fatal


@pytest.mark.parametrize("reply", NAMED.values(), ids=NAMED.keys())
def test_named_replies(reply: Reply) -> None:
    """One line of ASCII, no software name, an enhanced status code wherever RFC 2034 wants one."""
    line = reply.encode()

    assert line.isascii()
    assert len(line) <= 512
    assert len(reply.lines) == 1
    assert b"mailward" not in line.lower()
    assert (reply.enhanced is None) == (reply.code == 354)
    assert parsed(line) == [reply]


def test_replies_with_something_in_them() -> None:
    """Greeting, EHLO, challenge, chunk and queue id."""
    assert replies.greeting("mx.example.test").encode() == b"220 mx.example.test ESMTP\r\n"
    assert replies.helo("mx.example.test").encode() == b"250 mx.example.test\r\n"
    assert replies.ehlo("mx", ("SIZE 5", "DSN")).encode() == b"250-mx\r\n250-SIZE 5\r\n250 DSN\r\n"
    assert replies.ehlo("mx", ()).encode() == b"250 mx\r\n"
    assert replies.challenge(b"").encode() == b"334 \r\n"
    assert replies.challenge(b"\0a").encode() == b"334 AGE=\r\n"
    assert replies.queued("4F2A").encode() == b"250 2.0.0 Queued as 4F2A\r\n"


TEXT = st.text(st.characters(min_codepoint=0x20, codec="utf-8"), max_size=60).filter(lambda text: text[:1] not in "245")


@st.composite
def any_reply(draw: st.DrawFn) -> Reply:
    code = draw(st.integers(200, 599))
    enhanced = draw(st.none() | st.integers(0, 999).map(lambda detail: f"{code // 100}.{detail % 8}.{detail}"))
    lines = draw(st.lists(TEXT, min_size=1, max_size=5).map(tuple))
    return Reply(code, lines, enhanced if code // 100 != 3 else None)


@given(st.lists(any_reply(), max_size=4), st.data())
def test_what_is_written_reads_back(sent: list[Reply], data: st.DataObject) -> None:
    """However the octets are cut, the replies come out as they were."""
    octets = b"".join(reply.encode() for reply in sent)
    cut = data.draw(st.integers(0, len(octets)))
    parser = ReplyParser()
    received = []
    for part in (octets[:cut], octets[cut:]):
        parser.feed(part)
        while (reply := parser.next_reply()) is not None:
            received.append(reply)

    assert received == sent
    assert not parser.pending


@given(
    st.binary(max_size=200)
    | st.lists(st.sampled_from([b"250", b"-", b" ", b"\r\n", b"\n", b"\r", b"5.1.1", b"x"])).map(b"".join)
)
def test_any_octets_are_replies_or_refused(octets: bytes) -> None:
    """Nothing but ProtocolError comes out, whole and octet by octet alike."""
    whole, single = ReplyParser(), ReplyParser()
    whole.feed(octets)
    first: list[Reply | str] = []
    second: list[Reply | str] = []
    try:
        while (reply := whole.next_reply()) is not None:
            first.append(reply)
    except ProtocolError:
        first.append("broken")
    try:
        for octet in octets:
            single.feed(bytes([octet]))
            if (reply := single.next_reply()) is not None:
                second.append(reply)
    except ProtocolError:
        second.append("broken")

    assert first == second


def test_hostile_length_costs_nothing() -> None:
    """C03: a reply of the largest size, octet by octet, and a megabyte at once."""
    started = time.process_time()
    feed_singly(ReplyParser(), b"250-" + b"A" * (MAX_LINE - 6))
    with pytest.raises(ProtocolError):
        parsed(b"250-" + b"A" * 1_000_000)
    with pytest.raises(ProtocolError):
        parsed(b"250-\r\n" * 200_000)

    assert time.process_time() - started < 0.5

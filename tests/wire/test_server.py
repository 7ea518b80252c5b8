"""The server's half: every dialogue means the same however it is cut, and nothing smuggles (rows S01-S24)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailward.wire import reply as replies
from mailward.wire.server import ServerLimits, ServerProtocol
from tests.wire.dialogue import ModelSession, Transcript, by_line, by_octet, run, whole

Cut = Callable[[bytes], list[bytes]]

OPEN = b"EHLO client.test\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\n"
DATA = OPEN + b"DATA\r\n"
TEXT = b"Subject: x\r\n\r\nhi"

DIALOGUES = {
    "one message": DATA + TEXT + b"\r\n.\r\nQUIT\r\n",
    "two messages": DATA + TEXT + b"\r\n.\r\n" + DATA[18:] + b"..dot\r\n...\r\n.\r\nQUIT\r\n",
    "empty message": DATA + b".\r\nQUIT\r\n",
    "dots": DATA + b"..\r\n.x\r\n..y\r\n.\r\n",
    "chunks": OPEN + b"BDAT 5\r\nab\r\ncBDAT 4 LAST\r\nde\r\nQUIT\r\n",
    "chunk alone": OPEN + b"BDAT 0 LAST\r\nNOOP\r\n",
    "reset": OPEN + b"RSET\r\nDATA\r\nNOOP\r\n",
    "login": b"EHLO x.test\r\nAUTH LOGIN\r\nYW5u\r\nMAIL FROM:<a@b.test>\r\n",
    "cancelled login": b"EHLO x.test\r\nAUTH LOGIN\r\n*\r\nMAIL FROM:<a@b.test>\r\n",
    "undecodable login": b"EHLO x.test\r\nAUTH LOGIN\r\n%%%\r\nNOOP\r\n",
    "bad sequence": b"MAIL FROM:<a@b.test>\r\nEHLO x.test\r\nRCPT TO:<a@b.test>\r\nDATA\r\nBDAT 3\r\nabcQUIT\r\n",
    "rubbish": b"FOO\r\nEHLO x.test\r\nNOOP \x01\r\nMAIL FROM:<\r\nQUIT\r\n",
    "smuggle": DATA + TEXT + b"\n.\r\nMAIL FROM:<evil@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\nevil\r\n.\r\n",
}


@pytest.mark.parametrize("name", DIALOGUES)
def test_a_dialogue_is_the_same_however_it_is_cut(name: str) -> None:
    """Whole, by line, by octet: the same replies and the same messages."""
    expected = run(whole(DIALOGUES[name]))

    assert run(by_line(DIALOGUES[name])) == expected
    assert run(by_octet(DIALOGUES[name])) == expected


@given(data=st.data(), name=st.sampled_from(sorted(DIALOGUES)))
@settings(max_examples=200, deadline=None)
def test_any_cut_gives_the_same(data: st.DataObject, name: str) -> None:
    """Any partition of any dialogue gives the transcript of the whole."""
    octets = DIALOGUES[name]
    cuts = sorted(data.draw(st.sets(st.integers(1, len(octets) - 1), max_size=12)))
    pieces = [octets[start:end] for start, end in zip([0, *cuts], [*cuts, len(octets)], strict=True)]

    assert run(pieces) == run(whole(octets))


@given(
    octets=st.lists(
        st.sampled_from(
            [b"EHLO x\r\n", b"MAIL FROM:<>\r\n", b"RCPT TO:<a@b.test>\r\n", b"DATA\r\n", b".\r\n", b"\r", b"\n"]
        )
        | st.sampled_from(
            [b"BDAT 3\r\n", b"BDAT 2 LAST\r\n", b"abc", b"AUTH PLAIN\r\n", b"NOOP\n", b"\x00", b"RSET\r\n"]
        )
        | st.binary(max_size=6),
        max_size=25,
    ).map(lambda parts: b"EHLO x\r\n" + b"".join(parts)),
    cut=st.integers(1, 7),
)
@settings(max_examples=400, deadline=None)
def test_arbitrary_bytes_never_raise_and_never_depend_on_the_cut(octets: bytes, cut: int) -> None:
    """No input makes the protocol raise, and a cut changes nothing."""
    expected = run(whole(octets))
    pieces = [octets[index : index + cut] for index in range(0, len(octets), cut)]

    assert run(pieces) == expected


def last_reply(transcript: Transcript) -> bytes:
    return transcript.said.rstrip(b"\r\n").rpartition(b"\r\n")[2]


ENDINGS = {
    "S01": b"\n.\n",
    "S02": b"\n.\r\n",
    "S03": b"\r\n.\n",
    "S04": b"\r.\r",
    "S05": b"\r\n.\r",
    "S06": b"\r.\r\n",
    "S07": b"\n.\r",
    "S08": b"\r\n\x00.\r\n",
    "S09": b"\r\n.\x00\r\n",
    "S10": b"\r\n.\r\r\n",
    "S11": b"\r\r\n.\r\r\n",
}
EVIL = b"MAIL FROM:<evil@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\nevil\r\n.\r\n"


@pytest.mark.parametrize("row", ENDINGS)
@pytest.mark.parametrize("cut", [whole, by_octet])
def test_no_ending_but_the_true_one_ends_content(row: str, cut: Cut) -> None:
    """S01-S11: the message is refused with 554, the connection ends, and what follows is never a command."""
    transcript = run(cut(DATA + TEXT + ENDINGS[row] + EVIL))

    assert transcript.messages == []
    assert transcript.closed
    assert last_reply(transcript) == b"554 5.5.2 Bare CR, bare LF or NUL in the content"


def test_smuggling_after_the_size_limit_is_refused_too() -> None:
    """S12: being over the limit does not open another way out of the content."""
    transcript = run(whole(DATA + b"x" * 2000 + b"\n.\n" + EVIL), ServerLimits(content=1000))

    assert transcript.messages == []
    assert last_reply(transcript) == b"554 5.5.2 Bare CR, bare LF or NUL in the content"


def test_too_big_content_is_read_to_its_end_and_refused() -> None:
    """The session goes on after 552."""
    transcript = run(whole(DATA + b"x" * 2000 + b"\r\n.\r\nNOOP\r\n"), ServerLimits(content=1000))

    assert transcript.messages == []
    assert transcript.said.endswith(b"552 5.3.4 Message too big\r\n250 2.0.0 OK\r\n")


@pytest.mark.parametrize("position", range(1, 5))
def test_the_true_ending_may_be_split_anywhere(position: int) -> None:
    """S13: exactly one message, and the QUIT after it is obeyed."""
    end = b"\r\n.\r\n"
    transcript = run([DATA + TEXT + end[:position], end[position:] + b"QUIT\r\n"])

    assert transcript.messages == [TEXT + b"\r\n"]
    assert last_reply(transcript).startswith(b"221")


@pytest.mark.parametrize(
    ("sent", "kept"), [(b".\r\n", b""), (b"..\r\n.\r\n", b".\r\n"), (b".x\r\n.\r\n", b"x\r\n"), (b"\r\n.\r\n", b"\r\n")]
)
def test_dots(sent: bytes, kept: bytes) -> None:
    """S14: the first dot of a line goes, an empty message is one."""
    assert run(whole(DATA + sent)).messages == [kept]


def test_a_million_dots_take_linear_time() -> None:
    """S14: a body of many dotted lines is decoded whole."""
    transcript = run(whole(DATA + b"..\r\n" * 100_000 + b".\r\n"))

    assert transcript.messages == [b".\r\n" * 100_000]


@pytest.mark.parametrize("body", [b"a\rb", b"a\nb", b"\r", b"\n", b"a\r\r\n", b"a\x00b"])
def test_bare_newlines_in_chunks_are_refused(body: bytes) -> None:
    """S15: in BDAT as in DATA, but the framing is certain, so the session goes on."""
    transcript = run(whole(OPEN + b"BDAT %d LAST\r\n" % len(body) + body + b"NOOP\r\n"))

    assert transcript.messages == []
    assert transcript.said.endswith(b"554 5.5.2 Bare CR, bare LF or NUL in the content\r\n250 2.0.0 OK\r\n")


def test_a_crlf_may_be_split_between_chunks() -> None:
    """A CR at the end of one chunk and its LF in the next are one CRLF."""
    assert run(whole(OPEN + b"BDAT 2\r\na\rBDAT 2 LAST\r\n\nb")).messages == [b"a\r\nb"]


def test_bdat_without_chunking_ends_the_connection() -> None:
    """S17: its octets are never executed."""
    transcript = run(whole(OPEN + b"BDAT 6 LAST\r\nQUIT\r\n"), chunking=False)

    assert transcript.closed
    assert last_reply(transcript).startswith(b"503")


@pytest.mark.parametrize("argument", [b" -1", b" 18446744073709551616", b" 1_0", b" 0x10", b""])
def test_bad_chunk_sizes_end_the_connection(argument: bytes) -> None:
    """S18: how many octets follow is unknown, so nothing after it can be read."""
    transcript = run(whole(OPEN + b"BDAT" + argument + b"\r\nQUIT\r\n"))

    assert transcript.closed
    assert last_reply(transcript)[:3] in {b"501", b"552"}


def test_endless_empty_chunks_end() -> None:
    """S19: a transaction has a bounded number of chunks."""
    transcript = run(whole(OPEN + b"BDAT 0\r\n" * 60), ServerLimits(chunks=50))

    assert transcript.closed
    assert last_reply(transcript) == b"554 5.5.0 Too many chunks"


@pytest.mark.parametrize("prefix", [b"EHLO x.test\r\n", b"EHLO x.test\r\nMAIL FROM:<a@b.test>\r\n"])
def test_a_refused_chunk_is_read_past(prefix: bytes) -> None:
    """S20: exactly its octets are skipped, though they look like commands."""
    transcript = run(whole(prefix + b"BDAT 6\r\nQUIT\r\nNOOP\r\n"))

    assert transcript.said.endswith(b"503 5.5.1 Bad sequence of commands\r\n250 2.0.0 OK\r\n")


@pytest.mark.parametrize(
    ("dialogue", "codes"),
    [
        (OPEN + b"BDAT 1\r\n\nDATA\r\n", [b"554", b"503"]),  # S21
        (OPEN + b"BDAT 1\r\naDATA\r\n", [b"250", b"503"]),  # S22
        (DATA + b"a\x00\r\n.\r\n", [b"354", b"554"]),
    ],
)
def test_a_transaction_ends_with_its_refused_content(dialogue: bytes, codes: list[bytes]) -> None:
    """S21-S22: no way from one kind of content to the other."""
    said = run(whole(dialogue)).said.split(b"\r\n")

    assert [line[:3] for line in said[-1 - len(codes) : -1]] == codes


def test_no_recipient_survives_refused_content() -> None:
    """S23: after a refusal at the end, RCPT and DATA without MAIL are out of sequence."""
    session = ModelSession(ServerLimits(content=3))
    session.feed(DATA + b"toolong\r\n.\r\nRCPT TO:<d@e.test>\r\nDATA\r\n")

    assert session.transcript.said.endswith(
        b"552 5.3.4 Message too big\r\n" + b"503 5.5.1 Bad sequence of commands\r\n" * 2
    )


def test_bytes_after_starttls_end_the_session() -> None:
    """S46: nothing plaintext is executed after TLS; a whole command, part of one, or a single newline."""
    for rest in (b"MAIL FROM:<a@b.test>\r\n", b"MAI", b"\n"):
        transcript = run(whole(b"EHLO x.test\r\nSTARTTLS\r\n" + rest))

        assert transcript.closed
        assert last_reply(transcript) == b"554 5.5.1 Octets followed STARTTLS"


def test_nothing_is_read_between_220_and_the_handshake() -> None:
    """Bytes that come after the 220 wait for TLS."""
    session = ModelSession()
    session.feed(b"EHLO x.test\r\nSTARTTLS\r\n")
    session.feed(b"MAIL FROM:<a@b.test>\r\n")

    assert session.transcript.said.endswith(b"220 2.0.0 Ready to start TLS\r\n")


def test_endless_lines_are_cut_off() -> None:
    """S27: a line without an end is refused at its limit, not collected."""
    session = ModelSession()
    session.feed(b"A" * 600)

    assert session.transcript.closed
    assert last_reply(session.transcript) == b"500 5.5.2 Line too long"
    assert session.protocol.buffered <= 600


@pytest.mark.parametrize(("line", "limit"), [(b"NOOP " + b"x" * 505, 512), (b"AUTH PLAIN " + b"A" * 12275, 12288)])
def test_lines_up_to_their_limit_are_read(line: bytes, limit: int) -> None:
    """512 octets for a command, 12,288 for AUTH, CRLF included; one more is refused and the session goes on."""
    assert len(line) + 2 == limit

    assert b"Line too long" not in run(whole(b"EHLO x.test\r\n" + line + b"\r\n")).said
    assert run(whole(b"EHLO x.test\r\n" + line + b"x\r\nNOOP\r\n")).said.endswith(
        b"500 5.5.2 Line too long\r\n250 2.0.0 OK\r\n"
    )


def test_strict_text_lines() -> None:
    """On the strict setting a text line has at most 1,000 octets, however it arrives."""
    limits = ServerLimits(text_line=1000)
    body = b"y" * 998 + b"\r\n"

    assert run(whole(DATA + body + b".\r\n"), limits).messages == [body]
    for cut in (whole, by_octet):
        transcript = run(cut(DATA + b"y" + body + b".\r\n"), limits)
        assert transcript.messages == []
        assert last_reply(transcript) == b"554 5.5.2 Text line too long"


def test_replies_leave_together_and_in_order() -> None:
    """A pipelined group is answered in one piece."""
    session = ModelSession()
    session.protocol.data_to_send()
    session.feed(OPEN + b"DATA\r\n")

    assert [line[:3] for line in session.transcript.said.splitlines()] == [b"250", b"250", b"250", b"250", b"354"]


def test_an_unanswered_command_holds_back_the_next() -> None:
    """The driver may take its time; nothing is understood meanwhile."""
    protocol = ServerProtocol(ServerLimits())
    protocol.greet(replies.greeting("x.test"))
    protocol.receive_data(b"NOOP\r\nNOOP\r\n")

    assert protocol.next_event() is not None
    assert protocol.next_event() is None
    protocol.send_reply(replies.OK)
    assert protocol.next_event() is not None


@pytest.mark.parametrize(
    "first", [b"\x16\x03\x01\x00\xa5\x01", b"\x05\x01\x00", b"\x03\x00\x00\x13", b"GET / HTTP/1.1", b"SSH-2.0-x"]
)
@pytest.mark.parametrize("cut", [whole, by_octet])
def test_other_protocols_are_known_by_their_first_octets(first: bytes, cut: Cut) -> None:
    """S40: one 421, at once: none of them would send a line end before it is answered."""
    transcript = run(cut(first))

    assert transcript.closed
    assert last_reply(transcript) == b"421 4.7.0 This is an SMTP server"

"""Bytes, TLS and time at the server's door: whatever a client does with them, it ends well for everyone else."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mailward.server import connection, pace
from mailward.server import session as sessions
from mailward.server.session import Session
from mailward.wire.command import Noop
from mailward.wire.reply import Reply
from tests.support.embedded_server import EmbeddedServer
from tests.support.installation import ANN, BOB, IMPLICIT, PASSWORD, PLAINTEXT, STARTTLS, TRUSTED, own_field, until
from tests.support.talk import Answer, Talk

CONTENT = b"Subject: dots\r\n\r\n.one\r\n..two\r\nthree\r\n"
STUFFED = b"Subject: dots\r\n\r\n..one\r\n...two\r\nthree\r\n.\r\n"
DOORS = (IMPLICIT, STARTTLS, PLAINTEXT)
Open = Callable[[str], Talk]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    with EmbeddedServer(tmp_path_factory.mktemp("connection"), listeners=DOORS, relay=True) as running:
        yield running


@pytest.fixture
def hasty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EmbeddedServer]:
    """A server whose patience is short."""
    for name, seconds in {"_HANDSHAKE": 0.4, "PATIENCE": 0.4, "_LINGER": 0.2}.items():
        monkeypatch.setattr(connection, name, seconds)
    monkeypatch.setattr(pace, "_SLOW_GRACE", 0.5)
    limits = {"idle_before_login": 1.0, "idle": 1.0}
    with EmbeddedServer(tmp_path, listeners=DOORS, relay=True, limits=limits) as running:
        yield running


def trusted(server: EmbeddedServer, door: str) -> Talk:
    """A client that may send, after EHLO, by any door."""
    talk = Talk(server.ports[door], source=TRUSTED, tls=server.trust if door == IMPLICIT else None)
    talk.ehlo()
    if door == STARTTLS:
        talk.starttls(server.trust)
        talk.ehlo()
    return talk


def kept(server: EmbeddedServer, answer: Answer) -> bytes:
    """The content of the message that `answer` acknowledges, as it was sent."""
    return own_field(server.content(answer.queue_id))[1]


# --- framing


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("cut", range(1, 6))
def test_end_of_content_in_pieces(server: EmbeddedServer, door: str, cut: int) -> None:
    """S13: the final CRLF.CRLF cut at each place, over TCP segments and TLS records: one message, and QUIT obeyed."""
    before = len(server.mails())
    with trusted(server, door) as talk:
        talk.envelope("a@b.test", BOB)
        assert talk.say("DATA").code == 354
        at = len(STUFFED) - 5 + cut
        talk.write(STUFFED[:at])
        if at < len(STUFFED):
            talk.socket.settimeout(0.02)
            with pytest.raises(TimeoutError):
                talk.answer()
            talk.socket.settimeout(10)
        talk.write(STUFFED[at:] + b"QUIT\r\n")
        taken, bye = talk.answer(), talk.answer()
        assert talk.ended()

    assert bye.code == 221
    assert len(server.mails()) == before + 1
    assert kept(server, taken) == CONTENT


@pytest.mark.parametrize("door", DOORS)
def test_dialogue_by_octet(server: EmbeddedServer, door: str) -> None:
    """A whole transaction sent one octet at a time comes to the same."""
    with trusted(server, door) as talk:
        commands = [b"MAIL FROM:<a@b.test>\r\n", b"RCPT TO:<c@d.test>\r\n", b"DATA\r\n", STUFFED]
        answers = []
        for command in commands:
            for octet in command:
                talk.write(bytes([octet]))
            answers.append(talk.answer())

    assert [answer.code for answer in answers] == [250, 250, 354, 250]
    assert kept(server, answers[-1]) == CONTENT


def test_pipelined_group_is_answered_at_once(server: EmbeddedServer) -> None:
    """The replies to a pipelined group leave together, in order."""
    with trusted(server, PLAINTEXT) as talk:
        talk.write(b"MAIL FROM:<a@b.test>\r\nRCPT TO:<b@c.test>\r\nRCPT TO:<@>\r\nRCPT TO:<c@d.test>\r\nDATA\r\n")
        replies = talk.socket.recv(65536).split(b"\r\n")

    assert [reply[:3] for reply in replies] == [b"250", b"250", b"501", b"250", b"354", b""]


def test_pipelined_beyond_the_end_of_content(server: EmbeddedServer) -> None:
    """Two transactions in one segment are two messages, each answered after its own commit."""
    before = len(server.mails())
    one = b"MAIL FROM:<a@b.test>\r\nRCPT TO:<b@c.test>\r\nBDAT 3 LAST\r\nx\r\n"
    with trusted(server, PLAINTEXT) as talk:
        talk.write(one + one + b"QUIT\r\n")
        codes = [talk.answer().code for _ in range(7)]

    assert codes == [250, 250, 250, 250, 250, 250, 221]
    assert len(server.mails()) == before + 2


@pytest.mark.parametrize("door", DOORS)
def test_no_reply_waits_for_an_acknowledgement(server: EmbeddedServer, door: str) -> None:
    """Every connection has TCP_NODELAY, or the 250 after a commit would be 40 ms late."""
    with trusted(server, door):
        transports = [peer._transport for peer in server.server.listeners[DOORS.index(door)].connections]
        options = [
            each.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            for each in transports
            if each
        ]
        assert options
        assert all(options)


@pytest.mark.parametrize(
    "ending",
    [b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r\n.\r", b"\r.\r\n", b"\n.\r", b"\r\n\0.\r\n", b"\r\n.\0\r\n"],
    ids=repr,
)
def test_smuggling(server: EmbeddedServer, ending: bytes) -> None:
    """S01-S11: no ending but CRLF.CRLF ends the content; the message is refused and what follows is never executed."""
    before = len(server.mails())
    with trusted(server, PLAINTEXT) as talk:
        talk.envelope("a@b.test", BOB)
        assert talk.say("DATA").code == 354
        talk.write(
            b"Subject: x\r\n\r\nhi" + ending + b"MAIL FROM:<x@y.test>\r\nRCPT TO:<z@y.test>\r\nDATA\r\nx\r\n.\r\n"
        )
        rest = talk.rest()

    assert rest.startswith(b"554 5.5.2")
    assert rest.count(b"\r\n") == 1
    assert len(server.mails()) == before


def test_endless_line(hasty: EmbeddedServer) -> None:
    """S27: a line without an end is 500 and the end at once; what still comes is not kept."""
    with Talk(hasty.ports[PLAINTEXT]) as talk:
        assert talk.answer().code == 220
        (peer,) = hasty.server.listeners[2].connections
        begin = time.monotonic()
        writer = threading.Thread(target=write_until_closed, args=(talk, b"A" * 65536))
        writer.start()
        assert talk.answer().code == 500
        assert time.monotonic() - begin < 1
        writer.join(10)
        assert time.monotonic() - begin < 4

    assert peer._protocol.buffered <= 256 * 1024


# --- TLS


@pytest.mark.parametrize("extra", [b"MAIL FROM:<a@b.test>\r\n", b"MAI", b"\n", b"\x16\x03\x01"], ids=repr)
def test_octets_after_starttls(server: EmbeddedServer, extra: bytes) -> None:
    """S46: octets that came with STARTTLS end the session; nothing of them is ever executed."""
    with Talk(server.ports[STARTTLS], source=TRUSTED) as talk:
        talk.ehlo()
        talk.write(b"STARTTLS\r\n" + extra)
        rest = talk.rest()

    assert rest.startswith(b"554 5.5.1")
    assert rest.count(b"\r\n") == 1


def test_starttls_with_bare_newline(server: EmbeddedServer) -> None:
    """S46: STARTTLS that ends with a bare LF is no command."""
    with Talk(server.ports[STARTTLS]) as talk:
        talk.ehlo()
        talk.write(b"STARTTLS\nMAIL FROM:<a@b.test>\r\n")

        assert [talk.answer().code, talk.answer().code] == [500, 530]


@pytest.mark.parametrize(
    "words", [b"EHLO x\r\nMAIL FROM:<a@b.test>\r\n", b"\x16\x03\x01\x00\x05hello", b"\x80\x2e\x01\0\2" + b"\0" * 43]
)
def test_failed_handshake_ends_the_session(server: EmbeddedServer, words: bytes) -> None:
    """S47: when TLS fails the connection ends; there is no way back to clear text."""
    with Talk(server.ports[STARTTLS], source=TRUSTED) as talk:
        talk.ehlo()
        assert talk.say("STARTTLS").code == 220
        talk.write(words)
        rest = talk.rest()

    assert b"250" not in rest
    assert not rest or rest.startswith(b"\x15\x03"), "a TLS alert, if anything"


def test_old_tls_is_refused(server: EmbeddedServer) -> None:
    """S57: TLS 1.1 is answered with an alert."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(server.ca)
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")

    with pytest.raises((ssl.SSLError, ConnectionError)):
        Talk(server.ports[IMPLICIT], tls=context)


@pytest.mark.parametrize("door", [IMPLICIT, STARTTLS])
def test_truncated_tls_is_not_a_message(server: EmbeddedServer, door: str) -> None:
    """S59: a connection that ends in the content, without close_notify, leaves no message."""
    before = len(server.mails())
    talk = trusted(server, door)
    talk.envelope("a@b.test", BOB)
    assert talk.say("DATA").code == 354
    talk.write(b"Subject: half\r\n\r\nhalf a mess")
    talk.socket.shutdown(socket.SHUT_WR)
    assert b"250" not in talk.rest()
    talk.socket.close()

    assert len(server.mails()) == before


def test_close_notify_is_answered(server: EmbeddedServer) -> None:
    """A client that ends TLS properly is ended properly."""
    with Talk(server.ports[IMPLICIT], tls=server.trust) as talk:
        talk.ehlo()
        assert isinstance(talk.socket, ssl.SSLSocket)
        talk.socket.unwrap().close()


# --- time


def test_no_client_hello(hasty: EmbeddedServer) -> None:
    """S58: a client that connects and says nothing, or one octet at a time, is gone when the handshake's time is."""
    hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 100
    with Talk(hasty.ports[IMPLICIT]) as silent, Talk(hasty.ports[IMPLICIT]) as dripping:
        begin = time.monotonic()
        drip_until_closed(dripping, hello, every=0.1)
        assert silent.ended()
        assert 0.3 < time.monotonic() - begin < 2


def test_no_client_hello_after_starttls(hasty: EmbeddedServer) -> None:
    """S58: the same after STARTTLS."""
    with Talk(hasty.ports[STARTTLS]) as talk:
        talk.ehlo()
        assert talk.say("STARTTLS").code == 220
        begin = time.monotonic()
        assert talk.ended(2)
        assert time.monotonic() - begin > 0.3


def test_silent_client_times_out(hasty: EmbeddedServer) -> None:
    """S64: nothing said for the time allowed is 421 4.4.2, logged in or not."""
    with Talk(hasty.ports[IMPLICIT], tls=hasty.trust) as stranger, trusted(hasty, STARTTLS) as known:
        stranger.ehlo()
        begin = time.monotonic()
        answers = [str(talk.answer()) for talk in (stranger, known)]
        assert 0.5 < time.monotonic() - begin < 3

        assert [answer[:9] for answer in answers] == ["421 4.4.2", "421 4.4.2"]
        assert stranger.ended()
        assert known.ended()


def test_dripped_command_is_no_progress(hasty: EmbeddedServer) -> None:
    """S64: a command that comes an octet at a time does not buy its client any time."""
    with Talk(hasty.ports[PLAINTEXT]) as talk:
        talk.ehlo()
        begin = time.monotonic()
        drip_until_closed(talk, b"N" * 200, every=0.05)
        assert 0.5 < time.monotonic() - begin < 3


def test_dripped_content_is_cut_off(hasty: EmbeddedServer) -> None:
    """S64: content slower than the least rate is 421 after its grace, and no message."""
    with trusted(hasty, PLAINTEXT) as talk:
        talk.envelope("a@b.test", BOB)
        assert talk.say("DATA").code == 354
        begin = time.monotonic()
        drip_until_closed(talk, b"slow\r\n" * 100, every=0.05)
        assert time.monotonic() - begin < 3

    assert hasty.mails() == []


def test_slow_but_steady_content_is_taken(hasty: EmbeddedServer) -> None:
    """S64: content above the least rate may take longer than any silence may."""
    with trusted(hasty, PLAINTEXT) as talk:
        talk.envelope("a@b.test", BOB)
        assert talk.say("DATA").code == 354
        for _ in range(15):
            talk.write(b"x" * 98 + b"\r\n")
            time.sleep(0.1)  # it is the very thing that is tested
        talk.write(b".\r\n")

        assert talk.answer().code == 250


def test_client_that_never_reads(hasty: EmbeddedServer) -> None:
    """S41: a client that writes commands and reads no reply fills no memory of ours, and goes when its time is over."""
    with trusted(hasty, PLAINTEXT) as talk:
        talk.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        group = b"MAIL FROM:<a@b.test>\r\nRSET\r\n" * 2000
        writer = threading.Thread(target=write_until_closed, args=(talk, group))
        writer.start()
        (peer,) = hasty.server.listeners[2].connections
        most = 0
        while writer.is_alive():
            transport = peer._transport
            if transport is not None:
                most = max(most, transport.get_write_buffer_size() + peer._protocol.buffered)
            writer.join(0.01)

    assert 64 * 1024 < most <= 2 * 256 * 1024 + 256 * 1024, "what is unsent, what is unread, and one read of the socket"


def test_reset_in_the_middle(server: EmbeddedServer) -> None:
    """A connection that is reset while its message is committed ends nothing but itself; the message is kept."""
    before = len(server.mails())
    with trusted(server, PLAINTEXT) as talk:
        talk.envelope("a@b.test", BOB)
        assert talk.say("DATA").code == 354
        talk.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        talk.write(STUFFED)

    until(lambda: not any(listener.connections for listener in server.server.listeners))
    assert len(server.mails()) - before in {0, 1}
    with trusted(server, PLAINTEXT) as talk:
        assert talk.say("NOOP").code == 250


# --- faults of ours


def test_a_fault_ends_one_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception nobody expected is 421 without a word of what it was, and ends that connection only."""

    def broken(_session: Session, _event: Noop) -> Reply:
        raise RuntimeError("the secret inner workings")

    monkeypatch.setitem(sessions._HANDLERS, Noop, broken)
    server = EmbeddedServer(tmp_path, listeners=(PLAINTEXT,), relay=True)
    server.expected = ("session ended by a fault of ours",)
    with server, trusted(server, PLAINTEXT) as other, trusted(server, PLAINTEXT) as talk:
        answer = str(talk.say("NOOP"))

        assert answer.startswith("421 4.3.0")
        assert "secret" not in answer
        assert talk.ended()
        other.envelope("a@b.test", BOB)
        assert other.data(b"x\r\n").code == 250


def test_login_survives_its_client(server: EmbeddedServer) -> None:
    """A client that hangs up while its password is checked has been judged all the same."""
    with Talk(server.ports[IMPLICIT], tls=server.trust, source="127.0.0.77") as talk:
        talk.ehlo()
        talk.write(b"AUTH PLAIN AGFubkBleGFtcGxlLnRlc3QAd3Jvbmc=\r\n")

    def judged() -> list[object]:
        return [event for event in server.events("login.failed") if event["source"] == "127.0.0.77"]

    (event,) = until(judged)
    assert event["reason"] == "bad-password"  # type: ignore[index]
    with Talk(server.ports[IMPLICIT], tls=server.trust) as talk:
        talk.ehlo()
        assert talk.scram(ANN, PASSWORD).code == 235


def drip_until_closed(talk: Talk, data: bytes, *, every: float) -> None:
    """One octet at a time until the server has had enough."""
    talk.socket.settimeout(every)
    for octet in data:
        try:
            talk.write(bytes([octet]))
            talk.socket.recv(65536)
        except TimeoutError:
            continue
        except ConnectionError:
            return
        talk.socket.settimeout(5)
        talk.rest()
        return
    raise AssertionError("the server took all of it")


def write_until_closed(talk: Talk, data: bytes) -> None:
    try:
        while True:
            talk.write(data)
    except OSError:
        return


@pytest.mark.parametrize("door", DOORS)
def test_half_closed_client_hears_what_became_of_its_message(server: EmbeddedServer, door: str) -> None:
    """Who sends everything and shuts its side down is answered, or it would send the message again."""
    with trusted(server, door) as talk:
        talk.envelope("a@b.test", BOB)
        talk.say("DATA")
        talk.write(STUFFED + b"QUIT\r\n")
        if door == PLAINTEXT:
            talk.socket.shutdown(socket.SHUT_WR)

        answer = talk.answer()
        assert answer.code == 250
        assert kept(server, answer) == CONTENT
        assert talk.answer().code == 221


def test_replies_nobody_reads_are_not_collected(server: EmbeddedServer) -> None:
    """S41: a flood of EHLO with the reader stopped is bounded, and the others are served meanwhile."""
    with Talk(server.ports[STARTTLS]) as flood:
        flood.answer()
        flood.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        flood.socket.settimeout(0.5)
        with contextlib.suppress(OSError):
            flood.write(b"NOOP\r\nEHLO client.test\r\n" * 40_000)

        unsent = [
            each._transport.get_write_buffer_size()
            for listener in server.server.listeners
            for each in listener.connections
            if each._transport is not None
        ]
        assert max(unsent, default=0) <= 256 * 1024
        with Talk(server.ports[STARTTLS]) as other:
            assert other.ehlo().code == 250


def test_dripped_chunk_is_cut_off(hasty: EmbeddedServer) -> None:
    """The least rate holds for BDAT as for DATA."""
    with trusted(hasty, PLAINTEXT) as talk:
        talk.envelope("a@b.test", BOB)
        talk.write(b"BDAT 1000 LAST\r\n")
        begin = time.monotonic()
        drip_until_closed(talk, b"x" * 200, every=0.05)
        assert time.monotonic() - begin < 3

    assert hasty.mails() == []

"""A full disk: 452 before anything is promised, nothing lost that was, and all is well again when there is space."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.installation import ANN, BOB, PLAINTEXT, TRUSTED, own_field, until
from tests.support.mailward_server import MailwardServer
from tests.support.postfix import need_root
from tests.support.talk import Answer, Talk

pytestmark = pytest.mark.e2e

DISK = "40m"
RESERVE = 16 << 20  # octets that the server keeps free
SMALL, LARGE = b"\r\n" + b"x" * 60_000 + b"\r\n", b"\r\n" + b"y" * 300_000 + b"\r\n"
# In a mount namespace of the server's own: when the process ends, however it ends, the disk is gone.
MOUNT = f'mount -t tmpfs -o size={DISK},mode=0700 tmpfs "$0" && exec "$@"'


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MailwardServer]:
    """One whose state directory is a disk of 40 MiB."""
    need_root()
    server = MailwardServer(tmp_path, listeners=(PLAINTEXT,), relay=True, accounts={})
    server.state.mkdir(mode=0o700)
    server.wrapper = ("unshare", "--mount", "--propagation", "private", "sh", "-c", MOUNT, str(server.state))
    with server:
        server.entering = ("nsenter", "--mount", f"--target={server.process.pid}")
        yield server


def disk(server: MailwardServer) -> Path:
    """The state directory as the server sees it. (SQLite does not, which is why mail is looked at by command.)"""
    return Path(f"/proc/{server.process.pid}/root{server.state}")


def ids_of(server: MailwardServer) -> set[str]:
    return {mail["id"] for mail in server.listing("mail", "list")}


def spooled(server: MailwardServer) -> set[str]:
    return {path.name for path in (disk(server) / "spool").iterdir()}


@contextmanager
def filled(server: MailwardServer, *, leaving: int = 0) -> Iterator[None]:
    """The disk is full but for so many octets."""
    ballast = disk(server) / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            for size in (1 << 16, 1 << 12, 1):
                with_size(file, size)
        finally:
            file.truncate(max(0, file.tell() - leaving))
    try:
        yield
    finally:
        ballast.unlink()


def with_size(file: object, size: int) -> None:
    """Write pieces of this size until there is no space for another."""
    try:
        while True:
            file.write(b"\0" * size)  # type: ignore[attr-defined]
    except OSError as problem:
        assert problem.errno == errno.ENOSPC


def connect(server: MailwardServer) -> Talk:
    talk = Talk(server.ports[PLAINTEXT], source=TRUSTED)
    talk.ehlo()
    return talk


def send(talk: Talk, content: bytes) -> Answer:
    talk.envelope(ANN, BOB)
    return talk.data(content)


def takes_mail(talk: Talk) -> bool:
    """Whether MAIL is taken; leaves no transaction behind."""
    answer = talk.say(f"MAIL FROM:<{ANN}> SIZE=1000")
    talk.say("RSET")
    assert answer.code == 250 or str(answer).startswith("452 4.3.1"), answer
    return answer.code == 250


def test_refused_before_it_is_full(server: MailwardServer) -> None:
    """With less than the reserve left MAIL is 452 4.3.1, in the same sessions taken again when there is space."""
    with connect(server) as talk:
        assert send(talk, SMALL).code == 250
        with filled(server, leaving=RESERVE - (1 << 20)):
            until(lambda: not takes_mail(talk))
            with connect(server) as another:
                assert not takes_mail(another)
        until(lambda: takes_mail(talk))
        assert send(talk, LARGE).code == 250

    assert len(ids_of(server)) == 2


def test_room_for_what_is_announced(server: MailwardServer) -> None:
    """A message is refused at MAIL when what SIZE announces would not fit, and a smaller one is taken."""
    with connect(server) as talk:
        assert str(talk.say(f"MAIL FROM:<{ANN}> SIZE=20000000")).startswith("452 4.3.1")
        assert takes_mail(talk)


@pytest.mark.parametrize("content", [SMALL, LARGE], ids=["in the database", "in the spool"])
def test_full_at_the_end(server: MailwardServer, content: bytes) -> None:
    """S66: a disk that fills up after MAIL is 452 at the end, never 250; what was acknowledged before is all there."""
    acknowledged: list[Answer] = []
    with connect(server) as talk:
        acknowledged += [send(talk, content) for _ in range(3)]
        talk.envelope(ANN, BOB)
        with filled(server):
            answers = [talk.data(content)]
            while answers[-1].code == 250 and len(answers) < 400:  # the database has some pages of its own to fill
                answers.append(again(server, content))
            assert str(answers[-1]).startswith("452 4.3.1")
            stored = ids_of(server)
        until(lambda: takes_mail(talk))
        acknowledged += [*answers[:-1], send(talk, content)]

    assert {answer.code for answer in acknowledged} == {250}
    ids = [answer.queue_id for answer in acknowledged]
    assert ids_of(server) == set(ids)
    assert stored == set(ids[:-1])
    assert spooled(server) == (set(ids) if content is LARGE else set())
    for identifier in (ids[0], ids[-2], ids[-1]):
        raw = server.cli("mail", "show", identifier, "--raw").stdout.encode().replace(b"\n", b"\r\n")
        assert own_field(raw)[1] == content
    told = [event["message"] for event in server.listing_lines("events", "--type", "message.accepted")]
    assert told == ids


def again(server: MailwardServer, content: bytes) -> Answer:
    """Another message on the full disk: its MAIL is taken only by a server that has not looked yet."""
    with connect(server) as talk:
        answer = talk.say(f"MAIL FROM:<{ANN}>")
        if answer.code != 250:
            return answer
        talk.say(f"RCPT TO:<{BOB}>")
        return talk.data(content)


def test_full_in_the_middle(server: MailwardServer) -> None:
    """S66: a disk that fills up while content comes is 452 at its end, the session goes on, no half file stays."""
    with connect(server) as talk:
        talk.envelope(ANN, BOB)
        assert talk.say("DATA").code == 354
        talk.write(LARGE)
        until(lambda: spooled(server))
        with filled(server):
            talk.write(LARGE + b".\r\n")
            assert str(talk.answer()).startswith("452 4.3.1")
            assert talk.say("NOOP").code == 250
        until(lambda: takes_mail(talk))
        assert send(talk, LARGE).code == 250

    assert spooled(server) == ids_of(server)
    assert len(ids_of(server)) == 1

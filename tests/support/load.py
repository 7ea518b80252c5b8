"""Senders that never rest, through whatever happens to the server, and that remember what was promised to them."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256

from tests.support.installation import ANN, IMPLICIT, PASSWORD, PLAINTEXT, TRUSTED
from tests.support.mailward_server import MailwardServer
from tests.support.talk import Answer, Ended, Talk

_OCTETS = {"small": 300, "middle": 20_000, "large": 150_000}


def content_of(name: str) -> bytes:
    """The whole message of this name, which says what size it has and what must be in it."""
    kind = name.split("-", maxsplit=1)[0]
    line = sha256(name.encode()).hexdigest().encode() + b"\r\n"
    return b"X-Name: " + name.encode() + b"\r\n\r\n" + line * (_OCTETS[kind] // len(line) + 1)


def name_of(content: bytes) -> str:
    found = re.search(rb"^X-Name: (\S+)\r\n", content, re.MULTILINE)
    assert found is not None
    return found[1].decode()


class Sender(threading.Thread):
    """Sends one message after the other, and goes on when the server is there again."""

    def __init__(self, server: MailwardServer, kind: str, number: int, *, door: str) -> None:
        super().__init__(name=f"sender-{kind}-{number}", daemon=True)
        self.tried: set[str] = set()
        self.acknowledged: dict[str, str] = {}  # name to queue id
        self.over = threading.Event()
        self.problem: BaseException | None = None
        self._server = server
        self._kind = kind
        self._number = number
        self._door = door

    def run(self) -> None:
        try:
            while not self.over.is_set():
                try:
                    self._session()
                except (OSError, Ended):
                    self.over.wait(0.01)
        except BaseException as problem:  # noqa: BLE001  # the test raises it
            self.problem = problem

    def _session(self) -> None:
        tls = self._server.trust if self._door == IMPLICIT else None
        source = None if self._door == IMPLICIT else TRUSTED
        with Talk(self._server.ports[self._door], tls=tls, source=source) as talk:
            _expected(talk.answer(), 220)
            _expected(talk.ehlo(), 250)
            if self._door == IMPLICIT:
                _expected(talk.scram(ANN, PASSWORD), 235)
            for _ in range(50):
                if self.over.is_set():
                    return
                self._message(talk)

    def _message(self, talk: Talk) -> None:
        name = f"{self._kind}-{self._number}-{len(self.tried)}"
        content = content_of(name)
        self.tried.add(name)
        envelope = f"MAIL FROM:<{ANN}>\r\nRCPT TO:<{name}@inbox.test>\r\n".encode()
        if len(self.tried) % 2:
            talk.write(envelope + f"BDAT {len(content)} LAST\r\n".encode() + content)
            for _ in range(2):
                _expected(talk.answer(), 250)
        else:
            talk.write(envelope + b"DATA\r\n")
            for code in (250, 250, 354):
                _expected(talk.answer(), code)
            talk.write(content + b".\r\n")
        last = _expected(talk.answer(), 250)
        self.acknowledged[name] = last.queue_id
        if self._kind == "large":
            self.over.wait(0.02)


def _expected(answer: Answer, code: int) -> Answer:
    """`answer`, which must have this code. Raises Ended when the server is about to stop."""
    if answer.code == 421:
        raise Ended
    assert answer.code == code, answer
    return answer


@contextmanager
def load(server: MailwardServer) -> Iterator[list[Sender]]:
    """Senders of every size, through both doors."""
    kinds = [
        ("small", PLAINTEXT),
        ("small", PLAINTEXT),
        ("small", IMPLICIT),
        ("middle", IMPLICIT),
        ("large", PLAINTEXT),
    ]
    senders = [Sender(server, kind, number, door=door) for number, (kind, door) in enumerate(kinds)]
    for sender in senders:
        sender.start()
    try:
        yield senders
    finally:
        for sender in senders:
            sender.over.set()
        for sender in senders:
            sender.join(30)
    for sender in senders:
        if sender.problem is not None:
            raise sender.problem


def promised(senders: list[Sender]) -> tuple[set[str], dict[str, str]]:
    """The names of all that were tried, and the queue id of each that was acknowledged."""
    tried = set().union(*(sender.tried for sender in senders))
    acknowledged: dict[str, str] = {}
    for sender in senders:
        acknowledged |= sender.acknowledged
    return tried, acknowledged

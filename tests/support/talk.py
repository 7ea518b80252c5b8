"""A raw SMTP client: says exactly the octets it is told, over the sockets and the TLS of the standard library.

with Talk(port) as talk:
    talk.play('''
        S: 220
        C: EHLO client.test
        S: 250
    ''')
"""

from __future__ import annotations

import base64
import contextlib
import re
import socket
import ssl
import time
from pathlib import Path
from textwrap import dedent
from typing import NamedTuple, Self

from mailward.sasl.mechanism import Credentials, finish, respond
from mailward.sasl.register import client_mechanisms
from mailward.secret import Secret

Context = ssl.SSLContext
_QUEUED = re.compile(r"250 2\.0\.0 Queued as (\w{26})")


class Answer(NamedTuple):
    """One reply as it came: `lines` without their code."""

    code: int
    lines: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.code} {' | '.join(self.lines)}"

    @property
    def queue_id(self) -> str:
        """The name the message was given, where this is the acknowledgement of one."""
        found = _QUEUED.fullmatch(str(self))
        assert found is not None, f"{self} acknowledges nothing"
        return found[1]


class Ended(Exception):
    """The server ended the connection instead of answering."""


def trusting(ca: Path | str) -> Context:
    """Verifies against this CA, and the name."""
    return ssl.create_default_context(cafile=str(ca))


class Talk:
    """One connection. `source`: the address to come from. `tls`: begin with it. `patience`: seconds for an answer."""

    def __init__(
        self,
        port: int,
        *,
        host: str = "127.0.0.1",
        source: str | None = None,
        tls: Context | None = None,
        patience: float = 10.0,
    ) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.socket: socket.socket = socket.socket(family)
        self._buffer = b""
        self._greeted = False
        self.socket.settimeout(patience)
        try:
            if source is not None:
                self.socket.bind((source, 0))
            self.socket.connect((host, port))
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if tls is not None:
                self.secure(tls)
        except BaseException:
            self.socket.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.socket.close()

    def secure(self, context: Context) -> None:
        """The handshake, now."""
        self.socket = context.wrap_socket(self.socket, server_hostname="localhost")

    def starttls(self, context: Context) -> None:
        """STARTTLS and the handshake."""
        answer = self.say("STARTTLS")
        assert answer.code == 220, answer
        self.secure(context)

    def write(self, data: bytes) -> None:
        self.socket.sendall(data)

    def say(self, line: str | bytes) -> Answer:
        """`line` and CRLF, and what the server answers."""
        self.write((line.encode() if isinstance(line, str) else line) + b"\r\n")
        return self.answer()

    def answer(self) -> Answer:
        """The next reply. Raises Ended."""
        lines = []
        self._greeted = True
        while True:
            line = self._line()
            lines.append(line[4:])
            if line[3:4] != "-":
                return Answer(int(line[:3]), tuple(lines))

    def ehlo(self, name: str = "client.test") -> Answer:
        """Hears the greeting if it was not heard yet, and says EHLO."""
        if not self._greeted:
            greeting = self.answer()
            assert greeting.code == 220, greeting
        return self.say(f"EHLO {name}")

    def plain(self, user: str, password: str) -> Answer:
        """AUTH PLAIN with an initial response."""
        return self.say(b"AUTH PLAIN " + base64.b64encode(f"\0{user}\0{password}".encode()))

    def scram(self, user: str, password: str) -> Answer:
        """AUTH SCRAM-SHA-256; checks the server's signature too."""
        exchange = client_mechanisms()["SCRAM-SHA-256"].client(
            Credentials(user, Secret(password)), binding=None, server_offers_plus=False, nonce="nonce-of-the-test"
        )
        answer = self.say(b"AUTH SCRAM-SHA-256 " + base64.b64encode(next(exchange)))
        while answer.code == 334:
            answer = self.say(base64.b64encode(respond(exchange, base64.b64decode(answer.lines[0]))))
        if answer.code == 235:
            finish(exchange)
        return answer

    def envelope(self, sender: str, *recipients: str) -> None:
        """MAIL and RCPT, all accepted."""
        for line in (f"MAIL FROM:<{sender}>", *(f"RCPT TO:<{each}>" for each in recipients)):
            answer = self.say(line)
            assert answer.code == 250, (line, answer)

    def data(self, content: bytes) -> Answer:
        """DATA and `content`, which is not stuffed; the final answer."""
        answer = self.say("DATA")
        if answer.code != 354:
            return answer
        self.write(content + b".\r\n")
        return self.answer()

    def play(self, script: str) -> None:
        """A dialogue: `C:` is said (`\\x`, `\\r` and the like are escapes), `S:` is how the next reply must begin."""
        for line in dedent(script).strip().splitlines():
            who, _, words = line.strip().partition(": ")
            if who == "C":
                self.write(words.encode().decode("unicode_escape").encode("latin-1") + b"\r\n")
            else:
                answer = self.answer()
                assert str(answer).startswith(words), f"{answer} instead of {words}"

    def ended(self, within: float = 5.0) -> bool:
        """Whether the server ends the connection within this time, and says nothing more."""
        return self.rest(within) == b""

    def rest(self, within: float = 5.0) -> bytes:
        """All that still comes until the server ends the connection. Raises TimeoutError if it does not."""
        until = time.monotonic() + within
        data, self._buffer = self._buffer, b""
        with contextlib.suppress(ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError):
            while True:
                self.socket.settimeout(max(0.001, until - time.monotonic()))
                piece = self.socket.recv(65536)
                if not piece:
                    break
                data += piece
        return data

    def _line(self) -> str:
        while b"\r\n" not in self._buffer:
            try:
                data = self.socket.recv(65536)
            except (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError) as error:
                raise Ended(repr(error)) from error
            if not data:
                raise Ended
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\r\n")
        return line.decode()

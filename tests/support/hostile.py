"""An SMTP server on loopback that behaves until its script says otherwise, and writes down every octet it gets.

    with hostile_server(Script(tls="starttls", says={"STARTTLS": b"454 4.7.0 no\\r\\n"})) as server:
        ...                                  # connect to 127.0.0.1, server.port
    assert server.verbs == ["EHLO", "STARTTLS", "QUIT"]

`says` replaces the reply to a verb: "" is the greeting, "." the end of the content, ":" a SASL response. A value is
the octets, or a list of octets for one time each (the last for ever after), or a function of the Connection which may
do anything at all, such as `drip`, `hang_up` or `then_close`.
"""

from __future__ import annotations

import base64
import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from mailward.errors import MailwardError
from mailward.sasl.channel_binding import bindings_of
from mailward.sasl.mechanism import Challenge, FindKeys, PasswordClaim, ProofClaim, ScramKeys
from mailward.sasl.register import server_mechanisms
from mailward.sasl.scram import derive_keys, fake_keys
from tests.support.certificates import Pair, good

Act: TypeAlias = Callable[["Connection"], bytes | None]
Saying: TypeAlias = "bytes | list[bytes] | Act"

CHUNKING = ("PIPELINING", "CHUNKING", "8BITMIME", "SMTPUTF8", "SIZE 10000000", "ENHANCEDSTATUSCODES")
KEYWORDS = ("PIPELINING", "8BITMIME", "SMTPUTF8", "SIZE 10000000", "ENHANCEDSTATUSCODES")
DEFAULTS = {
    "MAIL": b"250 2.1.0 OK\r\n",
    "RCPT": b"250 2.1.5 OK\r\n",
    "DATA": b"354 go on\r\n",
    ".": b"250 2.0.0 Ok: queued as 4FdQ1z\r\n",
    "RSET": b"250 2.0.0 OK\r\n",
    "NOOP": b"250 2.0.0 OK\r\n",
    "QUIT": b"221 2.0.0 Bye\r\n",
    "STARTTLS": b"220 2.0.0 go\r\n",
}
ACCOUNTS = {"ann@example.test": "correct horse"}


class HangUp(Exception):  # it is no error
    """The server's side of the connection is over."""


@dataclass
class Script:
    """`tls`: "starttls", "implicit" or None. `auth`: mechanisms offered. `keywords_in_clear`: before TLS, if others."""

    tls: str | None = None
    pair: Pair = field(default_factory=good)
    keywords: tuple[str, ...] = KEYWORDS
    keywords_in_clear: tuple[str, ...] | None = None
    auth: tuple[str, ...] = ()
    accounts: dict[str, str] = field(default_factory=lambda: dict(ACCOUNTS))
    says: dict[str, Saying] = field(default_factory=dict)
    context: ssl.SSLContext | None = None


class Connection:
    """One accepted connection: the server's voice and ears."""

    def __init__(self, sock: socket.socket, script: Script) -> None:
        self.socket: socket.socket = sock
        self.script = script
        self.secure = False
        self.over = False  # closed, and not only about to be
        self.clear = bytearray()  # what came outside TLS (handshakes aside)
        self.inside = bytearray()  # what came inside it
        self.verbs: list[str] = []
        self.contents: list[bytes] = []
        self.line = b""
        self.said: dict[str, int] = {}
        self.takers = 0  # recipients accepted in this transaction
        self._buffer = b""
        self._chunks = b""

    def say(self, data: bytes) -> None:
        self.socket.sendall(data)

    def hear_line(self) -> bytes:
        while b"\r\n" not in self._buffer:
            self._hear()
        line, _, self._buffer = self._buffer.partition(b"\r\n")
        return line

    def hear_content(self) -> bytes:
        """Until the final dot, transparency undone."""
        self._buffer = b"\r\n" + self._buffer
        while b"\r\n.\r\n" not in self._buffer:
            self._hear()
        content, _, self._buffer = self._buffer.partition(b"\r\n.\r\n")
        return (content + b"\r\n")[2:].replace(b"\r\n.", b"\r\n").removeprefix(b".")

    def _hear_chunk(self) -> bytes:
        """The octets of a BDAT, and what an honest server says to them."""
        words = self.line.split()
        while len(self._buffer) < int(words[1]):
            self._hear()
        self._chunks += self._buffer[: int(words[1])]
        self._buffer = self._buffer[int(words[1]) :]
        if len(words) > 2:
            self.contents.append(self._chunks)
            self._chunks = b""
        return DEFAULTS["."] if self.takers else b"503 5.5.1 nobody to give it to\r\n"

    def _hear(self) -> None:
        data = self.socket.recv(65536)
        if not data:
            raise HangUp
        (self.inside if self.secure else self.clear).extend(data)
        self._buffer += data

    def start_tls(self) -> None:
        context = self.script.context or self.script.pair.server_context()
        self.socket = context.wrap_socket(self.socket, server_side=True, suppress_ragged_eofs=True)
        self.secure = True
        self._buffer = b""

    def run(self) -> None:
        if self.script.tls == "implicit":
            self.start_tls()
        self.answer("", b"220 hostile.test ESMTP\r\n")
        while True:
            self.line = self.hear_line()
            verb = self.line.partition(b" ")[0].decode("ascii", "replace").upper()
            self.verbs.append(verb)
            self._command(verb)

    def _command(self, verb: str) -> None:
        default = DEFAULTS.get(verb, b"500 5.5.2 what?\r\n")
        if verb == "BDAT":
            default = self._hear_chunk()
        if verb == "EHLO":
            default = self.ehlo()
        elif verb == "AUTH" and "AUTH" not in self.script.says:
            default = self.authenticate()
        reply = self.answer(verb, default)
        if verb in ("MAIL", "RSET", "BDAT") and reply[:1] == b"2":
            self.takers = self.takers if verb == "BDAT" and not self.line.upper().endswith(b"LAST") else 0
        self.takers += verb == "RCPT" and reply[:1] == b"2"
        if verb == "DATA" and reply.startswith(b"354"):
            self.contents.append(self.hear_content())
            self.answer(".", DEFAULTS["."])
            self.takers = 0
        elif verb == "STARTTLS" and reply.startswith(b"220"):
            self.start_tls()
        elif verb == "QUIT":
            raise HangUp

    def answer(self, verb: str, default: bytes) -> bytes:
        """Says what the script wants for `verb`, or `default`; gives what was said."""
        saying = self.script.says.get(verb, default)
        if isinstance(saying, list):
            turn = self.said.get(verb, 0)
            self.said[verb] = turn + 1
            saying = saying[min(turn, len(saying) - 1)]
        reply = saying if isinstance(saying, bytes) else saying(self) or b""
        self.say(reply)
        return reply

    def ehlo(self) -> bytes:
        keywords = list(self.script.keywords)
        if not self.secure and self.script.keywords_in_clear is not None:
            keywords = list(self.script.keywords_in_clear)
        if self.script.tls == "starttls" and not self.secure and self.script.keywords_in_clear is None:
            keywords.append("STARTTLS")
        if self.script.auth and (self.secure or self.script.tls is None):
            keywords.append("AUTH " + " ".join(self.script.auth))
        lines = ["hostile.test", *keywords]
        return "".join(f"250{'-' if line is not lines[-1] else ' '}{line}\r\n" for line in lines).encode()

    def authenticate(self) -> bytes:
        """A real server's side of the mechanism the client names; the last reply."""
        words = self.line.split(b" ")
        mechanism = server_mechanisms()[words[1].decode().upper()]
        initial = None if len(words) < 3 else b"" if words[2] == b"=" else base64.b64decode(words[2])
        exchange = mechanism.server(
            initial,
            bindings=bindings_of(self.script.pair.der) if self.secure else (),
            plus_offered=any(name.endswith("-PLUS") for name in self.script.auth),
            nonce="server-nonce-of-the-test",
        )
        answer: bytes | ScramKeys | None = None
        try:
            while True:
                request = exchange.send(answer)
                answer = self._keys(request) if isinstance(request, FindKeys) else self._challenge(request)
        except StopIteration as stop:
            return b"235 2.7.0 welcome\r\n" if self._granted(stop.value) else b"535 5.7.8 bad credentials\r\n"
        except MailwardError:
            return b"535 5.7.8 bad exchange\r\n"

    def _challenge(self, challenge: Challenge) -> bytes:
        self.say(b"334 " + base64.b64encode(challenge.data) + b"\r\n")
        line = self.hear_line()
        self.verbs.append(":")
        return base64.b64decode(line)

    def _keys(self, request: FindKeys) -> ScramKeys:
        password = self.script.accounts.get(request.authcid)
        if password is None:
            return fake_keys(b"k" * 32, request.authcid, 4096)
        return derive_keys(password, b"salt of the test", 4096)

    def _granted(self, claim: PasswordClaim | ProofClaim) -> bool:
        if isinstance(claim, ProofClaim):
            return claim.proven
        return self.script.accounts.get(claim.authcid) == claim.password.reveal()


@dataclass
class HostileServer:
    port: int
    connections: list[Connection] = field(default_factory=list)
    errors: list[BaseException] = field(default_factory=list)

    @property
    def heard(self) -> bytes:
        """Every octet of every connection, outside and inside TLS."""
        return b"".join(bytes(connection.clear + connection.inside) for connection in self.connections)

    @property
    def heard_in_clear(self) -> bytes:
        return b"".join(bytes(connection.clear) for connection in self.connections)

    @property
    def verbs(self) -> list[str]:
        return [verb for connection in self.connections for verb in connection.verbs]

    @property
    def contents(self) -> list[bytes]:
        return [content for connection in self.connections for content in connection.contents]


@contextlib.contextmanager
def hostile_server(script: Script, *, host: str = "127.0.0.1", port: int = 0) -> Iterator[HostileServer]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=16)
    server = HostileServer(listener.getsockname()[1])
    threads: list[threading.Thread] = []

    def accept() -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=_serve, args=(server, sock, script), daemon=True)
            threads.append(thread)
            thread.start()

    acceptor = threading.Thread(target=accept, daemon=True)
    acceptor.start()
    try:
        yield server
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        acceptor.join(5)
        for connection in server.connections:
            with contextlib.suppress(OSError):
                connection.socket.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join(5)
    if server.errors:
        raise server.errors[0]


def _serve(server: HostileServer, sock: socket.socket, script: Script) -> None:
    sock.settimeout(15)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection = Connection(sock, script)
    server.connections.append(connection)
    try:
        connection.run()
    except (HangUp, OSError):
        pass  # OSError: the client left, or refused our TLS
    except BaseException as error:  # noqa: BLE001 - the test must see it, not the thread's excepthook
        server.errors.append(error)
    finally:
        connection.socket.close()
        connection.over = True


# What a script may do instead of replying.


def drip(data: bytes = b"250 never\r\n", *, every: float = 0.5) -> Act:
    """One octet at a time, with a pause before each."""

    def act(connection: Connection) -> None:
        for octet in data * 1000:
            time.sleep(every)
            connection.say(bytes([octet]))

    return act


def endless(data: bytes) -> Act:
    """`data` again and again until the client leaves."""

    def act(connection: Connection) -> None:
        while True:
            connection.say(data)

    return act


def hang_up(connection: Connection) -> None:
    """Closes without a word."""
    raise HangUp


def then_close(data: bytes) -> Act:
    """Says `data` and closes at once."""

    def act(connection: Connection) -> None:
        connection.say(data)
        raise HangUp

    return act


def reset(connection: Connection) -> None:
    """Ends the connection with a TCP reset."""
    connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    raise HangUp


def silence(connection: Connection) -> None:
    """Says nothing until the client leaves."""
    while connection.socket.recv(65536):
        pass
    raise HangUp

"""Replies: the value, the strict parser, and every reply our server gives by name (RFC 5321 §4.2, RFC 2034)."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from typing import Final

from mailward.errors import BadCommand, InputError, ProtocolError
from mailward.printable import printable

MAX_LINE = 4096
MAX_LINES = 256
MAX_OCTETS = 64 * 1024
_KNOWN = 16  # one-line replies a parser remembers

_ENHANCED = re.compile(r"([245])\.(0|[1-9][0-9]{0,2})\.(0|[1-9][0-9]{0,2})")
_ENHANCED_PREFIX = re.compile(r"([245]\.(?:0|[1-9][0-9]{0,2})\.(?:0|[1-9][0-9]{0,2}))(?: |$)")
_REPLY_LINE = re.compile(rb"([2-5][0-9]{2})(?:([ -])([^\x00-\x06\r\n\x0e-\x1a\x1c-\x1f]*+))?")
# What may still become a reply line: a peer that speaks something else is found out before its line ends.
_REPLY_START = re.compile(rb"(?:[2-5](?:[0-9](?:[0-9](?:[ -][^\x00-\x06\r\n\x0e-\x1a\x1c-\x1f]*+)?\r?)?)?)?")
_LINE_BREAK = re.compile(r"[\r\n\0]")


class Reply:
    """What a server says: `code`, one or more `lines`, and the enhanced status code if it has one.

    `text`: a str, or a tuple of str for several lines, without CR, LF or NUL.
    """

    __slots__ = ("_encoded", "code", "enhanced", "lines")

    code: int
    lines: tuple[str, ...]
    enhanced: str | None
    _encoded: bytes | None

    def __init__(self, code: int, text: str | tuple[str, ...], enhanced: str | None = None) -> None:
        lines = (text,) if isinstance(text, str) else text
        if not 200 <= code <= 599:
            raise InputError(f"reply code {code}: it must be from 200 to 599")
        if enhanced is not None and not (_ENHANCED.fullmatch(enhanced) and int(enhanced[0]) == code // 100):
            raise InputError(f"enhanced status code {printable(enhanced)} does not go with {code}")
        if not lines or any(_LINE_BREAK.search(line) for line in lines):
            raise InputError(f"reply {code}: it needs at least one line, and no CR, LF or NUL inside a line")
        fix = object.__setattr__
        fix(self, "code", code)
        fix(self, "lines", lines)
        fix(self, "enhanced", enhanced)
        fix(self, "_encoded", None)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a Reply cannot be changed ({name})")

    @classmethod
    def read(cls, code: int, lines: tuple[str, ...], enhanced: str | None) -> Reply:
        """Of a parser, which has checked all that."""
        reply = cls.__new__(cls)
        _set_code(reply, code)
        _set_lines(reply, lines)
        _set_enhanced(reply, enhanced)
        _set_encoded(reply, None)
        return reply

    @classmethod
    def of(cls, error: BadCommand) -> Reply:
        """The reply a BadCommand asks for."""
        return cls(error.code or 500, error.text, error.enhanced_code)

    def refusal(self, *, fatal: bool = False) -> BadCommand:
        """The error that makes the server say this; `fatal` ends the connection."""
        return BadCommand(self.code, self.enhanced or "", self.text, fatal=fatal)

    @property
    def positive(self) -> bool:
        return self.code < 300

    @property
    def intermediate(self) -> bool:
        return 300 <= self.code < 400

    @property
    def transient(self) -> bool:
        return 400 <= self.code < 500

    @property
    def permanent(self) -> bool:
        return self.code >= 500

    @property
    def text(self) -> str:
        """All lines as one, joined by "; ". Peer text: show it through `str(reply)` or `printable`."""
        return "; ".join(self.lines)

    def encode(self) -> bytes:
        """The octets on the wire, built once."""
        encoded = self._encoded
        if encoded is None:
            encoded = self._build()
            object.__setattr__(self, "_encoded", encoded)
        return encoded

    def _build(self) -> bytes:
        status = f"{self.enhanced} " if self.enhanced else ""
        last = len(self.lines) - 1
        return "".join(
            f"{self.code}{' ' if index == last else '-'}{status}{line}\r\n" for index, line in enumerate(self.lines)
        ).encode("utf-8", "backslashreplace")

    def __str__(self) -> str:
        status = f"{self.enhanced} " if self.enhanced else ""
        return f"{self.code} {status}{printable(self.text)}".rstrip()

    def __repr__(self) -> str:
        return f"<Reply {self}>"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Reply):
            return NotImplemented
        return (self.code, self.enhanced, self.lines) == (other.code, other.enhanced, other.lines)

    def __hash__(self) -> int:
        return hash((self.code, self.enhanced, self.lines))

    def __reduce__(self) -> tuple[type[Reply], tuple[int, tuple[str, ...], str | None]]:
        return Reply, (self.code, self.lines, self.enhanced)


# Past __setattr__, and quicker than object.__setattr__ by name.
_set_code: Final = Reply.__dict__["code"].__set__
_set_lines: Final = Reply.__dict__["lines"].__set__
_set_enhanced: Final = Reply.__dict__["enhanced"].__set__
_set_encoded: Final = Reply.__dict__["_encoded"].__set__


class ReplyParser:
    """Octets in, replies out; strict about everything a smuggler could use.

    `next_reply` raises ProtocolError, then and ever after, for a wrong code, a bare CR or LF, a NUL, codes that
    differ between lines, and more than MAX_LINES lines, MAX_OCTETS in one reply or MAX_LINE in one line.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0
        self._code = b""
        self._lines: list[bytes] = []
        self._octets = 0
        self._known: dict[bytes, Reply] = {}  # a server says the same few lines for every message of a session
        self._fault: ProtocolError | None = None

    def feed(self, data: bytes) -> None:
        self._buffer += data

    @property
    def pending(self) -> bool:
        """Whether octets are waiting that have not become a reply."""
        return bool(self._buffer or self._lines)

    def next_reply(self) -> Reply | None:
        """The next complete reply, or None until more octets come."""
        if self._fault is not None:
            raise self._fault
        try:
            while (line := self._next_line()) is not None:
                if not self._lines and (known := self._known.get(line)) is not None:
                    return known
                if self._take(line):
                    return self._finish(line)
        except ProtocolError as error:
            self._fault = error
            raise
        return None

    def _next_line(self) -> bytes | None:
        end = self._buffer.find(b"\n", self._searched)
        if end < 0:
            if self._buffer:
                self._judge_unfinished()
            return None
        if end >= MAX_LINE:
            raise _broken(f"a reply line is longer than {MAX_LINE} octets")
        line = bytes(self._buffer[: end + 1])
        if not line.endswith(b"\r\n"):
            raise _broken("a reply line ends with a bare LF", line)
        del self._buffer[: end + 1]
        self._searched = 0
        return line[:-2]

    def _judge_unfinished(self) -> None:
        self._searched = len(self._buffer)
        if self._searched >= MAX_LINE:
            raise _broken(f"a reply line is longer than {MAX_LINE} octets")
        if not _REPLY_START.fullmatch(self._buffer):
            raise _broken("this is not a reply", bytes(self._buffer))

    def _take(self, line: bytes) -> bool:
        match = _REPLY_LINE.fullmatch(line)
        if match is None:
            raise _broken("this is not a reply", line)
        code, mark, text = match.groups(b"")
        if self._lines and code != self._code:
            raise _broken(f"a reply begins with {self._code.decode()} and goes on with {code.decode()}")
        self._code = code
        self._lines.append(text)
        self._octets += len(line) + 2
        if len(self._lines) > MAX_LINES or self._octets > MAX_OCTETS:
            raise _broken(f"a reply has more than {MAX_LINES} lines or {MAX_OCTETS} octets")
        return mark != b"-"

    def _finish(self, last: bytes) -> Reply:
        lines = tuple(line.decode("utf-8", "backslashreplace") for line in self._lines)
        self._lines = []
        self._octets = 0
        reply = _split_enhanced(int(self._code), lines)
        if len(lines) == 1 and len(self._known) < _KNOWN:
            self._known[last] = reply
        return reply


def _split_enhanced(code: int, lines: tuple[str, ...]) -> Reply:
    match = _ENHANCED_PREFIX.match(lines[0])
    if match is None or int(lines[0][0]) != code // 100:
        return Reply.read(code, lines, None)
    enhanced = match[1]
    if len(lines) == 1:
        return Reply.read(code, (lines[0][match.end() :],), enhanced)
    stripped = tuple(
        line[len(enhanced) :].removeprefix(" ") if (line + " ").startswith(f"{enhanced} ") else line for line in lines
    )
    return Reply.read(code, stripped, enhanced)


def _broken(what: str, seen: bytes = b"") -> ProtocolError:
    message = f"{what}: {printable(seen, 80)}" if seen else what
    return ProtocolError(message, advice="Check that host and port belong to an SMTP server.")


# --- what our server says ---------------------------------------------------------------------------------

OK = Reply(250, "OK", "2.0.0")
CHUNK_OK = Reply(250, "Chunk received", "2.0.0")
SENDER_OK = Reply(250, "Sender OK", "2.1.0")
RECIPIENT_OK = Reply(250, "Recipient OK", "2.1.5")
SEND_CONTENT = Reply(354, "End data with <CR><LF>.<CR><LF>")
BYE = Reply(221, "Bye", "2.0.0")
READY_FOR_TLS = Reply(220, "Ready to start TLS", "2.0.0")
AUTH_OK = Reply(235, "Authentication succeeded", "2.7.0")
HELP = Reply(214, "RFC 5321", "2.0.0")
CANNOT_VERIFY = Reply(252, "Cannot verify, send some mail and I will try", "2.0.0")

SHUTTING_DOWN = Reply(421, "Shutting down, try again later", "4.3.2")
TIMEOUT = Reply(421, "Timed out waiting for you", "4.4.2")
TOO_MANY_CONNECTIONS = Reply(421, "Too many connections", "4.7.0")
TOO_MANY_ERRORS = Reply(421, "Too many errors", "4.7.0")
LOGIN_ENDED = Reply(421, "Your login has ended, log in again", "4.7.0")
LOCAL_FAULT = Reply(421, "Local fault, closing the connection", "4.3.0")
NOT_SMTP = Reply(421, "This is an SMTP server", "4.7.0")
LOCAL_ERROR = Reply(451, "Local error, try again later", "4.3.0")
NO_SPACE = Reply(452, "No space left, try again later", "4.3.1")
TOO_MANY_RECIPIENTS = Reply(452, "Too many recipients", "4.5.3")
AUTH_THROTTLED = Reply(454, "Too many failed logins, try again later", "4.7.0")
AUTH_UNAVAILABLE = Reply(454, "Authentication is not available now, try again later", "4.7.0")

UNRECOGNISED = Reply(500, "Command not recognised", "5.5.2")
BAD_OCTETS = Reply(500, "Octets that no command may hold", "5.5.2")
LINE_TOO_LONG = Reply(500, "Line too long", "5.5.2")
BAD_LINE_END = Reply(500, "A line must end with CRLF and hold no bare CR, bare LF or NUL", "5.5.2")
BAD_SYNTAX = Reply(501, "Syntax error", "5.5.2")
BAD_BASE64 = Reply(501, "Not valid base64", "5.5.2")
BAD_PARAMETER = Reply(501, "Bad parameter", "5.5.4")
BAD_RECIPIENT = Reply(501, "Bad recipient address", "5.1.3")
BAD_SENDER = Reply(501, "Bad sender address", "5.1.7")
AUTH_CANCELLED = Reply(501, "Authentication cancelled", "5.7.0")
NOT_IMPLEMENTED = Reply(502, "Command not implemented", "5.5.1")
BAD_SEQUENCE = Reply(503, "Bad sequence of commands", "5.5.1")
UNKNOWN_MECHANISM = Reply(504, "Mechanism not offered", "5.5.4")
NEED_STARTTLS = Reply(530, "Issue STARTTLS first", "5.7.0")
NEED_AUTH = Reply(530, "Authentication required", "5.7.0")
AUTH_FAILED = Reply(535, "Authentication failed", "5.7.8")
AUTH_FAILED_LAST = Reply(535, "Authentication failed, closing the connection", "5.7.8")
NEED_TLS_FOR_AUTH = Reply(538, "Encryption required for authentication", "5.7.11")
REFUSED = Reply(550, "Refused", "5.7.1")
TOO_BIG = Reply(552, "Message too big", "5.3.4")
HEADER_TOO_BIG = Reply(552, "Header section too big", "5.3.4")
SENDER_NOT_YOURS = Reply(553, "You may not send as this address", "5.7.1")
HOSTILE_RECIPIENT = Reply(553, "Bad recipient address", "5.1.3")
HOSTILE_SENDER = Reply(553, "Bad sender address", "5.1.7")
NEED_SMTPUTF8 = Reply(553, "Non-ASCII address without SMTPUTF8", "5.6.7")
BARE_NEWLINE = Reply(554, "Bare CR, bare LF or NUL in the content", "5.5.2")
TEXT_LINE_TOO_LONG = Reply(554, "Text line too long", "5.5.2")
STARTTLS_INJECTION = Reply(554, "Octets followed STARTTLS", "5.5.1")
TOO_MANY_CHUNKS = Reply(554, "Too many chunks", "5.5.0")
KEY_USED = Reply(554, "Another message was taken under this key", "5.5.4")
LOOP = Reply(554, "Too many hops, a mail loop", "5.4.6")
UNKNOWN_PARAMETER = Reply(555, "Parameter not supported", "5.5.4")


def greeting(hostname: str) -> Reply:
    """The first words: no software name, no version."""
    return Reply(220, f"{hostname} ESMTP")


def helo(hostname: str) -> Reply:
    return Reply(250, hostname)


def ehlo(hostname: str, keywords: Sequence[str]) -> Reply:
    """`keywords`: the lines `Keywords.build` returns."""
    return Reply(250, (hostname, *keywords))


def with_xclient(offer: Reply) -> Reply:
    """A reply to EHLO for who may name another client. LOGIN is not offered: a name without proof is not believed."""
    return Reply(250, (*offer.lines, "XCLIENT NAME ADDR PORT PROTO HELO"))


def challenge(data: bytes) -> Reply:
    return Reply(334, base64.b64encode(data).decode("ascii"))


def queued(message_id: str) -> Reply:
    """The promise: from here on the message is ours to deliver."""
    return Reply(250, f"Queued as {message_id}", "2.0.0")

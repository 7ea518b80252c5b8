"""What a client can say, each command a value that writes itself (RFC 5321 §4.1.1; RFC 3030, 3207, 4954)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import ClassVar, TypeAlias

from mailward.errors import InputError, InvalidAddress
from mailward.printable import printable
from mailward.wire.address import Mailbox, parse_literal, parse_path
from mailward.wire.parameters import NO_MAIL_PARAMETERS, NO_RCPT_PARAMETERS, MailParameters, RcptParameters
from mailward.wire.response import encode_base64
from mailward.wire.xtext import xtext

MAX_CHUNK = 2**63 - 1
MECHANISM = re.compile(r"[A-Z0-9_\-]{1,20}")

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# Wider than RFC 5321's Domain by the underscore: Windows puts it into names, and nothing is decided by this name.
_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.\-]{0,253}[A-Za-z0-9_.])?")


class _Line:
    """What all commands share."""

    __slots__ = ()
    verb: ClassVar[str]

    def _text(self) -> str:
        return self.verb

    def encode(self) -> bytes:
        """The octets on the wire, with CRLF. Raises InputError for what would not be exactly this command."""
        text = self._text()
        if not text.isprintable() and _CONTROL.search(text):
            raise InputError(f"control characters cannot go into a command: {printable(text)}", phase=self.verb.lower())
        try:
            return f"{text}\r\n".encode()
        except UnicodeEncodeError:
            raise InputError(f"not Unicode text: {printable(text)}", phase=self.verb.lower()) from None

    def redacted(self) -> str:
        """One line for a log, without secrets."""
        try:
            return printable(self._text())
        except InputError:
            return f"{self.verb} …"


@dataclass(frozen=True, slots=True)
class _Hello(_Line):
    domain: str

    def _text(self) -> str:
        return f"{self.verb} {self.domain}"

    def encode(self) -> bytes:
        check_host(self.domain)
        return _Line.encode(self)


@dataclass(frozen=True, slots=True)
class Ehlo(_Hello):
    verb: ClassVar[str] = "EHLO"


@dataclass(frozen=True, slots=True)
class Helo(_Hello):
    verb: ClassVar[str] = "HELO"


@dataclass(frozen=True, slots=True)
class Lhlo(_Hello):
    """What LMTP says for EHLO (RFC 2033 §4.1)."""

    verb: ClassVar[str] = "LHLO"


@dataclass(frozen=True, slots=True)
class Mail(_Line):
    """`reverse_path`: None for the null path `<>`."""

    verb: ClassVar[str] = "MAIL"
    reverse_path: Mailbox | None
    parameters: MailParameters = NO_MAIL_PARAMETERS

    def _text(self) -> str:
        return f"MAIL FROM:{_path(self.reverse_path, null=True)} {self.parameters.encode()}".rstrip(" ")

    def encode(self) -> bytes:
        if self.reverse_path is not None and self.reverse_path.needs_smtputf8 and not self.parameters.smtputf8:
            raise InputError("a non-ASCII sender needs the SMTPUTF8 parameter", phase="mail")
        return _Line.encode(self)


@dataclass(frozen=True, slots=True)
class Rcpt(_Line):
    verb: ClassVar[str] = "RCPT"
    forward_path: Mailbox
    parameters: RcptParameters = NO_RCPT_PARAMETERS

    def _text(self) -> str:
        if self.parameters is NO_RCPT_PARAMETERS:
            return f"RCPT TO:{_path(self.forward_path, null=False)}"
        return f"RCPT TO:{_path(self.forward_path, null=False)} {self.parameters.encode()}".rstrip(" ")


@dataclass(frozen=True, slots=True)
class Data(_Line):
    verb: ClassVar[str] = "DATA"


@dataclass(frozen=True, slots=True)
class Bdat(_Line):
    """`size`: octets that follow the command line at once (RFC 3030)."""

    verb: ClassVar[str] = "BDAT"
    size: int
    last: bool

    def _text(self) -> str:
        return f"BDAT {self.size} LAST" if self.last else f"BDAT {self.size}"

    def encode(self) -> bytes:
        if not 0 <= self.size <= MAX_CHUNK:
            raise InputError(f"a chunk of {self.size} octets cannot be sent", phase="bdat")
        return _Line.encode(self)


@dataclass(frozen=True, slots=True)
class Rset(_Line):
    verb: ClassVar[str] = "RSET"


@dataclass(frozen=True, slots=True)
class Noop(_Line):
    verb: ClassVar[str] = "NOOP"
    text: str = ""

    def _text(self) -> str:
        return f"NOOP {self.text}" if self.text else "NOOP"


@dataclass(frozen=True, slots=True)
class Quit(_Line):
    verb: ClassVar[str] = "QUIT"


@dataclass(frozen=True, slots=True)
class _Question(_Line):
    text: str

    def _text(self) -> str:
        return f"{self.verb} {self.text}"


@dataclass(frozen=True, slots=True)
class Vrfy(_Question):
    """`text`: whom to verify, as it was said."""

    verb: ClassVar[str] = "VRFY"


@dataclass(frozen=True, slots=True)
class Expn(_Question):
    """`text`: which list to expand, as it was said."""

    verb: ClassVar[str] = "EXPN"


@dataclass(frozen=True, slots=True)
class Help(_Line):
    verb: ClassVar[str] = "HELP"
    topic: str = ""

    def _text(self) -> str:
        return f"HELP {self.topic}" if self.topic else "HELP"


@dataclass(frozen=True, slots=True)
class Auth(_Line):
    """`initial_response`: decoded; b"" is an empty one, None is none."""

    verb: ClassVar[str] = "AUTH"
    mechanism: str
    initial_response: bytes | None = field(default=None, repr=False)

    def encode(self) -> bytes:
        if not MECHANISM.fullmatch(self.mechanism):
            raise InputError(f"not a mechanism name: {printable(self.mechanism, 40)}", phase="auth")
        if self.initial_response is None:
            return f"AUTH {self.mechanism}\r\n".encode("ascii")
        return f"AUTH {self.mechanism} {encode_base64(self.initial_response) or '='}\r\n".encode("ascii")

    def redacted(self) -> str:
        said = "" if self.initial_response is None else " …"
        return f"AUTH {printable(self.mechanism, 40)}{said}"


@dataclass(frozen=True, slots=True)
class StartTls(_Line):
    verb: ClassVar[str] = "STARTTLS"


@dataclass(frozen=True, slots=True)
class XClient(_Line):
    """What a proxy says of its client (Postfix's XCLIENT). `attributes`: upper-case name to value, decoded; None where
    the proxy does not know it.
    """

    verb: ClassVar[str] = "XCLIENT"
    attributes: tuple[tuple[str, str | None], ...]

    def _text(self) -> str:
        said = (f"{name}={'[UNAVAILABLE]' if value is None else xtext(value)}" for name, value in self.attributes)
        return " ".join(("XCLIENT", *said))

    def value(self, name: str) -> str | None:
        return dict(self.attributes).get(name)

    @property
    def address(self) -> str | None:
        """The client's IP address, if the proxy knows it."""
        said = self.value("ADDR")
        return None if said is None else said[5:] if said[:5].upper() == "IPV6:" else said


Command: TypeAlias = (
    Ehlo | Helo | Lhlo | Mail | Rcpt | Data | Bdat | Rset | Noop | Quit | Vrfy | Expn | Help | Auth | StartTls | XClient
)


def check_host(domain: str) -> None:
    """Raises InputError for what EHLO and HELO cannot carry."""
    if domain.startswith("["):
        parse_literal(domain)
    elif not _HOST.fullmatch(domain):
        raise InputError(f"not a name to greet with: {printable(domain, 80)}", phase="ehlo")


@lru_cache(maxsize=4096)  # senders and recipients come again; a Mailbox never changes
def _path(mailbox: Mailbox | None, *, null: bool) -> str:
    """A Mailbox can be built by hand; what goes on the wire must read back as the same one."""
    path = "<>" if mailbox is None else f"<{mailbox}>"
    if parse_path(path, null=null) != (mailbox, ""):
        raise InvalidAddress(f"not a path: {printable(path, 80)}")
    return path

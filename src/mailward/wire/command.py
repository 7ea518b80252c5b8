"""Reading a command line, strictly, with the reply to give when it is none (RFC 5321 §4.1.1 and §4.2)."""

from __future__ import annotations

import re
from collections.abc import Callable

from mailward.errors import InputError, InvalidAddress
from mailward.wire import reply
from mailward.wire.address import PLAIN, Mailbox, fits, parse_path
from mailward.wire.parameters import NO_MAIL_PARAMETERS, MailParameters, RcptParameters
from mailward.wire.response import parse_initial_response
from mailward.wire.verbs import (
    MAX_CHUNK,
    MECHANISM,
    Auth,
    Bdat,
    Command,
    Data,
    Ehlo,
    Expn,
    Helo,
    Help,
    Lhlo,
    Mail,
    Noop,
    Quit,
    Rcpt,
    Rset,
    StartTls,
    Vrfy,
    XClient,
    check_host,
)
from mailward.wire.xclient import parse_xclient

__all__ = [
    "Auth",
    "Bdat",
    "Command",
    "Data",
    "Ehlo",
    "Expn",
    "Helo",
    "Help",
    "Lhlo",
    "Mail",
    "Noop",
    "Quit",
    "Rcpt",
    "Rset",
    "StartTls",
    "Vrfy",
    "XClient",
    "is_foreign",
    "parse_command",
]

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# RFC 5321 §4.1.1.2 has no space after the colon, but printers and scripts put one there and it changes nothing.
_FROM = re.compile(r"FROM: *+", re.IGNORECASE | re.ASCII)
_TO = re.compile(r"TO: *+", re.IGNORECASE | re.ASCII)
_CHUNK = re.compile(r"([0-9]{1,19})( LAST)?", re.IGNORECASE | re.ASCII)
_PLAIN_MAIL = re.compile(rf"(?i:MAIL FROM:)<{PLAIN}>(?: (?i:SIZE)=([0-9]{{1,15}})| ([!-~]++(?>(?: [!-~]++)*)))?")
_PLAIN_RCPT = re.compile(rf"(?i:RCPT TO:)<{PLAIN}>")
_BARE: dict[str, Command] = {"DATA": Data(), "RSET": Rset(), "QUIT": Quit(), "NOOP": Noop(), "STARTTLS": StartTls()}
_WITH_PATH = frozenset({"MAIL", "RCPT"})  # the address parser says better what is wrong with an octet
# HTTP, a header line, SSH; then the hellos of TLS and SSL 2, SOCKS 4 and 5, TPKT (remote desktop).
_FOREIGN = re.compile(
    rb"(?i:(?:GET|POST|PUT|HEAD|OPTIONS|CONNECT|TRACE|DELETE|PATCH|PRI) |[!-9;-~]++:|SSH-)"
    rb"|\x16\x03|[\x80-\xff].\x01|[\x04\x05][\x00-\x09]|\x03\x00",
    re.DOTALL,
)


def parse_command(line: bytes, *, smtputf8: bool = False) -> Command:
    """Read one command line without its CRLF. Raises BadCommand, which carries the reply to give.

    `smtputf8`: the transaction was opened with SMTPUTF8, so RCPT and VRFY may hold UTF-8; MAIL looks at its own
    parameter. Whether a parameter was offered at all is the caller's to judge.
    """
    if line.isascii():
        command = _parse_plain(line.decode("ascii"))
        if command is not None:
            return command
    return _parse_any(line, smtputf8=smtputf8)


def is_foreign(line: bytes) -> bool:
    """Whether these first octets of a line belong to HTTP, TLS, SOCKS, SSH, RDP or a mail header, not to SMTP."""
    return _FOREIGN.match(line) is not None


def _parse_plain(text: str) -> Command | None:
    """The lines nearly all mail is made of, each with one regular expression."""
    match = _PLAIN_RCPT.fullmatch(text)
    if match is not None:
        return Rcpt(Mailbox(match[1], match[2].lower())) if fits(match) else None
    match = _PLAIN_MAIL.fullmatch(text)
    if match is not None:
        return Mail(Mailbox(match[1], match[2].lower()), _plain_parameters(match)) if fits(match) else None
    return _BARE.get(text.upper())


def _plain_parameters(match: re.Match[str]) -> MailParameters:
    size, others = match[3], match[4]
    if size is not None:
        return MailParameters(int(size))
    return NO_MAIL_PARAMETERS if others is None else MailParameters.parse(others)


def _parse_any(line: bytes, *, smtputf8: bool) -> Command:
    text = line.decode("utf-8", "backslashreplace").rstrip(" \t")
    verb, _, rest = text.partition(" ")
    verb = verb.upper() if verb.isascii() else ""  # upper() would turn a long s into S
    read = _READERS.get(verb)
    if read is None and is_foreign(line):
        raise reply.NOT_SMTP.refusal(fatal=True)
    if verb != "BDAT" and (not _is_utf8(line) or (verb not in _WITH_PATH and _CONTROL.search(text))):
        raise reply.BAD_OCTETS.refusal()
    if read is None:
        raise reply.UNRECOGNISED.refusal()
    command = read(rest)
    if not (line.isascii() or _allows_utf8(command, smtputf8=smtputf8)):
        raise reply.NEED_SMTPUTF8.refusal()
    return command


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _allows_utf8(command: Command, *, smtputf8: bool) -> bool:
    match command:
        case Mail(parameters=parameters):
            return parameters.smtputf8
        case Vrfy(text=text) | Expn(text=text):
            return smtputf8 or text.upper().endswith(" SMTPUTF8")
        case _:
            return smtputf8


def _host(rest: str) -> str:
    try:
        check_host(rest)
    except InputError as error:
        raise reply.BAD_PARAMETER.refusal() from error
    return rest


def _mail(rest: str) -> Mail:
    start = _FROM.match(rest)
    if start is None:
        raise reply.BAD_SYNTAX.refusal()
    try:
        path, after = parse_path(rest[start.end() :], null=True)
    except InvalidAddress as error:
        raise (reply.BAD_SENDER if rest.isascii() else reply.HOSTILE_SENDER).refusal() from error
    return Mail(path, MailParameters.parse(_parameters(after)))


def _rcpt(rest: str) -> Rcpt:
    start = _TO.match(rest)
    if start is None:
        raise reply.BAD_SYNTAX.refusal()
    try:
        path, after = parse_path(rest[start.end() :], null=False)
    except InvalidAddress as error:
        raise (reply.BAD_RECIPIENT if rest.isascii() else reply.HOSTILE_RECIPIENT).refusal() from error
    return Rcpt(path, RcptParameters.parse(_parameters(after)))


def _parameters(after: str) -> str:
    """What follows a path, less the space that must part them."""
    if after and not after.startswith(" "):
        raise reply.BAD_PARAMETER.refusal()
    return after[1:]


def _bdat(rest: str) -> Bdat:
    match = _CHUNK.fullmatch(rest)
    if match is None or int(match[1]) > MAX_CHUNK:
        # Nobody knows how many octets follow, so what comes next cannot be told from commands.
        raise reply.BAD_PARAMETER.refusal(fatal=True)
    return Bdat(int(match[1]), last=match[2] is not None)


def _auth(rest: str) -> Auth:
    mechanism, *initial = rest.split(" ")
    mechanism = mechanism.upper()
    if not rest.isascii() or not MECHANISM.fullmatch(mechanism) or len(initial) > 1:
        raise reply.BAD_PARAMETER.refusal()
    return Auth(mechanism, parse_initial_response(initial[0].encode()) if initial else None)


def _text(rest: str) -> str:
    if not rest.isascii():
        raise reply.BAD_OCTETS.refusal()
    return rest


def _question(rest: str) -> str:
    if not rest:
        raise reply.BAD_PARAMETER.refusal()
    return rest


def _refused(_rest: str) -> Command:
    """Postfix's XFORWARD would put somebody else's word into our log; there is nobody we take it from."""
    raise reply.REFUSED.refusal()


def _bare(verb: str) -> Callable[[str], Command]:
    def read(rest: str) -> Command:
        if rest:
            raise reply.BAD_PARAMETER.refusal()
        return _BARE[verb]

    return read


_READERS: dict[str, Callable[[str], Command]] = {
    "EHLO": lambda rest: Ehlo(_host(rest)),
    "HELO": lambda rest: Helo(_host(rest)),
    "MAIL": _mail,
    "RCPT": _rcpt,
    "BDAT": _bdat,
    "AUTH": _auth,
    "NOOP": lambda rest: Noop(_text(rest)),
    "HELP": lambda rest: Help(_text(rest)),
    "VRFY": lambda rest: Vrfy(_question(rest)),
    "EXPN": lambda rest: Expn(_question(rest)),
    "XCLIENT": parse_xclient,
    "XFORWARD": _refused,
    **{verb: _bare(verb) for verb in ("DATA", "RSET", "QUIT", "STARTTLS")},
}

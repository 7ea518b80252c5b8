"""What a reply means and what to do about it: of the providers that are known, else by its codes (RFC 3463).

`client/data/replies.toml` holds what is known; adding a reply is adding a table there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Final

import msgspec

from mailward.errors import InputError
from mailward.printable import printable

if TYPE_CHECKING:
    from mailward.wire.reply import Reply

_MOST: Final = 3  # explanations of one reply
_SURE: Final = 8  # a fit of the text, of host and code, or of an enhanced code of one provider's own
_LONGEST: Final = 4096  # characters of a reply that are looked at
_CODES: Final = re.compile(r"(?:^|(?<=[^0-9.]))([2-5][0-9]{2})(?:[ \-]([245]\.[0-9]{1,3}\.[0-9]{1,3}))?(?=[ \-]|$)")
_ENHANCED: Final = re.compile(r"(?<![0-9.])([245]\.[0-9]{1,3}\.[0-9]{1,3})(?![0-9.])")


class Known(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One table of the file, as its head says."""

    provider: str
    cause: str
    fix: str
    text: tuple[str, ...]
    hosts: tuple[str, ...] = ()
    code: int | None = None
    enhanced: str | None = None
    link: str = ""


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    reply: tuple[Known, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """`provider`: "" where the reply is explained by its codes alone."""

    cause: str
    fix: str
    provider: str = ""
    link: str = ""


@dataclass(frozen=True, slots=True)
class _Heard:
    code: int | None
    enhanced: str | None
    text: str
    host: str


def explain(reply: str, *, host: str = "") -> tuple[Explanation, ...]:
    """What `reply` may mean, the likeliest first: `535 5.7.139 Authentication unsuccessful, …`, or any part of it.

    host: the server that said so, where it is known. Raises InputError for a text without a reply code.
    """
    heard = _read(reply, host)
    general = by_code(heard.code, heard.enhanced)
    found = sorted(((_fit(known, heard), known) for known in _known()), key=lambda pair: -pair[0])
    best = found[0][0]
    if best == 0 and general is None:
        raise InputError(
            f"there is no reply code in {printable(reply, 80)!r}",
            phase="explain",
            advice='give the reply as the server said it, such as "535 5.7.8 Authentication failed"',
        )
    likely = [_explanation(known) for fit, known in found[:_MOST] if fit and fit * 4 >= best * 3]
    if general is not None and best < _SURE:
        likely.insert(0, general)
    return tuple(likely)


def advice_for(reply: Reply, *, host: str = "") -> str | None:
    """What is known to help against this very reply; None where that would be a guess."""
    heard = _Heard(reply.code, reply.enhanced, reply.text.casefold(), host.casefold())
    fit, known = max(((_fit(known, heard), known) for known in _known()), key=lambda pair: pair[0])
    if fit < _SURE:
        return None
    return f"{known.provider}: {known.cause} {known.fix}" if known.provider else f"{known.cause} {known.fix}"


def by_code(code: int | None, enhanced: str | None) -> Explanation | None:
    """What the codes say by their standards alone (RFC 3463, RFC 5248, RFC 5321 §4.2)."""
    if enhanced is not None:
        _, _, detail = enhanced.partition(".")
        cause = _DETAILS.get(detail) or _SUBJECTS.get(detail.partition(".")[0])
        if cause is not None:
            return Explanation(f"{cause} ({enhanced}).", _by_class(enhanced[0]))
    if code is not None and 200 <= code < 400:
        return Explanation(f"The server did what it was asked, or waits for more ({code}).", "Nothing to do.")
    if code is not None and code in _REPLIES:
        return Explanation(f"{_REPLIES[code]} ({code}).", _by_class(str(code)[0]))
    return None


def _fit(known: Known, heard: _Heard) -> int:
    """0 for another reply; more, the more of it agrees."""
    if (known.code is not None and heard.code is not None and known.code != heard.code) or (
        known.enhanced is not None and heard.enhanced is not None and known.enhanced != heard.enhanced
    ):
        return 0
    if not all(part.casefold() in heard.text for part in known.text):
        return 0
    from_there = any(heard.host == host or heard.host.endswith("." + host) for host in known.hosts)
    if known.hosts and heard.host and not from_there:
        return 0
    own = known.enhanced is not None and known.enhanced == heard.enhanced
    if not known.text and not from_there and not (own and (known.enhanced or "")[2:] not in _DETAILS):
        return 0  # a code that many use says nothing of one provider
    return (
        sum(6 + min(len(part), 40) // 10 for part in known.text)
        + 10 * from_there
        + 2 * (known.code is not None and known.code == heard.code)
        + (3 if known.text or from_there else 8) * own
    )


def _explanation(known: Known) -> Explanation:
    return Explanation(known.cause, known.fix, known.provider, known.link)


def _read(reply: str, host: str) -> _Heard:
    text = " ".join(reply[:_LONGEST].split())
    codes = _CODES.search(text)
    enhanced = codes[2] if codes and codes[2] else None
    if enhanced is None and (found := _ENHANCED.search(text)):
        enhanced = found[1]
    return _Heard(int(codes[1]) if codes else None, enhanced, text.casefold(), host.casefold())


def _by_class(digit: str) -> str:
    if digit == "4":
        return "Try again later; an Outbox does so by itself."
    return "Sending the same again will not help; change what the reply names." if digit == "5" else "Nothing to do."


@cache
def _known() -> tuple[Known, ...]:
    data = files("mailward.client").joinpath("data/replies.toml").read_bytes()
    return msgspec.toml.decode(data, type=_File).reply


_SUBJECTS: Final = {
    "1": "Something about an address",
    "2": "Something about the recipient's mailbox",
    "3": "Something about the server",
    "4": "Something about the way to the recipient's server",
    "5": "The commands were not understood",
    "6": "The content cannot be carried or converted",
    "7": "Security or policy",
}
_DETAILS: Final = {
    "1.1": "The recipient does not exist",
    "1.2": "The recipient's domain does not exist",
    "1.3": "The recipient's address is malformed",
    "1.6": "The recipient has moved and left no address",
    "1.7": "The sender's address is malformed",
    "1.8": "The sender's domain does not exist",
    "1.10": "The recipient's domain says that it takes no mail (null MX)",
    "2.0": "The mailbox has a problem the server does not name",
    "2.1": "The mailbox is disabled",
    "2.2": "The mailbox is full",
    "2.3": "The message is longer than the mailbox takes",
    "3.0": "The server has a problem it does not name",
    "3.1": "The server's disk is full",
    "3.2": "The server takes no mail now",
    "3.4": "The message is longer than the server takes",
    "4.1": "The recipient's server does not answer",
    "4.2": "The connection to the recipient's server broke",
    "4.4": "The recipient's server cannot be found",
    "4.6": "The message goes round in circles",
    "4.7": "It could not be delivered in time",
    "5.1": "The command is not legal here",
    "5.2": "The command was not understood",
    "5.3": "Too many recipients for one transaction",
    "5.4": "A parameter was not understood or is not allowed",
    "6.7": "A non-ASCII address is not allowed there (SMTPUTF8)",
    "6.9": "The message cannot be converted to ASCII (SMTPUTF8)",
    "7.0": "The server's policy refuses it",
    "7.1": "You may not send this, or not to there",
    "7.4": "The server does not know this way to log in",
    "7.8": "User name or password is wrong",
    "7.9": "This way to log in is too weak for the account",
    "7.10": "This way to log in needs encryption",
    "7.11": "A login needs TLS first",
    "7.12": "The password must be changed first",
    "7.13": "The account is disabled",
    "7.14": "A trust relationship is needed",
    "7.17": "The mailbox has changed hands since the message was written",
    "7.20": "No DKIM signature passes",
    "7.21": "No acceptable DKIM signature",
    "7.23": "SPF fails: this address may not send for the domain",
    "7.25": "The sending address has no reverse DNS",
    "7.26": "SPF and DKIM fail both",
    "7.27": "The sender's domain says that it takes no mail (null MX)",
    "7.30": "REQUIRETLS cannot be kept on the way on",
}
_REPLIES: Final = {
    421: "The server ends the session: busy, or going down",
    432: "A password transition is needed before this way to log in works",
    450: "The mailbox is not available now: busy, or put off by policy",
    451: "The server has a fault of its own, or puts the message off",
    452: "The server has no room, or takes no more recipients in this transaction",
    454: "The login cannot be judged now, or too many failed",
    455: "The server cannot keep the parameters now",
    500: "The command was not understood",
    501: "The parameters were not understood",
    502: "The server does not have this command",
    503: "The command is not legal now",
    504: "The server does not have this parameter or mechanism",
    521: "This host takes no mail",
    523: "The message is longer than the recipient takes",
    530: "The server wants a login, or TLS, first",
    534: "This way to log in is too weak for the account",
    535: "User name or password is wrong",
    538: "This way to log in needs TLS",
    550: "The mailbox does not exist, or the server's policy refuses it",
    551: "The recipient is not here",
    552: "The mailbox is full, or the message too long",
    553: "The address is not allowed",
    554: "The transaction failed, or nobody is served here",
    555: "The parameters of MAIL or RCPT are not known here",
    556: "The recipient's domain takes no mail",
}

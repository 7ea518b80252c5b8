"""Parameters of MAIL and RCPT: SIZE (RFC 1870), BODY (RFC 6152, 3030), SMTPUTF8 (RFC 6531), AUTH (RFC 4954 §5),
RET, ENVID, NOTIFY, ORCPT (RFC 3461), REQUIRETLS (RFC 8689), HOLDFOR, HOLDUNTIL (RFC 4865), BY (RFC 2852),
MT-PRIORITY (RFC 6710), and X-IDEMPOTENT, ours: a key under which a server takes one message once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any, TypeVar

from mailward.errors import InputError
from mailward.wire.address import Mailbox
from mailward.wire.reply import BAD_PARAMETER, TOO_BIG, UNKNOWN_PARAMETER
from mailward.wire.xtext import from_utf8_xtext, from_xtext, utf8_xtext, xtext

MAX_SIZE = 2**63 - 1
MAX_ENVID = 100
MAX_ORCPT = 500
MAX_KEY = 64
MAX_HOLD = 999_999_999  # seconds (RFC 4865 §5)
MAX_BY = 999_999_999  # seconds (RFC 2852 §4)

_Word = TypeVar("_Word", bound=Enum)
_PARAMETER = re.compile(r"([A-Za-z0-9][A-Za-z0-9\-]*+)(?:=([!-<>-~\x80-\U0010ffff]++))?")
_DIGITS = re.compile(r"[0-9]++")
_KEY = re.compile(r"[A-Za-z0-9._\-]{1,64}")
_DATE_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:Z|[+-][0-9]{2}:[0-9]{2})")
_BY = re.compile(r"([+-]?[0-9]{1,9});([NRnr])([Tt]?)")
_PRIORITY = re.compile(r"[+-]?[0-9]")
_ADDRESS_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9\-]*+")


class Body(Enum):
    SEVEN_BIT = "7BIT"
    EIGHT_BIT_MIME = "8BITMIME"
    BINARY_MIME = "BINARYMIME"


class Ret(Enum):
    FULL = "FULL"
    HDRS = "HDRS"


class Notify(Enum):
    NEVER = "NEVER"
    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"
    DELAY = "DELAY"


@dataclass(frozen=True, slots=True)
class DeliverBy:
    """`seconds` from now in which to deliver, or else `notify` of the delay or return. `trace`: tell each relay."""

    seconds: int
    notify: bool = False
    trace: bool = False


@dataclass(frozen=True, slots=True)
class MailParameters:
    """`size`: octets announced. `auth`: "<>" or a mailbox. `envid`: printable ASCII. `holdfor`: seconds.

    `holduntil`: aware. `priority`: -9 to 9, 0 the usual. `key`: under which the server takes one message once.
    """

    size: int | None = None
    body: Body | None = None
    smtputf8: bool = False
    auth: str | None = None
    ret: Ret | None = None
    envid: str | None = None
    requiretls: bool = False
    holdfor: int | None = None
    holduntil: datetime | None = None
    by: DeliverBy | None = None
    priority: int | None = None
    key: str | None = None

    @property
    def asks_extensions(self) -> bool:
        """Whether it needs DSN, REQUIRETLS, FUTURERELEASE, DELIVERBY or MT-PRIORITY."""
        wanted = (self.ret, self.envid, self.holdfor, self.holduntil, self.by, self.priority)
        return self.requiretls or any(value is not None for value in wanted)

    @classmethod
    def parse(cls, text: str) -> MailParameters:
        """Read what follows the path, without the leading space. Raises BadCommand with the reply to give."""
        return cls(**_parse(text, _MAIL)) if text else NO_MAIL_PARAMETERS

    def encode(self) -> str:
        """`SIZE=1024 BODY=8BITMIME`, or "" when there are none. Raises InputError for what cannot be written."""
        words = [
            None if self.size is None else f"SIZE={_checked_size(self.size)}",
            self.body and f"BODY={self.body.value}",
            "SMTPUTF8" if self.smtputf8 else None,
            None if self.auth is None else f"AUTH={xtext(_checked_auth(self.auth))}",
            self.ret and f"RET={self.ret.value}",
            None if self.envid is None else f"ENVID={xtext(_checked_envid(self.envid))}",
            "REQUIRETLS" if self.requiretls else None,
            None if self.holdfor is None else f"HOLDFOR={_checked_hold(self.holdfor)}",
            None if self.holduntil is None else f"HOLDUNTIL={_date_time_text(self.holduntil)}",
            self.by and f"BY={_by_text(self.by)}",
            None if self.priority is None else f"MT-PRIORITY={_checked_priority(self.priority)}",
            None if self.key is None else f"X-IDEMPOTENT={_checked_key(self.key)}",
        ]
        return " ".join(word for word in words if word)


@dataclass(frozen=True, slots=True)
class RcptParameters:
    """`notify`: when to report. `orcpt`: (address type, original recipient)."""

    notify: frozenset[Notify] | None = None
    orcpt: tuple[str, str] | None = None

    @classmethod
    def parse(cls, text: str) -> RcptParameters:
        return cls(**_parse(text, _RCPT)) if text else NO_RCPT_PARAMETERS

    def encode(self) -> str:
        words = []
        if self.notify is not None:
            _checked_notify(self.notify)
            words.append("NOTIFY=" + ",".join(notify.value for notify in Notify if notify in self.notify))
        if self.orcpt is not None:
            words.append(f"ORCPT={_orcpt_text(*self.orcpt)}")
        return " ".join(words)


NO_MAIL_PARAMETERS = MailParameters()
NO_RCPT_PARAMETERS = RcptParameters()


def _parse(text: str, known: dict[str, Callable[[str | None], Any]]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for keyword, value in _split(text):
        read = known.get(keyword)
        if read is None:
            raise UNKNOWN_PARAMETER.refusal()
        name = _NAMES.get(keyword, keyword.lower())
        if name in values:
            raise BAD_PARAMETER.refusal()
        try:
            values[name] = read(value)
        except InputError as error:
            raise BAD_PARAMETER.refusal() from error
    return values


def _split(text: str) -> Iterator[tuple[str, str | None]]:
    for word in text.split(" "):
        match = _PARAMETER.fullmatch(word)
        if match is None:
            raise BAD_PARAMETER.refusal()
        yield match[1].upper(), match[2]


def _value(value: str | None) -> str:
    if value is None:
        raise InputError("the parameter needs a value")
    return value


def _size(value: str | None) -> int:
    digits = _value(value)
    if not _DIGITS.fullmatch(digits):
        raise InputError("SIZE must be a number")
    if len(digits.lstrip("0")) > 19 or int(digits) > MAX_SIZE:
        raise TOO_BIG.refusal()
    return int(digits)


def _one_of(kind: type[_Word], value: str | None) -> _Word:
    word = _value(value)
    for member in kind:
        if word.isascii() and member.value == word.upper():
            return member
    raise InputError("not one of the values this parameter has")


def _flag(value: str | None) -> bool:
    if value is not None:
        raise InputError("the parameter takes no value")
    return True


def _auth(value: str | None) -> str:
    return _checked_auth(from_xtext(_value(value)))


def _envid(value: str | None) -> str:
    return _checked_envid(from_xtext(_value(value)))


def _notify(value: str | None) -> frozenset[Notify]:
    words = [_one_of(Notify, word) for word in _value(value).split(",")]
    notify = frozenset(words)
    if len(notify) != len(words):
        raise InputError("NOTIFY says the same twice")
    return _checked_notify(notify)


def _orcpt(value: str | None) -> tuple[str, str]:
    text = _value(value)
    if len(text) > MAX_ORCPT:
        raise InputError(f"ORCPT is longer than {MAX_ORCPT} characters")
    address_type, semicolon, address = text.partition(";")
    if not (semicolon and address and _ADDRESS_TYPE.fullmatch(address_type)):
        raise InputError("ORCPT must be an address type, a semicolon and an address")
    return address_type, from_utf8_xtext(address) if address_type.lower() == "utf-8" else from_xtext(address)


def _orcpt_text(address_type: str, address: str) -> str:
    armour = utf8_xtext if address_type.lower() == "utf-8" else xtext
    text = f"{address_type};{armour(address)}"
    if not (address and _ADDRESS_TYPE.fullmatch(address_type)) or len(text) > MAX_ORCPT:
        raise InputError(f"ORCPT needs an address type and an address, {MAX_ORCPT} characters at most")
    return text


def _checked_size(size: int) -> int:
    if not 0 <= size <= MAX_SIZE:
        raise InputError(f"SIZE must be from 0 to {MAX_SIZE}")
    return size


def _checked_auth(auth: str) -> str:
    if auth != "<>":
        Mailbox.parse(auth)
    return auth


def _checked_envid(envid: str) -> str:
    if not 0 < len(xtext(envid)) <= MAX_ENVID:
        raise InputError(f"ENVID must have from 1 to {MAX_ENVID} characters as xtext")
    return envid


def _checked_notify(notify: frozenset[Notify]) -> frozenset[Notify]:
    if not notify or (Notify.NEVER in notify and len(notify) > 1):
        raise InputError("NOTIFY must be NEVER alone, or some of SUCCESS, FAILURE, DELAY")
    return notify


def _holdfor(value: str | None) -> int:
    return _checked_hold(_number(_DIGITS, _value(value)))


def _checked_hold(seconds: int) -> int:
    if not 1 <= seconds <= MAX_HOLD:
        raise InputError(f"HOLDFOR must be from 1 to {MAX_HOLD} seconds")
    return seconds


def _number(form: re.Pattern[str], text: str) -> int:
    if len(text) > 12 or not form.fullmatch(text):
        raise InputError("not the number this parameter needs")
    return int(text)


def _holduntil(value: str | None) -> datetime:
    text = _value(value).upper()
    if not _DATE_TIME.fullmatch(text):
        raise InputError("HOLDUNTIL must be a time as in RFC 3339, without fractions")
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise InputError("HOLDUNTIL is no time of the calendar") from None


def _date_time_text(moment: datetime) -> str:
    if moment.tzinfo is None:
        raise InputError("HOLDUNTIL needs a time with a time zone")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _by(value: str | None) -> DeliverBy:
    match = _BY.fullmatch(_value(value))
    if match is None:
        raise InputError("BY must be seconds, a semicolon, and N or R, with T or without")
    return _checked_by(DeliverBy(int(match[1]), match[2].upper() == "N", bool(match[3])))


def _checked_by(by: DeliverBy) -> DeliverBy:
    """RFC 2852 §4: a time that has passed can only be notified of."""
    if abs(by.seconds) > MAX_BY or (by.seconds <= 0 and not by.notify):
        raise InputError(f"BY must be from 1 to {MAX_BY} seconds, or N with any")
    return by


def _by_text(by: DeliverBy) -> str:
    return f"{_checked_by(by).seconds};{'N' if by.notify else 'R'}{'T' if by.trace else ''}"


def _priority(value: str | None) -> int:
    return _checked_priority(_number(_PRIORITY, _value(value)))


def _checked_priority(priority: int) -> int:
    if not -9 <= priority <= 9:
        raise InputError("MT-PRIORITY must be from -9 to 9")
    return priority


def _key(value: str | None) -> str:
    return _checked_key(_value(value))


def _checked_key(key: str) -> str:
    if not _KEY.fullmatch(key):
        raise InputError(f"an idempotency key has from 1 to {MAX_KEY} letters, digits, dots, dashes and underscores")
    return key


_NAMES: dict[str, str] = {"MT-PRIORITY": "priority", "X-IDEMPOTENT": "key"}
_MAIL: dict[str, Callable[[str | None], Any]] = {
    "SIZE": _size,
    "BODY": lambda value: _one_of(Body, value),
    "SMTPUTF8": _flag,
    "AUTH": _auth,
    "RET": lambda value: _one_of(Ret, value),
    "ENVID": _envid,
    "REQUIRETLS": _flag,
    "HOLDFOR": _holdfor,
    "HOLDUNTIL": _holduntil,
    "BY": _by,
    "MT-PRIORITY": _priority,
    "X-IDEMPOTENT": _key,
}
_RCPT: dict[str, Callable[[str | None], Any]] = {"NOTIFY": _notify, "ORCPT": _orcpt}

"""EHLO keywords: what a server offers (RFC 5321 §4.1.1.1 and the extensions' own RFCs)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TypedDict, Unpack

from mailward.errors import InputError
from mailward.wire.reply import Reply

MAX_SIZE = 2**63 - 1
_LINE = re.compile(r"([A-Za-z0-9][A-Za-z0-9\-]*+)((?>(?: ++[!-~]++)*)) *+")
_NAME = re.compile(r"[!-~]{1,255}")
_LIMIT = re.compile(r"([A-Z]++)=([1-9][0-9]{0,8})")
_LIMIT_NAMES = frozenset({"MAILMAX", "RCPTMAX", "RCPTDOMAINMAX"})
_MECHANISM = re.compile(r"[A-Z0-9\-_]{1,20}")
_DIGITS = re.compile(r"[0-9]{1,20}")
_SECONDS = re.compile(r"[0-9]{1,9}")
_HOLD = re.compile(r"([1-9][0-9]{0,8}) ([0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9:]{8}(?:[Zz]|[+-][0-9]{2}:[0-9]{2}))")


class Offer(TypedDict, total=False):
    """What a server may offer. `size`: octets, 0 for no fixed maximum, None not to say.

    `idempotent`: seconds for which a key is kept, None not to offer it.
    """

    pipelining: bool
    eightbitmime: bool
    binarymime: bool
    chunking: bool
    smtputf8: bool
    enhanced_status_codes: bool
    dsn: bool
    requiretls: bool
    starttls: bool
    size: int | None
    auth: Sequence[str]
    limits: Mapping[str, int]
    idempotent: int | None


_FLAGS = {
    "pipelining": "PIPELINING",
    "eightbitmime": "8BITMIME",
    "binarymime": "BINARYMIME",
    "chunking": "CHUNKING",
    "smtputf8": "SMTPUTF8",
    "enhanced_status_codes": "ENHANCEDSTATUSCODES",
    "dsn": "DSN",
    "requiretls": "REQUIRETLS",
    "starttls": "STARTTLS",
}


class Keywords(Mapping[str, str]):
    """Keyword (upper-case) to its parameters ("" if none). Empty for a server that only knows HELO.

    Lines that are no keyword are skipped, and so are values that make no sense.
    """

    __slots__ = ("_parameters", "greeting_domain")

    def __init__(self, parameters: Mapping[str, str] | None = None, *, greeting_domain: str = "") -> None:
        self._parameters = dict(parameters or {})
        self.greeting_domain = greeting_domain

    @classmethod
    def parse(cls, reply: Reply) -> Keywords:
        """Read the reply to EHLO. The first line is the greeting; a keyword said twice counts once, the first."""
        parameters: dict[str, str] = {}
        for line in reply.lines[1:]:
            match = _LINE.fullmatch(line)
            if match is not None:
                parameters.setdefault(match[1].upper(), match[2].strip())
        domain = reply.lines[0].partition(" ")[0]
        return cls(parameters, greeting_domain=domain if _NAME.fullmatch(domain) else "")

    @classmethod
    def none(cls) -> Keywords:
        """What a server offers that only knows HELO, or has not been asked yet."""
        return cls()

    @staticmethod
    def build(**offer: Unpack[Offer]) -> tuple[str, ...]:
        """The lines to write below the greeting line in the reply to EHLO."""
        unknown = offer.keys() - Offer.__annotations__.keys()
        if unknown:
            raise InputError(f"no such EHLO keyword: {', '.join(sorted(unknown))}")
        lines = [keyword for name, keyword in _FLAGS.items() if offer.get(name)]
        size, auth, limits = offer.get("size"), offer.get("auth", ()), offer.get("limits", {})
        idempotent = offer.get("idempotent")
        if size is not None:
            lines.append(f"SIZE {size}")
        if idempotent is not None:
            lines.append(f"X-IDEMPOTENT {idempotent}")
        if auth:
            lines.append(f"AUTH {' '.join(auth)}")
        if limits:
            lines.append(f"LIMITS {' '.join(f'{name}={value}' for name, value in limits.items())}")
        return tuple(lines)

    def __getitem__(self, keyword: str) -> str:
        return self._parameters[keyword.upper()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._parameters)

    def __len__(self) -> int:
        return len(self._parameters)

    def __repr__(self) -> str:
        return f"Keywords({', '.join(self._parameters)})"

    @property
    def starttls(self) -> bool:
        return "STARTTLS" in self._parameters

    @property
    def pipelining(self) -> bool:
        return "PIPELINING" in self._parameters

    @property
    def eightbitmime(self) -> bool:
        return "8BITMIME" in self._parameters

    @property
    def binarymime(self) -> bool:
        return "BINARYMIME" in self._parameters

    @property
    def chunking(self) -> bool:
        return "CHUNKING" in self._parameters

    @property
    def smtputf8(self) -> bool:
        return "SMTPUTF8" in self._parameters

    @property
    def enhanced_status_codes(self) -> bool:
        return "ENHANCEDSTATUSCODES" in self._parameters

    @property
    def dsn(self) -> bool:
        return "DSN" in self._parameters

    @property
    def requiretls(self) -> bool:
        return "REQUIRETLS" in self._parameters

    @property
    def size(self) -> int | None:
        """Largest message in octets; 0 for no fixed maximum, None if SIZE is not offered or its value is no number."""
        parameter = self._parameters.get("SIZE")
        if parameter is None:
            return None
        if not parameter:
            return 0
        size = int(parameter) if _DIGITS.fullmatch(parameter) else MAX_SIZE + 1
        return size if size <= MAX_SIZE else None

    @property
    def auth(self) -> tuple[str, ...]:
        """Mechanism names, upper-case, in the server's order."""
        names = self._parameters.get("AUTH", "").upper().split(" ")
        return tuple(dict.fromkeys(name for name in names if _MECHANISM.fullmatch(name)))

    @property
    def limits(self) -> dict[str, int]:
        """MAILMAX, RCPTMAX, RCPTDOMAINMAX (RFC 9422), as far as they are offered and at least 1."""
        matches = (_LIMIT.fullmatch(word) for word in self._parameters.get("LIMITS", "").upper().split(" "))
        return {match[1]: int(match[2]) for match in matches if match and match[1] in _LIMIT_NAMES}

    @property
    def hold(self) -> tuple[int, str] | None:
        """FUTURERELEASE (RFC 4865 §3): the longest hold in seconds and the latest moment; None if it is not offered."""
        match = _HOLD.fullmatch(self._parameters.get("FUTURERELEASE", ""))
        return (int(match[1]), match[2].upper()) if match else None

    @property
    def deliverby(self) -> int | None:
        """DELIVERBY (RFC 2852 §3): the least seconds to ask for, 0 if it does not say; None if not offered."""
        parameter = self._parameters.get("DELIVERBY")
        if parameter is None:
            return None
        return int(parameter) if _SECONDS.fullmatch(parameter) else 0

    @property
    def mt_priority(self) -> bool:
        """MT-PRIORITY (RFC 6710)."""
        return "MT-PRIORITY" in self._parameters

    @property
    def idempotent(self) -> int | None:
        """X-IDEMPOTENT: the seconds for which a key is kept; None if it is not offered."""
        parameter = self._parameters.get("X-IDEMPOTENT", "")
        return int(parameter) if _SECONDS.fullmatch(parameter) else None

"""SMTP MTA Strict Transport Security: the record that there is a policy, and the policy (RFC 8461)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, cast

from mailward.errors import InputError
from mailward.printable import printable
from mailward.records.host import is_host

if TYPE_CHECKING:
    from collections.abc import Iterable

Mode: TypeAlias = Literal["enforce", "testing", "none"]

MOST_OCTETS: Final = 64 * 1024
LONGEST: Final = 31_557_600  # seconds; a policy that says more is believed for so long (RFC 8461 §3.2)
_FIELD = r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,31}"
_ID_RECORD = re.compile(
    rb"v=STSv1(?>(?:[ \t]*;[ \t]*" + _FIELD.encode() + rb"=[\x21-\x3a\x3c\x3e-\x7e]+)+)[ \t]*(?:;[ \t]*)?"
)
_ID = re.compile(rb";[ \t]*id=([A-Za-z0-9]{1,32})(?=[ \t;]|$)")
_ANY_ID = re.compile(rb";[ \t]*id=")
_LINE = re.compile(rf"({_FIELD}):[ \t]*([^\x00-\x1f\x7f]*?)[ \t]*")
_SECONDS = re.compile(r"[0-9]{1,10}")


@dataclass(frozen=True, slots=True)
class StsPolicy:
    """`mx`: patterns, at least one unless the mode is none. `max_age`: seconds that it holds."""

    mode: Mode
    mx: tuple[str, ...]
    max_age: int

    def allows(self, host: str) -> bool:
        """Whether mail may go to this host: it is named, or one label under `*.` of a pattern (RFC 8461 §4.1)."""
        host = host.lower().removesuffix(".")
        parent = host.partition(".")[2]
        return any(pattern == host or (parent != "" and pattern == f"*.{parent}") for pattern in self.mx)


def policy_id(texts: Iterable[bytes]) -> str | None:
    """The id of the policy that the TXT records at `_mta-sts.` speak of; None unless exactly one is, and valid."""
    records = [text for text in texts if text.startswith(b"v=STSv1;") or text.rstrip() == b"v=STSv1"]
    if len(records) != 1 or not _ID_RECORD.fullmatch(records[0]) or len(_ANY_ID.findall(records[0])) != 1:
        return None
    match = _ID.search(records[0])
    return match[1].decode() if match else None


def parse_policy(body: bytes) -> StsPolicy:
    """Raises InputError for what is no policy. Unknown keys do not count, nor does what a key says a second time."""
    if len(body) > MOST_OCTETS:
        raise _invalid(f"it has more than {MOST_OCTETS} octets")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise _invalid("it is not UTF-8") from None
    values: dict[str, str] = {}
    patterns: list[str] = []
    for line in text.replace("\r\n", "\n").split("\n"):
        if not line.strip(" \t"):
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            raise _invalid(f"the line {printable(line, 80)!r} is not `key: value`")
        if match[1] == "mx":
            patterns.append(_pattern(match[2]))
        else:
            values.setdefault(match[1], match[2])
    return _policy(values, tuple(dict.fromkeys(patterns)))


def _policy(values: dict[str, str], patterns: tuple[str, ...]) -> StsPolicy:
    if values.get("version") != "STSv1":
        raise _invalid("its version is not STSv1")
    mode = values.get("mode")
    if mode not in ("enforce", "testing", "none"):
        raise _invalid("its mode is not enforce, testing or none")
    if not _SECONDS.fullmatch(values.get("max_age", "")):
        raise _invalid("its max_age is not a number of seconds")
    if not patterns and mode != "none":
        raise _invalid("it names no mx")
    return StsPolicy(cast("Mode", mode), patterns, min(int(values["max_age"]), LONGEST))


def _pattern(value: str) -> str:
    pattern = value.lower()
    if not is_host(pattern.removeprefix("*.")):
        raise _invalid(f"its mx {printable(value, 80)!r} is not a host name")
    return pattern


def _invalid(why: str) -> InputError:
    return InputError(f"this is no MTA-STS policy: {why}", phase="route")

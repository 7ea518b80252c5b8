"""Invitations to a meeting, changes and cancellations, as calendars take them (RFC 5545, RFC 5546, RFC 6047)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any, Final, Literal, Self, TypeAlias
from urllib.parse import quote

from mailward.errors import InvalidMessage
from mailward.message.address_list import Address, parse_address
from mailward.message.part import Leaf, octets_leaf
from mailward.message.time_zone import time_zone_lines

When: TypeAlias = datetime | date
Method: TypeAlias = Literal["REQUEST", "CANCEL"]

_LINE: Final = 75  # octets (RFC 5545 §3.1)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\x85\u2028\u2029]")
_ESCAPED = str.maketrans({"\\": "\\\\", ";": "\\;", ",": "\\,", "\n": "\\n"})
_ZONE = re.compile(r"[A-Za-z0-9_+\-/]{1,64}")
_STAMP = "%Y%m%dT%H%M%S"


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """One meeting. `uid` names it for ever; whoever changes or cancels it sends the same with a higher `sequence`.

    `start` and `end`: two aware datetimes, or two dates for whole days (`end` is the day after the last one). Times in
    a `zoneinfo.ZoneInfo` stay in it, with its rules; others are told in UTC. `organizer` and `attendees`:
    `Ann <ann@example.org>`, one to a string; `optional` need not come. `file`: an invite.ics beside it, for programs
    that do not look for an invitation in the text. Raises InvalidMessage and InvalidAddress.
    """

    uid: str
    summary: str
    start: When
    end: When
    organizer: str
    attendees: Sequence[str]
    optional: Sequence[str] = ()
    location: str = ""
    description: str = ""
    sequence: int = 0
    method: Method = "REQUEST"
    file: bool = True

    def __post_init__(self) -> None:
        if not self.uid or len(self.uid) > 255:
            raise InvalidMessage("an invitation needs a uid of 255 characters at most", advice="give one of your own")
        if not self.attendees and not self.optional:
            raise InvalidMessage("an invitation needs an attendee")
        if self.method not in {"REQUEST", "CANCEL"} or not 0 <= self.sequence < 1 << 31:
            raise InvalidMessage("an invitation is a REQUEST or a CANCEL, and its sequence a whole number from 0")
        _check_times(self.start, self.end)
        for address in (self.organizer, *self.attendees, *self.optional):
            parse_address(address)
        for text in (self.uid, self.summary, self.location, self.description):
            _text(text)

    def changed(self, **what: Any) -> Self:
        """The same meeting otherwise: `invitation.changed(location="Room 2")`."""
        return replace(self, **({"sequence": self.sequence + 1} | what))

    def cancelled(self) -> Self:
        """The same meeting called off."""
        return replace(self, sequence=self.sequence + 1, method="CANCEL")

    @property
    def media_type(self) -> str:
        """Of the body part; `method` must be the one in the text (RFC 6047 §2.4)."""
        return f'text/calendar; charset="utf-8"; method={self.method}'

    def text(self, stamp: datetime) -> str:
        """The calendar object, told at `stamp`."""
        lines = [
            "BEGIN:VCALENDAR",
            "PRODID:-//Mailward//Mailward//EN",
            "VERSION:2.0",
            "CALSCALE:GREGORIAN",
            f"METHOD:{self.method}",
            *self._zones(),
            *self._event(stamp),
            "END:VCALENDAR",
        ]
        return "".join(f"{_folded(line)}\r\n" for line in lines)

    def attachment(self, stamp: datetime) -> list[Leaf]:
        """The same as a file, if it is asked for."""
        if not self.file:
            return []
        fields = 'Content-Disposition: attachment;\r\n filename="invite.ics"\r\n'
        return [octets_leaf(self.text(stamp).encode(), 'application/ics;\r\n name="invite.ics"', fields)]

    def _event(self, stamp: datetime) -> Iterator[str]:
        yield "BEGIN:VEVENT"
        yield f"UID:{_text(self.uid)}"
        yield f"DTSTAMP:{stamp.astimezone(UTC).strftime(_STAMP)}Z"
        yield f"SEQUENCE:{self.sequence}"
        yield f"DTSTART{_time(self.start)}"
        yield f"DTEND{_time(self.end)}"
        yield f"SUMMARY:{_text(self.summary)}"
        for name, value in (("LOCATION", self.location), ("DESCRIPTION", self.description)):
            if value:
                yield f"{name}:{_text(value)}"
        yield f"ORGANIZER{_person(parse_address(self.organizer))}"
        for role, addresses in (("REQ-PARTICIPANT", self.attendees), ("OPT-PARTICIPANT", self.optional)):
            asked = "" if self.method == "CANCEL" else ";PARTSTAT=NEEDS-ACTION;RSVP=TRUE"
            for address in addresses:
                yield f"ATTENDEE;CUTYPE=INDIVIDUAL;ROLE={role}{asked}{_person(parse_address(address))}"
        yield f"STATUS:{'CANCELLED' if self.method == 'CANCEL' else 'CONFIRMED'}"
        yield "TRANSP:OPAQUE"
        yield "END:VEVENT"

    def _zones(self) -> list[str]:
        zones = {_zone_name(when): when for when in (self.start, self.end) if isinstance(when, datetime)}
        lines: list[str] = []
        for name, when in zones.items():
            if name and when.tzinfo is not None:
                lines += time_zone_lines(name, when.tzinfo, when)
        return lines


def _check_times(start: When, end: When) -> None:
    kinds = {isinstance(when, datetime) for when in (start, end)}
    if len(kinds) > 1:
        raise InvalidMessage("start and end must be two datetimes, or two dates")
    if any(isinstance(when, datetime) and when.utcoffset() is None for when in (start, end)):
        raise InvalidMessage("start and end have no time zone", advice="give aware datetimes, such as with ZoneInfo")
    if end <= start:
        raise InvalidMessage("the meeting ends before it begins")


def _zone_name(when: datetime) -> str:
    """The TZID of a time in a zone of the IANA's database, "" for one that is told in UTC."""
    key = getattr(when.tzinfo, "key", None)
    known = isinstance(key, str) and _ZONE.fullmatch(key) and key not in {"UTC", "Etc/UTC"}
    return str(key) if known else ""


def _time(when: When) -> str:
    if not isinstance(when, datetime):
        return f";VALUE=DATE:{when.strftime('%Y%m%d')}"
    if name := _zone_name(when):
        return f";TZID={name}:{when.strftime(_STAMP)}"
    return f":{when.astimezone(UTC).strftime(_STAMP)}Z"


def _person(address: Address) -> str:
    """Parameter values have no escapes for quotes (RFC 5545 §3.1)."""
    name = address.name.replace('"', "'")
    shown = f';CN="{name}"' if name else ""
    return f"{shown}:mailto:{quote(str(address.mailbox), safe='@!$*+-._~')}"


def _text(value: str) -> str:
    text = value.replace("\r\n", "\n").replace("\r", "\n")
    if found := _CONTROL.search(text):
        raise InvalidMessage(f"U+{ord(found[0]):04X} is not allowed in an invitation")
    return text.translate(_ESCAPED)


def _folded(line: str) -> str:
    """Lines of 75 octets, whole characters, each further one after a space."""
    lines, part, size = [], "", 0
    for character in line:
        octets = len(character.encode())
        if size + octets > _LINE:
            lines.append(part)
            part, size = " ", 1
        part += character
        size += octets
    return "\r\n".join([*lines, part])

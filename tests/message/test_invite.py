"""Invitations, read back by an unfolding and unescaping of this test's own."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailward.errors import InputError
from mailward.message.builder import Message
from mailward.message.invite import Invitation

NOW = datetime(2025, 11, 24, 13, 44, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def invitation(**changes: Any) -> Invitation:
    parts: dict[str, Any] = {
        "uid": "meeting-1@example.test",
        "summary": "Lunch",
        "start": datetime(2025, 12, 1, 12, tzinfo=BERLIN),
        "end": datetime(2025, 12, 1, 13, tzinfo=BERLIN),
        "organizer": "Ann <ann@example.test>",
        "attendees": ["Bob <bob@example.test>"],
    }
    return Invitation(**(parts | changes))


def event(text: str) -> dict[str, list[str]]:
    """Each property of the VEVENT with its values, parameters before them."""
    assert text.endswith("END:VEVENT\r\nEND:VCALENDAR\r\n")
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))
    assert "\n" not in text.replace("\r\n", "")
    found: dict[str, list[str]] = {}
    for line in text.replace("\r\n ", "").split("BEGIN:VEVENT\r\n")[1].split("\r\n"):
        name = re.match("[A-Z-]*", line)
        assert name is not None
        found.setdefault(name[0], []).append(line[name.end() :])
    return found


def unescaped(value: str) -> str:
    return re.sub(r"\\(.)", lambda pair: "\n" if pair[1] in "nN" else pair[1], value.removeprefix(":"))


def test_a_request() -> None:
    """What RFC 5546 §3.2.2 asks for, in the zone it was given, with its rules."""
    text = invitation(optional=["Eve <eve@example.test>"], location="Room 1", description="Bring cake").text(NOW)
    found = event(text)

    assert text.startswith("BEGIN:VCALENDAR\r\nPRODID:")
    assert "\r\nVERSION:2.0\r\n" in text
    assert "\r\nMETHOD:REQUEST\r\n" in text
    assert "\r\nTZID:Europe/Berlin\r\n" in text
    assert found["UID"] == [":meeting-1@example.test"]
    assert found["DTSTAMP"] == [":20251124T134400Z"]
    assert found["SEQUENCE"] == [":0"]
    assert found["DTSTART"] == [";TZID=Europe/Berlin:20251201T120000"]
    assert found["DTEND"] == [";TZID=Europe/Berlin:20251201T130000"]
    assert found["ORGANIZER"] == [';CN="Ann":mailto:ann@example.test']
    asked = "PARTSTAT=NEEDS-ACTION;RSVP=TRUE"
    assert found["ATTENDEE"] == [
        f';CUTYPE=INDIVIDUAL;ROLE=REQ-PARTICIPANT;{asked};CN="Bob":mailto:bob@example.test',
        f';CUTYPE=INDIVIDUAL;ROLE=OPT-PARTICIPANT;{asked};CN="Eve":mailto:eve@example.test',
    ]
    assert found["STATUS"] == [":CONFIRMED"]
    assert (found["LOCATION"], found["DESCRIPTION"]) == ([":Room 1"], [":Bring cake"])


def test_a_change_and_a_cancellation() -> None:
    """The same uid, a higher sequence; nobody is asked to answer a cancellation."""
    changed = invitation().changed(location="Room 2")
    cancelled = changed.cancelled()

    assert event(changed.text(NOW))["SEQUENCE"] == [":1"]
    assert event(changed.text(NOW))["LOCATION"] == [":Room 2"]
    found = event(cancelled.text(NOW))
    assert "\r\nMETHOD:CANCEL\r\n" in cancelled.text(NOW)
    assert (found["SEQUENCE"], found["STATUS"]) == ([":2"], [":CANCELLED"])
    assert found["UID"] == [":meeting-1@example.test"]
    assert "RSVP" not in found["ATTENDEE"][0]
    assert cancelled.media_type.endswith("method=CANCEL")


@pytest.mark.parametrize(
    "start, told",
    [
        (datetime(2025, 12, 1, 12, tzinfo=UTC), ":20251201T120000Z"),
        (datetime(2025, 12, 1, 12, tzinfo=ZoneInfo("UTC")), ":20251201T120000Z"),
        (datetime.fromisoformat("2025-12-01T12:00:00+02:00"), ":20251201T100000Z"),
        (date(2025, 12, 1), ";VALUE=DATE:20251201"),
    ],
)
def test_other_times(start: datetime | date, told: str) -> None:
    """UTC without a zone, and whole days."""
    text = invitation(start=start, end=start + timedelta(days=1)).text(NOW)

    assert event(text)["DTSTART"] == [told]
    assert "VTIMEZONE" not in text


@given(
    st.text(st.characters(blacklist_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=300),
    st.text('\n;,\\:"ü', max_size=60),
)
def test_any_text_comes_back(summary: str, description: str) -> None:
    """Folded within 75 octets, never inside a character, and escaped."""
    found = event(invitation(summary=summary, description="x" + description).text(NOW))

    assert unescaped(found["SUMMARY"][0]) == summary
    assert unescaped(found["DESCRIPTION"][0]) == "x" + description


def test_names_that_would_break_their_parameter() -> None:
    """A quote cannot be told there; colons and commas are inside quotes."""
    found = event(invitation(organizer='"Ann \\"A\\": Boss, CEO" <ann@example.test>').text(NOW))

    assert found["ORGANIZER"] == [";CN=\"Ann 'A': Boss, CEO\":mailto:ann@example.test"]


@pytest.mark.parametrize(
    "changes",
    [
        {"summary": "a\0b"},
        {"summary": "a\x85ATTENDEE:mailto:eve@example.test"},
        {"summary": "a\u2028ATTENDEE:mailto:eve@example.test"},
        {"location": "a\u2029b"},
        {"location": "\x1b[2J"},
        {"uid": ""},
        {"uid": "x" * 256},
        {"attendees": []},
        {"attendees": ["bob"]},
        {"attendees": ["bob@example.test\r\nATTENDEE:mailto:eve@x.y"]},
        {"organizer": "a@b.c, d@e.f"},
        {"start": datetime(2025, 12, 1, 12)},  # noqa: DTZ001
        {"start": date(2025, 12, 1)},
        {"end": datetime(2025, 12, 1, 11, tzinfo=BERLIN)},
        {"method": "REPLY"},
        {"sequence": -1},
    ],
)
def test_what_is_no_invitation(changes: dict[str, Any]) -> None:
    """Is refused before anything is sent."""
    with pytest.raises(InputError):
        invitation(**changes)


def test_as_a_message() -> None:
    """The calendar is the last alternative, where Gmail and Outlook look, and a file for the others."""
    draft = Message(
        from_="ann@example.test",
        to="bob@example.test",
        subject="Lunch",
        text="Lunch?",
        html="<p>Lunch?</p>",
        date=NOW,
        message_id="<1@x.y>",
    ).invite(invitation())
    content = draft.as_octets()
    assert isinstance(content, bytes)
    found = message_from_bytes(content, policy=policy.default)
    assert isinstance(found, EmailMessage)
    alternative, file = found.iter_parts()
    last = list(alternative.iter_parts())[-1]

    assert found.get_content_type() == "multipart/mixed"
    assert [part.get_content_type() for part in alternative.iter_parts()] == [
        "text/plain",
        "text/html",
        "text/calendar",
    ]
    assert last["Content-Type"].params["method"] == "REQUEST"
    assert last.get_content() == invitation().text(NOW)
    assert (file.get_content_type(), file.get_filename()) == ("application/ics", "invite.ics")
    assert file.get_content() == invitation().text(NOW).encode()
    assert not list(_without_file(draft).iter_attachments())


def _without_file(draft: Message) -> EmailMessage:
    return draft.invite(invitation(file=False)).as_email_message()

"""Reading what was recorded."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from mailward.cli import recorded_events
from mailward.cli.recorded_events import Reading
from mailward.errors import InputError
from mailward.events import encode
from tests.store.sample import login_failed, message_accepted

LINE = encode(login_failed(1)) + b"\n"


def test_logins_of_several_files(tmp_path: Path) -> None:
    """One file after the other, only logins; an empty line is nothing, and the last needs no newline."""
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_bytes(LINE + encode(message_accepted(2)) + b"\n\n" + LINE)
    two.write_bytes(LINE.rstrip())
    reading = Reading([one, two], strict=False)

    assert list(reading) == [login_failed(1)] * 3
    assert (reading.bad, reading.told) == (0, [])


def test_bad_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is counted and told with file and line, nothing of it can move a cursor, and the next is read."""
    monkeypatch.setattr(recorded_events, "_LONGEST_LINE", 1000)
    file = tmp_path / "events"
    hostile = b'{"type":"\x1b[31m"}\n', b"\xff\n", b"x" * 2500 + b"\n", b'{"type":"login.failed","time":7}\n'
    file.write_bytes(LINE + b"".join(hostile) + LINE)
    reading = Reading([file], strict=False)

    assert list(reading) == [login_failed(1)] * 2
    assert reading.bad == 4
    assert [told.partition(": ")[0] for told in reading.told] == [f"{file}:{number}" for number in (2, 3, 4, 5)]
    assert "\x1b" not in "".join(reading.told)


def test_strictly(tmp_path: Path) -> None:
    """The first bad line is the end."""
    file = tmp_path / "events"
    file.write_bytes(LINE + b"rubbish\n")

    with pytest.raises(InputError, match="events:2: not an event"):
        list(Reading([file], strict=True))


def test_many_bad_lines_are_counted(tmp_path: Path) -> None:
    """Only the first of them are told."""
    file = tmp_path / "events"
    file.write_bytes(b"rubbish\n" * 500)
    reading = Reading([file], strict=False)

    assert list(reading) == []
    assert (reading.bad, len(reading.told)) == (500, 20)


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    """`-` is what is piped in."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(LINE)))

    assert list(Reading([Path("-")], strict=True)) == [login_failed(1)]


def test_no_such_file(tmp_path: Path) -> None:
    """It is said which."""
    with pytest.raises(InputError, match="nowhere: No such file"):
        list(Reading([tmp_path / "nowhere"], strict=False))

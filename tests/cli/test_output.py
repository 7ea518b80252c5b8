"""What is printed is safe on a terminal and readable on a narrow one."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from mailward.cli import output

HOSTILE = "a\x1b[2Jb\u202ec\n[red]d[/red] :smile:"


def test_hostile_text(capsys: pytest.CaptureFixture[str]) -> None:
    """Control and bidi characters are escaped; markup and emoji codes are plain text."""
    output.say(HOSTILE)
    output.say_table(("x",), [[HOSTILE]], empty="")

    line, _, cell = capsys.readouterr().out.splitlines()
    assert line == r"a\x1b[2Jb\u202ec\x0a[red]d[/red] :smile:"
    assert cell.strip() == line


def test_json_is_ascii(capsys: pytest.CaptureFixture[str]) -> None:
    """JSON for a terminal holds nothing a terminal could obey, and the same value."""
    output.say_json({"x": HOSTILE + "\x9b"})
    output.say_json_line(json.dumps({"x": HOSTILE}, ensure_ascii=False).encode())

    text = capsys.readouterr().out
    assert text.isascii()
    assert "\x1b" not in text
    assert json.loads(text.splitlines()[-1]) == {"x": HOSTILE}


def test_tables_fit(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A table folds to 80 columns; the first column, which one copies, stays whole."""
    monkeypatch.setenv("COLUMNS", "80")
    output.say_table(("id", "text"), [["I" * 26, "word " * 40]], empty="")

    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert "I" * 26 in lines[1]


def test_empty_tables_say_so(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing to list is a sentence, not an empty table."""
    output.say_table(("id",), [], empty="the queue is empty")

    assert capsys.readouterr().out == "the queue is empty\n"


def test_no_color(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_COLOR is honoured even where colours are forced."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    output.say("x", style="green")
    assert "\x1b[32m" in capsys.readouterr().out

    monkeypatch.setenv("NO_COLOR", "1")
    output.say("x", style="green")
    assert "\x1b[32m" not in capsys.readouterr().out


def test_times() -> None:
    """People read minutes in UTC, programs RFC 3339."""
    assert output.moment(1_700_000_000.5) == "2023-11-14 22:13Z"
    assert output.timestamp(1_700_000_000.5) == "2023-11-14T22:13:20.500Z"
    assert output.moment(None) == ""
    then = datetime(2026, 11, 24, 15, 37, tzinfo=UTC)
    now = then.replace(hour=16)
    assert output.moment_briefly(then.timestamp(), now) == "15:37"
    assert output.moment_briefly(then.timestamp(), now + timedelta(days=1)) == "24 Nov 15:37"
    assert output.moment_briefly(then.timestamp(), now + timedelta(days=300)) == "24 Nov 2026"
    assert output.moment_briefly(None, now) == ""
    assert output.timestamp(None) is None

"""The session log: text, JSON lines, logging."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mailward.client.observer import SessionEvent
from mailward.client.session_log import observer_of
from mailward.errors import InputError
from mailward.wire.reply import Reply

NOON = datetime(2026, 11, 24, 12, 0, 0, 123456, tzinfo=UTC)


def play(log: Any, *, at: datetime = NOON) -> None:
    observer = observer_of(None, log, utc=lambda: at)
    assert observer is not None
    watch = observer.session("7", "mx.example.test")
    watch.happened("connected", host="mx.example.test", port=465, address="192.0.2.1")
    watch.said("EHLO [192.0.2.7]")
    watch.heard(Reply(250, ("mx", "SIZE"), None))
    watch.heard(Reply(550, "no\x1b", "5.1.1"))
    watch.happened("failed", message_id="<1@x>", error="the server refused", outcome="rejected", queue_id=None)


def test_a_transcript(tmp_path: Path) -> None:
    """One line for each line that was said, readable by its owner only."""
    path = tmp_path / "smtp.log"
    play(path)

    begin = "2026-11-24T12:00:00.123Z 7 mx.example.test "
    assert path.read_text().splitlines() == [
        begin + "* connected host=mx.example.test port=465 address=192.0.2.1",
        begin + "C: EHLO [192.0.2.7]",
        begin + "S: 250-mx",
        begin + "S: 250 SIZE",
        begin + "S: 550 5.1.1 no\\x1b",
        begin + '* failed message_id=<1@x> error="the server refused" outcome=rejected',
    ]
    assert path.stat().st_mode & 0o777 == 0o600


def test_json_lines(tmp_path: Path) -> None:
    """Each line an object."""
    path = tmp_path / "smtp.jsonl"
    play(str(path))

    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["event"] for line in lines] == ["connected", "said", "heard", "heard", "failed"]
    assert lines[2] == {
        "time": "2026-11-24T12:00:00.123456+00:00",
        "session": "7",
        "host": "mx.example.test",
        "event": "heard",
        "code": 250,
        "enhanced_code": None,
        "lines": ["mx", "SIZE"],
    }


def test_a_file_for_each_day(tmp_path: Path) -> None:
    """The date stands in the file's name."""
    for day in range(2):
        play(tmp_path / "smtp-%Y-%m-%d.log", at=NOON + timedelta(days=day))

    assert sorted(path.name for path in tmp_path.iterdir()) == ["smtp-2026-11-24.log", "smtp-2026-11-25.log"]


def test_logging(caplog: pytest.LogCaptureFixture) -> None:
    """The dialogue at DEBUG, what happened above it."""
    logger = logging.getLogger("test.smtp")
    with caplog.at_level(logging.DEBUG, "test.smtp"):
        play(logger)
    assert [record.levelname for record in caplog.records] == ["INFO", "DEBUG", "DEBUG", "DEBUG", "DEBUG", "WARNING"]
    caplog.clear()
    with caplog.at_level(logging.INFO, "test.smtp"):
        play(logger)
    assert len(caplog.records) == 2


def test_several_at_once(tmp_path: Path) -> None:
    """A file, and a function of the program."""
    heard: list[SessionEvent] = []
    play([tmp_path / "smtp.log", heard.append])

    assert len(heard) == 5
    assert (tmp_path / "smtp.log").exists()


def test_a_log_that_cannot_be_written_fails_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It is told once."""
    with caplog.at_level(logging.ERROR, "mailward.client"):
        play(tmp_path / "absent" / "smtp.log")

    assert len(caplog.records) == 1
    assert "session log cannot be written" in caplog.text


@pytest.mark.parametrize("log", ["", 7, [7]])
def test_what_is_no_log(log: Any) -> None:
    """It is refused when the client is made."""
    with pytest.raises(InputError, match="log="):
        observer_of(None, log, utc=lambda: NOON)


def test_nobody_listens() -> None:
    """Then there is no observer at all."""
    assert observer_of(None, None, utc=lambda: NOON) is None
    assert observer_of({}, [], utc=lambda: NOON) is None


def test_what_a_certificate_says_moves_no_cursor(tmp_path: Path) -> None:
    """Names are the server's words: no new line begins in a transcript, and no escape sequence reaches a terminal."""
    path = tmp_path / "session.log"
    observer = observer_of(None, str(path), utc=lambda: NOON)
    assert observer is not None
    observer.session("1", "mx.example.test").happened("secured", names=("\x1b]0;owned\x07\nS: 250 forged",))

    told = path.read_text()
    assert told.count("\n") == 1
    assert "\x1b" not in told

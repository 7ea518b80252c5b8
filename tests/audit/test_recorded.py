"""Attempts against the lines of an event file."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from mailward.audit.recorded import EventWatch, count
from mailward.errors import InputError
from mailward.events import Event, LoginFailed, LoginRefused, LoginSucceeded, encode
from tests.audit.test_drill import NOW, attempt

ATTEMPTS = (attempt(1), attempt(2), attempt(3))


def failed(seconds: float, account: str | None = "ann@example.test") -> LoginFailed:
    return LoginFailed(time=NOW + timedelta(seconds=seconds), account=account, reason="bad-password")


@pytest.mark.parametrize(
    "events, counts",
    [
        ([failed(10.05), failed(20.05), LoginRefused(time=NOW + timedelta(seconds=30), account="ann@example.test")],
         (1, 1, 1)),
        ([failed(10.05), failed(30.05)], (1, 0, 1)),
        ([failed(10.05), failed(10.06), failed(20.05), failed(30.05)], (2, 1, 1)),
        ([failed(9.9), failed(15), failed(31.2)], (0, 0, 0)),
        ([failed(10.05, "bob@example.test"), failed(20.05, None)], (0, 0, 0)),
        ([failed(10.05, "ANN@example.test")], (1, 0, 0)),
        ([LoginSucceeded(time=NOW + timedelta(seconds=10.05), account="ann@example.test")], (0, 0, 0)),
    ],
)  # fmt: skip
def test_count(events: list[Event], counts: tuple[int, ...]) -> None:
    """An attempt has the failed and refused logins of its account between its beginning and its end."""
    assert count("ann@example.test", ATTEMPTS, events) == counts


def test_only_what_is_added(tmp_path: Path) -> None:
    """Lines from before the drill, half lines and lines of others are not counted."""
    path = tmp_path / "events.jsonl"
    path.write_bytes(encode(failed(10.05)) + b"\n")
    watch = EventWatch(path)
    with path.open("ab") as file:
        file.write(b"not json\n{}\n" + encode(failed(20.05)) + b"\n" + encode(failed(30.05)))

    waited: list[float] = []
    assert watch.counts("ann@example.test", ATTEMPTS, sleep=waited.append) == (0, 1, 0)
    assert sum(waited) == pytest.approx(3)


def test_a_late_line_is_waited_for(tmp_path: Path) -> None:
    """The server may write its last line a moment after its reply."""
    path = tmp_path / "events.jsonl"
    path.touch()
    watch = EventWatch(path)

    def write(_seconds: float) -> None:
        path.write_bytes(b"".join(encode(failed(at + 0.05)) + b"\n" for at in (10, 20, 30)))

    assert watch.counts("ann@example.test", ATTEMPTS, sleep=write) == (1, 1, 1)


def test_a_rotated_file(tmp_path: Path) -> None:
    """A file that was begun anew during the drill is read from its start."""
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"x" * 1000 + b"\n")
    watch = EventWatch(path)
    path.write_bytes(b"".join(encode(failed(at + 0.05)) + b"\n" for at in (10, 20, 30)))

    assert watch.counts("ann@example.test", ATTEMPTS) == (1, 1, 1)


def test_no_file(tmp_path: Path) -> None:
    """A file that is not there is told before anything is tried."""
    with pytest.raises(InputError, match="absent"):
        EventWatch(tmp_path / "absent")

"""The report of a backtest."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime

import pytest

from mailward.cli import backtest_report
from mailward.cli.recorded_events import Reading
from mailward.guard.backtest import Report, Turned
from mailward.guard.settings import GuardSettings

NOW = datetime(2026, 5, 1, tzinfo=UTC)
REPORT = Report(
    events=1_234_567,
    first=NOW,
    last=NOW,
    guesses=1_000_000,
    looked_at=12,
    repeated=3,
    refused={"source-failures": 999_000, "ring": 988},
    honest=7,
    honest_refused={"ring": 1},
    turned=(Turned(NOW, "ann@example.test", "2001:db8:1234:5678:9abc:def0:1234:5678", "ring:2001:db8:1234::/48"),),
    accounts=(("ann@example.test", 9),),
    sources=(("192.0.2.7", 8),),
    worst=("ann@example.test", 10),
    bans=4,
    spraying=1,
    late=5,
    without_source=6,
    forgotten=2,
)


def test_every_figure_is_told(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """In 80 columns, both runs beside each other, with what is to be doubted."""
    monkeypatch.setenv("COLUMNS", "80")
    reading = Reading((), strict=False)
    reading.bad, reading.told = 1, ["events:9: not an event"]
    backtest_report.say(
        [REPORT, dataclasses.replace(REPORT, bans=99)], GuardSettings(), GuardSettings(window=60.0), reading
    )
    out = capsys.readouterr().out

    assert out.startswith("1,234,567 logins, 2026-05-01 00:00Z to 2026-05-01 00:00Z\n  window: 3600.0 → 60.0\n")
    table = {line[:35].strip(): line[35:].split() for line in out.splitlines()}
    assert table["bans"] == ["4", "99"]
    assert table["by source-failures"] == ["999000", "999000"]
    assert table["of them refused"] == ["1", "1"]
    for doubt in (
        "5 events were more than a minute",
        "6 events name no address",
        "one by one: 2",
        "1 lines",
        ":9: not",
    ):
        assert doubt in out
    assert max(map(len, out.splitlines())) <= 80


def test_for_programs() -> None:
    """The same as objects; what was not changed is not among the changes."""
    reading = Reading((), strict=False)
    told = backtest_report.as_json([REPORT], GuardSettings(), None, reading)

    assert (told["changes"], told["tried"]) == ({}, None)
    present = told["present"]
    assert isinstance(present, dict)
    assert present["first"] == "2026-05-01T00:00:00.000Z"
    assert present["worst"] == {"account": "ann@example.test", "guesses": 10}
    assert present["sources"] == [{"source": "192.0.2.7", "refused": 8}]
    assert set(present) == {field.name for field in dataclasses.fields(Report)}

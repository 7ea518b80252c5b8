"""The report of a backtest, for people and for programs."""

from __future__ import annotations

import dataclasses
import textwrap
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from mailward.cli import output
from mailward.cli.lines import Column, cut, say_lines
from mailward.printable import printable

if TYPE_CHECKING:
    from mailward.cli.recorded_events import Reading
    from mailward.guard.backtest import Report
    from mailward.guard.settings import GuardSettings

NOTES = (
    "Passwords are not recorded: a failure told as repeated is the same password again; any other is a new wrong one.",
    "Logins that were refused unlooked at are taken for new wrong passwords too.",
    "Nobody is known to any account when the record begins, so a first login in it is one of a stranger.",
    "Honest logins are those that succeeded when they were recorded.",
)
_FIGURES: tuple[tuple[str, Callable[[Report], object]], ...] = (
    ("wrong passwords", lambda report: report.guesses),
    ("  of them looked at", lambda report: report.looked_at),
    ("repeated ones, not counted", lambda report: report.repeated),
    ("honest logins", lambda report: report.honest),
    ("  of them refused", lambda report: sum(report.honest_refused.values())),
    ("logins refused", lambda report: sum(report.refused.values())),
    ("most guesses on an account in a day", lambda report: report.worst[1] if report.worst else 0),
    ("bans", lambda report: report.bans),
    ("times the spraying mode begins", lambda report: report.spraying),
)
_LONGEST = 500


def say(reports: Sequence[Report], present: GuardSettings, tried: GuardSettings | None, reading: Reading) -> None:
    last = reports[-1]
    span = f", {last.first:%Y-%m-%d %H:%M}Z to {last.last:%Y-%m-%d %H:%M}Z" if last.first and last.last else ""
    output.say(f"{last.events:,} logins{span}", style="bold")
    for name, (before, after) in _changes(present, tried).items():
        output.say(f"  {name}: {before} → {after}")
    names = ["as it is"] if tried is None else ["as it is", "as tried"]
    rules = sorted({rule for report in reports for rule in report.refused})
    rows = [[label, *(figure(report) for report in reports)] for label, figure in _FIGURES]
    at = [label for label, _ in _FIGURES].index("logins refused") + 1
    rows[at:at] = [[f"  by {rule}", *(report.refused.get(rule, 0) for report in reports)] for rule in rules]
    say_lines([Column("", least=20), *(Column(name, right=True) for name in names)], rows, empty="")
    _say_who(last)
    _say_doubts(last, reading)


def _say_who(report: Report) -> None:
    if report.worst is not None:
        account, guesses = printable(report.worst[0], _LONGEST), report.worst[1]
        output.say(cut(f"Most guesses in a day: {guesses} on {account}", output.width()))
    if report.turned:
        _head("Honest logins that would be refused")
        rows = [(f"{each.time:%Y-%m-%d %H:%M}Z", each.rule, each.source, each.account) for each in report.turned]
        columns = (Column("time"), Column("rule", least=15), Column("address", least=15), Column("account", least=10))
        say_lines(columns, rows, empty="")
    for head, found in (("Accounts refused most", report.accounts), ("Addresses refused most", report.sources)):
        if found:
            _head(head)
            say_lines((Column("logins", right=True), Column("", least=10)), [(n, name) for name, n in found], empty="")


def _say_doubts(report: Report, reading: Reading) -> None:
    _head("To be read with this in mind")
    for note in (*NOTES, *_doubts(report, reading)):
        for line in textwrap.wrap(note, output.width(), initial_indent="  - ", subsequent_indent="    "):
            output.say(line)
    for told in reading.told:
        output.say(f"    {told}")


def _doubts(report: Report, reading: Reading) -> Iterator[str]:
    if report.late:
        yield f"{report.late} events were more than a minute older than one before them; they are judged late."
    if report.without_source:
        yield f"{report.without_source} events name no address and are left out."
    if report.forgotten:
        yield f"There were more accounts or addresses than are counted one by one: {report.forgotten} are left out."
    if reading.bad:
        yield f"{reading.bad} lines are no events and are left out."


def as_json(
    reports: Sequence[Report], present: GuardSettings, tried: GuardSettings | None, reading: Reading
) -> dict[str, object]:
    """Every key is always there."""
    return {
        "changes": {name: list(pair) for name, pair in _changes(present, tried).items()},
        "present": _report(reports[0]),
        "tried": None if tried is None else _report(reports[-1]),
        "bad_lines": reading.bad,
        "bad_lines_first": list(reading.told),
        "notes": list(NOTES),
    }


def _report(report: Report) -> dict[str, object]:
    values: dict[str, object] = dataclasses.asdict(report)
    values["first"] = output.timestamp(report.first.timestamp() if report.first else None)
    values["last"] = output.timestamp(report.last.timestamp() if report.last else None)
    values["turned"] = [
        {
            "time": output.timestamp(each.time.timestamp()),
            "account": each.account,
            "source": each.source,
            "rule": each.rule,
        }
        for each in report.turned
    ]
    values["accounts"] = [{"account": name, "refused": number} for name, number in report.accounts]
    values["sources"] = [{"source": name, "refused": number} for name, number in report.sources]
    values["worst"] = None if report.worst is None else {"account": report.worst[0], "guesses": report.worst[1]}
    return values


def _changes(present: GuardSettings, tried: GuardSettings | None) -> dict[str, tuple[object, object]]:
    if tried is None:
        return {}
    pairs = {field.name: (getattr(present, field.name), getattr(tried, field.name)) for field in _fields(present)}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _fields(settings: GuardSettings) -> tuple[dataclasses.Field[object], ...]:
    return dataclasses.fields(settings)


def _head(text: str) -> None:
    output.say("")
    output.say(printable(text), style="bold")

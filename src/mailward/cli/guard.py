"""`mailward guard`: how the guard stands, and how other settings would have judged what happened."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mailward.cli import guard_status, installation, output
from mailward.cli.installation import config_option

if TYPE_CHECKING:
    from mailward.cli.recorded_events import Reading
    from mailward.guard.backtest import Backtest, Recorded
    from mailward.guard.settings import GuardSettings
    from mailward.server.config_sections import Config


@click.group("guard", short_help="Show the guard, and try other settings on what happened.")
def command() -> None:
    """How the guard stands as a whole, and what other settings would have done. `mailward why` explains one decision.

    For example: mailward guard backtest --set source_failures=3
    """


command.add_command(guard_status.command)


@command.command("backtest")
@click.option(
    "--events",
    "paths",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Recorded events, JSON Lines, the oldest first; repeat it; - is standard input. Without it, the database.",
)
@click.option("--set", "changes", multiple=True, metavar="KEY=VALUE", help="A setting of [guard] to try; repeat it.")
@click.option("--strict", is_flag=True, help="A line that is no event is an error, not skipped.")
@config_option
@output.json_option
def backtest(
    *, paths: tuple[Path, ...], changes: tuple[str, ...], strict: bool, config_file: Path | None, as_json: bool
) -> None:
    """Judge recorded logins anew, at their own times, and say who would have been refused.

    With --set, the settings as they are and as they would be are compared. Nothing is changed.

    For example: mailward guard backtest --events events.jsonl --set source_failures=3 --set window=7200
    """
    from mailward.cli import backtest_report, guard_settings  # noqa: PLC0415
    from mailward.cli.recorded_events import Reading  # noqa: PLC0415

    config = installation.load(config_file)
    present = guard_settings.settings_of(config.guard)
    tried = guard_settings.settings_of(guard_settings.changed(config.guard, changes)) if changes else None
    reading = Reading(paths, strict=strict)
    with installation.located(config_file), _recorded(reading, config_file, given=bool(paths)) as recorded:
        runs = _runs(config, [present] if tried is None else [present, tried])
        _play(recorded, runs)
    reports = [each.report() for each in runs]
    if as_json:
        output.say_json(backtest_report.as_json(reports, present, tried, reading))
    else:
        backtest_report.say(reports, present, tried, reading)


@contextmanager
def _recorded(reading: Reading, config_file: Path | None, *, given: bool) -> Iterator[Iterable[Recorded]]:
    from mailward.cli.recorded_events import of_database  # noqa: PLC0415

    if given:
        yield reading
        return
    with installation.opened(config_file) as place:
        yield of_database(place.reader)


def _runs(config: Config, settings: Sequence[GuardSettings]) -> list[Backtest]:
    from mailward.guard.backtest import Backtest  # noqa: PLC0415
    from mailward.server.config_values import lists_of  # noqa: PLC0415
    from mailward.server.guard_view import brought_in, listener_name  # noqa: PLC0415

    access, never_ban = lists_of(config, tuple(map(listener_name, config.listener)))
    for fault in brought_in(access, never_ban, now=installation.utc_now().timestamp()):
        click.echo(f"mailward: warning: {fault}", err=True)
    return [Backtest(each, access, never_ban=never_ban, key_source=_key) for each in settings]


def _play(recorded: Iterable[Recorded], runs: Sequence[Backtest]) -> None:
    for event in recorded:
        for run in runs:
            run.meet(event)


def _key(octets: int) -> bytes:
    """Always the same, so that the same record gives the same report."""
    return bytes(octets)
